fn main() {
    runtime_metrics::increment!("orders", labels: {"user-id" => "1"});
}
