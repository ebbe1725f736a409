#[runtime_metrics::metered(span = true)]
fn order() {}

fn main() {
    order();
}
