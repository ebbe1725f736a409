// The function stays, so that completion goes on while its body is being written.
#[runtime_metrics::metered]
fn half_written(number: u32) -> u32 {
    let doubled = number.;
    doubled
}

fn main() {
    half_written(1);
}
