#[runtime_metrics::metric(type = "counter", name = "orders")]
struct Orders<const N: usize>;

fn main() {}
