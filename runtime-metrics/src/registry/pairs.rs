//! Labels on their way to a series that is there: sorted by name as label sets are, but borrowed.

use crate::label::LabelText;

/// How many labels there may be; who has more makes a label set of them.
const MOST: usize = 12;

/// Names and texts, sorted by name.
#[derive(Debug)]
pub(crate) struct Pairs<'a> {
    pairs: [(&'a str, LabelText<'a>); MOST],
    len: usize,
}

impl<'a> Pairs<'a> {
    pub(crate) fn new() -> Self {
        Self { pairs: [const { ("", LabelText::borrowed("")) }; MOST], len: 0 }
    }

    /// Adds a label; of a repeated name the last text counts. `None` if there are too many.
    pub(crate) fn add(&mut self, name: &'a str, text: LabelText<'a>) -> Option<()> {
        match self.place(name) {
            Ok(at) => self.pairs[at].1 = text,
            Err(at) => self.insert(at, name, text)?,
        }
        Some(())
    }

    /// Adds a label if there is none of its name.
    pub(super) fn add_missing(&mut self, name: &'a str, text: &'a str) -> Option<()> {
        match self.place(name) {
            Ok(_) => Some(()),
            Err(at) => self.insert(at, name, LabelText::borrowed(text)),
        }
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.pairs[..self.len].binary_search_by(|(other, _)| (*other).cmp(name))
    }

    fn insert(&mut self, at: usize, name: &'a str, text: LabelText<'a>) -> Option<()> {
        let grown = self.pairs.get_mut(at..=self.len)?;
        grown.rotate_right(1);
        grown[0] = (name, text);
        self.len += 1;
        Some(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.pairs.iter().take(self.len).map(|(name, text)| (*name, &**text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_sorted_and_the_last_text_of_a_name_counts() {
        let mut pairs = Pairs::new();
        for (name, text) in [("b", "1"), ("c", "2"), ("a", "3"), ("b", "4")] {
            pairs.add(name, LabelText::borrowed(text)).unwrap();
        }
        pairs.add_missing("a", "5").unwrap();
        pairs.add_missing("d", "6").unwrap();
        assert!(pairs.iter().eq([("a", "3"), ("b", "4"), ("c", "2"), ("d", "6")]));
        let names: Vec<String> = (0..=MOST).map(|number| format!("name_{number}")).collect();
        let mut pairs = Pairs::new();
        let added = names.iter().filter_map(|name| pairs.add(name, LabelText::borrowed(name)));
        assert_eq!(added.count(), MOST);
    }
}
