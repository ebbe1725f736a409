//! Names that collide with those that expansions could use.

use super::{Failed, counts, ok, run};
use runtime_metrics::metered;

#[metered]
fn r#type(r#match: u8, r#static: &str) -> (u8, usize) {
    (r#match, r#static.len())
}

#[metered]
async fn r#move(r#ref: u8) -> u8 {
    r#ref
}

mod shadowed {
    //! Every name of the prelude means something else here.
    #![allow(dead_code, clippy::unused_async)]

    use runtime_metrics::metered;

    pub(super) struct Some(pub(super) u8);
    pub(super) struct None;
    pub(super) struct Option;
    #[derive(Debug, PartialEq)]
    pub(super) struct Result<T>(pub(super) T);
    pub(super) struct Ok;
    pub(super) struct Err;
    pub(super) struct String;
    pub(super) struct Box;
    pub(super) struct Pin;
    pub(super) trait Future {}
    pub(super) trait FnOnce {}
    pub(super) trait Fn {}
    pub(super) trait Send {}
    pub(super) mod core {}
    pub(super) mod std {}
    pub(super) mod alloc {}
    pub(super) mod linkme {}
    pub(super) mod runtime_metrics_macros {}
    pub(super) mod __private {}
    pub(super) struct Action;
    pub(super) struct ACTION;
    pub(super) struct ENTRY;
    pub(super) struct Outcome;
    pub(super) struct Service;
    pub(super) struct Source;
    pub(super) struct Probe;
    pub(super) struct Entry;
    pub(super) type Self_ = u8;

    #[metered(name = "shadowed", buckets = [1], labels = ["a"])]
    pub(super) fn sync(some: Some) -> Result<u8> {
        Result(some.0)
    }

    #[metered]
    pub(super) async fn asynchronous() -> Result<u8> {
        Result(1)
    }

    #[metered]
    pub(super) fn boxed() -> ::std::pin::Pin<::std::boxed::Box<dyn ::std::future::Future<Output = Result<u8>>>> {
        ::std::boxed::Box::pin(async { Result(1) })
    }
}

mod bare {
    //! Nothing is in scope here but what is named.
    #![no_implicit_prelude]

    use ::runtime_metrics::{metered, metrics};

    #[metered(prefix = "bare_", buckets = [0.1, 1], labels = ["a"])]
    pub(super) fn bare_labels() -> ::core::option::Option<u8> {
        ::runtime_metrics::add_label!("a", "b");
        ::core::option::Option::Some(1)
    }

    #[metered]
    pub(super) fn bare_sync(fails: bool) -> ::core::result::Result<u8, u8> {
        if fails {
            return ::core::result::Result::Err(1);
        }
        ::core::result::Result::Ok(1)
    }

    #[metered]
    pub(super) async fn bare_async(fails: bool) -> ::core::result::Result<u8, u8> {
        bare_sync(fails)
    }

    #[metered]
    pub(super) fn bare_boxed() -> ::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = u8>>> {
        let future = async { 1 };
        ::std::boxed::Box::pin(future)
    }

    #[metrics(prefix = "bare_")]
    pub(super) struct Bare {
        #[metric_field(buckets = [1, 2])]
        pub(super) sizes: ::runtime_metrics::Histogram,
    }

    #[metrics]
    impl Bare {
        #[metered(skip)]
        pub(super) fn new() -> Self {
            Self { sizes: Self::metric_sizes() }
        }

        pub(super) fn bare_method(&self) {
            self.sizes.observe(1);
        }
    }
}

mod metrics {
    //! A module with the name that the library's alias often has.

    use ::runtime_metrics as metrics;

    #[metrics::metered]
    pub(super) fn in_metrics() -> u8 {
        1
    }
}

mod collides {
    //! The library's name means something else here.

    use super::metered;

    mod runtime_metrics {
        pub(super) fn registry() -> u8 {
            1
        }
    }

    #[metered]
    pub(super) fn in_collision() -> u8 {
        runtime_metrics::registry()
    }

    pub(super) mod deeper {
        use super::runtime_metrics;
        use ::runtime_metrics::metered as measured;

        #[measured]
        pub(in crate::shapes::names) async fn in_deeper_collision() -> u8 {
            runtime_metrics::registry()
        }
    }
}

enum Answer {
    Ok,
    Err,
    Some,
    None,
}

#[metered]
fn variants(which: u8) -> u8 {
    use Answer::*;
    let answer = match which {
        0 => Ok,
        1 => Err,
        2 => Some,
        _ => None,
    };
    match answer {
        Ok => 0,
        Err => 1,
        Some => 2,
        None => 3,
    }
}

#[metered]
async fn variants_async(which: u8) -> Result<u8, Failed> {
    use Answer::*;
    let answer = if which == 0 { Ok } else { Err };
    match answer {
        Ok | Some => Result::Ok(1),
        Err | None => Result::Err(Failed),
    }
}

type Reply = Result<u8, Failed>;

#[metered]
fn types_of_its_own() -> Reply {
    struct Reply;
    struct Failed;
    let _ = (Reply, Failed);
    Ok(1)
}

#[metered]
async fn types_of_its_own_async() -> Reply {
    struct Reply;
    struct Failed;
    let _ = (Reply, Failed);
    Ok(1)
}

#[metered]
async fn result_of_its_own_async() -> Result<u8, Failed> {
    use std::fmt::Result;
    let nothing: Result = Ok(());
    nothing.map(|()| 1).map_err(|_| Failed)
}

#[allow(non_camel_case_types)]
mod columns {
    //! As `diesel` writes the columns of a table: values of the commonest names.
    pub(super) struct value;
    pub(super) struct result;
    pub(super) struct body;
    pub(super) struct call;
    pub(super) struct future;
}

mod queries {
    use super::columns::*;
    use super::{Failed, metered};

    #[metered]
    pub(super) fn selects() -> Result<u8, Failed> {
        let _ = (value, result, body, call, future);
        Ok(1)
    }

    #[metered]
    pub(super) async fn selects_async() -> Result<u8, Failed> {
        let _ = (value, result, body, call, future);
        Ok(1)
    }
}

#[metered]
fn action(action: u8, service: u8, outcome: u8, value: u8) -> u8 {
    action + service + outcome + value
}

#[metered]
async fn future(call: u8, sync: u8, hint: u8, value: u8) -> u8 {
    call + sync + hint + value
}

#[metered]
fn generics_named_alike<R: Copy, T, F: FnOnce() -> T, const ACTION: usize>(value: R, make: F) -> ([R; ACTION], T) {
    ([value; ACTION], make())
}

mod blankets {
    //! A trait for everything, with the methods that expansions call.
    use super::{Failed, metered};

    trait Everything {
        fn outcome(&self) -> u8 {
            1
        }
        fn service(&self) -> u8 {
            1
        }
        fn name(&self) -> u8 {
            1
        }
        fn method(&self) -> u8 {
            1
        }
    }
    impl<T: ?Sized> Everything for T {}

    pub(super) struct Blanket;

    impl Blanket {
        #[metered(name = "blanket")]
        pub(super) fn under_a_blanket(&self) -> Result<u8, Failed> {
            Ok(self.outcome() + self.service() + self.name() + self.method())
        }
    }
}

#[test]
fn raw_identifiers_lose_their_mark() {
    assert_eq!((r#type(1, "a"), counts("type")), ((1, 1), ok(1)));
    assert_eq!((run(r#move(1)), counts("move")), (1, ok(1)));
}

#[test]
fn names_may_mean_something_else_around_the_function() {
    assert_eq!(
        (shadowed::sync(shadowed::Some(1)).0, run(shadowed::asynchronous()).0, run(shadowed::boxed()).0),
        (1, 1, 1)
    );
    assert_eq!(super::outcomes("shadowed_requests_total", &[("action", "sync")]), ok(1));
    assert_eq!(counts("asynchronous"), ok(1));
    assert_eq!(
        (metrics::in_metrics(), collides::in_collision(), run(collides::deeper::in_deeper_collision())),
        (1, 1, 1)
    );
    assert_eq!((counts("in_metrics"), counts("in_collision"), counts("in_deeper_collision")), (ok(1), ok(1), ok(1)));
    assert!(queries::selects().is_ok() && run(queries::selects_async()).is_ok());
    assert_eq!((counts("selects"), counts("selects_async")), (ok(1), ok(1)));
    assert!(blankets::Blanket.under_a_blanket().is_ok());
    assert_eq!(super::outcomes("blanket_requests_total", &[("action", "under_a_blanket")]), ok(1));
}

#[test]
fn nothing_needs_to_be_in_scope() {
    assert_eq!(bare::bare_labels(), Some(1));
    assert!(bare::bare_sync(true).is_err() && run(bare::bare_async(false)).is_ok() && run(bare::bare_boxed()) == 1);
    assert_eq!((counts("bare_sync"), counts("bare_async"), counts("bare_boxed")), ([1, 1, 0, 0], ok(1), ok(1)));
    bare::Bare::new().bare_method();
    assert_eq!(super::counts_of("Bare", "bare_method"), ok(1));
    assert_eq!(super::outcomes("bare_action_requests_total", &[("action", "bare_labels"), ("a", "b")]), ok(1));
}

#[test]
fn names_may_mean_something_else_within_the_function() {
    assert_eq!((0..4).map(variants).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(run(variants_async(0)).is_ok() && run(variants_async(1)).is_err());
    assert_eq!((counts("variants"), counts("variants_async")), (ok(4), [1, 1, 0, 0]));
    assert_eq!((types_of_its_own(), counts("types_of_its_own")), (Ok(1), ok(1)));
    assert!(run(types_of_its_own_async()).is_ok());
    assert_eq!(counts("types_of_its_own_async"), ok(1));
    assert!(run(result_of_its_own_async()).is_ok());
    assert_eq!(counts("result_of_its_own_async"), ok(1));
}

#[test]
fn arguments_and_generics_may_have_any_name() {
    assert_eq!((action(1, 2, 3, 4), run(future(1, 2, 3, 4))), (10, 10));
    assert_eq!(generics_named_alike::<_, _, _, 2>(1, || 2), ([1, 1], 2));
    assert_eq!((counts("action"), counts("future"), counts("generics_named_alike")), (ok(1), ok(1), ok(1)));
}
