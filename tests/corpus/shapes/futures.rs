//! Functions that are not async and return a future: it is the future that is measured.

use super::{Failed, cancel, counts, ok, run, send, turn};
use runtime_metrics::metered;
use std::future::Future;
use std::pin::Pin;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Outcome = Result<u8, Failed>;

#[metered]
fn boxed(text: &str) -> Pin<Box<dyn Future<Output = Outcome> + '_>> {
    Box::pin(async move {
        turn().await;
        Ok(text.parse()?)
    })
}

#[metered]
fn boxed_send<'a>(text: &'a str, other: &str) -> Pin<Box<dyn Future<Output = Result<&'a str, Failed>> + Send + 'a>> {
    let empty = other.is_empty();
    Box::pin(async move { if empty { Err(Failed) } else { Ok(text) } })
}

#[metered]
fn boxed_in_branches(fails: bool) -> std::pin::Pin<std::boxed::Box<dyn std::future::Future<Output = Outcome> + Send>> {
    if fails { Box::pin(async { Err(Failed) }) } else { Box::pin(async { Ok(1) }) }
}

#[metered]
fn boxed_early(fails: bool) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
    if fails {
        return Box::pin(async { Err(Failed) });
    }
    Box::pin(async move { Ok(1) })
}

#[metered]
fn boxed_elsewhere(fails: bool) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
    let future = boxed_in_branches(fails);
    let _kept = fails.to_string();
    future
}

#[metered]
fn boxed_by_well_known_alias(fails: bool) -> BoxFuture<'static, Outcome> {
    if fails {
        return Box::pin(async { Err(Failed) });
    }
    Box::pin(async move { Ok(1) })
}

#[metered]
fn boxed_with_names_of_its_own() -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
    type Outcome = u8;
    let one: Outcome = 1;
    Box::pin(async move { Ok(one) })
}

#[metered]
fn returned(fails: bool) -> impl Future<Output = Outcome> {
    async move { if fails { Err(Failed) } else { Ok(1) } }
}

#[metered]
fn returned_send(text: String) -> impl Future<Output = Result<u8, Box<dyn std::error::Error + Send + Sync>>> + Send {
    async move {
        turn().await;
        if text.is_empty() {
            return Err("nothing".into());
        }
        Ok(text.parse()?)
    }
}

#[metered]
fn returned_with_lifetime<'a>(text: &'a mut String) -> impl Future<Output = &'a str> + Send + 'a {
    text.push('.');
    async move { text.as_str() }
}

#[metered]
fn returned_without_lifetimes(text: &str) -> impl Future<Output = usize> + Unpin + use<> {
    std::future::ready(text.len())
}

#[metered]
fn returned_generic<'a, T, const N: usize>(values: &'a [T; N]) -> impl Future<Output = Option<&'a T>> + use<'a, T, N>
where
    T: Ord,
{
    let largest = values.iter().max();
    async move { largest }
}

#[metered]
fn returned_early(now: bool) -> impl core::future::Future<Output = u8> {
    let ready = std::future::ready(1);
    if now {
        return ready;
    }
    ready
}

#[metered]
fn returned_opaque() -> impl Future<Output = impl Iterator<Item = u8>> {
    async { 0..3 }
}

struct Holder<'h, T>(&'h T);

impl<'h, T: Clone + Sync> Holder<'h, T> {
    #[metered]
    fn held(&self) -> impl Future<Output = T> + Send + use<'h, T>
    where
        T: Send,
    {
        let held = self.0;
        async move { held.clone() }
    }

    #[metered]
    fn held_boxed(self) -> Pin<Box<dyn Future<Output = Result<&'h T, Failed>> + Send + 'h>> {
        Box::pin(async move { Ok(self.0) })
    }
}

#[test]
fn a_boxed_future_is_counted_when_it_ends() {
    assert_eq!((run(boxed("1")), run(boxed("x"))), (Ok(1), Err(Failed)));
    cancel(boxed("1"));
    drop(boxed("1"));
    assert_eq!(counts("boxed"), [1, 1, 0, 1]);
    assert_eq!((run(send(boxed_send("a", "b"))), run(boxed_send("a", ""))), (Ok("a"), Err(Failed)));
    assert_eq!(counts("boxed_send"), [1, 1, 0, 0]);
    assert_eq!((run(boxed_elsewhere(false)), run(boxed_elsewhere(true))), (Ok(1), Err(Failed)));
    assert_eq!((counts("boxed_elsewhere"), counts("boxed_in_branches")), ([1, 1, 0, 0], [1, 1, 0, 0]));
    assert_eq!((run(boxed_early(false)), run(boxed_early(true))), (Ok(1), Err(Failed)));
    assert_eq!(counts("boxed_early"), [1, 1, 0, 0]);
    assert_eq!((run(boxed_with_names_of_its_own()), counts("boxed_with_names_of_its_own")), (Ok(1), ok(1)));
}

#[test]
fn a_boxed_future_of_the_futures_crate_is_counted() {
    assert_eq!(
        (run(send(boxed_by_well_known_alias(false))), run(boxed_by_well_known_alias(true))),
        (Ok(1), Err(Failed))
    );
    assert_eq!(counts("boxed_by_well_known_alias"), [1, 1, 0, 0]);
}

const PLACE: &str = "outside";

#[metered(name = "boxed_and_labelled", labels(place = PLACE))]
fn boxed_and_labelled() -> Pin<Box<dyn Future<Output = &'static str>>> {
    Box::pin(async {
        const PLACE: &str = "inside";
        PLACE
    })
}

#[test]
fn the_labels_of_a_boxed_future_are_those_of_the_place_where_they_are_written() {
    assert_eq!(run(boxed_and_labelled()), "inside");
    let labels = [("action", "boxed_and_labelled"), ("place", "outside")];
    assert_eq!(super::outcomes("boxed_and_labelled_requests_total", &labels), ok(1));
}

mod others {
    use super::{Failed, Future, Pin, metered};

    type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, Failed>> + Send>>;

    #[metered]
    pub(super) fn boxed_by_alias_of_the_same_name(fails: bool) -> BoxFuture<u8> {
        Box::pin(async move { if fails { Err(Failed) } else { Ok(1) } })
    }
}

#[test]
fn a_boxed_future_behind_an_alias_of_the_same_name_is_counted() {
    let boxed = others::boxed_by_alias_of_the_same_name;
    assert_eq!((run(send(boxed(false))), run(boxed(true))), (Ok(1), Err(Failed)));
    assert_eq!(counts("boxed_by_alias_of_the_same_name"), [1, 1, 0, 0]);
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[metered]
fn boxed_by_alias(fails: bool) -> Boxed<'static, Outcome> {
    Box::pin(async move { if fails { Err(Failed) } else { Ok(1) } })
}

#[test]
fn a_boxed_future_behind_an_alias_is_counted() {
    assert_eq!((run(send(boxed_by_alias(false))), run(boxed_by_alias(true))), (Ok(1), Err(Failed)));
    // Its body has run, so one that is never polled was cancelled.
    drop(boxed_by_alias(false));
    assert_eq!(counts("boxed_by_alias"), [1, 1, 0, 1]);
}

#[test]
fn a_returned_future_is_counted_when_it_ends() {
    assert_eq!((run(send(returned(false))), run(returned(true))), (Ok(1), Err(Failed)));
    assert_eq!(counts("returned"), [1, 1, 0, 0]);
    assert!(run(returned_send("1".into())).is_ok() && run(returned_send("x".into())).is_err());
    cancel(returned_send("1".into()));
    assert_eq!(counts("returned_send"), [1, 1, 0, 1]);
    let mut text = "a".to_owned();
    assert_eq!((run(send(returned_with_lifetime(&mut text))), counts("returned_with_lifetime")), ("a.", ok(1)));
    let ready = returned_without_lifetimes(&text);
    drop(text);
    assert_eq!((run(ready), counts("returned_without_lifetimes")), (2, ok(1)));
    assert_eq!((run(returned_generic(&[1, 3, 2])), counts("returned_generic")), (Some(&3), ok(1)));
    assert_eq!((run(returned_early(true)), run(returned_early(false)), counts("returned_early")), (1, 1, ok(2)));
    assert_eq!((run(returned_opaque()).count(), counts("returned_opaque")), (3, ok(1)));
}

#[test]
fn a_future_of_a_generic_type_is_counted() {
    let five = 5;
    let future = Holder(&five).held();
    assert_eq!((run(send(future)), counts("held")), (5, ok(1)));
    assert_eq!((run(Holder(&five).held_boxed()), counts("held_boxed")), (Ok(&5), ok(1)));
}

#[metered(name = "labelled_future", labels(size = list.len()))]
fn labelled_future(list: Vec<u8>) -> impl Future<Output = Result<u8, Failed>> + Send {
    let first = list.into_iter().next();
    async move { first.ok_or(Failed) }
}

#[test]
fn a_function_that_returns_a_future_runs_when_it_is_called() {
    let sized = |size, outcome| {
        let labels = [("action", "labelled_future"), ("size", size), ("outcome", outcome)];
        runtime_metrics::registry().get("labelled_future_requests_total", &labels)
    };
    assert_eq!(run(send(labelled_future(vec![1, 2]))), Ok(1));
    // Its body has run, so one that is never polled was cancelled.
    drop(labelled_future(vec![1]));
    assert_eq!(sized("2", "ok"), Some(runtime_metrics::Reading::Counter(1)));
    assert_eq!(sized("1", "cancelled"), Some(runtime_metrics::Reading::Counter(1)));
}
