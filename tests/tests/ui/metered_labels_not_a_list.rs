#[runtime_metrics::metered(labels = "tier")]
fn order() {}

fn main() {
    order();
}
