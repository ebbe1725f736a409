//! Time: the processor's invariant counter where it can be trusted, the monotonic clock elsewhere.

/// A point in time. Two of them make a duration of at least zero, whatever the machine did between.
///
/// Reading the clock costs about 10 ns, and is the floor under everything that is timed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(quanta::Instant);

impl Moment {
    #[inline]
    pub(crate) fn now() -> Self {
        Self(quanta::Instant::now())
    }

    /// Nanoseconds since an earlier moment; `u64` holds 584 years of them.
    #[inline]
    pub(crate) fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_duration_since(earlier.0).as_nanos() as u64
    }

    #[inline]
    pub(crate) fn elapsed_nanos(self) -> u64 {
        Self::now().nanos_since(self)
    }
}
