trait Shop {
    #[runtime_metrics::metered]
    fn order(&self);
}

fn main() {}
