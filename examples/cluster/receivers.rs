//! The receivers: a real Prometheus, and a real VictoriaMetrics where there is one, each started for this run only.

use crate::Failure;
use crate::ask;
use crate::child::Guarded;
use crate::flags::Cluster;
use crate::questions::{View, Way};
use crate::wait::until;
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

/// Which receivers there will be, and where.
pub struct Plan {
    prometheus: String,
    victoria_metrics: Option<String>,
    otlp: bool,
}

/// The receivers at work.
pub struct Receivers {
    /// What they can be asked.
    pub views: Vec<View>,
    /// They end with this.
    processes: Vec<Guarded>,
}

impl Plan {
    /// Looks for what is installed.
    pub fn new(wishes: &Cluster) -> Result<Self, Failure> {
        if help("prometheus").is_none() {
            return Err(missing("prometheus").into());
        }
        let victoria_metrics = help("victoria-metrics");
        let otlp = victoria_metrics.as_ref().is_some_and(|help| help.contains("opentelemetry.usePrometheusNaming"));
        if victoria_metrics.is_none() {
            if wishes.victoria_metrics || wishes.otlp {
                return Err(missing("victoria-metrics").into());
            }
            println!("There is no `victoria-metrics` on the PATH: it is left out, and OTLP with it.");
        } else if !otlp {
            let old = "This `victoria-metrics` takes no OTLP; version 1.97 or newer does";
            if wishes.otlp {
                return Err(old.into());
            }
            println!("{old}. It is left out.");
        }
        let victoria_metrics = victoria_metrics.map(|_| free_address()).transpose()?;
        Ok(Self { prometheus: free_address()?, victoria_metrics, otlp })
    }

    /// Where the nodes push OTLP to. Nothing is there yet: an exporter waits for its receiver.
    pub fn otlp(&self) -> Option<String> {
        let address = self.victoria_metrics.as_ref().filter(|_| self.otlp)?;
        Some(format!("http://{address}/opentelemetry/v1/metrics"))
    }

    /// Starts them: they scrape these addresses, and have their files in this directory.
    pub fn start(self, directory: &Path, nodes: &[String]) -> Result<Receivers, Failure> {
        let config = directory.join("scrape.yml");
        std::fs::write(
            &config,
            format!(
                "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
                 scrape_configs:\n\
                 - job_name: cluster\n  \
                   static_configs: [{{targets: {nodes:?}}}]\n"
            ),
        )?;
        let file = |name: &str| directory.join(name).display().to_string();
        let config = config.display();
        let mut receivers = Receivers { views: Vec::new(), processes: Vec::new() };
        let mut prometheus = Command::new("prometheus");
        prometheus
            .arg(format!("--config.file={config}"))
            .arg(format!("--storage.tsdb.path={}", file("prometheus")))
            .arg(format!("--web.listen-address={}", self.prometheus))
            // With it, it asks for protobuf, which has histograms with all their buckets.
            .arg("--enable-feature=native-histograms");
        receivers.start(prometheus, &self.prometheus, &directory.join("prometheus.log"))?;
        receivers.views.push(View::new("Prometheus", &self.prometheus, Way::Native));
        if let Some(address) = &self.victoria_metrics {
            let mut victoria_metrics = Command::new("victoria-metrics");
            victoria_metrics
                .arg(format!("-promscrape.config={config}"))
                .arg(format!("-storageDataPath={}", file("victoria-metrics")))
                .arg(format!("-httpListenAddr={address}"))
                // It answers what it has, not what it had 30 seconds ago.
                .arg("-search.latencyOffset=0s");
            if self.otlp {
                victoria_metrics.arg("-opentelemetry.usePrometheusNaming");
            }
            receivers.start(victoria_metrics, address, &directory.join("victoria-metrics.log"))?;
            receivers.views.push(View::new("VictoriaMetrics", address, Way::Classic));
            if self.otlp {
                receivers.views.push(View::new("VictoriaMetrics by OTLP", address, Way::Otlp));
            }
        }
        Ok(receivers)
    }
}

impl Receivers {
    /// Starts a receiver, and waits until it answers.
    fn start(&mut self, mut command: Command, address: &str, log: &Path) -> Result<(), Failure> {
        let said = File::create(log)?;
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        self.processes.push(Guarded::start(&mut command)?);
        let name = command.get_program().display();
        let answer = until(&format!("the start of {name}"), || {
            ask::get(&format!("http://{address}/api/v1/query"), &[("query", "1")])
        });
        answer.map(drop).map_err(|error| {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            format!("{error}; it said last: {}", said.lines().last().unwrap_or("nothing")).into()
        })
    }
}

/// What a program says of its flags, if it is there.
fn help(program: &str) -> Option<String> {
    let said = Command::new(program).arg("--help").stdin(Stdio::null()).output().ok()?;
    Some([said.stdout, said.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat())
}

fn missing(program: &str) -> String {
    format!(
        "`{program}` is not on the PATH; install it, such as the package `{program}` of Debian and Ubuntu, and see \
         that its folder is on the PATH"
    )
}

/// A loopback address that nobody listens on.
fn free_address() -> std::io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
