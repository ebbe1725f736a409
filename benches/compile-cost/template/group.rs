//! Ten functions, one of each shape.

use crate::shared::{Failure, Order, Receipt, Report, fetch, pause};
use std::pin::pin;

const SEED: u64 = 0;

#[derive(Debug, Default)]
pub struct Desk {
    orders: Vec<Order>,
    sent: u64,
}

#[attribute]
pub fn parse_n(text: &str) -> Result<Order, Failure> {
    let (item, units) = text.split_once('=').ok_or(Failure::Malformed)?;
    let units: u64 = units.trim().parse()?;
    if units == SEED {
        return Err(Failure::Refused(units));
    }
    Ok(Order { item: item.to_owned(), units })
}

#[attribute]
pub fn price_n(units: u64, each: u64) -> u64 {
    let full = units.wrapping_mul(each).wrapping_add(SEED);
    if units > 10 { full - full / 10 } else { full }
}

#[attribute]
pub fn describe_n(order: &Order, mut note: String) -> String {
    note.push_str(&order.item);
    if order.units != SEED {
        note.push('*');
    }
    note
}

impl Desk {
    #[attribute]
    pub fn add_n(&mut self, order: Order) -> Result<usize, Failure> {
        if self.orders.iter().any(|known| known.item == order.item) {
            return Err(Failure::Refused(SEED));
        }
        self.orders.push(order);
        Ok(self.orders.len())
    }

    #[attribute]
    pub fn total_n(&self) -> u64 {
        self.orders.iter().map(|order| order.units ^ SEED).sum()
    }

    #[attribute]
    pub async fn place_n(&mut self, order: Order) -> Result<Receipt, Failure> {
        let found = fetch(&order.item).await?;
        pause(SEED).await;
        let units = order.units + found.units;
        self.orders.push(order);
        pause(units).await;
        Ok(Receipt { units, note: found.item })
    }

    #[attribute]
    pub async fn notify_n(&self, to: &[String], subject: String) -> Result<(), Failure> {
        for name in to {
            if name.is_empty() {
                return Err(Failure::Refused(SEED));
            }
            pause(subject.len() as u64 + self.sent).await;
        }
        Ok(())
    }
}

#[attribute]
pub async fn load_n(key: &str) -> Result<Order, Failure> {
    let mut order = fetch(key).await?;
    let more: u64 = key.len().to_string().parse()?;
    order.units += more + SEED;
    Ok(order)
}

#[attribute]
pub async fn wait_n(steps: u64) -> u64 {
    let mut done = SEED;
    for step in 0..steps {
        pause(step).await;
        done += step;
    }
    done
}

#[attribute]
pub async fn settle_n(receipt: Receipt) -> Option<u64> {
    pause(receipt.units).await;
    (!receipt.note.is_empty()).then_some(receipt.units + SEED)
}

/// Calls them all, so that none is left out.
pub fn run(report: &mut Report) {
    let mut desk = Desk::default();
    let order = Order { item: "tea".to_owned(), units: 2 };
    report.add(parse_n("coffee=3").map_or(0, |order| order.units));
    report.add(price_n(12, 7));
    report.add(describe_n(&order, String::new()).len() as u64);
    report.add(desk.add_n(order.clone()).map_or(0, |count| count as u64));
    report.add(desk.total_n());
    let receipt = report.drive("place_n", pin!(desk.place_n(order)));
    let to = ["anyone".to_owned()];
    let _ = report.drive("notify_n", pin!(desk.notify_n(&to, "hello".to_owned())));
    let _ = report.drive("load_n", pin!(load_n("water")));
    report.drive("wait_n", pin!(wait_n(2)));
    if let Ok(receipt) = receipt {
        report.drive("settle_n", pin!(settle_n(receipt)));
    }
}
