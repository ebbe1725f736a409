//! How large the futures are.

use crate::project::Result;
use std::collections::BTreeMap;

/// How many bytes a measured future may be larger than a plain one.
pub const GOAL: isize = 64;

/// The case in which three futures lie in each other.
pub const NESTED: &str = "nested";
pub const LEVELS: isize = 3;

/// The size of each function's future.
pub struct Futures(BTreeMap<String, usize>);

impl Futures {
    /// From what a generated program prints: lines of a name and a number.
    pub fn parse(printed: &str) -> Result<Self> {
        let mut sizes = BTreeMap::new();
        for line in printed.lines() {
            let (name, size) = line.split_once(' ').ok_or("a line without a number")?;
            if name != "sum" {
                sizes.insert(name.to_owned(), size.parse()?);
            }
        }
        Ok(Self(sizes))
    }

    /// The size of a function's future, by the name that it has in each group, and the case that is
    /// nested.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, usize)> {
        let first = self.0.iter().filter_map(|(name, size)| Some((name.strip_suffix("_0")?, *size)));
        first.chain(self.0.get_key_value(NESTED).map(|(name, size)| (&**name, *size)))
    }

    /// How much larger each future is than the plain one, sorted; without the one that is nested.
    pub fn growth(&self, plain: &Self) -> Vec<isize> {
        let single = self.0.iter().filter(|(name, _)| *name != NESTED);
        let mut growth: Vec<_> =
            single.filter_map(|(name, size)| Some(*size as isize - *plain.0.get(name)? as isize)).collect();
        growth.sort_unstable();
        growth
    }

    /// The growth of the one that is nested.
    pub fn nested_growth(&self, plain: &Self) -> isize {
        let size = |futures: &Self| futures.0.get(NESTED).map_or(0, |size| *size as isize);
        size(self) - size(plain)
    }

    /// Whether none grew by more than it may; without the one that is nested, where the compiler
    /// doubles arguments.
    pub fn goal_is_kept(&self, plain: &Self) -> bool {
        self.growth(plain).last().is_some_and(|most| *most <= GOAL)
    }
}
