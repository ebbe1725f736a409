#[runtime_metrics::metered(nam = "orders")]
fn order() {}

fn main() {
    order();
}
