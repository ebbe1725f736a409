//! How many crates a library brings, and how long a clean release build of a hello-world with it takes. How to run it
//! is in the package's docs.

use std::collections::HashSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Builds of each row; the fastest counts, which the rest of the machine has disturbed least.
const ROUNDS: usize = 3;

/// A library, what `Cargo.toml` says of it, and a program that uses it.
struct Row {
    library: &'static str,
    dependency: &'static str,
    program: &'static str,
}

const ROWS: [Row; 5] = [
    Row { library: "– (no dependency)", dependency: "", program: "println!(\"hello\");" },
    Row {
        library: "**runtime-metrics**, no default features",
        dependency: "runtime-metrics = { path = \"RUNTIME_METRICS\", default-features = false }",
        program: "runtime_metrics::increment!(\"hello\");
            print!(\"{}\", runtime_metrics::export::prometheus(&runtime_metrics::registry().snapshot()));",
    },
    Row {
        library: "prometheus-client",
        dependency: "prometheus-client = \"0.25.2\"",
        program: "let (mut registry, mut text) = (prometheus_client::registry::Registry::default(), String::new());
            let counter = <prometheus_client::metrics::counter::Counter>::default();
            registry.register(\"hello\", \"Hello\", counter.clone());
            counter.inc();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            print!(\"{text}\");",
    },
    Row {
        library: "metrics-lib, no default features but `count`",
        dependency: "metrics-lib = { version = \"2.0.0\", default-features = false, features = [\"count\"] }",
        program: "let registry = metrics_lib::Registry::new();
            registry.counter(\"hello\").inc();
            print!(\"{}\", metrics_lib::exporters::prometheus::render(&registry));",
    },
    Row {
        library: "fastmetrics",
        dependency: "fastmetrics = \"0.7.1\"",
        program: "let (mut registry, mut text) = (fastmetrics::registry::Registry::default(), String::new());
            let counter = <fastmetrics::metrics::counter::Counter>::default();
            registry.register(\"hello\", \"Hello\", counter.clone()).unwrap();
            counter.inc();
            fastmetrics::format::text::encode(&mut text, &registry, Default::default()).unwrap();
            print!(\"{text}\");",
    },
];

fn main() -> ExitCode {
    let quick = match runtime_metrics_benches::quick() {
        Ok(quick) => quick,
        Err(code) => return code,
    };
    // Quickly, the crates are only counted.
    let rounds = if quick { 0 } else { ROUNDS };
    match table(rounds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn table(rounds: usize) -> Result<(), Box<dyn Error>> {
    println!("### What a dependency costs\n\n| library | crates | clean release build, s |\n|---|--:|--:|");
    for row in ROWS {
        let crates = Hello::new(&row)?.crates()?;
        let mut seconds = f64::NAN;
        for _ in 0..rounds {
            seconds = Hello::new(&row)?.build()?.min(seconds);
        }
        let seconds = if rounds == 0 { "–".into() } else { format!("{seconds:.1}") };
        println!("| {} | {crates} | {seconds} |", row.library);
    }
    println!();
    Ok(())
}

/// A package of its own, which is gone when this is dropped.
struct Hello(PathBuf);

impl Hello {
    fn new(row: &Row) -> Result<Self, Box<dyn Error>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("this package is in no workspace")?;
        let hello = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join("build-cost"));
        let _ = fs::remove_dir_all(&hello.0);
        fs::create_dir_all(hello.0.join("src"))?;
        let dependency = row.dependency.replace("RUNTIME_METRICS", &root.join("runtime-metrics").display().to_string());
        let manifest =
            format!("[package]\nname = \"hello\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependency}\n");
        fs::write(hello.0.join("Cargo.toml"), manifest)?;
        fs::write(hello.0.join("src/main.rs"), format!("fn main() {{\n{}\n}}\n", row.program))?;
        // The versions that the other benches measure, whose sources are there.
        fs::copy(root.join("Cargo.lock"), hello.0.join("Cargo.lock"))?;
        Ok(hello)
    }

    fn cargo(&self, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut cargo = Command::new(cargo);
        cargo.args(arguments).current_dir(&self.0).env("CARGO_TARGET_DIR", self.0.join("target"));
        let output = cargo.output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// How many crates are built besides the program itself.
    fn crates(&self) -> Result<usize, Box<dyn Error>> {
        let tree =
            self.cargo(&["tree", "--offline", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])?;
        let crates = tree.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty());
        Ok(crates.collect::<HashSet<_>>().len() - 1)
    }

    /// How many seconds a clean build takes.
    fn build(&self) -> Result<f64, Box<dyn Error>> {
        let started = Instant::now();
        self.cargo(&["build", "--offline", "--release"])?;
        let seconds = started.elapsed().as_secs_f64();
        let hello = Command::new(self.0.join("target/release/hello")).output()?;
        let greeted = String::from_utf8_lossy(&hello.stdout).contains("hello");
        if greeted { Ok(seconds) } else { Err("the program did not tell what it measured".into()) }
    }
}

impl Drop for Hello {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
