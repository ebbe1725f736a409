//! The buffers that the HTTP server answers scrapes from: lent to an answer, and back when it has
//! left, so that the next scrape writes into memory that is there.

use crate::export::encoder::{Encoder, Format};
use crate::lock::Mutex;
use bytes::Bytes;
use std::sync::Arc;

/// How many buffers are kept: scrapers are few and seldom meet.
const KEPT: usize = 2;

/// What is used again from scrape to scrape.
#[derive(Debug)]
pub(super) struct Texts {
    encoder: Mutex<Encoder>,
    spare: Mutex<Vec<Vec<u8>>>,
}

impl Texts {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { encoder: Mutex::new(Encoder::openmetrics()), spare: Mutex::default() })
    }

    /// Everything.
    pub(super) fn take(self: &Arc<Self>, format: impl Into<Format>) -> Bytes {
        let mut text = self.spare.lock().pop().unwrap_or_default();
        self.encoder.lock().encode_as(format, &mut text);
        Bytes::from_owner(Lent { text, home: Arc::clone(self) })
    }
}

struct Lent {
    text: Vec<u8>,
    home: Arc<Texts>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut spare = self.home.spare.lock();
        if spare.len() < KEPT {
            let mut text = std::mem::take(&mut self.text);
            text.clear();
            spare.push(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::text::Dialect;

    #[test]
    fn an_answer_that_has_left_lends_its_buffer_to_the_next() {
        let texts = Texts::new();
        let first = texts.take(Dialect::OpenMetrics);
        assert!(first.ends_with(b"# EOF\n"));
        drop(first);
        let kept = texts.spare.lock().iter().map(Vec::capacity).collect::<Vec<_>>();
        assert!(kept.len() == 1 && kept[0] > 0);
        let both = [texts.take(Dialect::Prometheus), texts.take(Dialect::Prometheus)];
        assert!(texts.spare.lock().is_empty());
        drop(both);
        assert_eq!(texts.spare.lock().len(), KEPT);
    }
}
