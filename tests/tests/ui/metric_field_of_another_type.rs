#[runtime_metrics::metrics]
struct Shop {
    #[metric_field]
    count: u32,
}

fn main() {}
