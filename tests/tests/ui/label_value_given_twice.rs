#[derive(runtime_metrics::LabelValue)]
enum Tier {
    Gold,
    #[label("gold")]
    Paying,
}

fn main() {}
