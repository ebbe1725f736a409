fn main() {
    runtime_metrics::increment!("orders", labels: {"user" => vec![1]});
}
