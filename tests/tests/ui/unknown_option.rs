fn main() {
    runtime_metrics::increment!("orders", lables: {"a" => "b"});
}
