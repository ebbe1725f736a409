#[runtime_metrics::metric(type = "counter")]
struct Orders;

fn main() {}
