#[runtime_metrics::main(flavor = "threaded")]
async fn main() {}
