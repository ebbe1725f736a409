//! The method whose expansion `tests/tests/expansion.rs` holds to one screen.

use runtime_metrics::{metered, metrics};

/// Takes orders.
#[metrics]
#[derive(Debug)]
pub struct Orders;

impl Orders {
    /// Places an order.
    ///
    /// # Errors
    ///
    /// If there is nothing to order.
    #[metered]
    pub async fn place(&self, items: Vec<u64>) -> Result<u64, String> {
        if items.is_empty() {
            return Err("nothing to order".into());
        }
        std::future::ready(()).await;
        Ok(items.iter().sum())
    }
}

#[test]
fn a_handler_is_counted() {
    use crate::shapes::{counts_of, run};

    assert!(run(Orders.place(vec![])).is_err() && run(Orders.place(vec![1, 2])) == Ok(3));
    assert_eq!(counts_of("Orders", "place"), [1, 1, 0, 0]);
}
