use std::future::Future;

#[runtime_metrics::metered(labels(tier = tier))]
fn order(tier: u32) -> impl Future<Output = u32> {
    async move { tier }
}

fn main() {
    drop(order(1));
}
