//! Reads what the shapes have recorded.

use metrics_of_ours::{Reading, registry};

/// A counter's count.
pub(crate) fn count(name: &str, labels: &[(&str, &str)]) -> u64 {
    match registry().get(name, labels) {
        Some(Reading::Counter(count)) => count,
        other => panic!("{:?}", (name, labels, other)),
    }
}

/// How many values a histogram has seen.
pub(crate) fn observed(name: &str, labels: &[(&str, &str)]) -> u64 {
    match registry().get(name, labels) {
        Some(Reading::Distribution(seen)) => seen.count,
        other => panic!("{:?}", (name, labels, other)),
    }
}

/// How often an action of a service returned a value, and how often an error.
pub(crate) fn calls(service: &str, action: &str) -> [u64; 2] {
    ["ok", "error"].map(|outcome| {
        count("action_requests_total", &[("service", service), ("action", action), ("outcome", outcome)])
    })
}

/// Runs a future that never waits.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!("it waits"),
    }
}
