//! A small busy service: three tills that sell, each on a thread of its own, and what they have sold in truth.

use runtime_metrics::{LabelValue, increment, metered, observe, set};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

const TILLS: [Till; 3] = [Till::North, Till::South, Till::Web];

#[derive(Clone, Copy, Debug, LabelValue)]
enum Till {
    North,
    South,
    Web,
}

/// The tills at work.
pub struct Shop {
    closed: Arc<AtomicBool>,
    tills: Vec<JoinHandle<Sold>>,
}

/// What one till has sold.
#[derive(Default)]
struct Sold {
    orders: u64,
    refused: u64,
    cents: u64,
}

/// What all have sold, by till.
pub struct Totals(Vec<(Till, Sold)>);

/// The till has run out of paper.
#[derive(Debug)]
struct NoPaper;

/// One sale: calls by outcome, those that run, and how long they take.
#[metered(name = "shop_sale")]
fn sell(order: u64) -> Result<u64, NoPaper> {
    if order.is_multiple_of(17) { Err(NoPaper) } else { Ok(99 + order * 7 % 4_000) }
}

impl Shop {
    pub fn open() -> Self {
        let closed = Arc::new(AtomicBool::new(false));
        let tills = TILLS.map(|till| {
            let closed = Arc::clone(&closed);
            std::thread::spawn(move || work(till, &closed))
        });
        Self { closed, tills: tills.into() }
    }

    /// Ends the work; what was sold.
    pub fn close(self) -> Totals {
        self.closed.store(true, Relaxed);
        let sold = self.tills.into_iter().map(|till| till.join().unwrap_or_default());
        Totals(TILLS.into_iter().zip(sold).collect())
    }
}

fn work(till: Till, closed: &AtomicBool) -> Sold {
    static QUEUE: AtomicU64 = AtomicU64::new(0);
    let mut sold = Sold::default();
    for order in 1.. {
        if closed.load(Relaxed) {
            break;
        }
        set!("shop_queue_length", value: QUEUE.fetch_add(1, Relaxed) % 12);
        if let Ok(cents) = sell(order) {
            increment!("shop_orders", labels: {"till" => till});
            increment!("shop_revenue_cents", value: cents, labels: {"till" => till});
            observe!("shop_order_cents", value: cents as f64, labels: {"till" => till});
            sold.orders += 1;
            sold.cents += cents;
        } else {
            increment!("shop_refused", labels: {"till" => till});
            sold.refused += 1;
        }
        if order.is_multiple_of(20) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    sold
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (till, sold) in &self.0 {
            let till = format!("{till:?}");
            writeln!(f, "shop_orders_total{{till={till:?}}} {}", sold.orders)?;
            writeln!(f, "shop_refused_total{{till={till:?}}} {}", sold.refused)?;
            writeln!(f, "shop_revenue_cents_total{{till={till:?}}} {}", sold.cents)?;
        }
        let all: u64 = self.0.iter().map(|(_, sold)| sold.orders + sold.refused).sum();
        writeln!(f, "shop_sale_requests_total {all}")
    }
}
