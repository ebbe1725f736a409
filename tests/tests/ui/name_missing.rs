fn main() {
    runtime_metrics::increment!();
}
