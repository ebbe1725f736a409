//! What the compiler knows of a metric that `#[metric]` declares, and the checks it makes with it.

use super::Site;
use crate::metric::{BucketError, Buckets, Handle, Kind};

/// A unit struct that `#[metric]` made a metric.
#[doc(hidden)]
pub trait Declared {
    const NAME: &'static str;
    const DECLARED: Declaration;
    type Handle: Handle;
    fn site() -> &'static Site;
}

/// What uses are checked against, and what is said of one that is wrong.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub unknown_label: &'static str,
    pub wrong_kind: &'static str,
}

#[doc(hidden)]
pub const fn check_kind(declared: Declaration, used: Kind) {
    assert!(declared.kind as u8 == used as u8, "{}", declared.wrong_kind);
}

#[doc(hidden)]
pub const fn check_label(declared: Declaration, label: &str) {
    let mut at = 0;
    while at < declared.labels.len() {
        if same(declared.labels[at].as_bytes(), label.as_bytes()) {
            return;
        }
        at += 1;
    }
    panic!("{}", declared.unknown_label);
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Bounds that a macro was given, checked while the program is compiled.
#[doc(hidden)]
pub const fn checked(bounds: &'static [f64]) -> &'static [f64] {
    match Buckets::check(bounds) {
        Ok(()) => bounds,
        Err(BucketError::Empty) => panic!("there are no bounds; give at least one, or leave the buckets out"),
        Err(BucketError::TooMany) => panic!("there are more than 120 bounds; use fewer, or leave the buckets out"),
        Err(BucketError::NotFinite { .. }) => {
            panic!("a bucket bound is not finite; remove it (+Inf is added by itself)")
        }
        Err(BucketError::NotRising { .. }) => panic!("bucket bounds must rise; sort them"),
    }
}
