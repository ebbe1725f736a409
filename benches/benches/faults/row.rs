//! A row: an exporter and the state of its receiver, each turn of which follows one without an exporter.

use crate::ROUNDS;
use crate::states::{INTERVAL, State, TIMEOUT};
use crate::turn::{Figures, OPERATIONS, Pace, Times, Turn};
use runtime_metrics::{Reading, registry};
use std::error::Error;

pub struct Row {
    pub state: State,
    /// Without an exporter, and right after that with it.
    turns: Vec<[Turn; 2]>,
    /// The most that the exporter took of the heap, in bytes.
    pub held: f64,
    pub taken: u64,
    pub lost: u64,
}

/// One figure with the exporter, and what it is to that without.
#[derive(Clone, Copy)]
pub struct Pair {
    pub with: f64,
    pub ratio: f64,
    /// The same of the fastest turns.
    pub fastest: f64,
    pub fastest_ratio: f64,
}

impl Row {
    pub fn new(state: State) -> Self {
        // Room for all, for the heap is looked at.
        Self { state, turns: Vec::with_capacity(ROUNDS), held: 0.0, taken: 0, lost: 0 }
    }

    /// One turn without the exporter and one with it.
    pub fn turn(&mut self, pace: &mut Pace) -> Result<(), Box<dyn Error>> {
        let without = pace.turn();
        let exporter = self.state.exporter().try_start()?;
        // Until it has made what it makes once.
        std::thread::sleep(INTERVAL * 2 + TIMEOUT);
        let with = pace.turn();
        exporter.stop();
        // A stop waits no longer than one push may take; if one was under way, there is another after it.
        std::thread::sleep(TIMEOUT * 2);
        self.held = self.held.max(with.most - without.most);
        self.turns.push([without, with]);
        let name = self.state.name();
        self.taken = count("runtime_metrics_export_sent", &[("exporter", &name)]);
        // On a busy machine an answer may come too late, whatever it is.
        let reasons = ["timeout"].into_iter().chain(self.state.reason.filter(|reason| *reason != "timeout"));
        let lost = |reason| count("runtime_metrics_export_lost", &[("exporter", &name), ("reason", reason)]);
        self.lost = reasons.map(lost).sum();
        Ok(())
    }

    /// A figure of an operation: the median of the turns, so that one in which the machine had other work has no part
    /// in it.
    pub fn pair(&self, operation: usize, figure: impl Fn(&Figures) -> f64) -> Pair {
        let of = |turn: &Turn| figure(&turn.figures[operation]);
        let all = |of: &dyn Fn(&[Turn; 2]) -> f64| self.turns.iter().map(of).collect::<Vec<f64>>();
        let [without, with] = [0, 1].map(|at| all(&|turns| of(&turns[at])));
        let ratio = median(all(&|[without, with]| of(with) / of(without)));
        let fastest = best(with.clone());
        Pair { with: median(with), ratio, fastest, fastest_ratio: fastest / best(without) }
    }

    /// The turns without the exporter, one of each round.
    pub fn without(&self) -> impl Iterator<Item = &Turn> {
        self.turns.iter().map(|[without, _]| without)
    }

    /// The longest batch of all operations and turns, in microseconds: without the exporter, and with it.
    pub fn longest(&self, of: impl Fn(&Figures) -> Times) -> [f64; 2] {
        let longest = |turn: &Turn| turn.figures.iter().map(|figures| of(figures).longest).fold(0.0, f64::max);
        [0, 1].map(|at| self.turns.iter().map(|turn| longest(&turn[at])).fold(0.0, f64::max) / 1e3)
    }

    /// By how much the heap grew in a turn, in bytes.
    pub fn grown(&self) -> f64 {
        median(self.turns.iter().map(|[_, with]| with.least[1] - with.least[0]).collect())
    }

    /// What is wrong if the receiver was not as it should be.
    pub fn wrong(&self) -> Option<String> {
        let Self { state, taken, lost, .. } = self;
        let right = match state.reason {
            None => taken > lost,
            // Where no server answers, a look-up may outlast the turn.
            Some("dns") => *taken == 0,
            Some(_) => *taken == 0 && *lost > 0,
        };
        (!right).then(|| format!("{}: {taken} pushes were taken and {lost} lost", state.name()))
    }
}

impl Row {
    /// What is slower with the exporter, by more than so much.
    pub fn slower_than(&self, allowed: f64) -> Option<String> {
        let pairs = OPERATIONS.iter().enumerate().map(|(at, (name, ..))| (name, self.pair(at, |of| of.wall.median)));
        let slow: Vec<String> = pairs
            .filter(|(_, pair)| pair.ratio.min(pair.fastest_ratio) > allowed)
            .map(|(name, pair)| format!("{name} takes ×{:.2}", pair.ratio))
            .collect();
        (!slow.is_empty()).then(|| format!("{}: {}", self.state.name(), slow.join(", ")))
    }
}

fn count(name: &str, labels: &[(&str, &str)]) -> u64 {
    match registry().get(name, labels) {
        Some(Reading::Counter(count)) => count,
        _ => 0,
    }
}

pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

pub fn best(figures: Vec<f64>) -> f64 {
    figures.into_iter().fold(f64::INFINITY, f64::min)
}
