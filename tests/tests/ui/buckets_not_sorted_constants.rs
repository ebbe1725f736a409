const LOW: f64 = 1.0;
const HIGH: f64 = 10.0;

fn main() {
    runtime_metrics::observe!("size", value: 1, buckets: [HIGH, LOW]);
}
