#[runtime_metrics::metrics]
fn order() {}

fn main() {
    order();
}
