fn main() {
    runtime_metrics::observe!("size", value: 1, buckets: [1, 10, 5]);
}
