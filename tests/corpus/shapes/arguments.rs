//! Receivers, and arguments that are taken apart.

use super::{Failed, counts, counts_of, ok, run, turn};
use runtime_metrics::{metered, metrics};
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

#[metrics]
#[derive(Clone, Debug, Default, PartialEq)]
struct Parcel {
    weight: u32,
    notes: Vec<String>,
}

impl Parcel {
    #[metered]
    fn by_value(self) -> u32 {
        self.weight
    }

    #[metered]
    fn by_mut_value(mut self) -> Self {
        self.weight += 1;
        self
    }

    #[metered]
    fn by_mut_value_in_part(mut self) -> Vec<String> {
        self.notes.push(self.weight.to_string());
        self.notes
    }

    #[metered]
    fn by_ref(&self) -> &[String] {
        &self.notes
    }

    #[metered]
    fn by_mut(&mut self, weight: u32) -> Result<&mut u32, Failed> {
        self.weight = self.weight.checked_add(weight).ok_or(Failed)?;
        Ok(&mut self.weight)
    }

    #[metered]
    fn by_box(self: Box<Self>) -> Box<u32> {
        Box::new(self.weight)
    }

    #[metered]
    fn by_rc(self: Rc<Self>) -> Rc<Self> {
        self
    }

    #[metered]
    fn by_arc(self: Arc<Self>) -> usize {
        Arc::strong_count(&self)
    }

    #[metered]
    fn by_ref_arc(self: &Arc<Self>) -> Arc<Self> {
        Arc::clone(self)
    }

    #[metered]
    fn by_pin(self: Pin<&mut Self>) -> &mut u32 {
        &mut self.get_mut().weight
    }

    #[metered]
    fn by_lifetime<'a>(&'a self, other: &'a Self) -> &'a Self {
        if self.weight < other.weight { other } else { self }
    }

    #[metered]
    async fn async_by_value(self) -> Self {
        turn().await;
        self
    }

    #[metered]
    async fn async_by_mut_value(mut self) -> u32 {
        self.weight += 1;
        turn().await;
        self.weight
    }

    #[metered]
    async fn async_by_mut(&mut self) -> &mut Vec<String> {
        turn().await;
        self.notes.push(String::new());
        &mut self.notes
    }

    #[metered]
    async fn async_by_arc(self: Arc<Self>, weight: u32) -> Result<Arc<Self>, Failed> {
        turn().await;
        if weight > self.weight { Err(Failed) } else { Ok(self) }
    }

    #[metered]
    async fn async_by_pin(self: Pin<&mut Self>) -> u32 {
        turn().await;
        self.deref().weight
    }

    #[metered]
    async fn async_by_box(self: Box<Self>) -> u32 {
        self.weight
    }
}

#[test]
fn every_receiver_finds_its_service() {
    let parcel = Parcel { weight: 1, notes: vec![] };
    let mut own = parcel.clone();
    assert_eq!(own.by_mut(2).copied(), Ok(3));
    assert_eq!(own.by_mut(u32::MAX), Err(Failed));
    *own.by_mut(0).unwrap() = 9;
    assert_eq!((*Pin::new(&mut own).by_pin(), own.by_ref().len(), own.by_lifetime(&parcel).weight), (9, 0, 9));
    assert_eq!(parcel.clone().by_mut_value().by_value(), 2);
    assert_eq!(parcel.clone().by_mut_value_in_part(), ["1"]);
    assert_eq!(*Box::new(parcel.clone()).by_box(), 1);
    assert_eq!(Rc::new(parcel.clone()).by_rc().weight, 1);
    let shared = Arc::new(parcel.clone());
    assert_eq!((shared.by_ref_arc().by_arc(), shared.by_ref_arc().weight), (2, 1));

    assert_eq!(run(parcel.clone().async_by_value()), parcel);
    assert_eq!(run(parcel.clone().async_by_mut_value()), 2);
    assert_eq!(run(own.async_by_mut()).len(), 1);
    assert!(run(shared.clone().async_by_arc(0)).is_ok() && run(shared.async_by_arc(2)).is_err());
    assert_eq!((run(Pin::new(&mut own).async_by_pin()), run(Box::new(own).async_by_box())), (9, 9));

    let of = |action| counts_of("Parcel", action);
    assert_eq!((of("by_mut"), of("async_by_arc"), of("by_ref_arc")), ([2, 1, 0, 0], [1, 1, 0, 0], ok(2)));
    for once in [
        "by_value",
        "by_mut_value",
        "by_mut_value_in_part",
        "by_ref",
        "by_box",
        "by_rc",
        "by_arc",
        "by_pin",
        "by_lifetime",
        "async_by_value",
        "async_by_mut_value",
        "async_by_mut",
        "async_by_pin",
        "async_by_box",
    ] {
        assert_eq!(of(once), ok(1), "{once}");
    }
}

struct Pair(u8, String);

#[metered]
fn tuples((a, b): (u8, u8), ((c, _), d): ((u8, u8), &u8)) -> u8 {
    a + b + c + d
}

#[metered]
fn structs(Pair(first, ref second): Pair, Parcel { weight, mut notes }: Parcel) -> (u8, usize, u32, Vec<String>) {
    notes.push(second.clone());
    (first, second.len(), weight, notes)
}

#[metered]
fn references(&a: &u8, &mut ref mut b: &mut u8, &(c, ref d): &(u8, String), Pair(e, _): &Pair) -> usize {
    *b += 1;
    usize::from(a + *b + c + e) + d.len()
}

#[metered]
fn arrays([first, .., last]: [u8; 4], whole @ Pair(..): Pair, _: String) -> (u8, u8, String) {
    (first, last, whole.1)
}

#[metered]
fn mutable(mut count: u8, mut list: Vec<u8>, out: &mut Vec<u8>) -> Result<&mut Vec<u8>, Failed> {
    while count > 0 {
        count -= 1;
        list.push(count);
    }
    if list.is_empty() {
        return Err(Failed);
    }
    out.append(&mut list);
    Ok(out)
}

#[metered]
fn moved_out_and_unused(taken: String, _kept: Guard<'_>, _: Guard<'_>) -> String {
    taken
}

/// Says when it is dropped.
struct Guard<'a>(&'a std::cell::Cell<u8>);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[metered]
async fn kept_while_it_runs(_kept: Guard<'_>, dropped: &std::cell::Cell<u8>) -> u8 {
    turn().await;
    dropped.get()
}

#[test]
fn arguments_are_taken_apart_where_they_were() {
    assert_eq!((tuples((1, 2), ((3, 0), &4)), counts("tuples")), (10, ok(1)));
    let (first, length, weight, notes) = structs(Pair(1, "ab".into()), Parcel::default());
    assert_eq!((first, length, weight, notes.len(), counts("structs")), (1, 2, 0, 1, ok(1)));
    let mut counted = 1;
    assert_eq!(references(&1, &mut counted, &(2, "a".into()), &Pair(3, String::new())), 9);
    assert_eq!((counted, counts("references")), (2, ok(1)));
    let (first, last, text) = arrays([1, 2, 3, 4], Pair(0, "p".into()), String::new());
    assert_eq!((first, last, &*text, counts("arrays")), (1, 4, "p", ok(1)));
    let mut out = vec![];
    mutable(2, vec![9], &mut out).unwrap().push(8);
    assert_eq!((&*out, mutable(0, vec![], &mut vec![])), (&[9, 1, 0, 8][..], Err(Failed)));
    assert_eq!(counts("mutable"), [1, 1, 0, 0]);
}

#[test]
fn what_a_function_does_not_use_lives_as_long_as_before() {
    let dropped = std::cell::Cell::new(0);
    assert_eq!(moved_out_and_unused("a".into(), Guard(&dropped), Guard(&dropped)), "a");
    assert_eq!((dropped.get(), counts("moved_out_and_unused")), (2, ok(1)));
    assert_eq!(run(kept_while_it_runs(Guard(&dropped), &dropped)), 2);
    assert_eq!((dropped.get(), counts("kept_while_it_runs")), (3, ok(1)));
}
