#[runtime_metrics::metric(type = "counter", name = "orders", buckets = [1, 2])]
struct Orders;

fn main() {}
