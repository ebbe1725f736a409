//! What edition 2021 allows or does in its own way.

#![allow(clippy::unused_async)]

use crate::shapes::{Failed, counts, ok, run};
use runtime_metrics::metered;
use std::future::Future;

/// `gen` is a keyword from 2024 on.
#[metered]
async fn gen(gen: u8) -> u8 {
    gen
}

/// A closure takes only the fields that it uses.
#[metered]
fn takes_fields(mut pair: (Vec<u8>, String)) -> (Vec<u8>, String) {
    let name = &pair.1;
    let mut push = || pair.0.push(1);
    push();
    let name = name.clone();
    (pair.0, name)
}

/// An opaque type captures no lifetime that it does not name.
#[metered]
fn captures_nothing(list: &[u8]) -> impl Iterator<Item = usize> {
    0..list.len()
}

/// The same for a future.
#[metered]
fn later_without_borrow(list: &[u8]) -> impl Future<Output = Result<usize, Failed>> + 'static {
    let length = list.len();
    async move { if length == 0 { Err(Failed) } else { Ok(length) } }
}

/// And what it names.
#[metered]
fn later_with_borrow<'a>(list: &'a [u8], _other: &str) -> impl Future<Output = Option<&'a u8>> + 'a {
    async move { list.first() }
}

/// A temporary at the end lives longer than the variables.
#[metered]
fn temporary_in_condition(cell: &std::cell::RefCell<Option<u8>>) -> bool {
    if let Some(number) = *cell.borrow() { number > 0 } else { cell.try_borrow_mut().is_ok() }
}

#[test]
fn what_only_this_edition_does_is_counted() {
    assert_eq!((run(gen(1)), counts("gen")), (1, ok(1)));
    assert_eq!((takes_fields((vec![], "a".into())), counts("takes_fields")), ((vec![1], "a".into()), ok(1)));
    let list = vec![1, 2];
    let (numbers, later, none) = (captures_nothing(&list), later_without_borrow(&list), later_without_borrow(&[]));
    assert_eq!((run(later_with_borrow(&list, "")), counts("later_with_borrow")), (Some(&1), ok(1)));
    drop(list);
    assert_eq!((numbers.count(), counts("captures_nothing")), (2, ok(1)));
    assert_eq!((run(later), run(none), counts("later_without_borrow")), (Ok(2), Err(Failed), [1, 1, 0, 0]));
    // The borrow of the condition is still held in the `else` of this edition.
    assert!(!temporary_in_condition(&None.into()) && temporary_in_condition(&Some(1).into()));
    assert_eq!(counts("temporary_in_condition"), ok(2));
}
