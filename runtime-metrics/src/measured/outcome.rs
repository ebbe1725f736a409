//! How a call ended, and how a return value tells.

use std::ops::Deref;
use std::task::Poll;

/// How a call ended.
///
/// ```
/// use runtime_metrics::Outcome;
///
/// assert_eq!(Outcome::Cancelled.as_str(), "cancelled");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It returned, and what it returned is not an error.
    Ok,
    /// It returned `Err`, or a response of the kind that is the server's fault (5xx).
    Error,
    /// It panicked.
    Panic,
    /// Its future was dropped before it was ready.
    Cancelled,
}

impl Outcome {
    pub(crate) const ALL: [Self; 4] = [Self::Ok, Self::Error, Self::Panic, Self::Cancelled];

    /// The value of the label `outcome`.
    ///
    /// ```
    /// assert_eq!(runtime_metrics::Outcome::Ok.as_str(), "ok");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Panic => "panic",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the service is to blame: it failed or panicked. A cancelled call is its caller's
    /// choice.
    ///
    /// ```
    /// use runtime_metrics::Outcome;
    ///
    /// assert!(Outcome::Panic.is_failure() && !Outcome::Cancelled.is_failure());
    /// ```
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Error | Self::Panic)
    }

    const fn of(failed: bool) -> Self {
        if failed { Self::Error } else { Self::Ok }
    }
}

/// A return value that knows by itself whether it stands for a failure. `Result` needs no
/// implementation; implement it for a response type of your own.
///
/// ```
/// use runtime_metrics::{MeasuredOutcome, Outcome, metered, registry, Reading};
///
/// struct Answer { code: u16 }
///
/// impl MeasuredOutcome for Answer {
///     fn outcome(&self) -> Outcome {
///         if self.code >= 500 { Outcome::Error } else { Outcome::Ok }
///     }
/// }
///
/// #[metered]
/// fn answer_with(code: u16) -> Answer {
///     Answer { code }
/// }
///
/// answer_with(503);
/// let failed = registry().get("action_requests_total", &[("action", "answer_with"), ("outcome", "error")]);
/// assert_eq!(failed, Some(Reading::Counter(1)));
/// ```
pub trait MeasuredOutcome {
    /// How the call that returned this ended.
    fn outcome(&self) -> Outcome;
}

/// Of an item of a fallible iterator.
impl<T, E> MeasuredOutcome for Option<Result<T, E>> {
    fn outcome(&self) -> Outcome {
        Outcome::of(matches!(self, Some(Err(_))))
    }
}

impl<T, E> MeasuredOutcome for &Result<T, E> {
    fn outcome(&self) -> Outcome {
        Outcome::of(self.is_err())
    }
}

/// Of a poll; one that is not ready has not failed.
impl<T, E> MeasuredOutcome for Poll<Result<T, E>> {
    fn outcome(&self) -> Outcome {
        Outcome::of(matches!(self, Self::Ready(Err(_))))
    }
}

impl<T, E> MeasuredOutcome for Poll<Option<Result<T, E>>> {
    fn outcome(&self) -> Outcome {
        Outcome::of(matches!(self, Self::Ready(Some(Err(_)))))
    }
}

/// `ok_if` and `error_if`: a test on the value decides.
#[doc(hidden)]
#[inline]
pub fn judge<T: ?Sized>(value: &T, test: impl FnOnce(&T) -> bool, error: bool) -> Outcome {
    Outcome::of(test(value) == error)
}

// Which outcome a value tells depends on its type, however it is spelled: aliases and `impl Trait`
// work. Stable Rust has no specialisation, but a method call looks at a type before it looks at
// what the type derefs to, and passes over a method whose bounds do not hold. So each of these
// derefs to the next, from the most special to the least. Nobody's trait has a method of that name.

/// A `Result` of something that knows its outcome.
#[doc(hidden)]
#[derive(Debug)]
pub struct Probe<'a, T: ?Sized>(ResultProbe<'a, T>);

/// Any other `Result`.
#[doc(hidden)]
#[derive(Debug)]
pub struct ResultProbe<'a, T: ?Sized>(OwnProbe<'a, T>);

/// Something that knows its outcome.
#[doc(hidden)]
#[derive(Debug)]
pub struct OwnProbe<'a, T: ?Sized>(AnyProbe<'a, T>);

/// Anything else is a success.
#[doc(hidden)]
#[derive(Debug)]
pub struct AnyProbe<'a, T: ?Sized>(&'a T);

#[doc(hidden)]
#[inline(always)]
pub fn probe<T: ?Sized>(value: &T) -> Probe<'_, T> {
    Probe(ResultProbe(OwnProbe(AnyProbe(value))))
}

impl<'a, T: ?Sized> Deref for Probe<'a, T> {
    type Target = ResultProbe<'a, T>;
    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T: ?Sized> Deref for ResultProbe<'a, T> {
    type Target = OwnProbe<'a, T>;
    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T: ?Sized> Deref for OwnProbe<'a, T> {
    type Target = AnyProbe<'a, T>;
    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T: MeasuredOutcome, E> Probe<'_, Result<T, E>> {
    #[inline]
    pub fn __runtime_metrics_outcome(&self) -> Outcome {
        self.0.0.0.0.as_ref().map_or(Outcome::Error, MeasuredOutcome::outcome)
    }
}

impl<T, E> ResultProbe<'_, Result<T, E>> {
    #[inline]
    pub fn __runtime_metrics_outcome(&self) -> Outcome {
        Outcome::of(self.0.0.0.is_err())
    }
}

impl<T: MeasuredOutcome + ?Sized> OwnProbe<'_, T> {
    #[inline]
    pub fn __runtime_metrics_outcome(&self) -> Outcome {
        self.0.0.outcome()
    }
}

impl<T: ?Sized> AnyProbe<'_, T> {
    #[allow(clippy::unused_self)] // its type is the answer
    #[inline]
    pub fn __runtime_metrics_outcome(&self) -> Outcome {
        Outcome::Ok
    }
}

#[cfg(feature = "http-types")]
mod http {
    use super::{MeasuredOutcome, Outcome};
    use http::{Response, StatusCode};

    impl MeasuredOutcome for StatusCode {
        fn outcome(&self) -> Outcome {
            Outcome::of(self.is_server_error())
        }
    }

    impl<B> MeasuredOutcome for Response<B> {
        fn outcome(&self) -> Outcome {
            self.status().outcome()
        }
    }

    impl<A> MeasuredOutcome for (StatusCode, A) {
        fn outcome(&self) -> Outcome {
            self.0.outcome()
        }
    }

    impl<A, B> MeasuredOutcome for (StatusCode, A, B) {
        fn outcome(&self) -> Outcome {
            self.0.outcome()
        }
    }
}

#[cfg(feature = "actix-web")]
mod actix {
    use super::{MeasuredOutcome, Outcome};
    use actix_web::HttpResponse;

    impl<B> MeasuredOutcome for HttpResponse<B> {
        fn outcome(&self) -> Outcome {
            Outcome::of(self.status().is_server_error())
        }
    }
}
