#[runtime_metrics::metric(type = "counter", name = "orders", labels = ["source", "plan"])]
struct Orders;

fn main() {
    runtime_metrics::increment!(Orders, labels: {"sorce" => "web"});
}
