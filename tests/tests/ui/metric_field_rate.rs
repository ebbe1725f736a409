use runtime_metrics::Rate;

#[runtime_metrics::metrics]
struct Shop {
    #[metric_field]
    orders_per_second: Rate,
}

fn main() {}
