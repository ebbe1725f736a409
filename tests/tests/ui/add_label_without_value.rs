fn main() {
    runtime_metrics::add_label!("tier");
}
