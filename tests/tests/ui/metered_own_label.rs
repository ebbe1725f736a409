#[runtime_metrics::metered(labels = ["outcome"])]
fn order() {}

fn main() {
    order();
}
