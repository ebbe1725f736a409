//! The command line: what can be asked for, and what is said of a bad wish.

use lexopt::prelude::*;
use runtime_metrics_examples::flags::{seconds, text, told};
use std::time::Duration;

pub const HELP: &str = "\
What a small busy service records, to any number of receivers at once.

Usage: export [FLAGS]

  --seconds N           stop after N seconds (otherwise Ctrl-C stops it)
  --interval S          seconds between two pushes [5]
  --metrics-addr A      serve /metrics here [127.0.0.1:9464, if nothing else is named]
  --otlp-grpc URL       push OTLP over gRPC, such as to http://127.0.0.1:4317
  --otlp-http URL       push OTLP over HTTP, such as to http://127.0.0.1:4318
  --statsd HOST:PORT    push StatsD, such as to 127.0.0.1:8125
  --dogstatsd HOST:PORT push DogStatsD
  --remote-write URL    push remote write, such as to http://127.0.0.1:9090
  --token T             the bearer token that a scraper has to show, and that pushes over HTTP and gRPC show
  -h, --help            this text
";

/// What the program was asked for.
#[derive(Default)]
pub struct Flags {
    pub seconds: Option<Duration>,
    pub interval: Duration,
    pub metrics_addr: Option<String>,
    pub otlp_grpc: Option<String>,
    pub otlp_http: Option<String>,
    pub statsd: Option<String>,
    pub dogstatsd: Option<String>,
    pub remote_write: Option<String>,
    pub token: Option<String>,
}

/// Reads the flags; `None` where only the help was asked for.
pub fn read() -> Result<Option<Flags>, String> {
    let mut flags = Flags { interval: Duration::from_secs(5), ..Flags::default() };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next().map_err(|error| told(&error))? {
        let wish = match argument {
            Long("seconds") => {
                flags.seconds = Some(seconds("--seconds", &text(&mut arguments)?)?);
                continue;
            }
            Long("interval") => {
                flags.interval = seconds("--interval", &text(&mut arguments)?)?;
                continue;
            }
            Long("metrics-addr") => &mut flags.metrics_addr,
            Long("otlp-grpc") => &mut flags.otlp_grpc,
            Long("otlp-http") => &mut flags.otlp_http,
            Long("statsd") => &mut flags.statsd,
            Long("dogstatsd") => &mut flags.dogstatsd,
            Long("remote-write") => &mut flags.remote_write,
            Long("token") => &mut flags.token,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(told(&other.unexpected())),
        };
        *wish = Some(text(&mut arguments)?);
    }
    let pushed = [&flags.otlp_grpc, &flags.otlp_http, &flags.statsd, &flags.dogstatsd, &flags.remote_write];
    if flags.metrics_addr.is_none() && pushed.iter().all(|endpoint| endpoint.is_none()) {
        flags.metrics_addr = Some("127.0.0.1:9464".to_owned());
    }
    Ok(Some(flags))
}
