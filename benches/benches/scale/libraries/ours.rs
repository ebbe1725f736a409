//! This library: by macros, and by handles.

use super::{Library, apart};
use crate::labels::{Form, Labels, MOST, NAMES};
use runtime_metrics::export::Encoder;
use runtime_metrics::{Counter, Identity, LabelValue, Limits, increment, registry};

pub struct ByMacro {
    form: Form,
    reader: Reader,
}

pub struct ByHandle {
    form: Form,
    plain: Counter,
    labelled: Counter,
    reader: Reader,
}

struct Reader {
    encoder: Encoder,
    text: Vec<u8>,
}

impl Reader {
    fn new(series: usize) -> Self {
        // No other library names service and node in each line.
        registry().set_identity(Identity::default());
        registry().set_limits(Limits { series_per_metric: series + 10, series: series + 1_000 });
        Self { encoder: Encoder::prometheus(), text: Vec::new() }
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        self.text.clear();
        self.encoder.encode_recorded(&mut self.text);
        see(&self.text);
    }
}

impl ByMacro {
    pub fn new(form: Form, series: usize) -> Self {
        Self { form, reader: Reader::new(series) }
    }
}

impl Library for ByMacro {
    fn increment(&self, times: u64) {
        for _ in 0..times {
            increment!("plain");
            apart();
        }
    }

    fn count(&self, labels: &Labels) {
        let width = self.form.width;
        labels.each(|[first, second, third, fourth, fifth]| match width {
            1 => increment!("labelled", labels: {"first" => first}),
            2 => increment!("labelled", labels: {"first" => first, "second" => second}),
            3 => increment!("labelled", labels: {"first" => first, "second" => second, "third" => third}),
            4 => increment!(
                "labelled",
                labels: {"first" => first, "second" => second, "third" => third, "fourth" => fourth}
            ),
            _ => increment!(
                "labelled",
                labels: {"first" => first, "second" => second, "third" => third, "fourth" => fourth, "fifth" => fifth}
            ),
        });
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        self.reader.scrape(see);
    }
}

impl ByHandle {
    pub fn new(form: Form, series: usize) -> Self {
        let reader = Reader::new(series);
        let [plain, labelled] = ["plain", "labelled"].map(|name| Counter::new(name, "A handle.").register());
        Self { form, plain, labelled, reader }
    }
}

impl Library for ByHandle {
    fn increment(&self, times: u64) {
        for _ in 0..times {
            self.plain.increment();
            apart();
        }
    }

    fn count(&self, labels: &Labels) {
        labels.each(|values| {
            let pairs: [(&'static str, &dyn LabelValue); MOST] = std::array::from_fn(|at| {
                let value: &dyn LabelValue = &values[at];
                (NAMES[at], value)
            });
            self.labelled.add_with(1, &pairs[..self.form.width]);
        });
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        self.reader.scrape(see);
    }
}
