fn main() {
    runtime_metrics::set!("level", value: "high");
}
