use runtime_metrics::metered;

#[metered(sample = 16, duration = false)]
fn sampled() {}

#[metered(buckets = [0.1], duration = false)]
fn with_buckets() {}

fn main() {}
