//! `Encoder`: what a scraper gets who comes again and again.

use super::page::{Block, Page};
#[cfg(feature = "protobuf")]
use super::protobuf::Writer;
use super::text::{self, Dialect, Tools};
use crate::collect;
use crate::escape::escape;
use crate::metric::Kind;
use crate::names;
use crate::registry::{Identity, registry};
use crate::snapshot::{FamilySnapshot, Labels, Live, Shown, Value};

/// Writes everything that is measured, again and again.
///
/// What [`openmetrics`](super::openmetrics), [`prometheus`](super::prometheus) and `protobuf` make of
/// a snapshot, this makes of the metrics themselves: no snapshot is taken, the labels of each series
/// are kept as they are written, and what is needed meanwhile is kept for the next time. Nobody who
/// records waits for it.
///
/// ```
/// use runtime_metrics::export::Encoder;
///
/// runtime_metrics::increment!("encoder_example");
/// let mut encoder = Encoder::openmetrics();
/// let mut text = Vec::new();
/// for _ in 0..2 {
///     text.clear();
///     encoder.encode(&mut text);
///     let text = std::str::from_utf8(&text).unwrap();
///     assert!(text.contains("# TYPE encoder_example counter\n") && text.ends_with("# EOF\n"));
/// }
/// ```
#[derive(Debug)]
pub struct Encoder {
    format: Format,
    live: Live,
    identity: Identity,
    block: Block,
    tools: Tools,
    glue: Glue,
    #[cfg(feature = "protobuf")]
    writer: Writer,
}

/// What an encoder can write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Format {
    Text(Dialect),
    #[cfg(feature = "protobuf")]
    Protobuf,
}

impl From<Dialect> for Format {
    fn from(dialect: Dialect) -> Self {
        Self::Text(dialect)
    }
}

impl Encoder {
    fn new(format: impl Into<Format>) -> Self {
        Self {
            format: format.into(),
            live: Live::new(),
            identity: Identity::default(),
            block: Block::default(),
            tools: Tools::default(),
            glue: Glue::default(),
            #[cfg(feature = "protobuf")]
            writer: Writer::default(),
        }
    }

    /// One that writes OpenMetrics 1.0.
    ///
    /// ```
    /// let mut text = Vec::new();
    /// runtime_metrics::export::Encoder::openmetrics().encode(&mut text);
    /// assert!(text.ends_with(b"# EOF\n"));
    /// ```
    pub fn openmetrics() -> Self {
        Self::new(Dialect::OpenMetrics)
    }

    /// One that writes Prometheus text, version 0.0.4.
    ///
    /// ```
    /// runtime_metrics::increment!("encoder_prometheus");
    /// let mut text = Vec::new();
    /// runtime_metrics::export::Encoder::prometheus().encode(&mut text);
    /// assert!(String::from_utf8(text).unwrap().contains("# TYPE encoder_prometheus_total counter\n"));
    /// ```
    pub fn prometheus() -> Self {
        Self::new(Dialect::Prometheus)
    }

    /// One that writes the Prometheus protobuf format, as [`protobuf`](super::protobuf) does.
    ///
    /// ```
    /// runtime_metrics::increment!("encoder_protobuf");
    /// let mut bytes = Vec::new();
    /// runtime_metrics::export::Encoder::protobuf().encode(&mut bytes);
    /// let name = b"encoder_protobuf_total";
    /// assert!(bytes.windows(name.len()).any(|window| window == name));
    /// ```
    #[cfg(feature = "protobuf")]
    pub fn protobuf() -> Self {
        Self::new(Format::Protobuf)
    }

    /// Appends everything to `text`: what the program records, and what the collectors find. It is
    /// what the text of [`Snapshot::take`](crate::Snapshot::take) would be.
    ///
    /// ```
    /// let mut text = Vec::new();
    /// runtime_metrics::export::Encoder::prometheus().encode(&mut text);
    /// # #[cfg(all(feature = "process", target_os = "linux"))]
    /// assert!(String::from_utf8(text).unwrap().contains("process_uptime"));
    /// ```
    pub fn encode(&mut self, text: &mut Vec<u8>) {
        self.encode_as(self.format, text);
    }

    pub(super) fn encode_as(&mut self, format: impl Into<Format>, text: &mut Vec<u8>) {
        self.live.refresh(registry());
        let samples = (0..self.live.len()).flat_map(|at| self.live.exposed(at).samples(self.live.kind(at))).collect();
        let collected = collect::families(collect::all(), samples);
        self.write(text, &collected, format.into());
    }

    /// Appends what the program records to `text`, without what the collectors find: the text of
    /// [`Registry::snapshot`](crate::Registry::snapshot). Where nothing is new since the last time,
    /// and `text` has the room, it allocates nothing; but quantiles of a summary do.
    ///
    /// ```
    /// runtime_metrics::increment!("encoder_recorded");
    /// let mut text = Vec::new();
    /// runtime_metrics::export::Encoder::prometheus().encode_recorded(&mut text);
    /// assert!(String::from_utf8(text).unwrap().contains("encoder_recorded_total"));
    /// ```
    pub fn encode_recorded(&mut self, text: &mut Vec<u8>) {
        self.live.refresh(registry());
        self.write(text, &[], self.format);
    }

    fn write(&mut self, text: &mut Vec<u8>, collected: &[FamilySnapshot], format: Format) {
        registry().with_identity(|identity| {
            if self.identity != *identity {
                self.identity.clone_from(identity);
            }
        });
        let Self { live, identity, block, tools, glue, .. } = self;
        match format {
            Format::Text(dialect) => {
                let mut page = Page::new(text, block);
                walk(live, collected, |live, next| match next {
                    Next::Collected(family) => text::family(&mut page, tools, family, identity, dialect),
                    Next::Recorded(at) => recorded(&mut page, live, at, identity, tools, glue, dialect),
                });
                text::end(&mut page, dialect);
            }
            #[cfg(feature = "protobuf")]
            Format::Protobuf => walk(live, collected, |live, next| match next {
                Next::Collected(family) => self.writer.family(text, family, identity),
                Next::Recorded(at) => self.writer.recorded(text, live, at, identity),
            }),
        }
    }
}

/// The next family: what collectors found, or where it is among those that are recorded.
enum Next<'a> {
    Collected(&'a FamilySnapshot),
    Recorded(usize),
}

/// Shows all families in the order of their names.
fn walk<'a>(live: &mut Live, mut collected: &'a [FamilySnapshot], mut show: impl FnMut(&mut Live, Next<'a>)) {
    for at in 0..live.len() {
        let name = live.name(at);
        let before = collected.iter().take_while(|family| *family.name < *name).count();
        for family in collected.split_off(..before).unwrap_or_default() {
            show(live, Next::Collected(family));
        }
        show(live, Next::Recorded(at));
    }
    for family in collected {
        show(live, Next::Collected(family));
    }
}

/// A family as it is recorded.
fn recorded(
    page: &mut Page<'_>,
    live: &mut Live,
    at: usize,
    identity: &Identity,
    tools: &mut Tools,
    glue: &mut Glue,
    dialect: Dialect,
) {
    let (kind, exposed) = (live.kind(at), live.exposed(at));
    let numbers = matches!(kind, Kind::Counter | Kind::Gauge);
    glue.begin(numbers.then_some((&*exposed.family, text::suffix(kind))));
    live.show(at, dialect == Dialect::OpenMetrics, |shown| match shown {
        Shown::Family(head) => text::header(page, tools, head, dialect),
        Shown::Series(labels, Value::Counter(count), []) if exposed.factor == 1.0 => {
            let fits = page.line(|line| {
                glue.join(labels, identity, |source, start, len| line.push(source, start, len));
                line.end(count);
            });
            if !fits {
                glue.join(labels, identity, |source, start, len| page.push(piece(source, start, len)));
                text::number(page, &Value::Counter(count), 1.0, &[]);
            }
        }
        Shown::Series(labels, value, exemplars) if numbers => {
            glue.join(labels, identity, |source, start, len| page.push(piece(source, start, len)));
            text::number(page, &value, exposed.factor, exemplars);
        }
        Shown::Series(labels, value, exemplars) => {
            tools.labels.clear();
            glue.join(labels, identity, |source, start, len| {
                tools.labels.extend_from_slice(piece(source, start, len));
            });
            text::sample(page, tools, kind, exposed, &value, exemplars, dialect);
        }
    });
}

fn piece(source: &[u8], start: usize, len: usize) -> &[u8] {
    source.get(start..start + len).unwrap_or_default()
}

/// What stands between the values of labels, for each set of names that a family's series have,
/// with the labels of the identity. Where a line is glued whole, it begins with the metric's name
/// and ends before the number.
#[derive(Debug, Default)]
struct Glue {
    /// The metric's name and what follows it, where a line is glued whole.
    line: Option<(&'static str, &'static str)>,
    text: Vec<u8>,
    /// Where in the text each piece ends; it begins where the one before it ends.
    ends: Vec<usize>,
    /// For each schema its first piece; nothing where it is not known yet.
    schemas: Vec<Option<usize>>,
}

/// More than a piece that is copied wide reaches beyond its end.
const MARGIN: [u8; 64] = [0; 64];

impl Glue {
    /// Forgets one family for the next.
    fn begin(&mut self, line: Option<(&'static str, &'static str)>) {
        self.line = line;
        self.text.clear();
        self.ends.clear();
        self.ends.push(0);
        self.schemas.clear();
    }

    /// Shows the pieces of the text that labels become, in their order: where each is, and where in
    /// that it begins and how long it is.
    #[inline]
    fn join(&mut self, labels: Labels<'_>, identity: &Identity, mut show: impl FnMut(&[u8], usize, usize)) {
        let known = self.schemas.get(labels.number).copied().flatten();
        let first = known.unwrap_or_else(|| self.add(labels, identity));
        let ends = &self.ends[first..];
        if let [start, end, ..] = *ends {
            show(&self.text, start, end - start);
        }
        for ((start, len), piece) in labels.values().zip(ends[1..].windows(2)) {
            show(labels.page(), start, len);
            show(&self.text, piece[0], piece[1] - piece[0]);
        }
    }

    /// Makes the pieces for labels of these names, and says which is the first.
    #[cold]
    fn add(&mut self, labels: Labels<'_>, identity: &Identity) -> usize {
        let first = self.ends.len() - 1;
        let names = labels.schema.names();
        self.text.truncate(self.ends[first]);
        if let Some((name, suffix)) = self.line {
            self.text.extend_from_slice(name.as_bytes());
            self.text.extend_from_slice(suffix.as_bytes());
        }
        let mut none = true;
        // Both are sorted by name.
        let mut own = names.iter().copied().peekable();
        let mut missing = identity.missing_in(|name| names.contains(&name)).peekable();
        loop {
            let next = match (own.peek(), missing.peek()) {
                (None, None) => break,
                (Some(name), Some((other, _))) if name > other => missing.next(),
                (None, Some(_)) => missing.next(),
                _ => None,
            };
            let (name, value) = match next {
                Some((name, value)) => (name, Some(value)),
                None => (own.next().unwrap_or_default(), None),
            };
            let before: &[u8] = match (none, self.line) {
                (false, _) => b",",
                (true, Some(_)) => b"{",
                (true, None) => b"",
            };
            none = false;
            self.text.extend_from_slice(before);
            self.text.extend_from_slice(names::label_name(name).as_bytes());
            self.text.extend_from_slice(b"=\"");
            match value {
                Some(value) => escape(value, true, &mut self.text),
                None => self.ends.push(self.text.len()),
            }
            self.text.push(b'"');
        }
        if self.line.is_some() {
            self.text.extend_from_slice(if none { b" " } else { b"} " });
        }
        self.ends.push(self.text.len());
        self.text.extend_from_slice(&MARGIN);
        if self.schemas.len() <= labels.number {
            self.schemas.resize(labels.number + 1, None);
        }
        self.schemas[labels.number] = Some(first);
        first
    }
}
