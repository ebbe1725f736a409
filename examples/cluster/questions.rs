//! The questions: what can be known of all nodes together, and how each receiver is asked for it.

use crate::Failure;
use crate::ask;
use crate::journal::{BOUNDS, KINDS, Truth};
use crate::node::SERVICE;
use std::time::Duration;

/// What each node measures.
const ORDERS: &str = "cluster_orders_total";
const DURATION: &str = "cluster_order_duration_seconds";
const DECLARED: &str = "cluster_order_duration_declared_seconds";
const IN_HAND: &str = "cluster_in_hand";

/// How a receiver has the metrics.
#[derive(Clone, Copy, PartialEq)]
pub enum Way {
    /// Prometheus: scraped, with native histograms.
    Native,
    /// VictoriaMetrics: scraped, with histograms whose buckets are series, and all of them where they are declared.
    Classic,
    /// VictoriaMetrics: pushed to by OTLP, with series for all buckets.
    Otlp,
}

/// A receiver, and one way by which it has the metrics.
pub struct View {
    pub title: &'static str,
    address: String,
    way: Way,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub enum Quantity<'a> {
    /// The orders that were done, with these labels.
    Orders(&'a [(&'a str, &'a str)]),
    /// The same by `increase()`.
    Increase,
    InHand,
    /// Series of the nodes that do not say which service and node they are of.
    Nameless,
    Seconds,
    Mean,
    /// What a share of the orders did not exceed, with these labels.
    Percentile(f64, &'a [(&'a str, &'a str)]),
    /// The same by the declared buckets.
    Declared(f64),
}

/// How far off an answer may be.
#[derive(Clone, Copy)]
pub enum Allowed {
    /// By a share of the truth.
    Share(f64),
    /// It is in the same declared bucket.
    Bucket,
}

/// What is to be compared: its name, what is asked for, and the truth.
pub struct Question<'a> {
    pub name: String,
    pub quantity: Quantity<'a>,
    pub truth: f64,
}

/// All questions.
pub fn all(truth: &Truth) -> Vec<Question<'static>> {
    const NODES: [&[(&str, &str)]; 3] = [&[("node", "node-1")], &[("node", "node-2")], &[("node", "node-3")]];
    const OF_KIND: [&[(&str, &str)]; 3] = [&[("kind", KINDS[0])], &[("kind", KINDS[1])], &[("kind", KINDS[2])]];
    let question = |name: String, quantity, truth| Question { name, quantity, truth };
    let mut all = vec![question("orders".to_owned(), Quantity::Orders(&[]), truth.count(None) as f64)];
    for (node, (name, lives)) in NODES.into_iter().zip(&truth.0) {
        let restarted = if lives.len() > 1 { ", killed and restarted" } else { "" };
        let orders = truth.count(Some(name)) as f64;
        all.push(question(format!("orders of {name}{restarted}"), Quantity::Orders(node), orders));
    }
    for (labels, kind) in OF_KIND.into_iter().zip(KINDS) {
        all.push(question(format!("orders of kind {kind}"), Quantity::Orders(labels), truth.count_of(kind) as f64));
    }
    all.push(question("orders in hand".to_owned(), Quantity::InHand, truth.in_hand() as f64));
    all.push(question("series without service or node".to_owned(), Quantity::Nameless, 0.0));
    all.push(question("seconds, sum".to_owned(), Quantity::Seconds, truth.seconds()));
    let mean = truth.seconds() / truth.count(None) as f64;
    all.push(question("seconds, average".to_owned(), Quantity::Mean, mean));
    for share in [0.5, 0.9, 0.99] {
        let name = format!("seconds, {} %", share * 100.0);
        all.push(question(name, Quantity::Percentile(share, &[]), truth.percentile(share, None)));
    }
    for share in [0.5, 0.9, 0.99] {
        let name = format!("seconds, {} %, declared buckets", share * 100.0);
        all.push(question(name, Quantity::Declared(share), truth.percentile(share, None)));
    }
    let letters = truth.percentile(0.99, Some(KINDS[0]));
    all.push(question(format!("seconds, 99 % of kind {}", KINDS[0]), Quantity::Percentile(0.99, OF_KIND[0]), letters));
    all.push(question("orders by increase()".to_owned(), Quantity::Increase, truth.count(None) as f64));
    all
}

impl View {
    pub fn new(title: &'static str, address: &str, way: Way) -> Self {
        Self { title, address: format!("http://{address}"), way }
    }

    /// The answer to a question of what has happened in this last time; `None` if it can't be asked.
    pub fn ask(&self, quantity: Quantity<'_>, window: Duration) -> Option<Result<f64, Failure>> {
        Some(ask::number(&self.address, &self.way.query(quantity, window)?))
    }

    /// How many nodes it knows.
    pub fn nodes(&self) -> Result<f64, Failure> {
        ask::number(&self.address, &format!("count({IN_HAND}{})", self.way.selector(&[])))
    }

    /// How many orders a node tells that it has done, of a process that runs.
    pub fn told_by(&self, node: &str) -> Result<f64, Failure> {
        ask::number(&self.address, &format!("sum({ORDERS}{})", self.way.selector(&[("node", node)])))
    }

    /// What the nodes tell now, added up as if none had been restarted.
    pub fn told_now(&self) -> Result<f64, Failure> {
        ask::number(&self.address, &format!("sum({ORDERS}{})", self.way.selector(&[])))
    }

    /// How far off its answer may be.
    pub fn allowed(&self, quantity: Quantity<'_>, worked: Duration) -> Allowed {
        match (quantity, self.way) {
            (Quantity::Orders(_) | Quantity::InHand | Quantity::Nameless, _)
            | (Quantity::Increase, Way::Classic | Way::Otlp) => Allowed::Share(0.0),
            // What floats lose when they are added up in another order.
            (Quantity::Seconds | Quantity::Mean, _) => Allowed::Share(1e-9),
            // It guesses what happened up to a scrape before the first sample, and after the last.
            (Quantity::Increase, Way::Native) => Allowed::Share(2.0 / worked.as_secs_f64()),
            // What the library states: eight buckets for each power of two.
            (Quantity::Percentile(..), _) => Allowed::Share(0.045),
            (Quantity::Declared(_), _) => Allowed::Bucket,
        }
    }
}

impl Way {
    /// Of this service, with these labels besides.
    fn selector(self, labels: &[(&str, &str)]) -> String {
        let mut wanted = vec![("service", SERVICE)];
        wanted.extend(labels);
        let name = |name| match (self, name) {
            // The names that OpenTelemetry has for the identity.
            (Self::Otlp, "service") => "service_name",
            (Self::Otlp, "node") => "service_instance_id",
            _ => name,
        };
        let wanted: Vec<String> =
            wanted.into_iter().map(|(label, value)| format!("{}={value:?}", name(label))).collect();
        format!("{{{}}}", wanted.join(","))
    }

    /// The query for it, of what has happened in this last time.
    fn query(self, quantity: Quantity<'_>, window: Duration) -> Option<String> {
        let window = format!("{}s", window.as_secs() + 1);
        let all = self.selector(&[]);
        let [count, sum] = match self {
            Self::Native => ["count", "sum"].map(|part| format!("histogram_{part}({DURATION}{all})")),
            Self::Classic | Self::Otlp => ["count", "sum"].map(|part| format!("{DURATION}_{part}{all}")),
        };
        Some(match quantity {
            Quantity::Orders(labels) => self.total(&format!("{ORDERS}{}", self.selector(labels)), &window),
            Quantity::Increase => format!("sum(increase({ORDERS}{all}[{window}]))"),
            Quantity::InHand => format!("sum({IN_HAND}{all})"),
            Quantity::Nameless => self.nameless(),
            Quantity::Seconds => self.total(&sum, &window),
            Quantity::Mean => format!("({}) / ({})", self.total(&sum, &window), self.total(&count, &window)),
            Quantity::Percentile(share, labels) => {
                let labels = self.selector(labels);
                let buckets = match self {
                    Self::Native => format!("sum(increase({DURATION}{labels}[{window}]))"),
                    Self::Otlp => format!("sum by (vmrange) (increase_pure({DURATION}_bucket{labels}[{window}]))"),
                    // As text there are powers of two alone: far from the error that the library states.
                    Self::Classic => return None,
                };
                format!("histogram_quantile({share}, {buckets})")
            }
            Quantity::Declared(share) => {
                let increase = if self == Self::Native { "increase" } else { "increase_pure" };
                format!("histogram_quantile({share}, sum by (le) ({increase}({DECLARED}_bucket{all}[{window}])))")
            }
        })
    }

    fn nameless(self) -> String {
        let without = match self {
            // What the receiver itself tells of a scrape is not of the node.
            Self::Native | Self::Classic => ["service", "node"]
                .map(|label| format!("count({{job=\"cluster\",__name__!~\"up|scrape_.*\",{label}=\"\"}})")),
            Self::Otlp => ["service_name", "service_instance_id"]
                .map(|label| format!("count({{telemetry_sdk_name=\"runtime-metrics\",{label}=\"\"}})")),
        };
        without.map(|count| format!("({count} or vector(0))")).join(" + ")
    }

    /// All that was ever counted, in all series and through all restarts, to the unit.
    fn total(self, counter: &str, window: &str) -> String {
        match self {
            // `increase()` guesses what happened between the edges of the window and the first and the last sample.
            // This does not: it is what each counter says now, and what it said before each time that it fell.
            Self::Native => {
                let now = format!("last_over_time({counter}[1m:1s])");
                let before = format!("last_over_time({counter}[1m:1s] offset 1s)");
                format!("sum({now}) + (sum(sum_over_time(({before} > {now})[{window}:1s])) or vector(0))")
            }
            // Here it guesses nothing.
            Self::Classic | Self::Otlp => format!("sum(increase_pure({counter}[{window}]))"),
        }
    }
}

impl Allowed {
    /// Whether an answer is as near to the truth as it may be.
    pub fn is_near(self, answer: f64, truth: f64) -> bool {
        match self {
            Self::Share(share) => (answer - truth).abs() <= share * truth.abs(),
            Self::Bucket => {
                let bucket = BOUNDS.partition_point(|bound| *bound < truth);
                let lower = bucket.checked_sub(1).map_or(0.0, |below| BOUNDS[below]);
                let upper = BOUNDS.get(bucket).copied().unwrap_or(f64::INFINITY);
                // What `increase()` guesses can shift a truth that is at the edge.
                (0.98 * lower..=1.02 * upper).contains(&answer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_may_be_as_far_off_as_its_buckets_are_wide() {
        for (answer, allowed, near) in [
            (0.0104, Allowed::Share(0.045), true),
            (0.0105, Allowed::Share(0.045), false),
            (0.0096, Allowed::Share(0.045), true),
            (0.0095, Allowed::Share(0.045), false),
            (0.0051, Allowed::Bucket, true),
            (0.0048, Allowed::Bucket, false),
            (0.0103, Allowed::Bucket, false),
            (f64::NAN, Allowed::Bucket, false),
            (f64::NAN, Allowed::Share(0.045), false),
        ] {
            assert_eq!(allowed.is_near(answer, 0.01), near, "{answer}");
        }
    }
}
