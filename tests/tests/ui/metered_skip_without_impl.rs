#[runtime_metrics::metered(skip)]
fn order() {}

fn main() {
    order();
}
