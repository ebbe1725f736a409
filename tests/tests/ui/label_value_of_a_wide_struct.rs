#[derive(runtime_metrics::LabelValue)]
struct Place {
    zone: String,
    node: String,
}

fn main() {}
