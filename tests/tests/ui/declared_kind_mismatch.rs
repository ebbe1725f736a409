#[runtime_metrics::metric(type = "gauge", name = "level")]
struct Level;

fn main() {
    runtime_metrics::increment!(Level);
}
