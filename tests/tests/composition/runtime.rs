//! With the attributes that make an async function run by itself.

use super::counts;
use runtime_metrics::metered;

#[derive(Debug, PartialEq)]
struct Failed;

#[metered]
#[tokio::main(flavor = "current_thread")]
async fn main_below(fails: bool) -> Result<u8, Failed> {
    tokio::task::yield_now().await;
    if fails { Err(Failed) } else { Ok(1) }
}

#[tokio::main(flavor = "current_thread")]
#[metered]
async fn main_above(fails: bool) -> Result<u8, Failed> {
    tokio::task::yield_now().await;
    if fails { Err(Failed) } else { Ok(1) }
}

#[test]
fn a_measured_main_is_counted_in_either_order() {
    assert_eq!((main_below(false), main_below(true)), (Ok(1), Err(Failed)));
    assert_eq!((main_above(false), main_above(true)), (Ok(1), Err(Failed)));
    assert_eq!((counts("main_below"), counts("main_above")), ([1, 1, 0, 0], [1, 1, 0, 0]));
}

#[tokio::test]
#[metered]
async fn a_test_may_be_measured_below_the_runtime() {
    tokio::task::yield_now().await;
    spawned(false).await.unwrap();
}

#[metered]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[should_panic(expected = "Failed")]
async fn a_test_may_be_measured_above_the_runtime() {
    tokio::task::yield_now().await;
    spawned(true).await.unwrap();
}

#[metered]
async fn spawned(fails: bool) -> Result<(), Failed> {
    if fails { Err(Failed) } else { Ok(()) }
}

#[metered]
async fn borrows_across_await(text: &str, list: &mut [String]) -> Result<usize, Failed> {
    for each in list.iter_mut() {
        tokio::task::yield_now().await;
        each.push_str(text);
    }
    list.last().map(String::len).ok_or(Failed)
}

#[tokio::test]
async fn measured_futures_go_where_plain_ones_go() {
    let task = tokio::spawn(async {
        let (text, mut list) = (String::from("a"), vec![String::new()]);
        let (first, second) = (borrows_across_await(&text, &mut list).await, spawned(false).await);
        (first, second)
    });
    assert_eq!(task.await.unwrap(), (Ok(1), Ok(())));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async { borrows_across_await("", &mut []).await });
    let local = tokio::task::LocalSet::new();
    local.run_until(async { tokio::task::spawn_local(spawned(true)).await.unwrap().unwrap_err() }).await;
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), Err(Failed));
    assert_eq!(counts("borrows_across_await"), [1, 1, 0, 0]);
}
