#[runtime_metrics::metric(type = "counter", name = "orders")]
struct Orders {
    count: u32,
}

fn main() {}
