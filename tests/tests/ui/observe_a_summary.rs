#[runtime_metrics::metric(type = "summary", name = "latency_seconds")]
struct Latency;

fn main() {
    runtime_metrics::observe!(Latency, value: 0.5);
}
