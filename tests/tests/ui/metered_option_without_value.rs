#[runtime_metrics::metered(name)]
fn order() {}

fn main() {
    order();
}
