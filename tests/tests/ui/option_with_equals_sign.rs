fn main() {
    runtime_metrics::increment!("orders", value = 3);
}
