//! What a daemon makes of the datagrams.

use super::*;
use crate::metric::{Buckets, Kind};
use crate::names;
use crate::registry::Identity;
use crate::snapshot::{Distribution, SeriesSnapshot, SummarySnapshot};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

type Series<'a> = (&'a [(&'a str, &'a str)], Reading);

fn family(name: &str, series: &[Series<'_>]) -> FamilySnapshot {
    let labels = |labels: &[(&str, &str)]| {
        crate::LabelSet::new(labels.iter().map(|(name, value)| ((*name).to_owned().into(), (*value).into())))
    };
    let series = series.iter().map(|(own, value)| SeriesSnapshot {
        labels: labels(own),
        value: value.clone(),
        exemplars: Vec::new(),
    });
    FamilySnapshot {
        name: name.to_owned(),
        kind: Kind::Counter,
        help: String::new(),
        unit: String::new(),
        series: series.collect(),
        exposed: names::exposed(name, Kind::Counter, ""),
    }
}

fn snapshot(families: Vec<FamilySnapshot>) -> Snapshot {
    Snapshot { time: SystemTime::UNIX_EPOCH, identity: Identity::new("", ""), families }
}

fn one(name: &str, reading: Reading) -> Snapshot {
    snapshot(vec![family(name, &[(&[], reading)])])
}

fn seen(values: &[f64]) -> Distribution {
    let buckets = Buckets::Explicit(&[1.0, 10.0, 100.0]);
    let mut counts = vec![0; 4];
    for value in values {
        counts[buckets.index(*value) as usize] += 1;
    }
    let (min, max) = (values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max));
    Distribution { count: values.len() as u64, sum: values.iter().sum(), min, max, counts, buckets }
}

fn summary(count: u64, sum: f64, quantiles: &[(f64, Option<f64>)]) -> Reading {
    let (quantiles, window) = (quantiles.to_vec(), Duration::from_secs(60));
    Reading::Summary(SummarySnapshot { count, sum, min: None, max: None, quantiles, window })
}

/// The lines of a collection, all delivered.
fn told(lines: &mut Lines, snapshot: &Snapshot) -> Vec<String> {
    let mut told = Vec::new();
    lines.each(snapshot, |datagram| {
        told.extend(std::str::from_utf8(datagram).unwrap().split('\n').map(str::to_owned));
        true
    });
    told
}

fn lose(lines: &mut Lines, snapshot: &Snapshot) -> Sent {
    lines.each(snapshot, |_| false)
}

fn statsd() -> Lines {
    Lines::new(Dialect::StatsD, 1432)
}

#[test]
fn a_counter_is_told_by_its_gain() {
    let mut lines = statsd();
    let counter = |count| one("orders", Reading::Counter(count));
    assert_eq!(told(&mut lines, &counter(3)), ["orders:3|c"]);
    assert!(told(&mut lines, &counter(3)).is_empty());
    assert_eq!(told(&mut lines, &counter(5)), ["orders:2|c"]);
    // Exactly, though no float is as exact.
    assert_eq!(told(&mut lines, &counter(u64::MAX)), [format!("orders:{}|c", u64::MAX - 5)]);
}

#[test]
fn what_was_not_delivered_is_told_with_the_next_collection() {
    let mut lines = statsd();
    let counter = |count| one("orders", Reading::Counter(count));
    assert_eq!(lose(&mut lines, &counter(3)), Sent { delivered: 0, lost: 1, too_long: 0 });
    assert_eq!(told(&mut lines, &counter(5)), ["orders:5|c"]);
    lose(&mut lines, &counter(7));
    assert_eq!(told(&mut lines, &counter(7)), ["orders:2|c"]);
}

#[test]
fn what_began_anew_is_told_from_its_start_also_if_that_was_lost() {
    let mut lines = statsd();
    for reading in [|n: u64| Reading::Counter(n), |n| Reading::CounterFloat(n as f64), |n| summary(n, n as f64, &[])] {
        let at = |count| one("orders", reading(count));
        let gains = |told: Vec<String>| told.iter().all(|line| line.ends_with(":7|c")) && !told.is_empty();
        told(&mut lines, &at(5));
        lose(&mut lines, &at(2));
        assert!(gains(told(&mut lines, &at(7))));
        // Also if there was nothing to tell of its start.
        assert!(told(&mut lines, &at(0)).is_empty());
        assert!(gains(told(&mut lines, &at(7))));
        told(&mut lines, &snapshot(Vec::new()));
    }
    told(&mut lines, &one("sizes", Reading::Distribution(seen(&[5.0; 5]))));
    lose(&mut lines, &one("sizes", Reading::Distribution(seen(&[5.0; 2]))));
    let all = told(&mut lines, &one("sizes", Reading::Distribution(seen(&[5.0; 7]))));
    assert_eq!(all[..2], ["sizes.count:7|c", "sizes.sum:35|c"]);
}

#[test]
fn a_series_that_is_gone_is_forgotten() {
    let mut lines = statsd();
    told(&mut lines, &one("orders", Reading::Counter(3)));
    assert_eq!(lines.known.len(), 1);
    told(&mut lines, &snapshot(Vec::new()));
    assert_eq!(lines.known.len(), 0);
    assert_eq!(told(&mut lines, &one("orders", Reading::Counter(4))), ["orders:4|c"]);
    // Gauges are never remembered.
    told(&mut lines, &one("level", Reading::Gauge(4.0)));
    assert_eq!(lines.known.len(), 0);
}

#[test]
fn what_counted_before_the_program_is_not_told() {
    let mut lines = statsd();
    let mut collect = |value: f64| {
        let now = one("sent", Reading::CounterFloat(value));
        lines.start_from(&now.families[0]);
        told(&mut lines, &now)
    };
    assert!(collect(f64::NAN).is_empty());
    assert!(collect(1e12).is_empty());
    assert_eq!(collect(1e12 + 5.5), ["sent:5.5|c"]);
}

#[test]
fn a_gauge_is_told_each_time_and_a_negative_one_from_zero() {
    let gauge = |value| one("level", Reading::Gauge(value));
    let mut lines = statsd();
    for _ in 0..2 {
        assert_eq!(told(&mut lines, &gauge(2.5)), ["level:2.5|g"]);
    }
    assert_eq!(told(&mut lines, &gauge(-2.5)), ["level:0|g", "level:-2.5|g"]);
    assert_eq!(told(&mut lines, &gauge(-0.0)), ["level:0|g"]);
    let mut lines = Lines::new(Dialect::DogStatsD, 1432);
    assert_eq!(told(&mut lines, &gauge(-2.5)), ["level:-2.5|g"]);
}

#[test]
fn numbers_have_no_exponent_and_what_is_none_is_not_told() {
    let mut lines = statsd();
    let gauge = |value| one("level", Reading::Gauge(value));
    for value in [1e21, 1e300, f64::MAX, 1e-7, 5e-324, 0.1 + 0.2, 123_456_789.125] {
        let [line] = &told(&mut lines, &gauge(value))[..] else { panic!("{value}") };
        let digits = line.strip_prefix("level:").unwrap().strip_suffix("|g").unwrap();
        assert!(digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'), "{digits}");
        assert_eq!(digits.parse(), Ok(value));
    }
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(told(&mut lines, &gauge(value)).is_empty());
    }
}

#[test]
fn a_counter_that_was_no_number_for_a_while_goes_on() {
    let mut lines = statsd();
    let counter = |value| one("busy", Reading::CounterFloat(value));
    assert_eq!(told(&mut lines, &counter(5.0)), ["busy:5|c"]);
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(told(&mut lines, &counter(value)).is_empty());
    }
    assert_eq!(told(&mut lines, &counter(7.0)), ["busy:2|c"]);
}

#[test]
fn a_histogram_tells_what_was_observed_since() {
    let mut lines = statsd();
    let histogram = |values: &[f64]| one("sizes", Reading::Distribution(seen(values)));
    let all = ["sizes.count:1|c", "sizes.sum:5|c", "sizes.p50:5|g", "sizes.p95:5|g", "sizes.p99:5|g", "sizes.max:5|g"];
    assert_eq!(told(&mut lines, &histogram(&[5.0])), all);
    assert!(told(&mut lines, &histogram(&[5.0])).is_empty());
    lose(&mut lines, &histogram(&[5.0, 50.0]));
    let later = told(&mut lines, &histogram(&[5.0, 50.0]));
    assert_eq!((&*later[0], &*later[1], &*later[5]), ("sizes.count:1|c", "sizes.sum:50|c", "sizes.max:50|g"));
    // A sum may fall; a gauge below zero begins at zero.
    let fallen = told(&mut lines, &histogram(&[5.0, 50.0, -7.0]));
    assert_eq!(fallen[..2], ["sizes.count:1|c", "sizes.sum:-7|c"]);
    assert_eq!(fallen[2], "sizes.p50:0|g");
    assert!(fallen[3].starts_with("sizes.p50:-"), "{fallen:?}");
}

#[test]
fn a_summary_tells_its_quantiles() {
    let mut lines = Lines::new(Dialect::DogStatsD, 1432);
    let series = (&[("kind", "a")][..], summary(2, 2.5, &[(0.5, Some(1.0)), (0.999, Some(1.5))]));
    assert_eq!(
        told(&mut lines, &snapshot(vec![family("waits", &[series])])),
        ["waits.count:2|c|#kind:a", "waits.sum:2.5|c|#kind:a", "waits.p50:1|g|#kind:a", "waits.p99_9:1.5|g|#kind:a"]
    );
    let series = (&[("kind", "a")][..], summary(2, 2.5, &[(0.5, Some(1.0)), (0.999, None)]));
    assert_eq!(told(&mut lines, &snapshot(vec![family("waits", &[series])])), ["waits.p50:1|g|#kind:a"]);
}

#[test]
fn datagrams_are_filled_and_none_is_too_long() {
    let gauges: Vec<_> =
        ["a", "bb", "ccc", "dddd"].map(|name| family(name, &[(&[], Reading::Gauge(1.0))])).into_iter().collect();
    let mut datagrams = Vec::new();
    let mut collect = |mtu| {
        datagrams.clear();
        let sent = Lines::new(Dialect::StatsD, mtu).each(&snapshot(gauges.clone()), |datagram| {
            datagrams.push(String::from_utf8(datagram.to_vec()).unwrap());
            true
        });
        (sent, datagrams.clone())
    };
    let sent = |delivered, too_long| Sent { delivered, lost: 0, too_long };
    assert_eq!(collect(12), (sent(3, 0), vec!["a:1|g\nbb:1|g".into(), "ccc:1|g".into(), "dddd:1|g".into()]));
    assert_eq!(collect(11).1, ["a:1|g", "bb:1|g", "ccc:1|g", "dddd:1|g"]);
    assert_eq!(collect(7), (sent(3, 1), vec!["a:1|g".into(), "bb:1|g".into(), "ccc:1|g".into()]));
    assert_eq!(collect(0), (sent(0, 4), Vec::new()));
    assert_eq!(collect(usize::MAX).1, ["a:1|g\nbb:1|g\nccc:1|g\ndddd:1|g"]);
}

#[test]
fn a_series_is_in_one_datagram_or_at_least_what_belongs_together() {
    let histogram = one("sizes", Reading::Distribution(seen(&[5.0])));
    let mut lines = Lines::new(Dialect::StatsD, 30);
    let mut datagrams = Vec::new();
    lines.each(&histogram, |datagram| {
        datagrams.push(String::from_utf8(datagram.to_vec()).unwrap());
        // Only the quantiles are lost.
        datagrams.len() == 1
    });
    assert_eq!(
        datagrams,
        ["sizes.count:1|c\nsizes.sum:5|c", "sizes.p50:5|g\nsizes.p95:5|g", "sizes.p99:5|g\nsizes.max:5|g"]
    );
    assert!(told(&mut lines, &histogram).is_empty());
    // Zero and what is below it never arrive apart.
    let mut lines = Lines::new(Dialect::StatsD, 19);
    let low = one("level", Reading::Gauge(-5.0));
    assert_eq!(lines.each(&low, |_| true), Sent { delivered: 0, lost: 0, too_long: 2 });
}

/// A daemon that is strict about what it reads.
#[derive(Default)]
struct Daemon {
    whole: BTreeMap<String, u128>,
    floats: BTreeMap<String, f64>,
    gauges: BTreeMap<String, f64>,
}

impl Daemon {
    fn read(&mut self, dialect: Dialect, datagram: &[u8]) {
        for line in std::str::from_utf8(datagram).unwrap().split('\n') {
            let (name, rest) = line.split_once(':').unwrap();
            let mut fields = rest.split('|');
            let (value, kind, tags) = (fields.next().unwrap(), fields.next().unwrap(), fields.next());
            assert_eq!(fields.next(), None, "{line}");
            let fits =
                |c: char| c.is_ascii_alphanumeric() || "_.".contains(c) || c == '-' && dialect == Dialect::StatsD;
            assert!(!name.is_empty() && name.chars().all(fits), "{line}");
            let digits = value.strip_prefix('-').unwrap_or(value);
            assert!(
                digits.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())),
                "{line}"
            );
            assert!(digits.split('.').count() <= 2, "{line}");
            let key = match (dialect, tags) {
                (Dialect::StatsD, tags) => {
                    assert!(tags.is_none() && name.split('.').all(|part| !part.is_empty()), "{line}");
                    name.to_owned()
                }
                (Dialect::DogStatsD, None) => name.to_owned(),
                (Dialect::DogStatsD, Some(tags)) => {
                    let tags = tags.strip_prefix('#').unwrap();
                    let fits = |c: char| !(c.is_control() || c == '#');
                    assert!(tags.split(',').all(|tag| !tag.is_empty() && tag.chars().all(fits)), "{line}");
                    format!("{name} {tags}")
                }
            };
            match (kind, value.parse::<u128>()) {
                ("c", Ok(gained)) => *self.whole.entry(key).or_default() += gained,
                ("c", _) => *self.floats.entry(key).or_default() += value.parse::<f64>().unwrap(),
                ("g", _) if dialect == Dialect::StatsD && value.starts_with('-') => {
                    *self.gauges.get_mut(&key).unwrap() += value.parse::<f64>().unwrap();
                }
                ("g", _) => drop(self.gauges.insert(key, value.parse().unwrap())),
                _ => panic!("{line}"),
            }
        }
    }

    fn total(&self, key: &str) -> f64 {
        self.whole.get(key).copied().unwrap_or_default() as f64 + self.floats.get(key).copied().unwrap_or_default()
    }
}

/// As random as a test needs.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

const VALUES: [&str; 4] = ["a", "b c|d", "e,f:g", "é\n#"];

#[test]
fn totals_are_exact_however_many_datagrams_are_lost() {
    for (seed, dialect) in (0..60).flat_map(|seed| [(seed, Dialect::StatsD), (seed, Dialect::DogStatsD)]) {
        let mut dice = Dice(seed);
        let (lossy, mtu) = (dice.below(10), 160 + dice.below(600) as usize);
        let (mut lines, mut daemon) = (Lines::new(dialect, mtu), Daemon::default());
        let (mut counts, mut busy, mut level) = ([0; 4], [0.0; 4], [0.0; 4]);
        let mut sizes: [Vec<f64>; 4] = Default::default();
        for round in 0..30 {
            for at in 0..4 {
                counts[at] += if dice.below(5) == 0 { dice.below(1 << 31) << 29 | 1 } else { dice.below(3) };
                // Eighths, which add up without rounding.
                busy[at] += dice.below(20) as f64 / 8.0;
                level[at] = dice.below(100) as f64 - 50.0;
                for _ in 0..dice.below(4) {
                    sizes[at].push(dice.below(1600) as f64 / 8.0 - 20.0);
                }
            }
            let labels = VALUES.map(|value| [("kind", value)]);
            let all = |reading: &dyn Fn(usize) -> Reading| [0, 1, 2, 3].map(|at| (&labels[at][..], reading(at)));
            let mut snapshot = snapshot(vec![
                family("busy", &all(&|at| Reading::CounterFloat(busy[at]))),
                family("level", &all(&|at| Reading::Gauge(level[at]))),
                family("orders:new", &all(&|at| Reading::Counter(counts[at]))),
                family("sizes", &all(&|at| Reading::Distribution(seen(&sizes[at])))),
                family("waits", &all(&|at| summary(counts[at], busy[at], &[(0.99, Some(level[at]))]))),
            ]);
            snapshot.identity = Identity::new("a shop", "n.1");
            let (mut delivered, mut lost) = (0, 0);
            let sent = lines.each(&snapshot, |datagram| {
                assert!(datagram.len() <= mtu);
                if round < 29 && dice.below(10) < lossy {
                    lost += 1;
                    return false;
                }
                delivered += 1;
                daemon.read(dialect, datagram);
                true
            });
            assert_eq!(sent, Sent { delivered, lost, too_long: 0 });
        }
        assert_eq!(lines.known.len(), 16);
        for at in 0..4 {
            let key = |name: &str| match dialect {
                Dialect::StatsD => {
                    let (name, suffix) = name.split_once('/').unwrap_or((name, ""));
                    format!("a_shop.n_1.{name}.kind.{}{suffix}", ["a", "b_c_d", "e_f_g", "___"][at])
                }
                Dialect::DogStatsD => {
                    let value = ["a", "b c_d", "e_f:g", "é__"][at];
                    format!("{} kind:{value},node:n.1,service:a shop", name.replace('/', ""))
                }
            };
            assert_eq!(daemon.whole[&key("orders_new")], u128::from(counts[at]));
            assert_eq!(daemon.whole[&key("waits/.count")], u128::from(counts[at]));
            assert_eq!(daemon.whole[&key("sizes/.count")], sizes[at].len() as u128);
            assert_eq!(daemon.total(&key("busy")), busy[at]);
            assert_eq!(daemon.total(&key("waits/.sum")), busy[at]);
            assert_eq!(daemon.total(&key("sizes/.sum")), sizes[at].iter().sum::<f64>());
            assert_eq!(daemon.gauges[&key("level")], level[at]);
            assert_eq!(daemon.gauges[&key("waits/.p99")], level[at]);
        }
    }
}

#[test]
fn nothing_that_a_name_or_a_label_has_breaks_a_line() {
    let nasty: Vec<char> = (0..0x250).chain([0x2028, 0x1f600]).filter_map(char::from_u32).collect();
    let texts = nasty.iter().flat_map(|c| [c.to_string(), format!("a{c}"), format!("{c}a"), format!("{c}{c}")]);
    for text in texts.chain([String::new(), "_sc".to_owned(), "..".to_owned()]) {
        // A name may have more than these dots and letters where a check failed to refuse it.
        let name = format!("x{}", text.replace('.', ":"));
        let labels = [(&*text, &*text), ("plain", &*text)];
        for dialect in [Dialect::StatsD, Dialect::DogStatsD] {
            let series = |reading| family(&name, &[(&labels[..], reading)]);
            let mut all = snapshot(vec![series(Reading::Counter(1)), series(Reading::Gauge(-1.0))]);
            all.identity = Identity::new(&*text, &*text);
            let mut daemon = Daemon::default();
            Lines::new(dialect, 1432).each(&all, |datagram| {
                daemon.read(dialect, datagram);
                true
            });
            assert_eq!((daemon.whole.len(), daemon.gauges.len()), (1, 1), "{text:?}");
            assert!(daemon.gauges.values().all(|value| *value == -1.0));
        }
    }
}
