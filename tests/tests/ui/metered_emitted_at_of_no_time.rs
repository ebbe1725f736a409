#[runtime_metrics::metered(event = "order.placed", emitted_at = at)]
fn handle(at: String) {
    drop(at);
}

fn main() {
    handle(String::new());
}
