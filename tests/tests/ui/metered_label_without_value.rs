#[runtime_metrics::metered(labels(tier))]
fn order(tier: u32) {
    let _ = tier;
}

fn main() {
    order(1);
}
