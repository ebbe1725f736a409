//! Sentry: the client with its integration, and the endpoint inside for those who have no project.

use crate::screen::Screen;
use runtime_metrics::{RuntimeMetricsConfig, RuntimeMetricsIntegration};
use runtime_metrics_examples::{Direct, Envelope, EnvelopeError, Printed, SentryEndpoint};
use sentry::types::Dsn;
use sentry::{ClientInitGuard, ClientOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime};

/// How long the last envelope may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts the Sentry client. This is all the set-up that metrics need.
pub fn start(dsn: &Dsn, interval: Duration, inside: bool) -> ClientInitGuard {
    let integration = RuntimeMetricsIntegration::new(RuntimeMetricsConfig {
        collection_interval: interval,
        ..RuntimeMetricsConfig::default()
    });
    let options = ClientOptions::new().dsn(&dsn.to_string()).add_integration(integration);
    sentry::init(if inside { options.transport(Direct) } else { options })
}

/// The Sentry endpoint inside: prints the first and the last envelope in full, others in a line.
pub struct Inside {
    endpoint: SentryEndpoint,
    closing: Arc<AtomicBool>,
    /// When each envelope that was printed had read its values.
    taken: Receiver<SystemTime>,
}

impl Inside {
    pub fn start(screen: Arc<Screen>) -> std::io::Result<Self> {
        let closing = Arc::new(AtomicBool::new(false));
        let (taken, times) = channel();
        let mut number = 0;
        let in_full = Arc::clone(&closing);
        let endpoint = SentryEndpoint::start(move |envelope| {
            number += 1;
            match envelope
                .and_then(|envelope| printed(&envelope, number, number == 1 || in_full.load(Ordering::Relaxed)))
            {
                Ok((text, time)) => {
                    screen.say(&text);
                    // Without a time it was an envelope of another kind; nobody listens at the very end.
                    let _ = time.map(|time| taken.send(time));
                }
                Err(error) => screen.say(&format!("Sentry envelope {number} can't be read: {error}")),
            }
        })?;
        Ok(Self { endpoint, closing, taken: times })
    }

    pub fn dsn(&self) -> &str {
        self.endpoint.dsn()
    }

    /// Closes the client, and waits for what it sends at its end; tells whether that came.
    pub fn close(self, client: ClientInitGuard) -> bool {
        self.closing.store(true, Ordering::Relaxed);
        // The wire knows no less than a millisecond.
        let closed = SystemTime::now() - Duration::from_millis(1);
        drop(client);
        let end = Instant::now() + PATIENCE;
        loop {
            match self.taken.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(taken) if taken >= closed => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}

/// An envelope as text, and when its metrics were read.
fn printed(envelope: &Envelope, number: u32, in_full: bool) -> Result<(String, Option<SystemTime>), EnvelopeError> {
    let kinds: Vec<&str> = envelope.items.iter().map(|item| item.kind.as_str()).collect();
    let title = format!("Sentry envelope {number} ({}, {} bytes)", kinds.join(", "), envelope.bytes);
    let Some(metrics) = envelope.runtime_metrics()? else { return Ok((title, None)) };
    let text = if in_full {
        format!("\n{title}\n{}\n", Printed(&metrics))
    } else {
        let rss = metrics.metrics.iter().find(|metric| metric.name == "runtime.memory.rss");
        let rss = rss.map_or(String::new(), |rss| format!(", runtime.memory.rss {} bytes", rss.value.as_f64()));
        format!("{title}: {} values{rss}", metrics.metrics.len())
    };
    Ok((text, Some(metrics.timestamp)))
}
