#[runtime_metrics::metric(type = "set", name = "visitors", labels = ["page"])]
struct Visitors;

fn main() {
    runtime_metrics::set!(Visitors, value: 3, labels: {"page" => "home"});
}
