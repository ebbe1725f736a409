fn main() {
    runtime_metrics::increment!("my orders");
}
