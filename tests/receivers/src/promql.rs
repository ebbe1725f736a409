//! What a store that knows PromQL has, compared with what was recorded.

use crate::known::{BOUNDS, IDENTITY, Known, Labels, SHARES, labels};
use crate::{get, until};
use serde_json::Value;
use std::collections::BTreeMap;

/// One series of an answer.
#[derive(Clone, Debug)]
pub struct Sample {
    /// All its labels.
    pub labels: Labels,
    /// Its value; `NaN` of a native histogram.
    pub value: f64,
    /// What is native: count, sum and buckets, each with its bounds.
    pub native: Option<(f64, f64, Vec<[f64; 3]>)>,
}

/// How histograms with exponential buckets have arrived.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Histograms {
    /// By buckets that are series.
    Classic,
    /// In one native histogram.
    Native,
}

/// A number as texts have it.
fn number(value: &Value) -> Result<f64, String> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| format!("{value} is no number"))
}

/// What the store at this address answers to a query.
///
/// # Errors
///
/// It answers no vector.
pub fn query(address: &str, query: &str) -> Result<Vec<Sample>, String> {
    let answer = get(&format!("{address}/api/v1/query"), &[("query", query)])?;
    let series = answer["data"]["result"].as_array().ok_or_else(|| format!("{query}: {answer}"))?;
    series.iter().map(sample).collect()
}

fn sample(series: &Value) -> Result<Sample, String> {
    let own = series["metric"].as_object().ok_or("no labels")?;
    let labels = own.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    let labels = labels.collect();
    let histogram = &series["histogram"][1];
    if histogram.is_null() {
        return Ok(Sample { labels, value: number(&series["value"][1])?, native: None });
    }
    let buckets = histogram["buckets"].as_array().cloned().unwrap_or_default();
    let bucket = |bucket: &Value| Ok([number(&bucket[1])?, number(&bucket[2])?, number(&bucket[3])?]);
    let buckets = buckets.iter().map(bucket).collect::<Result<_, String>>()?;
    let native = Some((number(&histogram["count"])?, number(&histogram["sum"])?, buckets));
    Ok(Sample { labels, value: f64::NAN, native })
}

/// Waits until the store has exactly what is known, in series with these labels besides: `job="a"`.
#[track_caller]
pub fn compare(address: &str, known: &Known, selector: &str, histograms: Histograms) {
    until("what the store has", || Store { address, selector }.has(known, histograms));
}

struct Store<'a> {
    address: &'a str,
    selector: &'a str,
}

impl Store<'_> {
    fn has(&self, known: &Known, histograms: Histograms) -> Result<(), String> {
        let Known { prefix, .. } = known;
        let orders = known.orders.iter().map(|(kind, count)| (labels(&[("kind", kind)]), *count as f64));
        self.numbers(&format!("{prefix}_orders_total"), orders, 0.0)?;
        self.numbers(&format!("{prefix}_busy_seconds_total"), [(Labels::new(), known.busy as f64 / 1e3)], 1e-12)?;
        let levels = known.levels.iter().map(|(at, value)| (labels(&[("at", at)]), *value));
        self.numbers(&format!("{prefix}_level"), levels, 0.0)?;
        self.declared(known)?;
        self.summary(known)?;
        self.octaves(&format!("{prefix}_pause_seconds"), &known.pauses, 1e-3)?;
        let name = format!("{prefix}_latency_seconds");
        match histograms {
            Histograms::Classic => self.octaves(&name, &known.latencies, 1.0),
            Histograms::Native => self.native(&name, &known.latencies),
        }
    }

    /// The series of this name; without what all have.
    fn series(&self, name: &str) -> Result<BTreeMap<Labels, Sample>, String> {
        let samples = query(self.address, &format!("{name}{{{}}}", self.selector))?;
        let mut found = BTreeMap::new();
        for mut sample in samples {
            for (name, value) in [("service", IDENTITY[0]), ("node", IDENTITY[1])] {
                if sample.labels.remove(name).as_deref() != Some(value) {
                    return Err(format!("{sample:?} is not from {value}"));
                }
            }
            for name in ["__name__", "job", "instance"] {
                sample.labels.remove(name);
            }
            if let Some(other) = found.insert(sample.labels.clone(), sample) {
                return Err(format!("{other:?} is there twice"));
            }
        }
        Ok(found)
    }

    fn numbers(&self, name: &str, wanted: impl IntoIterator<Item = (Labels, f64)>, error: f64) -> Result<(), String> {
        let found = self.series(name)?;
        let mut wanted: BTreeMap<Labels, f64> = wanted.into_iter().collect();
        // An empty label is none to Prometheus.
        wanted = wanted.into_iter().map(|(labels, value)| (without_empty(labels), value)).collect();
        let missing: Vec<_> = wanted.keys().filter(|labels| !found.contains_key(*labels)).collect();
        let strange: Vec<_> = found.keys().filter(|labels| !wanted.contains_key(*labels)).collect();
        if !missing.is_empty() || !strange.is_empty() {
            return Err(format!("{name}: {missing:?} are missing, {strange:?} are not known"));
        }
        for (labels, wanted) in wanted {
            is(&format!("{name}{labels:?}"), found[&labels].value, wanted, error)?;
        }
        Ok(())
    }

    fn declared(&self, known: &Known) -> Result<(), String> {
        let name = format!("{}_size_bytes", known.prefix);
        let with = |kind| labels(&[("kind", kind)]);
        let counts = known.sizes.iter().map(|(kind, values)| (with(kind), values.len() as f64));
        self.numbers(&format!("{name}_count"), counts, 0.0)?;
        let sums = known.sizes.iter().map(|(kind, values)| (with(kind), values.iter().sum()));
        self.numbers(&format!("{name}_sum"), sums, 1e-9)?;
        let buckets = known.sizes.iter().flat_map(|(kind, values)| {
            BOUNDS.into_iter().chain([f64::INFINITY]).map(|bound| {
                let below = values.iter().filter(|value| **value <= bound).count();
                let bound = if bound.is_finite() { format!("{bound:?}") } else { "+Inf".to_owned() };
                (labels(&[("kind", kind), ("le", &bound)]), below as f64)
            })
        });
        self.numbers(&format!("{name}_bucket"), buckets, 0.0)
    }

    fn summary(&self, known: &Known) -> Result<(), String> {
        let name = format!("{}_wait_seconds", known.prefix);
        self.numbers(&format!("{name}_count"), [(Labels::new(), known.waits.len() as f64)], 0.0)?;
        self.numbers(&format!("{name}_sum"), [(Labels::new(), known.waits.iter().sum())], 1e-9)?;
        let quantiles =
            SHARES.map(|share| (labels(&[("quantile", &share.to_string())]), quantile(&known.waits, share)));
        self.numbers(&name, quantiles, 0.011)
    }

    /// A histogram by its powers of two.
    fn octaves(&self, name: &str, values: &[f64], factor: f64) -> Result<(), String> {
        self.numbers(&format!("{name}_count"), [(Labels::new(), values.len() as f64)], 0.0)?;
        self.numbers(&format!("{name}_sum"), [(Labels::new(), values.iter().sum::<f64>() * factor)], 1e-9)?;
        let buckets = self.series(&format!("{name}_bucket"))?;
        let mut full = 0;
        for (labels, sample) in &buckets {
            let bound: f64 = labels.get("le").and_then(|le| le.parse().ok()).ok_or("no bound")?;
            let below = values.iter().filter(|value| **value * factor <= bound).count();
            is(&format!("{name}_bucket{labels:?}"), sample.value, below as f64, 0.0)?;
            full += usize::from(below == values.len());
        }
        if buckets.len() < 5 || full < 2 || !buckets.contains_key(&labels(&[("le", "+Inf")])) {
            return Err(format!("{name} has the buckets {:?}", buckets.keys()));
        }
        Ok(())
    }

    fn native(&self, name: &str, values: &[f64]) -> Result<(), String> {
        let series = self.series(name)?;
        let found = series.get(&Labels::new()).and_then(|sample| sample.native.as_ref());
        let Some((count, sum, buckets)) = found.filter(|_| series.len() == 1) else {
            return Err(format!("{name} is no native histogram: {series:?}"));
        };
        is(name, *count, values.len() as f64, 0.0)?;
        is(name, *sum, values.iter().sum(), 1e-9)?;
        for [lower, upper, count] in buckets {
            let inside = values.iter().filter(|value| *lower < **value && **value <= *upper).count();
            is(&format!("{name} from {lower} to {upper}"), *count, inside as f64, 0.0)?;
        }
        is(name, buckets.iter().map(|[_, _, count]| count).sum(), *count, 0.0)?;
        for share in [0.01, 0.5, 0.9, 0.99, 0.999] {
            let asked = format!("histogram_quantile({share}, {name}{{{}}})", self.selector);
            let answer = query(self.address, &asked)?;
            let [found] = &answer[..] else { return Err(format!("{asked}: {answer:?}")) };
            is(&asked, found.value, quantile(values, share), 0.045)?;
        }
        Ok(())
    }
}

fn without_empty(labels: Labels) -> Labels {
    labels.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// Whether it is that, but for an error that is a share of it.
pub fn is(what: &str, found: f64, wanted: f64, error: f64) -> Result<(), String> {
    if found == wanted || (found - wanted).abs() <= error * wanted.abs() {
        return Ok(());
    }
    Err(format!("{what} is {found:?}, not {wanted:?}"))
}

/// The value that this share of the values does not exceed.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}
