//! The receivers: a real Prometheus, and a real VictoriaMetrics where there is one, each started for this run only.

use crate::Failure;
use crate::ask;
use crate::child::Guarded;
use crate::flags::Cluster;
use crate::questions::{View, Way};
use crate::wait::until;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The receivers at work, which end with this.
pub struct Receivers {
    directory: PathBuf,
    running: Vec<Running>,
    /// What they can be asked.
    pub views: Vec<View>,
    /// Where OTLP is pushed to, if somebody takes it.
    pub otlp: Option<String>,
}

struct Running {
    address: String,
    _process: Guarded,
}

impl Receivers {
    /// Starts what is installed; the receivers have their files in this directory.
    pub fn start(wishes: &Cluster, directory: &Path) -> Result<Self, Failure> {
        let mut receivers =
            Self { directory: directory.to_owned(), running: Vec::new(), views: Vec::new(), otlp: None };
        if help("prometheus").is_none() {
            return Err(missing("prometheus").into());
        }
        receivers.configure(&[])?;
        receivers.prometheus()?;
        let help = help("victoria-metrics");
        let otlp = help.as_ref().is_some_and(|help| help.contains("opentelemetry.usePrometheusNaming"));
        match help {
            Some(_) if wishes.otlp && !otlp => return Err(OLD.into()),
            None if wishes.victoria_metrics || wishes.otlp => return Err(missing("victoria-metrics").into()),
            None => println!("There is no `victoria-metrics` on the PATH: it is left out, and OTLP with it."),
            Some(_) => receivers.victoria_metrics(otlp)?,
        }
        Ok(receivers)
    }

    fn prometheus(&mut self) -> Result<(), Failure> {
        let address = self.run("prometheus", |command, config, data, address| {
            command
                .arg(format!("--config.file={config}"))
                .arg(format!("--storage.tsdb.path={data}"))
                .arg(format!("--web.listen-address={address}"))
                .arg("--web.enable-lifecycle")
                // With it, it asks for protobuf, which has histograms with all their buckets.
                .arg("--enable-feature=native-histograms");
        })?;
        self.views.push(View::new("Prometheus", &address, Way::Native));
        Ok(())
    }

    fn victoria_metrics(&mut self, otlp: bool) -> Result<(), Failure> {
        let address = self.run("victoria-metrics", |command, config, data, address| {
            command
                .arg(format!("-promscrape.config={config}"))
                .arg(format!("-storageDataPath={data}"))
                .arg(format!("-httpListenAddr={address}"))
                // It answers what it has, not what it had 30 seconds ago.
                .arg("-search.latencyOffset=0s");
            if otlp {
                command.arg("-opentelemetry.usePrometheusNaming");
            }
        })?;
        self.views.push(View::new("VictoriaMetrics", &address, Way::Classic));
        if otlp {
            self.views.push(View::new("VictoriaMetrics by OTLP", &address, Way::Otlp));
            self.otlp = Some(format!("http://{address}/opentelemetry/v1/metrics"));
        } else {
            println!("{OLD}. It is left out.");
        }
        Ok(())
    }

    /// Lets them scrape the nodes at these addresses.
    pub fn scrape(&self, nodes: &[String]) -> Result<(), Failure> {
        self.configure(nodes)?;
        self.running.iter().try_for_each(|receiver| ask::reload(&receiver.address))
    }

    fn config(&self) -> PathBuf {
        self.directory.join("scrape.yml")
    }

    fn configure(&self, nodes: &[String]) -> Result<(), Failure> {
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs: [{{job_name: cluster, static_configs: [{{targets: {nodes:?}}}]}}]\n"
        );
        Ok(fs::write(self.config(), config)?)
    }

    /// Starts a receiver and waits until it answers; where. `set` sets its flags: where its configuration is, where
    /// its data go, and where it is to listen.
    fn run(&mut self, program: &str, set: impl Fn(&mut Command, &str, &str, &str)) -> Result<String, Failure> {
        let (config, data) = (self.config().display().to_string(), self.directory.join(program).display().to_string());
        let log = self.directory.join(format!("{program}.log"));
        let mut tries = 0;
        loop {
            tries += 1;
            let address = free_address()?;
            let said = File::create(&log)?;
            let mut command = Command::new(program);
            command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
            set(&mut command, &config, &data, &address);
            let mut process = Guarded::start(&mut command)?;
            let ended = until(&format!("the start of {program}"), || {
                let answer = ask::get(&format!("http://{address}/api/v1/query"), &[("query", "1")]);
                // If it has ended, it was another that answered.
                match process.0.try_wait()? {
                    None => answer.map(|_| None),
                    ended => Ok(ended),
                }
            })?;
            let Some(ended) = ended else {
                self.running.push(Running { address: address.clone(), _process: process });
                return Ok(address);
            };
            // Somebody may have taken its port meanwhile.
            if tries == 3 {
                let said = fs::read_to_string(&log).unwrap_or_default();
                let last = said.lines().last().unwrap_or("nothing");
                return Err(format!("{program} ended with {ended}; it said last: {last}").into());
            }
        }
    }
}

const OLD: &str = "This `victoria-metrics` takes no OTLP; version 1.97 or newer does";

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
