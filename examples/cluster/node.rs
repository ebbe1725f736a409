//! One node: it takes orders, measures them, and tells on its output what it did in truth.

use crate::Failure;
use crate::flags::Node;
use crate::journal::{BOUNDS, Entry, KINDS};
use runtime_metrics::{Counter, ExportFormat, ExportProtocol, Gauge, Histogram, Identity, MetricsExporter, registry};
use std::io::Write;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

/// The service that all nodes are of.
pub const SERVICE: &str = "cluster";

/// What is measured. All of it is made before the first order: a counter that is seen at 0 before it counts is one
/// that `increase()` misses nothing of.
struct Measured {
    orders: Vec<Counter>,
    /// Buckets of any size are found by themselves; receivers that know such histograms can add them up.
    took: Vec<Histogram>,
    /// Declared buckets are the same on every node: any receiver can add them up.
    took_declared: Vec<Histogram>,
    in_hand: Gauge,
}

/// Does what standard input says, until it ends: so a node does not outlive its parent.
pub fn run(node: &Node) -> Result<ExitCode, Failure> {
    registry().set_identity(Identity::new(SERVICE, &*node.name));
    let measured = Measured::new();
    let exporter = MetricsExporter::new().address(&node.metrics_addr).try_start()?;
    if let Some(endpoint) = &node.otlp_http {
        MetricsExporter::new()
            .format(ExportFormat::Otlp)
            .protocol(ExportProtocol::Http)
            .endpoint(endpoint)
            .interval(Duration::from_secs(1))
            .try_start()?;
    }
    let mut out = std::io::stdout();
    if let Some(address) = exporter.address() {
        writeln!(out, "{}", Entry::Serves(address))?;
    }
    let commands = commands();
    let mut desk = Desk { dice: Dice(node.seed), slowness: 1 + node.seed % 3, in_hand: 0, measured };
    let mut at_work = false;
    loop {
        let command =
            if at_work { commands.try_recv() } else { commands.recv().map_err(|_| TryRecvError::Disconnected) };
        match command.as_deref() {
            Ok("work") => at_work = true,
            Ok("rest") => {
                at_work = false;
                writeln!(out, "{}", Entry::Rests)?;
            }
            Ok(other) => return Err(format!("`{other}` is no command; there are `work` and `rest`").into()),
            Err(TryRecvError::Empty) => desk.work(&mut out)?,
            Err(TryRecvError::Disconnected) => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// The lines of standard input.
fn commands() -> Receiver<String> {
    let (told, commands) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if told.send(line).is_err() {
                break;
            }
        }
    });
    commands
}

impl Measured {
    fn new() -> Self {
        let orders = |kind| Counter::new("cluster.orders", "Orders done.").with_label("kind", kind).register();
        let took = |kind| {
            let took = Histogram::new("cluster.order_duration", "How long an order takes.").with_unit("seconds");
            took.with_label("kind", kind).register()
        };
        let took_declared = |kind| {
            let took = Histogram::new("cluster.order_duration_declared", "The same.").with_unit("seconds");
            took.with_buckets(BOUNDS).with_label("kind", kind).register()
        };
        Self {
            orders: KINDS.map(orders).into(),
            took: KINDS.map(took).into(),
            took_declared: KINDS.map(took_declared).into(),
            in_hand: Gauge::new("cluster.in_hand", "Orders that are not done yet.").register(),
        }
    }
}

/// Where orders are done.
struct Desk {
    dice: Dice,
    slowness: u64,
    in_hand: u64,
    measured: Measured,
}

impl Desk {
    /// A few orders; a thousand a second, or so.
    fn work(&mut self, out: &mut impl Write) -> std::io::Result<()> {
        for _ in 0..10 {
            self.in_hand += self.dice.below(3);
            if self.in_hand > 0 {
                self.order(out)?;
            }
        }
        std::thread::sleep(Duration::from_millis(10));
        Ok(())
    }

    /// One order. How long it took is drawn: from a tenth of a millisecond on, as likely in each power of two up to
    /// the sixth, and longer for what is larger and on a node that is slower.
    fn order(&mut self, out: &mut impl Write) -> std::io::Result<()> {
        self.in_hand -= 1;
        let kind = self.dice.below(KINDS.len() as u64) as usize;
        let micros = 100.0 * (6.0 * self.dice.roll()).exp2() * (1 + kind) as f64 * self.slowness as f64;
        let took = Duration::from_nanos((micros * 1e3) as u64);
        self.measured.orders[kind].increment();
        self.measured.took[kind].observe(took);
        self.measured.took_declared[kind].observe(took);
        self.measured.in_hand.set(self.in_hand);
        writeln!(out, "{}", Entry::Did { kind, took, in_hand: self.in_hand })
    }
}

/// Numbers that are hard to tell from random ones, and the same for the same seed: `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    fn roll(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
