#[runtime_metrics::metered]
struct Orders;

fn main() {
    let _ = Orders;
}
