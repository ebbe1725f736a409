#[runtime_metrics::metered(ok_if = Option::is_some, error_if = Option::is_none)]
fn find() -> Option<u32> {
    None
}

fn main() {
    find();
}
