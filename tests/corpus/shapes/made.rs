//! Functions that `macro_rules!` make, in whole or in part.

use super::{Failed, counts, counts_of, ok, run, turn};
use runtime_metrics::{metered, metrics};

macro_rules! whole {
    ($name:ident) => {
        #[metered]
        fn $name(number: u8) -> Result<u8, Failed> {
            let doubled = number.checked_mul(2).ok_or(Failed)?;
            Ok(doubled)
        }
    };
}
whole!(made_whole);

macro_rules! parts {
    ($(#[$meta:meta])* $visibility:vis $name:ident($($argument:ident: $kind:ty),*) -> $returned:ty $body:block) => {
        $(#[$meta])*
        #[metered]
        $visibility fn $name($($argument: $kind),*) -> $returned $body
    };
    (async $name:ident<$life:lifetime, $type:ident>($argument:pat_param => $kind:ty) -> $returned:ty { $($body:tt)* }) => {
        #[metered]
        async fn $name<$life, $type>($argument: $kind) -> $returned { $($body)* }
    };
}
parts!(made_of_parts(text: &str, times: usize) -> Result<String, Failed> {
    if times == 0 {
        return Err(Failed);
    }
    Ok(text.repeat(times))
});
parts! {
    /// Has a doc comment.
    #[must_use]
    pub(super) made_visible() -> u8 { 1 }
}
parts!(async made_async<'a, T>((value, fails) => (&'a T, bool)) -> Result<&'a T, Failed> {
    turn().await;
    if fails { Err(Failed) } else { Ok(value) }
});
parts!(made_boxed(fails: bool) -> std::pin::Pin<Box<dyn std::future::Future<Output = Result<u8, Failed>>>> {
    Box::pin(async move { if fails { Err(Failed) } else { Ok(1) } })
});

macro_rules! bodies {
    ($name:ident, $value:expr, $type:ty, $literal:literal) => {
        #[metered(name = $literal)]
        fn $name() -> Option<$type> {
            Some($value)
        }
    };
}
bodies!(made_of_expression, 1 + 1, u8, "made_of_literal");

macro_rules! in_body {
    ($number:expr) => {{
        if $number == 0 {
            return Err(Failed);
        }
        $number + 1
    }};
}

#[metered]
fn returns_from_macro(number: u8) -> Result<u8, Failed> {
    Ok(in_body!(number))
}

macro_rules! item {
    ($($item:item)*) => { $($item)* };
}
item! {
    #[metered]
    fn made_as_item() {}
}

macro_rules! attributes {
    ($($item:item)*) => { $(#[metered] $item)* };
}
attributes! {
    fn made_by_attribute(number: u8) -> Result<u8, Failed> {
        if number == 0 { Err(Failed) } else { Ok(number) }
    }
    async fn made_by_attribute_async() -> u8 { 1 }
}

macro_rules! methods {
    ($type:ident: $($name:ident => $value:expr),*) => {
        impl $type {
            $(#[metered] fn $name(&self) -> u8 { let _ = self; $value })*
        }
    };
    (block $type:ident: $($name:ident),*) => {
        #[metrics]
        impl $type {
            $(fn $name(self) -> Self { self })*
        }
    };
    (type $type:ident) => {
        #[metrics]
        struct $type;
    };
}
methods!(type Made);
methods!(Made: one => 1, two => 2);
methods!(block Made: same, equal);

macro_rules! hygiene {
    ($name:ident, $value:ident) => {
        #[metered]
        fn $name($value: u8) -> (u8, u8) {
            let value = 1;
            ($value, value)
        }
    };
}
hygiene!(made_hygienic, value);

#[test]
fn functions_made_by_macros_are_counted() {
    assert!(made_whole(1).is_ok() && made_whole(200).is_err());
    assert_eq!(counts("made_whole"), [1, 1, 0, 0]);
    assert!(made_of_parts("a", 2).is_ok() && made_of_parts("a", 0).is_err());
    assert_eq!((counts("made_of_parts"), made_visible(), counts("made_visible")), ([1, 1, 0, 0], 1, ok(1)));
    assert_eq!((run(made_async((&1, false))), run(made_async((&1, true)))), (Ok(&1), Err(Failed)));
    assert_eq!(counts("made_async"), [1, 1, 0, 0]);
    assert_eq!(made_of_expression(), Some(2));
    assert_eq!(super::outcomes("made_of_literal_requests_total", &[("action", "made_of_expression")]), ok(1));
    assert!(returns_from_macro(0).is_err() && returns_from_macro(1).is_ok());
    assert_eq!(counts("returns_from_macro"), [1, 1, 0, 0]);
    made_as_item();
    assert_eq!(counts("made_as_item"), ok(1));
    assert!(made_by_attribute(0).is_err() && run(made_by_attribute_async()) == 1);
    assert_eq!((counts("made_by_attribute"), counts("made_by_attribute_async")), ([0, 1, 0, 0], ok(1)));
    assert_eq!((made_hygienic(7), counts("made_hygienic")), ((7, 1), ok(1)));
}

#[test]
fn a_boxed_future_is_known_when_its_type_comes_from_a_macro() {
    assert!(run(made_boxed(true)).is_err() && run(made_boxed(false)).is_ok());
    assert_eq!(counts("made_boxed"), [1, 1, 0, 0]);
}

#[test]
fn methods_made_by_macros_find_their_service() {
    let made = Made.same().equal();
    assert_eq!(made.one() + made.two(), 3);
    for action in ["one", "two", "same", "equal"] {
        assert_eq!(counts_of("Made", action), ok(1), "{action}");
    }
}

#[runtime_metrics::metric(type = "counter", name = "made_declared", labels = ["of"])]
struct MadeDeclared;

macro_rules! recorded {
    ($metric:ty, $bound:literal, $value:expr) => {
        runtime_metrics::increment!($metric, labels: {"of" => $value});
        runtime_metrics::observe!("made_observed", value: 1, buckets: [0.5, $bound]);
    };
}

#[test]
fn records_take_what_a_macro_hands_on() {
    recorded!(MadeDeclared, 1, "text");
    let counted = runtime_metrics::registry().get("made_declared", &[("of", "text")]);
    assert_eq!(counted, Some(runtime_metrics::Reading::Counter(1)));
}

#[derive(runtime_metrics::LabelValue)]
struct Generic<T>(T);

#[test]
fn a_label_may_be_generic() {
    runtime_metrics::increment!("made_by_generic", labels: {"of" => Generic(5u8)});
    let counted = runtime_metrics::registry().get("made_by_generic", &[("of", "5")]);
    assert_eq!(counted, Some(runtime_metrics::Reading::Counter(1)));
}
