//! What a series is called: a path in `StatsD`, a name and tags in `DogStatsD`.

use super::Dialect;
use crate::label::LabelSet;
use crate::names;
use crate::registry::Identity;

/// What stands before and behind the values of a series.
#[derive(Debug)]
pub(super) struct Key {
    dialect: Dialect,
    head: Vec<u8>,
    /// How much of the head all series of the family share.
    shared: usize,
    tail: Vec<u8>,
}

impl Key {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, head: Vec::new(), shared: 0, tail: Vec::new() }
    }

    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// The key of a family, before those of its series.
    pub(super) fn family(&mut self, identity: &Identity, name: &str) {
        self.head.clear();
        match self.dialect {
            Dialect::StatsD => {
                for part in [&*identity.service, &*identity.node] {
                    if !part.is_empty() {
                        push_part(&mut self.head, part);
                        self.head.push(b'.');
                    }
                }
                push(&mut self.head, name, |c| is_plain(c) || matches!(c, '-' | '.'));
            }
            Dialect::DogStatsD => {
                // Datadog's names begin with a letter, and what begins with `_sc` is no metric.
                let letter = name.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
                push(&mut self.head, &name[letter..], |c| is_plain(c) || c == '.');
            }
        }
        self.shared = self.head.len();
    }

    /// The key of a series of that family.
    pub(super) fn series(&mut self, identity: &Identity, labels: &LabelSet) {
        self.head.truncate(self.shared);
        self.tail.clear();
        match self.dialect {
            Dialect::StatsD => {
                for (name, value) in labels.iter() {
                    self.head.push(b'.');
                    push_part(&mut self.head, name);
                    self.head.push(b'.');
                    push_part(&mut self.head, value);
                }
            }
            Dialect::DogStatsD => {
                for (name, value) in labels.iter() {
                    self.tag(name, value);
                }
                for (name, value) in identity.missing_in(|name| labels.get(name).is_some()) {
                    self.tag(name, value);
                }
            }
        }
    }

    fn tag(&mut self, name: &str, value: &str) {
        self.tail.extend_from_slice(if self.tail.is_empty() { b"|#" } else { b"," });
        self.tail.extend_from_slice(names::label_name(name).as_bytes());
        // A tag must not end in its colon.
        if !value.is_empty() {
            self.tail.push(b':');
            push(&mut self.tail, value, |c| !(c.is_control() || matches!(c, '|' | ',' | '#')));
        }
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// One part of a path: without dots, and never empty, for a path has no empty part.
fn push_part(text: &mut Vec<u8>, part: &str) {
    push(text, if part.is_empty() { "_" } else { part }, |c| is_plain(c) || c == '-');
}

/// Appends what may stand there, and `_` for what may not.
fn push(text: &mut Vec<u8>, raw: &str, may: impl Fn(char) -> bool) {
    let mut room = [0; 4];
    for c in raw.chars() {
        text.extend_from_slice(if may(c) { c } else { '_' }.encode_utf8(&mut room).as_bytes());
    }
}

/// What a quantile is called: `.p50` is that of 0.5, `.p99_9` that of 0.999.
pub(super) fn quantile(share: f64) -> String {
    // As text, since a hundred times 0.57 is not 57.
    let text = share.to_string();
    let (whole, behind) = text.split_once('.').unwrap_or((&text, ""));
    let digits = format!("{whole}{behind:0<2}");
    let (percent, rest) = digits.split_at(whole.len() + 2);
    let percent = percent.trim_start_matches('0');
    let percent = if percent.is_empty() { "0" } else { percent };
    format!(".p{percent}{}{rest}", if rest.is_empty() { "" } else { "_" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NASTY: &str = "a.b:c|d@e#f,g/h i\tj\nk\r\0\u{7f}\u{85}l;m=n-o_pé%{}\"\\";

    fn key(dialect: Dialect, identity: [&str; 2], name: &str, labels: &[(&str, &str)]) -> (String, String) {
        let identity = Identity::new(identity[0], identity[1]);
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned().into(), (*value).into()));
        let mut key = Key::new(dialect);
        key.family(&identity, name);
        key.series(&identity, &LabelSet::new(labels));
        (String::from_utf8(key.head).unwrap(), String::from_utf8(key.tail).unwrap())
    }

    fn path(identity: [&str; 2], name: &str, labels: &[(&str, &str)]) -> String {
        let (head, tail) = key(Dialect::StatsD, identity, name, labels);
        assert_eq!(tail, "");
        head
    }

    fn tagged(identity: [&str; 2], name: &str, labels: &[(&str, &str)]) -> String {
        let (head, tail) = key(Dialect::DogStatsD, identity, name, labels);
        head + &tail
    }

    #[test]
    fn a_path_leads_from_the_service_to_the_labels() {
        let labels = [("zone", "eu-1"), ("kind", "paid")];
        assert_eq!(path(["shop", "node-7"], "orders.new", &labels), "shop.node-7.orders.new.kind.paid.zone.eu-1");
        assert_eq!(path(["shop", ""], "orders", &[]), "shop.orders");
        assert_eq!(path(["", ""], "orders", &[("kind", "")]), "orders.kind._");
        // The path is as deep where the series has such a label itself.
        assert_eq!(path(["shop", "n"], "orders", &[("service", "x")]), "shop.n.orders.service.x");
    }

    #[test]
    fn a_part_of_a_path_has_no_dots_and_nothing_that_the_format_keeps() {
        let plain = "a_b_c_d_e_f_g_h_i_j_k____l_m_n-o_p______";
        let name = plain.replacen('_', ".", 1);
        assert_eq!(path([NASTY, NASTY], NASTY, &[(NASTY, NASTY)]), format!("{plain}.{plain}.{name}.{plain}.{plain}"));
    }

    #[test]
    fn tags_are_the_labels_and_then_the_identity_that_they_lack() {
        let labels = [("zone", "eu 1"), ("kind", "a:b.c/d")];
        let tags = "|#kind:a:b.c/d,zone:eu 1";
        assert_eq!(tagged(["shop", "n.7"], "orders.new", &labels), format!("orders.new{tags},node:n.7,service:shop"));
        assert_eq!(tagged(["shop", "n"], "orders", &[("service", "x")]), "orders|#service:x,node:n");
        assert_eq!(tagged(["", ""], "orders", &[]), "orders");
        assert_eq!(tagged(["", ""], "orders", &[("a", ""), ("b", "")]), "orders|#a,b");
    }

    #[test]
    fn a_tag_has_nothing_that_ends_it() {
        let name = "a.b_c_d_e_f_g_h_i_j_k____l_m_n_o_p______";
        let label = name.replace('.', "_");
        let value = "a.b:c_d@e_f_g/h i_j_k____l;m=n-o_pé%{}\"\\";
        assert_eq!(tagged(["", ""], NASTY, &[(NASTY, NASTY)]), format!("{name}|#{label}:{value}"));
    }

    #[test]
    fn a_name_begins_with_a_letter_where_datadog_wants_one() {
        assert_eq!(tagged(["", ""], "_sc_checks", &[]), "sc_checks");
        assert_eq!(tagged(["", ""], "__1", &[]), "__1");
        assert_eq!(path(["", ""], "_sc_checks", &[]), "_sc_checks");
    }

    #[test]
    fn a_quantile_is_called_by_its_percent() {
        let shares = [0.0, 0.001, 0.05, 0.1, 0.5, 0.57, 0.95, 0.99, 0.999, 0.9999, 1.0];
        let names = ["p0", "p0_1", "p5", "p10", "p50", "p57", "p95", "p99", "p99_9", "p99_99", "p100"];
        assert_eq!(shares.map(quantile), names.map(|name| format!(".{name}")));
    }
}
