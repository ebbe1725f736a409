//! What a record costs while Sentry is there: absent, present, in a span that is sent or not. How to
//! run it is in the package's docs.

use runtime_metrics::{RuntimeMetricsConfig, RuntimeMetricsIntegration, increment, metered, observe, timer};
use sentry::{Client, ClientOptions, Envelope, Hub, Transaction, TransactionContext, Transport, TransportOptions};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is measured: so many of them, in nanoseconds each.
type Case = (&'static str, fn(u32));

const CASES: [Case; 7] = [
    ("`increment!`", |rounds| {
        for _ in 0..rounds {
            increment!("bench_count");
        }
    }),
    ("`increment!`, two labels", |rounds| {
        for _ in 0..rounds {
            increment!("bench_labelled", labels: {"route" => black_box("/orders"), "method" => black_box("GET")});
        }
    }),
    ("`observe!`", |rounds| {
        for _ in 0..rounds {
            observe!("bench_size", value: black_box(0.5));
        }
    }),
    ("`timer!`", |rounds| {
        for _ in 0..rounds {
            drop(timer!("bench_timer"));
        }
    }),
    ("`#[metered]`", |rounds| {
        for _ in 0..rounds {
            measured();
        }
    }),
    ("`#[metered(span)]`", |rounds| {
        for _ in 0..rounds {
            spanned();
        }
    }),
    ("Sentry's `metrics::counter`", |rounds| {
        for _ in 0..rounds {
            sentry::metrics::counter("bench_peer", 1u32).capture();
        }
    }),
];

#[metered(name = "bench_measured")]
fn measured() {
    black_box(());
}

#[metered(span, name = "bench_spanned")]
fn spanned() {
    black_box(());
}

/// Batches of each case; the median counts.
const BATCHES: usize = 41;

/// Takes everything, and sends nothing.
struct Nowhere;

impl Transport for Nowhere {
    fn send_envelope(&self, envelope: Envelope) {
        drop(envelope);
    }
}

impl sentry::TransportFactory for Nowhere {
    fn create_transport_with_options(&self, _: TransportOptions) -> Arc<dyn Transport> {
        Arc::new(Self)
    }
}

fn client(rate: Option<f32>, integration: bool) -> Arc<Client> {
    let mut options = ClientOptions::new().dsn("http://public@127.0.0.1/1").transport(Nowhere);
    if let Some(rate) = rate {
        options = options.traces_sample_rate(rate);
    }
    if integration {
        let config = RuntimeMetricsConfig { collection_interval: Duration::from_hours(1), ..Default::default() };
        options = options.add_integration(RuntimeMetricsIntegration::new(config));
    }
    Arc::new(Client::from(options))
}

/// Runs something on a thread whose own hub has the client, and a span if there is one.
fn in_hub<R: Send>(client: &Arc<Client>, span: Span, run: impl FnOnce() -> R + Send) -> R {
    let on_thread = || {
        let hub = Hub::current();
        hub.bind_client(Some(Arc::clone(client)));
        let transaction =
            (span != Span::None).then(|| sentry::start_transaction(TransactionContext::new("bench", "bench")));
        bind(&hub, transaction.as_ref(), span);
        drop(hub);
        run()
    };
    std::thread::scope(|scope| scope.spawn(on_thread).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

fn bind(hub: &Hub, transaction: Option<&Transaction>, span: Span) {
    let Some(transaction) = transaction else { return };
    let bound = match span {
        Span::Child => transaction.start_child("bench", "child").into(),
        _ => transaction.clone().into(),
    };
    hub.configure_scope(|scope| scope.set_span(Some(bound)));
}

/// The same in a hub that somebody else has as well, as that of a task.
fn in_shared_hub<R>(client: &Arc<Client>, span: Span, run: impl FnOnce() -> R) -> R {
    let hub = Arc::new(Hub::new(Some(Arc::clone(client)), Arc::default()));
    Hub::run(Arc::clone(&hub), || {
        let transaction =
            (span != Span::None).then(|| sentry::start_transaction(TransactionContext::new("bench", "bench")));
        bind(&hub, transaction.as_ref(), span);
        run()
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Span {
    None,
    Child,
    Root,
}

fn measure(quick: bool) -> Vec<f64> {
    let batch = Duration::from_micros(if quick { 50 } else { 2_000 });
    let batches = if quick { 3 } else { BATCHES };
    CASES.iter().map(|(_, case)| median(*case, batch, batches)).collect()
}

/// The median of batches, in nanoseconds for each round.
fn median(case: fn(u32), batch: Duration, batches: usize) -> f64 {
    let time = |rounds: u32| {
        let began = Instant::now();
        case(rounds);
        began.elapsed()
    };
    let mut rounds = 16;
    while time(rounds) < batch {
        rounds *= 2;
    }
    let mut times: Vec<f64> = (0..batches).map(|_| time(rounds).as_nanos() as f64 / f64::from(rounds)).collect();
    times.sort_unstable_by(f64::total_cmp);
    times[batches / 2]
}

fn main() -> ExitCode {
    let quick = match runtime_metrics_benches::quick() {
        Ok(quick) => quick,
        Err(code) => return code,
    };
    let states = [
        ("absent", measure(quick)),
        ("there, no tracing", in_hub(&client(None, true), Span::None, || measure(quick))),
        ("there, without us, sampled span", in_hub(&client(Some(1.0), false), Span::Child, || measure(quick))),
        ("there, no span", in_hub(&client(Some(1.0), true), Span::None, || measure(quick))),
        ("unsampled span", in_hub(&client(Some(0.0), true), Span::Child, || measure(quick))),
        ("sampled span", in_hub(&client(Some(1.0), true), Span::Child, || measure(quick))),
        ("there, no span, hub of a task", in_shared_hub(&client(Some(1.0), true), Span::None, || measure(quick))),
        ("sampled span, hub of a task", in_shared_hub(&client(Some(1.0), true), Span::Child, || measure(quick))),
        ("sampled transaction, no span", in_hub(&client(Some(1.0), true), Span::Root, || measure(quick))),
    ];
    println!("| Sentry | {} |", CASES.map(|(name, _)| name).join(" | "));
    println!("|---|{}", "--:|".repeat(CASES.len()));
    for (state, times) in &states {
        let cells: Vec<String> = times.iter().map(|time| cell(*time)).collect();
        println!("| {state} | {} |", cells.join(" | "));
    }
    ExitCode::SUCCESS
}

fn cell(nanos: f64) -> String {
    if nanos < 10.0 { format!("{nanos:.2}") } else { format!("{nanos:.0}") }
}
