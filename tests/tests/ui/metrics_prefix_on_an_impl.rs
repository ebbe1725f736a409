struct Shop;

#[runtime_metrics::metrics(prefix = "shop_")]
impl Shop {
    fn order(&self) {}
}

fn main() {
    Shop.order();
}
