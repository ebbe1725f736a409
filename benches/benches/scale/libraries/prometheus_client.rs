//! `prometheus-client`, with a struct for each number of labels.

use super::{Library, apart};
use crate::labels::{Form, Labels, MOST};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::fmt::Debug;
use std::hash::Hash;

trait Set: Clone + Debug + Hash + Eq + EncodeLabelSet + Send + Sync + 'static {
    fn of(values: [&str; MOST]) -> Self;
}

macro_rules! set {
    ($name:ident: $($label:ident),+) => {
        #[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
        struct $name {
            $($label: String,)+
        }

        impl Set for $name {
            fn of(values: [&str; MOST]) -> Self {
                let [$($label,)+ ..] = values.map(str::to_owned);
                Self { $($label,)+ }
            }
        }
    };
}

set!(One: first);
set!(Two: first, second);
set!(Three: first, second, third);
set!(Four: first, second, third, fourth);
set!(Five: first, second, third, fourth, fifth);

pub fn new(form: Form) -> Box<dyn Library> {
    match form.width {
        1 => Client::<One>::boxed(),
        2 => Client::<Two>::boxed(),
        3 => Client::<Three>::boxed(),
        4 => Client::<Four>::boxed(),
        _ => Client::<Five>::boxed(),
    }
}

struct Client<S> {
    registry: Registry,
    plain: Counter,
    labelled: Family<S, Counter>,
    text: String,
}

impl<S: Set> Client<S> {
    fn boxed() -> Box<dyn Library> {
        let mut registry = Registry::default();
        let (plain, labelled) = (Counter::default(), Family::<S, Counter>::default());
        registry.register("plain", "Without labels", plain.clone());
        registry.register("labelled", "With labels", labelled.clone());
        Box::new(Self { registry, plain, labelled, text: String::new() })
    }
}

impl<S: Set> Library for Client<S> {
    fn increment(&self, times: u64) {
        for _ in 0..times {
            self.plain.inc();
            apart();
        }
    }

    fn count(&self, labels: &Labels) {
        labels.each(|values| _ = self.labelled.get_or_create(&S::of(values)).inc());
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        self.text.clear();
        if encode(&mut self.text, &self.registry).is_ok() {
            see(self.text.as_bytes());
        }
    }
}
