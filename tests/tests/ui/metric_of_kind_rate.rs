#[runtime_metrics::metric(type = "rate", name = "orders_per_second")]
struct OrdersPerSecond;

fn main() {}
