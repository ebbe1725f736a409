//! `#[metrics]` on `impl` blocks.

use super::{Failed, counts_of, ok, run, turn};
use async_trait::async_trait;
use runtime_metrics::{Counter, Gauge, Reading, metrics, registry};
use std::future::Future;
use std::pin::Pin;

#[metrics(prefix = "depot_")]
struct Depot<'d, T, const N: usize>
where
    T: Clone,
{
    items: &'d [T; N],
    /// Has a doc comment.
    #[metric_field(name = "reads")]
    reads: Counter,
    #[allow(dead_code)]
    #[metric_field]
    r#type: Gauge,
}

#[metrics]
impl<'d, T, const N: usize> Depot<'d, T, N>
where
    T: Clone + 'd,
{
    /// Can't be measured, and needs not be told so.
    const fn size() -> usize {
        N
    }

    #[metered(skip)]
    fn new(items: &'d [T; N]) -> Self {
        Self { items, reads: Self::metric_reads(), r#type: Self::metric_type() }
    }

    /// Has a doc comment.
    fn first(&self) -> Result<&'d T, Failed> {
        self.reads.increment();
        self.items.first().ok_or(Failed)
    }

    #[metered(name = "depot_last")]
    async fn last(&self) -> Option<T> {
        turn().await;
        self.items.last().cloned()
    }

    #[must_use]
    fn boxed(&self) -> Pin<Box<dyn Future<Output = Result<T, Failed>> + 'd>> {
        let found = self.items.first();
        Box::pin(async move { found.cloned().ok_or(Failed) })
    }

    fn associated<const M: usize>() -> [usize; M] {
        [Self::size(); M]
    }

    #[cfg(not(test))]
    fn not_there(&self) -> Nowhere {}

    #[allow(unused_variables)]
    fn many(&self, #[cfg(test)] there: u8, #[cfg(not(test))] not_there: Nowhere) {}
}

#[test]
fn every_method_of_a_block_is_counted_for_its_service() {
    let (two, none) = ([1, 2], [0; 0]);
    let (depot, empty) = (Depot::new(&two), Depot::new(&none));
    assert_eq!((depot.first(), empty.first()), (Ok(&1), Err(Failed)));
    assert_eq!((run(depot.last()), run(empty.boxed())), (Some(2), Err(Failed)));
    assert_eq!(Depot::<u8, 2>::associated::<1>(), [2]);
    depot.many(1);
    let of = |action| counts_of("Depot", action);
    assert_eq!((of("first"), of("boxed"), of("many")), ([1, 1, 0, 0], [0, 1, 0, 0], ok(1)));
    assert_eq!(of("associated"), ok(1));
    let last = super::outcomes("depot_last_requests_total", &[("service", "Depot"), ("action", "last")]);
    assert_eq!(last, ok(1));
    assert_eq!(registry().get("depot_reads", &[]), Some(Reading::Counter(2)));
}

#[metrics]
enum Light {
    Red,
    Green,
}

#[metrics]
impl std::str::FromStr for Light {
    type Err = Failed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "red" => Ok(Self::Red),
            "green" => Ok(Self::Green),
            _ => Err(Failed),
        }
    }
}

#[metrics]
impl From<Light> for bool {
    fn from(light: Light) -> Self {
        matches!(light, Light::Green)
    }
}

#[async_trait]
trait Switch {
    async fn switch(&mut self) -> Result<(), Failed>;
    async fn check(&self) -> bool {
        true
    }
}

#[metrics]
#[async_trait]
impl Switch for Light {
    async fn switch(&mut self) -> Result<(), Failed> {
        turn().await;
        *self = match self {
            Self::Red => Self::Green,
            Self::Green => return Err(Failed),
        };
        Ok(())
    }
}

struct Lamp;

#[async_trait]
#[metrics(service = "Lamps")]
impl Switch for Lamp {
    async fn switch(&mut self) -> Result<(), Failed> {
        turn().await;
        Err(Failed)
    }

    #[metered(service = "Checks")]
    async fn check(&self) -> bool {
        false
    }
}

trait Dim {
    fn dim(&self) -> u8;
    async fn dim_later(&self) -> u8;
}

#[metrics(service = "Borrowed")]
impl Dim for &Lamp {
    fn dim(&self) -> u8 {
        1
    }

    async fn dim_later(&self) -> u8 {
        turn().await;
        1
    }
}

#[test]
fn the_methods_of_a_trait_s_implementation_are_counted() {
    let mut light: Light = "red".parse().unwrap();
    assert!("blue".parse::<Light>().is_err() && bool::from("green".parse::<Light>().unwrap()));
    assert!(run(light.switch()).is_ok() && run(light.switch()).is_err() && run(light.check()));
    assert_eq!((counts_of("Light", "from_str"), counts_of("Light", "switch")), ([2, 1, 0, 0], [1, 1, 0, 0]));
    assert_eq!(counts_of("bool", "from"), ok(1));
    assert_eq!(registry().get("service_requests_total", &[("service", "Light")]), Some(Reading::Counter(5)));
    assert!(run(Lamp.switch()).is_err() && !run(Lamp.check()));
    assert_eq!((counts_of("Lamps", "switch"), counts_of("Checks", "check")), ([0, 1, 0, 0], ok(1)));
    assert_eq!(((&Lamp).dim(), run((&Lamp).dim_later())), (1, 1));
    assert_eq!((counts_of("Borrowed", "dim"), counts_of("Borrowed", "dim_later")), (ok(1), ok(1)));
}

struct Conditional;

#[metrics(service = "Conditional")]
impl Conditional {
    #[cfg_attr(all(), metered(name = "conditional"))]
    fn given() {}

    #[cfg_attr(any(), metered(name = "conditional"))]
    fn plain() {}

    #[cfg_attr(all(), metered(skip))]
    fn skipped() {}
}

#[test]
fn options_that_depend_on_a_condition_are_the_only_ones() {
    Conditional::given();
    Conditional::plain();
    Conditional::skipped();
    let given = super::outcomes("conditional_requests_total", &[("service", "Conditional"), ("action", "given")]);
    assert_eq!((given, counts_of("Conditional", "plain")), (ok(1), ok(1)));
    let none = |name: &str, action| registry().get(name, &[("service", "Conditional"), ("action", action)]).is_none();
    assert!(none("action_active_requests", "given") && none("action_active_requests", "skipped"));
}
