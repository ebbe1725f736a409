fn main() {
    runtime_metrics::increment!("orders", value: 2.5);
}
