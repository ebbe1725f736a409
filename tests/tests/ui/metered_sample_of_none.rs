use runtime_metrics::metered;

#[metered(sample = 0)]
fn of_none() {}

#[metered(sample = "16")]
fn of_text() {}

fn main() {}
