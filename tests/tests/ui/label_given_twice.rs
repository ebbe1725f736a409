fn main() {
    runtime_metrics::increment!("orders", labels: {"a" => "1", "a" => "2"});
}
