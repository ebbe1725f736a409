//! What becomes of label values before anything else knows them: the one place that all of them pass.

use crate::label::{Label, LabelSet};
use siphasher::sip::SipHasher24;
use siphasher::sip128;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, OnceLock};

/// What becomes of the values of a label. It is applied where a series is made, so that no exporter, no snapshot and
/// no span can show what it takes away, and so that series which differ in nothing else are one, with their sum.
///
/// ```
/// use runtime_metrics::{LabelRule, MetricSettings};
///
/// let mut metric = MetricSettings::default();
/// metric.labels.insert("user".to_owned(), LabelRule::Mask);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LabelRule {
    /// They stay as they are.
    #[default]
    Keep,
    /// Each is replaced by 16 hexadecimal digits, the same for the same value and [key](crate::Settings::hash_key):
    /// one can tell values apart, and count them, without knowing them.
    Hash,
    /// Each is replaced by `***`: one can tell that there was one.
    Mask,
    /// The label is left out.
    Drop,
}

/// What stands for a value that is not to be known.
const MASK: &str = "***";

/// The rules for one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LabelRules {
    keep: Option<Vec<String>>,
    rules: BTreeMap<String, LabelRule>,
}

impl LabelRules {
    /// Of two rules for one label the latter counts.
    pub(super) fn new<'a>(
        keep: Option<&Vec<String>>,
        rules: impl Iterator<Item = (&'a String, &'a LabelRule)>,
    ) -> Self {
        Self { keep: keep.cloned(), rules: rules.map(|(name, rule)| (name.clone(), *rule)).collect() }
    }

    /// Whether every value stays.
    #[inline]
    pub(crate) fn keep_all(&self) -> bool {
        self.keep.is_none() && self.rules.is_empty()
    }

    /// What becomes of a label's values.
    pub(crate) fn of(&self, label: &str) -> LabelRule {
        let left_out = |keep: &Vec<String>| !keep.iter().any(|kept| kept == label);
        match self.rules.get(label) {
            Some(rule) => *rule,
            None if self.keep.as_ref().is_some_and(left_out) => LabelRule::Drop,
            None => LabelRule::Keep,
        }
    }

    /// A value as it may be known; `None` if it may not.
    pub(crate) fn value(&self, label: &str, value: Arc<str>) -> Option<Arc<str>> {
        match self.of(label) {
            LabelRule::Keep => Some(value),
            LabelRule::Hash => Some(super::current().hash(&value).into()),
            LabelRule::Mask => Some(MASK.into()),
            LabelRule::Drop => None,
        }
    }

    /// Rules that let through what both do: of series that two metrics have in common.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let names = self.rules.keys().chain(other.rules.keys());
        let keep = match (&self.keep, &other.keep) {
            (Some(keep), Some(others)) => Some(keep.iter().filter(|name| others.contains(name)).cloned().collect()),
            (one, other) => one.as_ref().or(other.as_ref()).cloned(),
        };
        Self { keep, rules: names.map(|name| (name.clone(), self.of(name).max(other.of(name)))).collect() }
    }

    /// Labels as they may be known, besides those of `known` that have passed already.
    pub(crate) fn rule(&self, known: LabelSet, given: impl IntoIterator<Item = Label>) -> Ruled {
        let passed = |(name, value): Label| self.value(&name, value).map(|value| (name, value));
        let mut given = given.into_iter().filter_map(passed).peekable();
        Ruled(if given.peek().is_some() { known.with(given) } else { known })
    }

    /// The same of what a collector returned.
    pub(crate) fn apply_to(&self, tags: &mut BTreeMap<String, String>) {
        if self.keep_all() {
            return;
        }
        let all = std::mem::take(tags);
        tags.extend(all.into_iter().filter_map(|(name, value)| {
            let value = self.value(&name, Arc::from(value))?;
            Some((name, value.to_string()))
        }));
    }
}

/// What values are hashed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HashKey([u8; 16]);

impl HashKey {
    /// From a secret of any length, or one of this process alone.
    pub(super) fn new(secret: Option<&str>) -> Self {
        static OWN: OnceLock<[u8; 16]> = OnceLock::new();
        Self(secret.map_or_else(
            || {
                *OWN.get_or_init(|| {
                    let random = || RandomState::new().hash_one(0).to_le_bytes();
                    let (one, other) = (random(), random());
                    std::array::from_fn(|at| if at < 8 { one[at] } else { other[at - 8] })
                })
            },
            |secret| {
                let mut hasher = sip128::SipHasher24::new();
                hasher.write(secret.as_bytes());
                sip128::Hasher128::finish128(&hasher).as_bytes()
            },
        ))
    }

    /// SipHash-2-4, which without the key tells nothing of the value.
    pub(super) fn hash(self, value: &str) -> String {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(value.as_bytes());
        format!("{:016x}", hasher.finish())
    }
}

/// Labels of a series, which have passed the rules: nothing else makes a series.
#[derive(Clone, Debug)]
pub(crate) struct Ruled(LabelSet);

impl Ruled {
    /// What the library says itself: which function, which outcome, which of its own metrics.
    pub(crate) fn own(labels: LabelSet) -> Self {
        Self(labels)
    }

    /// With more that the library says itself.
    pub(crate) fn and_own<const N: usize>(&self, more: [(&'static str, &str); N]) -> Self {
        Self(self.0.with(more.map(|(name, value)| (name.into(), value.into()))))
    }
}

impl std::ops::Deref for Ruled {
    type Target = LabelSet;

    fn deref(&self) -> &LabelSet {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_label_is_known_what_its_rule_lets_through() {
        let rules = [("email", LabelRule::Drop), ("user", LabelRule::Mask), ("method", LabelRule::Keep)];
        let rules: Vec<_> = rules.map(|(name, rule)| (name.to_owned(), rule)).into();
        let labels = |names: &[&str]| -> Vec<Label> {
            names.iter().map(|name| ((*name).to_owned().into(), Arc::from("secret"))).collect()
        };
        let all = LabelRules::new(None, rules.iter().map(|(name, rule)| (name, rule)));
        let known = all.rule(LabelSet::default(), labels(&["email", "user", "method", "zone"]));
        assert!(known.iter().eq([("method", "secret"), ("user", "***"), ("zone", "secret")]));
        let only = LabelRules::new(Some(&vec!["zone".to_owned()]), rules.iter().map(|(name, rule)| (name, rule)));
        let known = only.rule(LabelSet::default(), labels(&["email", "user", "method", "zone", "other"]));
        assert!(known.iter().eq([("method", "secret"), ("user", "***"), ("zone", "secret")]));
    }

    #[test]
    fn a_hash_is_the_same_for_the_same_value_and_key_alone() {
        let (one, other) = (HashKey::new(Some("one")), HashKey::new(Some("other")));
        assert_eq!(one.hash("ada"), HashKey::new(Some("one")).hash("ada"));
        assert_ne!(one.hash("ada"), other.hash("ada"));
        assert_ne!(one.hash("ada"), one.hash("bob"));
        assert_eq!(one.hash("").len(), 16);
        assert_eq!(HashKey::new(None), HashKey::new(None));
    }
}
