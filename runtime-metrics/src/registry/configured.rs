//! What settings change in what is registered.

use super::expiry::expire_from_now_on;
use super::family::{Family, Series, SeriesRef};
use super::scan::Scan;
use super::{Entry, Identity, Limits, RUNTIME_METRICS_V1, Registry};
use crate::label::{Label, LabelSet};
use crate::metric::{Buckets, Kind};
use crate::names;
use crate::settings::{Applied, Current, LabelRules, OfMetric, Settings};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

impl Settings {
    pub(super) fn limits(&self) -> Limits {
        Limits { series_per_metric: self.series_per_metric, series: self.series }
    }

    pub(super) fn identity(&self) -> Identity {
        let found = Identity::detect();
        Identity {
            service: self.service.clone().unwrap_or(found.service),
            node: self.node.clone().unwrap_or(found.node),
        }
    }

    pub(super) fn apply_thresholds(&self) {
        crate::measured::set_slow_poll_threshold(self.slow_poll_threshold);
    }
}

/// The labels that measured functions and services give themselves, which are under no rule.
const OWN: [&str; 4] = ["action", "event", "outcome", "service"];

impl OfMetric {
    /// Says what others have to know of it before it holds.
    pub(super) fn begin(&self) {
        if self.idle_expiry.is_some() {
            expire_from_now_on();
        }
    }
}

impl Family {
    /// What is set for it.
    pub(crate) fn set(&self) -> Arc<OfMetric> {
        Arc::clone(&self.set.read())
    }

    /// Whether label values can be different in its series from what calls give.
    pub(super) fn has_rules(&self) -> bool {
        !self.set.read().labels.keep_all()
    }

    /// Whether it is turned off.
    #[inline]
    pub(crate) fn is_off(&self) -> bool {
        self.off.load(Relaxed)
    }

    /// Sets what holds for it from now on, and says what holds only after a restart.
    fn configure(&'static self, of: &OfMetric) -> Option<&'static str> {
        of.begin();
        self.folded.set_limit(of.series);
        self.off.store(!of.enabled, Relaxed);
        let old = std::mem::replace(&mut *self.set.write(), Arc::new(of.clone()));
        let merged = self.rule_anew(&old.labels, &of.labels);
        let buckets = of.buckets.as_deref().map(|bounds| match self.shape.table.buckets() {
            Buckets::Explicit(there) => there == bounds,
            Buckets::Exponential => false,
        });
        match (merged, buckets) {
            (true, _) => Some("that series are told apart again"),
            (_, Some(false)) if matches!(self.kind, Kind::Histogram) => Some("the buckets"),
            _ => None,
        }
    }

    /// Removes the series whose labels would now be others. Those that somebody writes to without looking them up,
    /// sites and handles, are told under the labels they would have now; `true` if there are any, which are told
    /// apart again only after a restart.
    fn rule_anew(&'static self, old: &LabelRules, new: &LabelRules) -> bool {
        if old == new {
            return false;
        }
        let mut differ: Vec<(&'static Series, LabelSet)> = Vec::new();
        self.scan(&mut Scan::default(), |found| {
            let labels = found.labels.to_set();
            let differs = |(name, _): (&str, &str)| old.of(name) != new.of(name);
            if labels.iter().any(differs) {
                differ.extend(found.series().map(|series| (series, labels)));
            }
        });
        for (series, labels) in differ {
            // What has passed the rule that still holds does not pass it twice: a hash would be hashed again.
            let own = |name: &str| series.is_adopted() && OWN.contains(&name);
            let passed = |(name, _): &Label| own(name) || old.of(name) == new.of(name);
            let (passed, given): (Vec<Label>, Vec<Label>) = labels.to_labels().partition(passed);
            let ruled = new.rule(LabelSet::new(passed), given);
            if *ruled == labels {
                continue;
            }
            let stays = series.is_pinned() && !series.is_given() || series.is_held();
            let series = SeriesRef(series);
            if self.registry.take_off(&series) {
                if stays {
                    self.merge(&ruled, &[series]);
                } else {
                    // Somebody may still ask it who it is.
                    series.forget_labels();
                }
            }
        }
        // What calls gave may now lead elsewhere.
        self.sites.lock().forget_all();
        self.has_merged()
    }
}

impl Registry {
    /// Sets what holds from now on.
    pub(crate) fn configure(&'static self, old: &Settings, new: &Current) -> Applied {
        let settings = &new.settings;
        if old.limits() != settings.limits() {
            self.set_limits(settings.limits());
        }
        if (&old.service, &old.node) != (&settings.service, &settings.node) {
            self.set_identity(settings.identity());
        }
        if old.slow_poll_threshold != settings.slow_poll_threshold {
            settings.apply_thresholds();
        }
        let families = self.families.read().all.clone();
        let mut applied = Applied::default();
        for family in &families {
            let names = names::called(&family.name, &family.exposed, family.kind);
            if let Some(what) = family.configure(&new.of(&names)) {
                applied.after_restart.push(format!("{what} of `{}`", family.name));
            }
        }
        for entry in RUNTIME_METRICS_V1 {
            match entry {
                Entry::Metric(site) => site.configure(),
                Entry::Action(action) => action.configure(),
                Entry::Service(_) => {}
            }
        }
        applied.unknown = unknown(settings, &families);
        applied
    }
}

/// The names that no metric has.
fn unknown(settings: &Settings, families: &[&'static Family]) -> Vec<String> {
    let recorded = families.iter().flat_map(|family| names::called(&family.name, &family.exposed, family.kind));
    let collected = crate::collectors::built_in().iter().map(|metric| metric.name.to_owned());
    let known: Vec<String> = recorded.chain(collected).collect();
    let is_known = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => known.iter().any(|name| name.starts_with(beginning)),
        None => known.iter().any(|name| name == pattern),
    };
    let names = settings.metrics.keys().filter(|name| !is_known(name));
    names.map(|name| format!("no metric is called `{name}` so far")).collect()
}

#[cfg(all(test, not(loom)))]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that can't go on has failed

    use crate::settings::{LabelRule, MetricSettings, Settings, configure};
    use crate::{Counter, Reading, registry};

    #[test]
    fn what_is_hashed_is_hashed_once_whichever_rules_come_later() {
        let rules = |rules: &[(&str, LabelRule)]| {
            let labels = rules.iter().map(|(name, rule)| ((*name).to_owned(), *rule)).collect();
            let metric = MetricSettings { labels, ..Default::default() };
            let mut settings = Settings { hash_key: Some("key".to_owned()), ..Default::default() };
            settings.metrics.insert("configured_twice".to_owned(), metric);
            let _ = configure(settings).unwrap();
        };
        rules(&[("user", LabelRule::Hash)]);
        let counter = Counter::new("configured_twice", "Hashed.").register();
        let held = counter.with(&[("email", &"a@example.org"), ("user", &"ada")]);
        held.increment();
        rules(&[("user", LabelRule::Hash), ("email", LabelRule::Drop)]);
        counter.add_with(1, &[("email", &"b@example.org"), ("user", &"ada")]);
        held.increment();
        assert_eq!(registry().get("configured_twice", &[("user", "ada")]), Some(Reading::Counter(3)));
    }
}
