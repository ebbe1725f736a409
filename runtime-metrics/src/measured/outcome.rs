//! How a call ended, and how a return value tells.

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

/// `ok_if` and `error_if`: a test on the value decides.
#[doc(hidden)]
#[inline]
pub fn judge<T: ?Sized>(value: &T, test: impl FnOnce(&T) -> bool, error: bool) -> Outcome {
    Outcome::of(test(value) == error)
}

// Autoref specialisation: `(&&&&Probe(&value)).__runtime_metrics_outcome()` picks the first of these
// whose bounds hold, by the type itself and not by how it is spelled, so aliases and `impl Trait`
// work. No trait in the author's scope has a method of that name.

#[doc(hidden)]
#[derive(Debug)]
pub struct Probe<'a, T: ?Sized>(pub &'a T);

#[doc(hidden)]
pub trait ResponseResultOutcome {
    fn __runtime_metrics_outcome(&self) -> Outcome;
}

impl<T: MeasuredOutcome, E> ResponseResultOutcome for &&&Probe<'_, Result<T, E>> {
    #[inline]
    fn __runtime_metrics_outcome(&self) -> Outcome {
        self.0.as_ref().map_or(Outcome::Error, MeasuredOutcome::outcome)
    }
}

#[doc(hidden)]
pub trait ResultOutcome {
    fn __runtime_metrics_outcome(&self) -> Outcome;
}

impl<T, E> ResultOutcome for &&Probe<'_, Result<T, E>> {
    #[inline]
    fn __runtime_metrics_outcome(&self) -> Outcome {
        Outcome::of(self.0.is_err())
    }
}

#[doc(hidden)]
pub trait ResponseOutcome {
    fn __runtime_metrics_outcome(&self) -> Outcome;
}

impl<T: MeasuredOutcome + ?Sized> ResponseOutcome for &Probe<'_, T> {
    #[inline]
    fn __runtime_metrics_outcome(&self) -> Outcome {
        self.0.outcome()
    }
}

#[doc(hidden)]
pub trait AnyOutcome {
    fn __runtime_metrics_outcome(&self) -> Outcome;
}

impl<T: ?Sized> AnyOutcome for Probe<'_, T> {
    #[inline]
    fn __runtime_metrics_outcome(&self) -> Outcome {
        Outcome::Ok
    }
}

#[cfg(feature = "http")]
mod http {
    use super::{MeasuredOutcome, Outcome};
    use hyper::{Response, StatusCode};

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
