#[runtime_metrics::metered(event = "order.placed", name = "orders")]
fn order() {}

fn main() {
    order();
}
