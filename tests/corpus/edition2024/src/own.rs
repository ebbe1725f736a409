//! What only edition 2024 allows, or does in its own way.

#![allow(clippy::manual_async_fn, clippy::unused_async)]

use crate::shapes::{Failed, counts, ok, run};
use runtime_metrics::metered;
use std::cell::RefCell;

#[metered]
fn r#gen(r#gen: u8) -> u8 {
    r#gen
}

#[metered]
fn chains(text: &str, found: Option<u8>) -> Result<u8, Failed> {
    if let Some((_, value)) = text.split_once('=')
        && let Ok(number) = value.parse::<u8>()
        && number > 1
        && let Some(found) = found
    {
        return Ok(number + found);
    }
    Err(Failed)
}

#[metered]
async fn chains_async(mut list: Vec<Option<u8>>) -> Option<u8> {
    let mut sum = 0;
    while let Some(last) = list.pop()
        && let Some(number) = last
    {
        sum += number;
    }
    (sum > 0).then_some(sum)
}

/// An opaque type captures every lifetime.
#[metered]
fn captures_all(list: &[u8], add: &u8) -> impl Iterator<Item = u8> {
    list.iter().map(move |each| each + add)
}

#[metered]
fn later_captures_all(list: &mut [u8]) -> impl Future<Output = Result<&mut u8, Failed>> {
    async move { list.first_mut().ok_or(Failed) }
}

struct Held<'h>(&'h RefCell<Option<u8>>);

impl<'h> Held<'h> {
    #[metered]
    fn captures_less(&self) -> impl Fn() -> Option<u8> + use<'h> {
        let cell = self.0;
        move || *cell.borrow()
    }

    /// A temporary of the condition is gone before the `else`.
    #[metered]
    fn temporary_in_condition(&self) -> bool {
        if let Some(number) = *self.0.borrow() { number > 0 } else { self.0.try_borrow_mut().is_ok() }
    }
}

/// A temporary at the end is gone before the variables.
#[metered]
fn temporary_at_the_end() -> usize {
    let cell = RefCell::new(vec![1, 2]);
    cell.borrow().len()
}

#[metered]
async fn temporary_at_the_end_async() -> usize {
    let cell = RefCell::new(vec![1, 2]);
    cell.borrow().len()
}

#[test]
fn what_only_this_edition_does_is_counted() {
    assert_eq!((r#gen(1), counts("gen")), (1, ok(1)));
    assert_eq!((chains("a=2", Some(1)), chains("a=2", None)), (Ok(3), Err(Failed)));
    assert_eq!((counts("chains"), run(chains_async(vec![None, Some(2)]))), ([1, 1, 0, 0], Some(2)));
    assert_eq!(counts("chains_async"), ok(1));
    assert_eq!((captures_all(&[1], &1).next(), counts("captures_all")), (Some(2), ok(1)));
    assert!(run(later_captures_all(&mut [1])).is_ok() && run(later_captures_all(&mut [])).is_err());
    assert_eq!(counts("later_captures_all"), [1, 1, 0, 0]);
    let cell = RefCell::new(None);
    let held = Held(&cell).captures_less();
    assert!(held().is_none() && Held(&cell).temporary_in_condition());
    assert_eq!((counts("captures_less"), counts("temporary_in_condition")), (ok(1), ok(1)));
    assert_eq!((temporary_at_the_end(), run(temporary_at_the_end_async())), (2, 2));
    assert_eq!((counts("temporary_at_the_end"), counts("temporary_at_the_end_async")), (ok(1), ok(1)));
}
