fn main() {
    runtime_metrics::Rate::new("orders_per_second", "Orders per second.").register();
}
