//! What the operations are given: the same random but repeatable labels and values for every case.

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"];
const STATUSES: [&str; 4] = ["200", "302", "404", "500"];

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

/// Two label values: one of 32 pairs.
#[inline]
pub fn labels(at: u64) -> (&'static str, &'static str) {
    let pick = usize::from(PICKS[at as usize % PICKS.len()]);
    (METHODS[pick % METHODS.len()], STATUSES[pick / METHODS.len() % STATUSES.len()])
}

/// Latencies in seconds, log-normal around 30 ms.
pub type Latencies = &'static [f64; 2048];

/// The same for every case; made once and kept.
pub fn latencies() -> Latencies {
    let mut state = 1;
    let mut uniform = || {
        state = next(state);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    // Twelve uniform numbers add up to a normal one.
    let latency = |_| 0.03 * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0).exp();
    Box::leak(Box::new(std::array::from_fn(latency)))
}

/// What the measured functions do: a little, and now and then they fail.
#[inline(never)]
pub fn work(at: u64) -> Result<u64, Failed> {
    if at % 64 == 63 { Err(Failed) } else { Ok(at ^ 1) }
}

/// Why [`work`] failed.
pub struct Failed;
