//! Exemplars as messages, which are used again.

use super::message::{self, LabelPair, Timestamp};
use crate::exemplar::Exemplar;
use std::time::SystemTime;

/// Messages that are not in use, with the room that their texts have.
#[derive(Debug, Default)]
pub(super) struct Examples(Vec<message::Exemplar>);

impl Examples {
    /// The message of an exemplar, its value brought to the base unit by `factor`.
    pub(super) fn take(&mut self, exemplar: &Exemplar, factor: f64) -> message::Exemplar {
        let mut made = self.0.pop().unwrap_or_else(|| {
            let label = |name: &str| LabelPair { name: name.to_owned(), value: String::new() };
            message::Exemplar { label: vec![label("trace_id"), label("span_id")], value: 0.0, timestamp: None }
        });
        for (label, id) in made.label.iter_mut().zip([&exemplar.trace_id[..], &exemplar.span_id]) {
            hex(id, &mut label.value);
        }
        made.value = exemplar.value * factor;
        let time = exemplar.time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        made.timestamp = Some(Timestamp { seconds: time.as_secs() as i64, nanos: time.subsec_nanos() as i32 });
        made
    }

    /// Takes back what is written.
    pub(super) fn give(&mut self, written: impl IntoIterator<Item = message::Exemplar>) {
        self.0.extend(written);
    }
}

fn hex(bytes: &[u8], text: &mut String) {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    text.clear();
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_message_that_is_used_again_tells_the_new_exemplar_only() {
        let mut exemplar = Exemplar {
            trace_id: [0xab; 16],
            span_id: [0x01; 8],
            value: 250.0,
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_520_879_607_089),
        };
        let mut examples = Examples::default();
        let first = examples.take(&exemplar, 1e-3);
        assert_eq!(
            first.label.iter().map(|label| (&*label.name, &*label.value)).collect::<Vec<_>>(),
            [("trace_id", &*"ab".repeat(16)), ("span_id", &*"01".repeat(8))]
        );
        assert_eq!(first.value, 0.25);
        assert_eq!(first.timestamp, Some(Timestamp { seconds: 1_520_879_607, nanos: 89_000_000 }));
        let text = first.label[0].value.as_ptr();
        examples.give([first]);
        exemplar.trace_id = [0xcd; 16];
        exemplar.time = SystemTime::UNIX_EPOCH;
        let second = examples.take(&exemplar, 1.0);
        assert_eq!((second.label[0].value.as_ptr(), &*second.label[0].value), (text, &*"cd".repeat(16)));
        assert_eq!((second.value, second.timestamp), (250.0, Some(Timestamp::default())));
    }
}
