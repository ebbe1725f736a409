//! Async functions.

use super::{Failed, cancel, counts, ok, run, send, turn};
use runtime_metrics::metered;
use std::error::Error;
use std::fmt::Debug;
use std::future::Future;

#[metered]
async fn empty() {}

#[metered]
async fn asks(text: &str) -> Result<u8, Failed> {
    turn().await;
    let number = text.parse::<u8>()?;
    Ok(number)
}

#[metered]
async fn asks_in_a_box(text: &str) -> Result<u8, Box<dyn Error + Send + Sync>> {
    if text.is_empty() {
        return Err("nothing".into());
    }
    Ok(text.parse()?)
}

#[metered]
async fn opaque_in_result(fails: bool) -> Result<impl Iterator<Item = u8> + Debug, Failed> {
    if fails {
        return Err(Failed);
    }
    Ok(0..3)
}

#[metered]
async fn opaque() -> impl Iterator<Item = u8> {
    turn().await;
    0..3
}

#[metered]
async fn opaque_pair() -> (impl Iterator<Item = u8>, Option<impl Debug>) {
    (0..3, Some(1))
}

#[metered]
async fn nested() -> u8 {
    #[metered]
    async fn inside() -> u8 {
        turn().await;
        1
    }
    inside().await + async { inside().await }.await
}

#[metered]
async fn recursive(depth: u32) -> u32 {
    turn().await;
    if depth == 0 { 0 } else { 1 + Box::pin(recursive(depth - 1)).await }
}

#[metered]
async fn never() -> ! {
    loop {
        turn().await;
    }
}

#[metered]
async fn never_panics() -> ! {
    panic!("on purpose")
}

#[metered]
async fn lends(list: &mut Vec<u8>) -> Option<&mut u8> {
    list.push(1);
    turn().await;
    list.last_mut()
}

#[metered]
async fn lends_of_two<'a, 'b: 'a>(first: &'a str, second: &'b str) -> &'a str {
    if first.is_empty() { second } else { first }
}

#[metered]
async fn takes_async_closure<F: AsyncFn(&str) -> Result<u8, Failed>>(parse: F) -> Result<u8, Failed> {
    Ok(parse("1").await? + parse("2").await?)
}

#[metered]
async fn takes_function<F, R>(function: F, fails: bool) -> Result<u8, Failed>
where
    F: Fn(bool) -> R + Send,
    R: Future<Output = Result<u8, Failed>> + Send,
{
    function(fails).await
}

#[metered]
async fn holds_much(bytes: [u8; 10_000]) -> usize {
    turn().await;
    bytes.len()
}

#[metered]
async fn destructures((a, [b, ..]): (u8, [u8; 3]), mut rest: Vec<u8>, _: u8, _unused: String) -> Vec<u8> {
    rest.push(a);
    turn().await;
    rest.push(b);
    rest
}

#[metered]
async fn with_items(text: &str) -> Result<u8, Failed> {
    const ONE: u8 = 1;
    fn add(number: u8) -> u8 {
        number + ONE
    }
    Ok(add(text.parse()?))
}

#[metered]
async fn blocks_of_its_own(fails: bool) -> Result<u8, Failed> {
    let inner: Result<u8, Failed> = async move {
        if fails {
            return Err(Failed);
        }
        Ok(1)
    }
    .await;
    let number = 'found: {
        if inner.is_ok() {
            break 'found 2;
        }
        return inner;
    };
    Ok(number)
}

#[test]
fn an_async_function_is_counted_by_its_outcome() {
    run(empty());
    assert_eq!(counts("empty"), ok(1));

    assert_eq!(run(asks("1")), Ok(1));
    assert_eq!(run(asks("x")), Err(Failed));
    cancel(asks("1"));
    drop(asks("never polled"));
    assert_eq!(counts("asks"), [1, 1, 0, 1]);

    assert_eq!(run(asks_in_a_box("1")).unwrap(), 1);
    assert!(run(asks_in_a_box("x")).is_err() && run(asks_in_a_box("")).is_err());
    assert_eq!(counts("asks_in_a_box"), [1, 2, 0, 0]);

    cancel(never());
    super::catch(|| run(never_panics()));
    assert_eq!((counts("never"), counts("never_panics")), ([0, 0, 0, 1], [0, 0, 1, 0]));

    assert_eq!(run(blocks_of_its_own(false)), Ok(2));
    assert_eq!(run(blocks_of_its_own(true)), Err(Failed));
    assert_eq!(counts("blocks_of_its_own"), [1, 1, 0, 0]);
}

#[test]
fn an_async_function_may_return_what_has_no_name() {
    assert_eq!(run(opaque_in_result(false)).unwrap().count(), 3);
    assert!(run(opaque_in_result(true)).is_err());
    assert_eq!(counts("opaque_in_result"), [1, 1, 0, 0]);
    assert_eq!(run(opaque()).count(), 3);
    assert_eq!(run(opaque_pair()).0.count(), 3);
    assert_eq!((counts("opaque"), counts("opaque_pair")), (ok(1), ok(1)));
}

#[test]
fn an_async_function_may_call_itself_and_others() {
    assert_eq!(run(nested()), 2);
    assert_eq!((counts("nested"), counts("inside")), (ok(1), ok(2)));
    assert_eq!(run(send(recursive(3))), 3);
    assert_eq!(counts("recursive"), ok(4));
    let parse = async |text: &str| text.parse().map_err(|_| Failed);
    assert_eq!(run(takes_async_closure(parse)), Ok(3));
    assert_eq!(counts("takes_async_closure"), ok(1));
    let answer = |fails| async move { if fails { Err(Failed) } else { Ok(1) } };
    assert!(run(send(takes_function(answer, false))).is_ok() && run(takes_function(answer, true)).is_err());
    assert_eq!(counts("takes_function"), [1, 1, 0, 0]);
}

#[test]
fn an_async_function_lends_takes_apart_and_holds_what_it_is_given() {
    let mut list = vec![];
    *run(send(lends(&mut list))).unwrap() = 7;
    assert_eq!((list, counts("lends")), (vec![7], ok(1)));
    assert_eq!((run(lends_of_two("", "b")), counts("lends_of_two")), ("b", ok(1)));
    assert_eq!((run(holds_much([0; 10_000])), counts("holds_much")), (10_000, ok(1)));
    assert_eq!(run(destructures((1, [2, 3, 4]), vec![0], 5, String::new())), [0, 1, 2]);
    assert_eq!(counts("destructures"), ok(1));
    assert_eq!((run(with_items("1")), counts("with_items")), (Ok(2), ok(1)));
}
