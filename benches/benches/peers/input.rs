//! What the operations are given: the same random but repeatable labels and values for every case.

use std::fmt;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

/// Label values that a library is told as text.
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"];
const STATUSES: [&str; 4] = ["200", "302", "404", "500"];
/// How many pairs of them there are.
pub const PAIRS: usize = METHODS.len() * STATUSES.len();

/// Upper bounds of the histograms, in seconds.
pub const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

static PICKS: [u8; 1024] = {
    let mut picks = [0; 1024];
    let mut state = 1;
    let mut at = 0;
    while at < picks.len() {
        state = next(state);
        picks[at] = (state >> 56) as u8;
        at += 1;
    }
    picks
};

/// A linear congruential generator; its upper bits are good enough here.
const fn next(state: u64) -> u64 {
    state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

/// Every label value there is, for libraries that want to know them in advance.
pub fn words() -> impl Iterator<Item = &'static str> {
    METHODS.into_iter().chain(STATUSES)
}

/// The number of one of the pairs of label values.
#[inline]
pub fn pair(at: u64) -> usize {
    usize::from(PICKS[at as usize % PICKS.len()]) % PAIRS
}

/// Two label values, as text.
#[inline]
pub fn labels(at: u64) -> (&'static str, &'static str) {
    let pair = pair(at);
    (METHODS[pair % METHODS.len()], STATUSES[pair / METHODS.len()])
}

/// Two label values, as types.
#[inline]
pub fn typed(at: u64) -> (Method, Status) {
    let pair = pair(at);
    (Method::ALL[pair % METHODS.len()], Status::ALL[pair / METHODS.len()])
}

/// A handle for each pair, in the order of [`pair`].
pub fn each_pair<T>(bind: impl Fn(&'static str, &'static str) -> T) -> [T; PAIRS] {
    std::array::from_fn(|pair| bind(METHODS[pair % METHODS.len()], STATUSES[pair / METHODS.len()]))
}

/// A label value for libraries that know types.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    fastmetrics::derive::EncodeLabelValue,
    measured::FixedCardinalityLabel,
    prometheus_client::encoding::EncodeLabelValue,
    runtime_metrics::LabelValue,
    serde::Serialize,
    vise::EncodeLabelValue,
)]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
    Patch,
    Head,
    Options,
    Trace,
}

impl Method {
    pub const ALL: [Self; 8] =
        [Self::Get, Self::Post, Self::Put, Self::Delete, Self::Patch, Self::Head, Self::Options, Self::Trace];
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Another.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    fastmetrics::derive::EncodeLabelValue,
    measured::FixedCardinalityLabel,
    prometheus_client::encoding::EncodeLabelValue,
    runtime_metrics::LabelValue,
    serde::Serialize,
    vise::EncodeLabelValue,
)]
pub enum Status {
    Done,
    Moved,
    Missing,
    Broken,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::Done, Self::Moved, Self::Missing, Self::Broken];
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Latencies in seconds, log-normal around 30 ms.
pub type Latencies = &'static [f64; 2048];

/// The same for every case; made once and kept.
pub fn latencies() -> Latencies {
    static MADE: LazyLock<Box<[f64; 2048]>> = LazyLock::new(|| {
        let mut state = 1;
        let mut uniform = || {
            state = next(state);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        // Twelve uniform numbers add up to a normal one.
        let latency = |_| 0.03 * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0).exp();
        Box::new(std::array::from_fn(latency))
    });
    &MADE
}

#[inline]
pub fn value(values: Latencies, at: u64) -> f64 {
    values[at as usize % values.len()]
}

#[inline]
pub fn nanos(values: Latencies, at: u64) -> u64 {
    (value(values, at) * 1e9) as u64
}

/// What the measured functions do: a little, and now and then they fail.
#[inline(never)]
pub fn work(at: u64) -> Result<u64, Failed> {
    if at % 64 == 63 { Err(Failed) } else { Ok(at ^ 1) }
}

/// The same, for a task.
pub async fn plain(at: u64) -> Result<u64, Failed> {
    work(at)
}

/// Polls a future that is ready at once.
#[inline(never)]
pub fn poll<T>(future: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Failed),
    }
}

/// Why [`work`] failed.
pub struct Failed;
