//! What only edition 2018 allows, or does in its own way.

#![allow(array_into_iter, clippy::into_iter_on_ref, clippy::unused_async)]

use crate::shapes::{Failed, counts, ok, run};
use runtime_metrics::metered;

/// `gen` is a keyword from 2024 on.
#[metered]
fn gen(gen: u8) -> u8 {
    gen
}

/// A closure takes whole variables.
#[metered]
fn takes_whole((mut first, second): (Vec<u8>, Vec<u8>), pair: (String, String)) -> (Vec<u8>, String) {
    let mut push = || first.push(if pair.0.is_empty() { 0 } else { 2 });
    push();
    first.extend(second);
    (first, pair.1)
}

/// An array gives references.
#[metered]
fn array_by_reference(list: [u8; 2]) -> Result<Vec<u8>, Failed> {
    list.into_iter().map(|each| each.checked_add(1).ok_or(Failed)).collect()
}

/// `TryFrom` is not in the prelude.
#[metered]
async fn without_newer_prelude(number: u16) -> Result<u8, std::num::TryFromIntError> {
    trait TryInto {
        fn try_into(self) -> Result<u8, std::num::TryFromIntError>;
    }
    impl TryInto for u16 {
        fn try_into(self) -> Result<u8, std::num::TryFromIntError> {
            std::convert::TryInto::try_into(self)
        }
    }
    number.try_into()
}

#[test]
fn what_only_this_edition_does_is_counted() {
    assert_eq!((gen(1), counts("gen")), (1, ok(1)));
    let pair = ("ab".to_owned(), "c".to_owned());
    assert_eq!((takes_whole((vec![], vec![1]), pair), counts("takes_whole")), ((vec![2, 1], "c".to_owned()), ok(1)));
    assert_eq!((array_by_reference([1, 2]), array_by_reference([255, 0])), (Ok(vec![2, 3]), Err(Failed)));
    assert_eq!(counts("array_by_reference"), [1, 1, 0, 0]);
    assert!(run(without_newer_prelude(1)).is_ok() && run(without_newer_prelude(256)).is_err());
    assert_eq!(counts("without_newer_prelude"), [1, 1, 0, 0]);
}
