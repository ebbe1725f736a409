//! Attributes around and in functions, and lints that must still find what they found.

use super::{Failed, counts, ok, outcomes, run, turn};
use runtime_metrics::metered;

#[metered]
#[must_use = "it says something"]
fn must_be_used() -> u8 {
    1
}

#[must_use]
fn must_be_used_too() -> u8 {
    1
}

#[must_use]
#[inline(always)]
#[allow(clippy::inline_always)]
#[metered]
fn inlined() -> u8 {
    1
}

#[metered]
#[cold]
#[inline(never)]
fn cold() {}

/// Has a doc comment.
#[doc = "And another."]
#[metered]
/// And one below.
#[doc(hidden)]
fn documented() {}

#[deprecated(note = "on purpose")]
#[metered]
fn deprecated() {}

#[metered]
fn inner_attributes(number: u8) -> u8 {
    //! A doc comment within.
    #![allow(clippy::needless_return, unused_variables)]
    let unused = 1;
    return number;
}

#[metered]
async fn inner_attributes_async() -> u8 {
    #![allow(clippy::let_and_return)]
    let number = 1;
    number
}

#[metered]
#[cfg(test)]
fn configured(#[cfg(test)] there: u8, #[cfg(not(test))] not_there: Nowhere, #[allow(unused)] attributed: u8) -> u8 {
    there
}

#[cfg(not(test))]
#[metered]
fn never_there() -> Nowhere {}

#[metered]
#[cfg(not(test))]
fn never_there_either() -> Nowhere {}

#[cfg_attr(test, metered(name = "conditional"))]
#[cfg_attr(not(test), nonsense)]
fn conditional() {}

#[cfg_attr(not(test), metered)]
fn not_conditional() {}

#[metered(name = "stacked_over")]
#[metered(name = "stacked_under")]
fn stacked(fails: bool) -> Result<u8, Failed> {
    if fails {
        return Err(Failed);
    }
    Ok(1)
}

#[metered(name = "stacked_over")]
#[metered(name = "stacked_under")]
async fn stacked_async() -> Result<u8, Failed> {
    turn().await;
    Ok(1)
}

#[metered(name = "twice")]
#[metered(name = "twice")]
fn twice_the_same() {}

#[metered]
#[track_caller]
fn tracked() -> (u32, u32) {
    (std::panic::Location::caller().line(), line!())
}

#[metered()]
fn empty_list() {}

#[metered(
    name = "everything",
    prefix = "p_",
    service = "s",
    buckets = [0.5, 1.0 + 1.0],
    labels = ["a"],
    crate = ::runtime_metrics,
)]
async fn every_option() {}

#[expect(dead_code)]
#[metered]
fn never_called() {}

#[expect(dead_code)]
#[metered]
async fn never_called_async() {}

#[expect(unused_variables, unused_mut)]
#[metered]
fn unused(argument: u8, mut list: Vec<u8>) {
    let variable = 1;
}

#[expect(unused_variables)]
#[metered]
async fn unused_async(argument: u8) {
    let variable = 1;
}

#[expect(unreachable_code)]
#[metered]
fn unreachable_end(number: u8) -> u8 {
    return number;
    0
}

#[expect(deprecated)]
#[metered]
fn calls_deprecated() {
    deprecated();
}

#[metered]
#[must_use]
fn must_be_used_as_well() -> u8 {
    1
}

#[expect(unused_must_use)]
#[metered]
fn uses_nothing() {
    must_be_used_as_well();
}

#[metered]
#[test]
fn a_test_may_be_measured_from_above() {
    assert_eq!(must_be_used_too(), 1);
}

#[test]
#[metered]
#[should_panic(expected = "on purpose")]
fn a_test_may_be_measured_from_below() {
    panic!("on purpose");
}

#[test]
fn attributes_stay_on_the_function() {
    assert_eq!((must_be_used(), counts("must_be_used")), (1, ok(1)));
    assert_eq!((inlined(), counts("inlined")), (1, ok(1)));
    cold();
    documented();
    assert_eq!((counts("cold"), counts("documented")), (ok(1), ok(1)));
    assert_eq!((inner_attributes(1), run(inner_attributes_async())), (1, 1));
    assert_eq!((counts("inner_attributes"), counts("inner_attributes_async")), (ok(1), ok(1)));
    assert_eq!((configured(1, 2), counts("configured")), (1, ok(1)));
    conditional();
    not_conditional();
    assert_eq!(outcomes("conditional_requests_total", &[("action", "conditional")]), ok(1));
    empty_list();
    run(every_option());
    let given = [("action", "every_option"), ("service", "s")];
    assert_eq!((counts("empty_list"), outcomes("p_everything_requests_total", &given)), (ok(1), ok(1)));
}

#[test]
fn stacked_attributes_count_each_for_itself() {
    assert!(stacked(false).is_ok() && stacked(true).is_err() && run(stacked_async()).is_ok());
    for name in ["stacked_over_requests_total", "stacked_under_requests_total"] {
        assert_eq!(outcomes(name, &[("action", "stacked")]), [1, 1, 0, 0]);
        assert_eq!(outcomes(name, &[("action", "stacked_async")]), ok(1));
    }
    twice_the_same();
    assert_eq!(outcomes("twice_requests_total", &[("action", "twice_the_same")]), ok(2));
}

#[test]
fn lints_find_what_they_found() {
    unused(1, vec![]);
    run(unused_async(1));
    assert_eq!((counts("unused"), counts("unused_async")), (ok(1), ok(1)));
    assert_eq!((unreachable_end(1), counts("unreachable_end")), (1, ok(1)));
    calls_deprecated();
    uses_nothing();
    assert_eq!((counts("calls_deprecated"), counts("uses_nothing"), counts("deprecated")), (ok(1), ok(1), ok(1)));
}

#[test]
fn the_caller_s_place_is_within_the_function() {
    // The body is a closure, and `#[track_caller]` ends at the function around it.
    let (caller, own) = tracked();
    assert_eq!((caller, counts("tracked")), (own, ok(1)));
}
