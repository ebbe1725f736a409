fn main() {
    let name = "orders";
    runtime_metrics::increment!(format!("{name}"));
}
