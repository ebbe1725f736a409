//! What the nodes did in truth: what they tell line by line, and what is known of all lines together.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// The kinds of orders.
pub const KINDS: [&str; 3] = ["letter", "parcel", "pallet"];

/// The declared buckets of how long orders take, in seconds.
pub const BOUNDS: [f64; 9] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1];

/// One line of what a node tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Entry {
    /// Its metrics are there.
    Serves(SocketAddr),
    /// It has done an order of this kind, and has that many others in hand.
    Did { kind: usize, took: Duration, in_hand: u64 },
    /// It does nothing until it is told to.
    Rests,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serves(address) => write!(f, "serves {address}"),
            Self::Did { kind, took, in_hand } => write!(f, "did {kind} {} {in_hand}", took.as_nanos()),
            Self::Rests => f.write_str("rests"),
        }
    }
}

impl Entry {
    /// Reads a line.
    pub fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        Some(match words[..] {
            ["serves", address] => Self::Serves(address.parse().ok()?),
            ["did", kind, nanos, in_hand] => Self::Did {
                kind: kind.parse().ok().filter(|kind| *kind < KINDS.len())?,
                took: Duration::from_nanos(nanos.parse().ok()?),
                in_hand: in_hand.parse().ok()?,
            },
            ["rests"] => Self::Rests,
            _ => return None,
        })
    }
}

/// What one process did, from its start to its end.
#[derive(Clone, Default)]
pub struct Life {
    pub orders: Vec<(usize, Duration)>,
    pub in_hand: u64,
}

/// What all nodes did: each by its name, with its lives one after the other.
pub struct Truth(pub Vec<(String, Vec<Life>)>);

impl Truth {
    fn orders(&self) -> impl Iterator<Item = (usize, Duration)> {
        self.0.iter().flat_map(|(_, lives)| lives).flat_map(|life| life.orders.iter().copied())
    }

    /// How many orders there were; of one node, in all its lives.
    pub fn count(&self, node: Option<&str>) -> usize {
        let lives = self.0.iter().filter(|(name, _)| node.is_none_or(|node| node == name)).flat_map(|(_, lives)| lives);
        lives.map(|life| life.orders.len()).sum()
    }

    /// How many orders of one kind there were.
    pub fn count_of(&self, kind: &str) -> usize {
        self.orders().filter(|(is, _)| KINDS[*is] == kind).count()
    }

    /// How many orders are in hand now: a node that was killed has lost those that it had.
    pub fn in_hand(&self) -> u64 {
        self.0.iter().filter_map(|(_, lives)| lives.last()).map(|life| life.in_hand).sum()
    }

    /// What all orders took together.
    pub fn seconds(&self) -> f64 {
        // In whole nanoseconds, of which no order of adding up loses any.
        self.orders().map(|(_, took)| took.as_nanos()).sum::<u128>() as f64 / 1e9
    }

    /// What this share of the orders did not exceed, in seconds; of one kind, or of all.
    pub fn percentile(&self, share: f64, kind: Option<&str>) -> f64 {
        let orders = self.orders().filter(|(is, _)| kind.is_none_or(|kind| kind == KINDS[*is]));
        let mut took: Vec<Duration> = orders.map(|(_, took)| took).collect();
        took.sort_unstable();
        let rank = (share * took.len() as f64).ceil() as usize;
        took.get(rank.max(1) - 1).map_or(f64::NAN, Duration::as_secs_f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_as_what_it_was() {
        let did = Entry::Did { kind: 1, took: Duration::from_nanos(1_234_567), in_hand: 3 };
        for entry in [Entry::Serves(([127, 0, 0, 1], 9464).into()), did, Entry::Rests] {
            assert_eq!(Entry::parse(&entry.to_string()), Some(entry));
        }
        for wrong in ["", "did", "did 3 5 1", "did 1 5", "rests 1"] {
            assert_eq!(Entry::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_truth_has_all_lives_but_only_what_is_in_hand_now() {
        let life = |from: u64, in_hand| {
            let orders = (from..from + 50).map(|millis| ((millis % 3) as usize, Duration::from_millis(millis)));
            Life { orders: orders.collect(), in_hand }
        };
        let truth = Truth(vec![("a".to_owned(), vec![life(1, 9), life(51, 2)]), ("b".to_owned(), vec![life(101, 1)])]);
        assert_eq!([truth.count(None), truth.count(Some("a")), truth.count(Some("b"))], [150, 100, 50]);
        assert_eq!(truth.count_of("letter"), 50);
        assert_eq!(truth.in_hand(), 3);
        assert_eq!(truth.seconds(), 11.325);
        assert_eq!([truth.percentile(0.5, None), truth.percentile(1.0, None)], [0.075, 0.15]);
        assert_eq!(truth.percentile(0.01, Some("letter")), 0.003);
    }
}
