fn main() {
    runtime_metrics::increment!("orders", labels: {"le" => "1"});
}
