//! What the functions have in common; the same in all variants, and never annotated.

use std::fmt;
use std::future::Future;
use std::num::ParseIntError;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

#[derive(Clone, Debug)]
pub struct Order {
    pub item: String,
    pub units: u64,
}

#[derive(Debug)]
pub struct Receipt {
    pub units: u64,
    pub note: String,
}

#[derive(Debug)]
pub enum Failure {
    Malformed,
    Refused(u64),
    Number(ParseIntError),
}

impl From<ParseIntError> for Failure {
    fn from(error: ParseIntError) -> Self {
        Self::Number(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Failure {}

/// Waits once.
pub struct Pause(bool);

pub fn pause(length: u64) -> Pause {
    Pause(length == u64::MAX)
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

pub async fn fetch(key: &str) -> Result<Order, Failure> {
    pause(1).await;
    if key.is_empty() {
        return Err(Failure::Malformed);
    }
    Ok(Order { item: key.to_owned(), units: 1 })
}

/// What the functions gave, and how large their futures are.
#[derive(Default)]
pub struct Report {
    sum: u64,
    futures: Vec<(&'static str, usize)>,
}

impl Report {
    pub fn add(&mut self, value: u64) {
        self.sum = self.sum.wrapping_add(value);
    }

    pub fn drive<T>(&mut self, name: &'static str, mut future: Pin<&mut dyn Future<Output = T>>) -> T {
        self.futures.push((name, size_of_val(&*future)));
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
        }
    }

    pub fn print(&self) {
        println!("sum {}", self.sum);
        for (name, size) in &self.futures {
            println!("{name} {size}");
        }
    }
}
