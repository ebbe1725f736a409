//! With `#[tracing::instrument]`: each call is one span and one count, in either order.

use super::{counts, counts_of};
use async_trait::async_trait;
use runtime_metrics::{metered, metrics};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, instrument};

#[derive(Debug)]
struct Failed;

#[metered]
#[instrument]
fn over(fails: bool) -> Result<u8, Failed> {
    if fails {
        return Err(Failed);
    }
    Ok(1)
}

#[instrument(ret, err(Debug), fields(doubled = number * 2))]
#[metered]
fn under(number: u8, mut list: Vec<u8>) -> Result<Vec<u8>, Failed> {
    list.push(number.checked_sub(1).ok_or(Failed)?);
    Ok(list)
}

#[metered]
#[instrument(skip_all)]
async fn over_async(text: &str) -> Result<&str, Failed> {
    tokio::task::yield_now().await;
    text.strip_prefix('a').ok_or(Failed)
}

#[instrument(err(Debug), level = "debug")]
#[metered]
async fn under_async(text: &str) -> Result<&str, Failed> {
    tokio::task::yield_now().await;
    text.strip_prefix('a').ok_or(Failed)
}

#[metrics]
#[derive(Debug)]
struct Traced;

#[async_trait]
trait Work {
    async fn work(&mut self, fails: bool) -> Result<(), Failed>;
    async fn rest(&self, fails: bool) -> Result<(), Failed>;
}

#[async_trait]
impl Work for Traced {
    #[metered]
    #[instrument]
    async fn work(&mut self, fails: bool) -> Result<(), Failed> {
        tokio::task::yield_now().await;
        if fails { Err(Failed) } else { Ok(()) }
    }

    #[instrument(skip(self))]
    #[metered]
    async fn rest(&self, fails: bool) -> Result<(), Failed> {
        tokio::task::yield_now().await;
        if fails { Err(Failed) } else { Ok(()) }
    }
}

/// Counts spans.
struct Spans(Arc<AtomicU64>);

impl tracing::Subscriber for Spans {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_traced_call_is_counted_in_either_order() {
    let spans = Arc::new(AtomicU64::new(0));
    let _guard = tracing::subscriber::set_default(Spans(spans.clone()));
    assert!(over(false).is_ok() && over(true).is_err());
    assert!(under(1, vec![]).is_ok() && under(0, vec![]).is_err());
    for text in ["ab", "b"] {
        let _ = (over_async(text).await, under_async(text).await);
    }
    for fails in [false, true] {
        let _ = (Traced.work(fails).await, Traced.rest(fails).await);
    }
    for action in ["over", "under", "over_async", "under_async"] {
        assert_eq!(counts(action), [1, 1, 0, 0], "{action}");
    }
    assert_eq!((counts_of("Traced", "work"), counts_of("Traced", "rest")), ([1, 1, 0, 0], [1, 1, 0, 0]));
    assert_eq!(spans.load(Ordering::Relaxed), 12);
}
