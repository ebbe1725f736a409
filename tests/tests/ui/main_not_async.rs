#[runtime_metrics::main]
fn main() {}
