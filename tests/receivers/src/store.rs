//! Prometheus and VictoriaMetrics.

use crate::child::{Program, free_port};
use crate::promql::{Histograms, Sample, compare, query};
use crate::{Known, get, until};
use serde_json::Value;

/// A Prometheus, which scrapes what its configuration says and takes remote write.
#[derive(Debug)]
pub struct Prometheus(Store);

/// A VictoriaMetrics, which does the same.
#[derive(Debug)]
pub struct Victoria(Store);

#[derive(Debug)]
struct Store {
    program: Program,
    address: String,
}

/// The rhythm of scrapes.
const GLOBAL: &str = "global: {scrape_interval: 500ms, scrape_timeout: 500ms}\n";

impl Prometheus {
    /// Starts one on this port; `jobs` are its `scrape_configs`, `files` what they refer to, in its own directory.
    ///
    /// # Panics
    ///
    /// If it can't be started, or says why it ended.
    pub fn start_on(port: u16, jobs: &str, files: &[(&str, &str)]) -> Self {
        let mut program = Program::new("prometheus");
        for (file, text) in files {
            program.write(file, text);
        }
        let config = program.write("prometheus.yml", format!("{GLOBAL}scrape_configs:\n{jobs}"));
        let install = "install the Debian package `prometheus`, as .ci/receivers does";
        program.start("prometheus", install, |command| {
            command
                .arg(format!("--config.file={config}"))
                .args(["--storage.tsdb.path=data", "--web.enable-remote-write-receiver", "--log.level=debug"])
                .arg("--enable-feature=native-histograms,exemplar-storage")
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        });
        let mut this = Self(Store { program, address: format!("http://127.0.0.1:{port}") });
        this.0.wait("/api/v1/status/runtimeinfo");
        this
    }

    /// The same on a free port.
    pub fn start(jobs: &str, files: &[(&str, &str)]) -> Self {
        Self::start_on(free_port(), jobs, files)
    }
}

impl Victoria {
    /// Starts one; `jobs` are its `scrape_configs`.
    ///
    /// # Panics
    ///
    /// If it can't be started, or says why it ended.
    pub fn start(jobs: &str) -> Self {
        let mut program = Program::new("victoria-metrics");
        let config = program.write("scrape.yml", format!("{GLOBAL}scrape_configs:\n{jobs}"));
        let port = free_port();
        let install = "install the Debian package `victoria-metrics`, as .ci/receivers does";
        program.start("victoria-metrics", install, |command| {
            command
                .arg(format!("-promscrape.config={config}"))
                .args(["-storageDataPath=data", "-search.latencyOffset=0s"])
                .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        });
        let mut this = Self(Store { program, address: format!("http://127.0.0.1:{port}") });
        this.0.wait("/api/v1/targets");
        this
    }
}

impl Store {
    fn wait(&mut self, path: &str) {
        let Self { program, address } = self;
        until("the start", || {
            program.runs().unwrap_or_else(|ended| panic!("{ended}"));
            get(&format!("{address}{path}"), &[])
        });
    }
}

macro_rules! store {
    ($name:ident) => {
        impl $name {
            /// Where it is.
            pub fn address(&self) -> &str {
                &self.0.address
            }

            /// Waits until it has exactly what is known, in series with these labels besides: `job="a"`.
            #[track_caller]
            pub fn has(&self, known: &Known, selector: &str, histograms: Histograms) {
                compare(&self.0.address, known, selector, histograms);
            }

            /// What it answers to a query.
            ///
            /// # Errors
            ///
            /// It answers no vector.
            pub fn query(&self, text: &str) -> Result<Vec<Sample>, String> {
                query(&self.0.address, text)
            }

            /// Waits until a query has no answer any more.
            #[track_caller]
            pub fn forgets(&self, text: &str) {
                until(text, || match self.query(text)? {
                    left if left.is_empty() => Ok(()),
                    left => Err(format!("there is {left:?}")),
                });
            }

            /// What is at a path of its API, asked with these parameters.
            ///
            /// # Errors
            ///
            /// There is no JSON.
            pub fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
                get(&format!("{}{path}", self.0.address), parameters)
            }

            /// What it has printed.
            pub fn said(&self) -> String {
                self.0.program.said()
            }
        }
    };
}
store!(Prometheus);
store!(Victoria);
