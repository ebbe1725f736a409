//! The summary of one span: for each metric and each set of tags how many values there were, the
//! least, the largest and the sum, as RFC 0123 has it.

use crate::lock::Mutex;
use crate::metric::Kind;
use crate::registry::Series;
use sentry_core::protocol::{Unit, Value as Json};
use serde_json::{Map, Number};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Under which key a span has its summary.
pub(super) const KEY: &str = "_metrics_summary";
/// How many entries one span may have: a span in which labels explode stays small.
const ENTRIES: usize = 32;
/// How long it may be as text: Relay cuts a transaction's summary from 7,600 bytes on.
const BYTES: usize = 7_000;
/// How long an entry is without its tags, when its numbers are as long as they get.
const NUMBERS: usize = 150;
/// How many characters of a tag's value are kept.
const TAG_LEN: usize = 200;
/// How many series a thread keeps the text of.
const KNOWN: usize = 1024;

/// What a summary says of a series: its resource identifier and its tags.
#[derive(Debug)]
pub(super) struct Named {
    key: String,
    pub(super) tags: Map<String, Json>,
}

thread_local! {
    /// The text of series that this thread has put into summaries, by where they are.
    static NAMED: RefCell<HashMap<*const Series, Rc<Named>>> = RefCell::new(HashMap::new());
}

impl Named {
    /// The text of a series; none for one whose kind no summary knows.
    pub(super) fn of(series: &'static Series) -> Option<Rc<Self>> {
        let known = NAMED.try_with(|named| named.borrow().get(&std::ptr::from_ref(series)).cloned()).ok().flatten();
        if known.is_some() {
            return known;
        }
        let named = Rc::new(Self::new(series)?);
        // Without a thread to keep it in it is made each time.
        let _ = NAMED.try_with(|all| {
            let mut all = all.borrow_mut();
            if all.len() >= KNOWN {
                all.clear();
            }
            all.insert(series, Rc::clone(&named));
        });
        Some(named)
    }

    fn new(series: &'static Series) -> Option<Self> {
        let family = series.family();
        let kind = match family.kind {
            Kind::Counter => 'c',
            Kind::Gauge => 'g',
            Kind::Histogram | Kind::Summary => 'd',
            Kind::Set => 's',
            Kind::Rate => return None,
        };
        let name = clean(&family.name);
        let unit = family.text.lock().unit.to_string();
        // Sentry's own word for the unit, where it has one.
        let unit = serde_json::to_value(Unit::from(unit)).unwrap_or_default();
        let key = match unit.as_str() {
            None | Some("" | "none" | "1") => format!("{kind}:{name}"),
            Some(unit) => format!("{kind}:{name}@{}", clean(unit)),
        };
        let labels = series.labels();
        let tags =
            labels.iter().map(|(name, value)| (clean(name), value.chars().take(TAG_LEN).collect::<String>().into()));
        Some(Self { key, tags: tags.collect() })
    }
}

/// With what is not allowed in an identifier replaced.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') { c } else { '_' }).collect()
}

/// One more value in an entry of a span's summary; `false` if it has no such entry.
pub(super) fn grow(summary: &mut Json, named: &Named, value: f64) -> bool {
    let entries = summary.get_mut(&named.key).and_then(Json::as_array_mut);
    let entry = entries.and_then(|entries| entries.iter_mut().find(|entry| named.is_tagged(entry)));
    let Some(entry) = entry.and_then(Json::as_object_mut) else { return false };
    grow_entry(entry, value);
    true
}

/// A new entry in a span's summary, which may not be there yet; `false` if there is no room.
pub(super) fn add(summary: &mut Json, named: &Named, value: f64) -> bool {
    if !summary.is_object() {
        *summary = Json::Object(Map::new());
    }
    let Json::Object(metrics) = summary else { return false };
    let (entries, bytes) = size(metrics);
    if entries >= ENTRIES || bytes + named.long() > BYTES {
        return false;
    }
    let mut entry = Map::new();
    for name in ["min", "max", "sum"] {
        entry.insert(name.to_owned(), number(value));
    }
    entry.insert("count".to_owned(), 1.into());
    if !named.tags.is_empty() {
        entry.insert("tags".to_owned(), Json::Object(named.tags.clone()));
    }
    match metrics.get_mut(&named.key) {
        Some(Json::Array(entries)) => entries.push(Json::Object(entry)),
        _ => drop(metrics.insert(named.key.clone(), Json::Array(vec![Json::Object(entry)]))),
    }
    true
}

/// How long the summaries of one trace may become together: Sentry takes transactions of a megabyte.
const TRACE_BYTES: usize = 256 << 10;
/// How many traces are remembered.
const TRACES: usize = 4_096;

/// Whether the summaries of a trace have room for a new entry, which is then taken.
pub(super) fn fits(trace: Option<[u8; 16]>, named: &Named) -> bool {
    static TAKEN: Mutex<Option<HashMap<[u8; 16], usize>>> = Mutex::new(None);
    let mut taken = TAKEN.lock();
    let taken = taken.get_or_insert_default();
    if taken.len() >= TRACES {
        taken.clear();
    }
    let bytes = taken.entry(trace.unwrap_or_default()).or_default();
    let fits = *bytes + named.long() <= TRACE_BYTES;
    if fits {
        *bytes += named.long();
    }
    fits
}

/// How many entries a summary has, and how long it may become as text.
fn size(metrics: &Map<String, Json>) -> (usize, usize) {
    let lists = metrics.iter().filter_map(|(key, list)| Some((key, list.as_array()?)));
    lists.fold((0, 2), |(entries, bytes), (key, list)| {
        let tags = list.iter().filter_map(|entry| entry.get("tags")?.as_object());
        (entries + list.len(), bytes + key.len() + 6 + list.len() * NUMBERS + tags.map(long).sum::<usize>())
    })
}

/// How long tags are as text, but for what has to be escaped.
fn long(tags: &Map<String, Json>) -> usize {
    tags.iter().map(|(name, value)| name.len() + value.as_str().map_or(0, str::len) + 6).sum()
}

impl Named {
    /// How long an entry may become as text.
    fn long(&self) -> usize {
        self.key.len() + NUMBERS + long(&self.tags)
    }

    fn is_tagged(&self, entry: &Json) -> bool {
        entry.get("tags").and_then(Json::as_object).map_or(self.tags.is_empty(), |tags| *tags == self.tags)
    }
}

/// One more value in an entry.
fn grow_entry(entry: &mut Map<String, Json>, value: f64) {
    for (name, with) in [("min", f64::min as fn(f64, f64) -> f64), ("max", f64::max), ("sum", |sum, value| sum + value)]
    {
        if let Some(number_now) = entry.get_mut(name) {
            let now = number_now.as_f64().unwrap_or(value);
            let grown = with(now, value);
            if grown != now {
                *number_now = number(grown);
            }
        }
    }
    if let Some(count) = entry.get_mut("count") {
        *count = (count.as_u64().unwrap_or(0) + 1).into();
    }
}

/// A number as short as it can be written. A sum that overflows is the largest there is.
fn number(value: f64) -> Json {
    const EXACT: f64 = (1u64 << 53) as f64;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        return (value as i64).into();
    }
    Number::from_f64(value.clamp(f64::MIN, f64::MAX)).map_or(Json::Null, Json::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(summary: &mut Json, named: &Named, value: f64) -> bool {
        grow(summary, named, value) || add(summary, named, value)
    }

    fn named(key: &str, tags: &[(&str, &str)]) -> Named {
        Named { key: key.into(), tags: tags.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect() }
    }

    #[test]
    fn values_of_one_metric_and_tags_are_one_entry() {
        let mut summary = Json::Null;
        let (red, blue) = (named("c:orders", &[("shop", "red")]), named("c:orders", &[("shop", "blue")]));
        for (named, value) in [(&red, 1.0), (&blue, 5.0), (&red, 3.0), (&named("d:wait@second", &[]), 0.25)] {
            assert!(record(&mut summary, named, value));
        }
        let expected = json!({
            "c:orders": [
                {"min": 1, "max": 3, "count": 2, "sum": 4, "tags": {"shop": "red"}},
                {"min": 5, "max": 5, "count": 1, "sum": 5, "tags": {"shop": "blue"}},
            ],
            "d:wait@second": [{"min": 0.25, "max": 0.25, "count": 1, "sum": 0.25}],
        });
        assert_eq!(summary, expected);
    }

    #[test]
    fn a_span_has_so_many_entries_and_no_more() {
        let mut summary = Json::Null;
        for number in 0..ENTRIES {
            assert!(record(&mut summary, &named("c:calls", &[("u", &number.to_string())]), 1.0));
        }
        assert!(!record(&mut summary, &named("c:calls", &[("u", "one more")]), 1.0));
        assert!(!record(&mut summary, &named("c:other", &[]), 1.0));
        assert!(record(&mut summary, &named("c:calls", &[("u", "7")]), 1.0));
    }

    #[test]
    fn a_summary_is_so_long_and_no_longer() {
        let mut summary = Json::Null;
        let added = (0..ENTRIES).filter(|number| {
            let long = format!("{number:0>150}");
            record(&mut summary, &named("c:calls", &[("user", &long)]), 1.0)
        });
        assert!((12..ENTRIES).contains(&added.count()));
        assert!(serde_json::to_vec(&summary).unwrap().len() <= BYTES);
    }

    #[test]
    fn numbers_stay_numbers() {
        let mut summary = Json::Null;
        for value in [f64::MAX, f64::MAX, -0.5] {
            record(&mut summary, &named("d:large", &[]), value);
        }
        assert_eq!(summary["d:large"][0]["sum"], json!(f64::MAX));
        assert_eq!(summary["d:large"][0]["min"], json!(-0.5));
    }

    #[test]
    fn the_summaries_of_one_trace_have_room_for_so_much() {
        let one = named("c:calls", &[("user", "anna")]);
        let fits_in = |trace: u8| (0..5_000).filter(|_| fits(Some([trace; 16]), &one)).count();
        let fitted = fits_in(250);
        assert!((1_000..4_999).contains(&fitted), "{fitted}");
        assert_eq!((fits_in(250), fits_in(251)), (0, fitted));
    }
}
