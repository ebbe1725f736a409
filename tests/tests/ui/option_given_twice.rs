fn main() {
    runtime_metrics::increment!("orders", value: 1, value: 2);
}
