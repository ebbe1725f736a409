#[runtime_metrics::metered]
const fn answer() -> u32 {
    42
}

fn main() {
    answer();
}
