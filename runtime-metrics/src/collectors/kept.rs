//! A value that rarely changes and takes long to find: looked for once a minute.

use crate::lock::Mutex;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Kept<T>(Mutex<Option<(Instant, T)>>);

const LASTS: Duration = Duration::from_secs(60);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    /// The value as it was found within the last minute, or as it is found now.
    pub(super) fn get(&self, find: impl FnOnce() -> T) -> T {
        let mut kept = self.0.lock();
        match &*kept {
            Some((when, value)) if when.elapsed() < LASTS => value.clone(),
            _ => kept.insert((Instant::now(), find())).1.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_for_once() {
        let kept = Kept::default();
        assert_eq!((kept.get(|| 1), kept.get(|| 2)), (1, 1));
    }
}
