#[runtime_metrics::metered(emitted_at = at)]
fn handle(at: std::time::SystemTime) {
    let _ = at;
}

fn main() {
    handle(std::time::SystemTime::now());
}
