#[runtime_metrics::metric(type = "countr", name = "orders")]
struct Orders;

fn main() {}
