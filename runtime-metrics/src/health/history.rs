//! The recent readings of each built-in metric.

use super::settings::HealthSettings;
use crate::protocol::RuntimeMetric;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// How many series are remembered: a program with more pools and workers than that has others to look at.
const SERIES: usize = 1_024;
/// How many readings of each, which the settings don't let a window exceed.
pub(super) const READINGS: usize = 1_000;

/// The readings, by metric and tags.
#[derive(Debug, Default)]
pub(super) struct History {
    series: HashMap<&'static str, BTreeMap<Tags, Series>>,
    len: usize,
    /// When the last reading was, and the last that stays.
    last: Option<Instant>,
    kept: Option<Instant>,
}

pub(super) type Tags = BTreeMap<String, String>;

/// The readings of one series, oldest first.
#[derive(Debug)]
pub(super) struct Series {
    /// When there was the first.
    began: Instant,
    readings: VecDeque<(Instant, f64)>,
}

impl History {
    /// Remembers what was read now of the metrics that have these names, and forgets what is older than the
    /// window. Until an interval has passed since one that stays, a reading is only there until the next: so what
    /// holds for some readings holds for some time, however often anybody reads.
    pub(super) fn add(
        &mut self,
        now: Instant,
        read: &[RuntimeMetric],
        names: &[&'static str],
        settings: &HealthSettings,
    ) {
        if let Some(last) = self.last
            && self.last != self.kept
        {
            self.each(|series| {
                if series.readings.back().is_some_and(|(at, _)| *at == last) {
                    series.readings.pop_back();
                }
            });
        }
        self.last = Some(now);
        // A thread is never quite on time.
        if self.kept.is_none_or(|kept| now.duration_since(kept) >= settings.interval / 8 * 7) {
            self.kept = self.last;
        }
        for metric in read {
            let Some(name) = names.iter().find(|name| **name == metric.name) else { continue };
            let value = metric.value.as_f64();
            let all = self.series.entry(name).or_default();
            if let Some(series) = all.get_mut(&metric.tags) {
                series.readings.push_back((now, value));
            } else if self.len < SERIES {
                self.len += 1;
                all.insert(metric.tags.clone(), Series { began: now, readings: [(now, value)].into() });
            }
        }
        self.each(|series| series.forget(now, settings.window));
    }

    /// Does something with each series. What is read no more is forgotten with its last reading.
    fn each(&mut self, mut each: impl FnMut(&mut Series)) {
        self.len = 0;
        for all in self.series.values_mut() {
            all.retain(|_, series| {
                each(series);
                !series.readings.is_empty()
            });
            self.len += all.len();
        }
    }

    /// The series of a metric that were read last time, with their tags.
    pub(super) fn of(&self, name: &str, now: Instant) -> impl Iterator<Item = (&Tags, &Series)> {
        let all = self.series.get(name).into_iter().flatten();
        all.filter(move |(_, series)| series.readings.back().is_some_and(|(at, _)| *at == now))
    }

    /// The one series of a metric that has no others, or the first.
    pub(super) fn one(&self, name: &str, now: Instant) -> Option<&Series> {
        self.of(name, now).next().map(|(_, series)| series)
    }

    /// When the last reading was.
    pub(super) fn last(&self) -> Option<Instant> {
        self.last
    }
}

impl Series {
    fn forget(&mut self, now: Instant, window: Duration) {
        let old = |series: &Self| series.readings.front().is_some_and(|(at, _)| now.duration_since(*at) > window);
        while self.readings.len() > READINGS || old(self) {
            self.readings.pop_front();
        }
    }

    pub(super) fn last(&self) -> f64 {
        self.readings.back().map_or(0.0, |(_, value)| *value)
    }

    /// The least of the last readings, if there are so many: what held all the time.
    pub(super) fn held(&self, readings: usize) -> Option<f64> {
        let all = self.readings.iter().rev().take(readings);
        (self.readings.len() >= readings).then(|| all.map(|(_, value)| *value).fold(f64::INFINITY, f64::min))
    }

    /// What a counter gained over the last readings, and in what time.
    pub(super) fn gained(&self, readings: usize) -> Option<(f64, Duration)> {
        let (until, last) = self.readings.back()?;
        let (since, first) = self.readings.get(self.readings.len().checked_sub(readings + 1)?)?;
        // A counter that went back began anew.
        Some(((last - first).max(0.0), until.duration_since(*since)))
    }

    /// What it grew from and to, if it has grown from each quarter of the window to the next: not up and
    /// down, and not once. What it did before the window, which is a quarter of one at least, is not looked at:
    /// what begins, grows.
    pub(super) fn growth(&self, window: Duration) -> Option<(f64, f64)> {
        let (last, _) = self.readings.back()?;
        if last.duration_since(self.began) < window / 4 * 5 || self.readings.len() < 8 {
            return None;
        }
        let quarter = |number: usize| {
            let (from, to) = (self.readings.len() * number / 4, self.readings.len() * (number + 1) / 4);
            let mut values: Vec<f64> = self.readings.range(from..to).map(|(_, value)| *value).collect();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        let quarters = [0, 1, 2, 3].map(quarter);
        let median = |values: &Vec<f64>| values[values.len() / 2];
        let rises = quarters.windows(2).all(|pair| median(&pair[0]) < median(&pair[1]));
        // Even the least of now is above all of then.
        let above = quarters[3].first() > quarters[0].last();
        (rises && above).then(|| (median(&quarters[0]), self.last()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: impl IntoIterator<Item = f64>) -> Series {
        let start = Instant::now();
        let readings = values.into_iter().enumerate();
        let readings = readings.map(|(at, value)| (start + Duration::from_secs(at as u64), value)).collect();
        Series { began: start, readings }
    }

    #[test]
    fn a_growth_is_told_from_what_goes_up_and_down() {
        let window = Duration::from_secs(40);
        let of = |values: fn(u32) -> f64| {
            let mut series = series((0..40).map(values));
            series.began -= window / 4 + Duration::from_secs(1);
            series.growth(window)
        };
        assert_eq!(of(|at| 100.0 + f64::from(at) * 10.0 + f64::from(at % 3)), Some((152.0, 490.0)));
        for steady in [
            |_: u32| 100.0,
            |at| 100.0 + f64::from(at % 7) * 30.0,
            |at| if at < 5 { 100.0 } else { 500.0 },
            |at| 500.0 - f64::from(at),
            |at| if at < 20 { 100.0 + f64::from(at) } else { 140.0 - f64::from(at) },
        ] {
            assert_eq!(of(steady), None);
        }
        assert_eq!(series((0..40).map(f64::from)).growth(window), None, "not so long yet");
    }

    #[test]
    fn what_is_read_no_more_is_forgotten() {
        let mut history = History::default();
        let start = Instant::now();
        let read = |tag: &str| RuntimeMetric::gauge("a", 1).with_tag("pool", tag);
        let settings = HealthSettings { window: Duration::from_secs(10), ..Default::default() };
        history.add(start, &[read("x"), read("y"), RuntimeMetric::gauge("other", 1)], &["a"], &settings);
        let next = start + Duration::from_secs(5);
        history.add(next, &[read("x")], &["a"], &settings);
        assert_eq!(history.of("a", next).count(), 1);
        assert_eq!((history.len, history.one("a", next).unwrap().readings.len()), (2, 2));
        history.add(start + Duration::from_secs(20), &[], &["a"], &settings);
        assert_eq!(history.len, 0);
    }

    #[test]
    fn however_often_it_is_read_readings_are_an_interval_apart() {
        let (mut history, start, settings) = (History::default(), Instant::now(), HealthSettings::default());
        for half in 0..=60u32 {
            let read = [RuntimeMetric::gauge("a", i64::from(half))];
            history.add(start + settings.interval / 10 * half, &read, &["a"], &settings);
        }
        let series = history.one("a", start + settings.interval * 6).unwrap();
        let values: Vec<f64> = series.readings.iter().map(|(_, value)| *value).collect();
        assert_eq!(values, [0.0, 9.0, 18.0, 27.0, 36.0, 45.0, 54.0, 60.0]);
        assert_eq!(series.held(3), Some(45.0));
    }

    #[test]
    fn a_counter_that_began_anew_has_gained_nothing() {
        assert_eq!(series([5.0, 7.0, 12.0]).gained(2), Some((7.0, Duration::from_secs(2))));
        assert_eq!(series([5.0, 7.0, 1.0]).gained(2), Some((0.0, Duration::from_secs(2))));
        assert_eq!(series([5.0]).gained(1), None);
        assert_eq!(series([5.0, 3.0, 4.0]).held(2), Some(3.0));
        assert_eq!(series([5.0]).held(2), None);
    }
}
