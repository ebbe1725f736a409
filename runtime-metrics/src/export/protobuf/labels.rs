//! The labels of a series, straight from where they lie: with hundreds of thousands of series they
//! are most of what is written.

use super::wire::{begin, text, text_len};
use crate::escape::unescape_to;
use crate::names;
use crate::registry::Identity;
use crate::snapshot::Labels;
use std::ops::Range;

/// The field of a metric that is a label, and the fields of that.
const LABEL: u32 = 1;
const NAME: u32 = 1;
const VALUE: u32 = 2;

/// Writes one label; its name is one that is allowed.
pub(super) fn pair(out: &mut Vec<u8>, name: &str, value: &str) {
    begin(out, LABEL, text_len(name.as_bytes()) + text_len(value.as_bytes()));
    text(out, NAME, name.as_bytes());
    text(out, VALUE, value.as_bytes());
}

/// What is the same in the labels of all series of a family that have the same names: their names as
/// fields, and the labels of the identity as a whole.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    all: Vec<Piece>,
    /// For each schema its pieces; nothing where it is not known yet.
    schemas: Vec<Option<Range<usize>>>,
    /// Room for a value that is kept escaped.
    room: Vec<u8>,
}

#[derive(Debug)]
struct Piece {
    bytes: Range<usize>,
    /// Whether it is the name of a label whose value is the series' own.
    own: bool,
}

impl Pieces {
    /// Forgets one family for the next.
    pub(super) fn begin(&mut self) {
        self.bytes.clear();
        self.all.clear();
        self.schemas.clear();
    }

    /// Writes the labels of a series, with those of the identity that it lacks.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, labels: Labels<'_>, identity: &Identity) {
        let known = self.schemas.get(labels.number).cloned().flatten();
        let here = known.unwrap_or_else(|| self.add(labels, identity));
        let mut values = labels.values();
        for piece in &self.all[here] {
            let bytes = &self.bytes[piece.bytes.clone()];
            if !piece.own {
                out.extend_from_slice(bytes);
                continue;
            }
            let Some((start, len)) = values.next() else { break };
            let mut value = labels.page().get(start..start + len).unwrap_or_default();
            if value.contains(&b'\\') {
                self.room.clear();
                unescape_to(value, &mut self.room);
                value = &self.room;
            }
            begin(out, LABEL, bytes.len() + text_len(value));
            out.extend_from_slice(bytes);
            text(out, VALUE, value);
        }
    }

    /// Makes the pieces for labels of these names, and says which they are.
    #[cold]
    fn add(&mut self, labels: Labels<'_>, identity: &Identity) -> Range<usize> {
        let first = self.all.len();
        let names = labels.schema.names();
        // Both are sorted by name.
        let mut missing = identity.missing_in(|name| names.contains(&name)).peekable();
        for name in names {
            while let Some((other, value)) = missing.next_if(|(other, _)| other < name) {
                self.piece(false, |bytes| pair(bytes, other, value));
            }
            self.piece(true, |bytes| text(bytes, NAME, names::label_name(name).as_bytes()));
        }
        for (other, value) in missing {
            self.piece(false, |bytes| pair(bytes, other, value));
        }
        let here = first..self.all.len();
        if self.schemas.len() <= labels.number {
            self.schemas.resize(labels.number + 1, None);
        }
        self.schemas[labels.number] = Some(here.clone());
        here
    }

    fn piece(&mut self, own: bool, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.all.push(Piece { bytes: start..self.bytes.len(), own });
    }
}
