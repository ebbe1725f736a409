//! What may be set is set by the code, by a file and by the environment, is read when a program begins and again when
//! it is told to; and what can't be used is named with its place.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The program under test.
struct Program {
    child: Child,
    ask: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Program {
    fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_settled"));
        command.args(arguments).envs(variables.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (ask, told) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, ask, told: BufReader::new(told) }
    }

    /// What it says to a command.
    fn says(&mut self, command: &str) -> Vec<String> {
        writeln!(self.ask, "{command}").unwrap();
        self.told.by_ref().lines().map(Result::unwrap).take_while(|line| line != ".").collect()
    }

    /// The samples that it exports whose names begin so, without `node` and `service`.
    fn exports(&mut self, name: &str) -> Vec<String> {
        let text = self.says("export");
        text.into_iter().filter(|line| line.starts_with(name)).map(|line| without_identity(&line)).collect()
    }
}

fn without_identity(line: &str) -> String {
    let (name, rest) = line.split_once('{').unwrap();
    let (labels, value) = rest.rsplit_once("} ").unwrap();
    let own = labels.split(',').filter(|label| !label.starts_with("node=") && !label.starts_with("service="));
    format!("{name}{{{}}} {value}", own.collect::<Vec<_>>().join(","))
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file that goes when the test does.
struct File(PathBuf);

impl File {
    fn with(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("settings-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

const METRICS: [&str; 9] = [
    "settled_orders_total",
    "settled_written_total",
    "settled_logins_total",
    "settled_sizes_count",
    "settled_depth",
    "settled_time_seconds_count",
    "settled_call_requests_total",
    "settled_wait_requests_total",
    "settled_handle_count",
];

#[test]
fn nothing_is_set_and_all_is_there() {
    let mut program = Program::start(&[], &[]);
    program.says("record");
    for name in METRICS {
        assert!(!program.exports(name).is_empty(), "{name}");
    }
    assert_eq!(program.says("status"), [""; 0]);
}

#[test]
fn what_is_turned_off_is_not_there_and_the_program_does_not_notice() {
    for name in METRICS {
        let one = name.trim_end_matches("_total").trim_end_matches("_count").trim_end_matches("_requests");
        let setting = format!("{one}*.enabled=false");
        let mut program = Program::start(&[], &[("RUNTIME_METRICS_METRICS", &setting)]);
        program.says("record");
        assert_eq!(program.exports(one), [""; 0]);
        let others = METRICS.into_iter().filter(|other| !other.starts_with(one));
        for other in others {
            assert!(!program.exports(other).is_empty(), "{other} without {name}");
        }
        assert_eq!(program.says("status"), [""; 0]);
    }
    let mut program = Program::start(&[], &[("RUNTIME_METRICS_ENABLED", "false")]);
    program.says("record");
    assert_eq!(program.says("export"), [""; 0]);
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_code() {
    let file = File::with("order", "node = 'of-file'\nsample = 5\nseries_per_metric = 3\n");
    let variables = [("RUNTIME_METRICS_CONFIG", file.path()), ("RUNTIME_METRICS_NODE", "of-environment")];
    let mut program = Program::start(&["--settle"], &variables);
    program.says("record");
    let text = program.says("export").join("\n");
    assert!(
        text.contains("node=\"of-environment\"") && !text.contains("of-file") && !text.contains("of-code"),
        "{text}"
    );
    let mut program = Program::start(&["--settle"], &variables[..1]);
    program.says("record");
    assert!(program.says("export").join("\n").contains("node=\"of-file\""));
    let mut program = Program::start(&["--settle"], &[]);
    program.says("record");
    assert!(program.says("export").join("\n").contains("node=\"of-code\""));
}

#[test]
fn a_file_says_all_there_is_to_say() {
    let file = File::with(
        "all",
        r#"
service = "settled-service"
node = "settled-node"
series_per_metric = 100
series = 1000
idle_expiry = "1h"
slow_poll_threshold = "1ms"
sample = 2
samples_per_second = 10
hash_key = "secret"
keep_labels = ["email", "method", "outcome"]

[labels]
email = "hash"

[metrics."settled.none"]
enabled = true

[metrics.settled_sizes]
buckets = [2, 4, 8]
series = 5
idle_expiry = "never"

[metrics.settled_logins]
labels.email = "mask"

[metrics.settled_written]
keep_labels = ["method"]

[metrics.settled_call_duration_seconds]
sample = "adaptive"
"#,
    );
    let mut program = Program::start(&[], &[("RUNTIME_METRICS_CONFIG", file.path())]);
    program.says("record");
    let text = program.says("export").join("\n");
    assert!(text.contains(r#"node="settled-node",service="settled-service""#), "{text}");
    assert_eq!(program.exports("settled_logins_total"), [r#"settled_logins_total{email="***",method="PUT"} 1"#]);
    let bounds = program.exports("settled_sizes_bucket");
    assert_eq!(bounds.len(), 4);
    assert!(bounds[0].contains(r#"le="2.0""#), "{bounds:?}");
    // Another rule for all does not take a rule for one away.
    let written = program.exports("settled_written_total");
    assert_eq!(written.len(), 1);
    assert!(written[0].contains("email=\"") && !text.contains("example.org"), "{written:?}");
    assert_eq!(program.says("status"), [""; 0]);
    assert!(program.says("reload")[0].contains("no metric is called `settled.none` so far"));
}

#[test]
fn what_can_not_be_used_is_named_with_its_line_and_the_rest_is_used() {
    let file = File::with(
        "wrong",
        "node = 'right'\nsampel = 3\nseries = -1\nidle_expiry = '10 parsecs'\n\n[labels]\nemail = 'drob'\n\n[metrics.settled_orders]\nenable = false\n\n[metric.x]\nenabled = 1\n",
    );
    let mut program = Program::start(&[], &[("RUNTIME_METRICS_CONFIG", file.path()), ("RUNTIME_METRICS_SERIESS", "3")]);
    let problems = program.says("status");
    let path = file.path();
    let expected = [
        "RUNTIME_METRICS_SERIESS: there is no such variable; the nearest is `RUNTIME_METRICS_SERIES`".to_owned(),
        format!("{path}, line 2, sampel: there is no such setting; the nearest is `sample`"),
        format!("{path}, line 3, series: -1 can't be used: write a whole number that is not negative"),
        format!(
            "{path}, line 4, idle_expiry: \"10 parsecs\" can't be used: write a time with its unit, such as \"500ms\", \"30s\" or \"10m\", or \"never\""
        ),
        format!(
            "{path}, line 7, labels.email: \"drob\" can't be used: write one of keep, hash, mask, drop; the nearest is \"drop\""
        ),
        format!("{path}, line 10, metrics.settled_orders.enable: there is no such setting; the nearest is `enabled`"),
        format!("{path}, line 13, metric.x.enabled: there is no such setting; the nearest is `metrics`"),
    ];
    assert_eq!(problems, expected);
    program.says("record");
    assert!(program.says("export").join("\n").contains("node=\"right\""));
    // What is told again is not taken. That of the environment can't be mended meanwhile, and was told.
    assert_eq!(program.says("reload"), expected[1..]);
    std::fs::write(&file.0, "enabled = false").unwrap();
    assert_eq!(program.says("reload"), ["applied [] []"]);
    assert_eq!(program.says("export"), [""; 0]);
}

#[test]
fn what_is_wrong_with_the_file_does_not_keep_the_code_from_its_settings() {
    let file = File::with("code", "sampel = 3\nseries_per_metric = 9");
    let mut program = Program::start(&["--settle"], &[("RUNTIME_METRICS_CONFIG", file.path())]);
    program.says("record");
    assert!(program.says("export").join("\n").contains("node=\"of-code\""));
    let problems = program.says("status");
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("line 1, sampel: there is no such setting; the nearest is `sample`"), "{problems:?}");
}

#[test]
fn a_file_that_is_no_toml_or_not_there_is_named() {
    let file = File::with("broken", "node = 'right'\nsample = \n");
    let mut program = Program::start(&[], &[("RUNTIME_METRICS_CONFIG", file.path())]);
    let problems = program.says("status");
    assert!(problems[0].starts_with(&format!("{}, line 2: it is not TOML:", file.path())), "{problems:?}");
    let mut program = Program::start(&[], &[("RUNTIME_METRICS_CONFIG", "/no/such/file.toml")]);
    assert!(program.says("status")[0].starts_with("/no/such/file.toml: it can't be read:"));
    program.says("record");
    assert!(!program.exports("settled_orders").is_empty());
}

#[test]
fn what_changes_holds_when_the_program_is_told() {
    let file = File::with("reload", "");
    let mut program = Program::start(&[], &[("RUNTIME_METRICS_CONFIG", file.path())]);
    program.says("record");
    let orders = [r"settled_orders_total{} 1"];
    assert_eq!(program.exports("settled_orders_total"), orders);

    std::fs::write(&file.0, "[metrics.settled_orders]\nenabled = false\n[metrics.settled_sizes]\nenabled = false")
        .unwrap();
    assert_eq!(program.says("reload"), ["applied [] []"]);
    program.says("record");
    assert_eq!(program.exports("settled_orders"), [""; 0]);
    assert_eq!(program.exports("settled_sizes"), [""; 0]);

    std::fs::write(&file.0, "[labels]\nemail = 'drop'\n[metrics.settled_sizes]\nbuckets = [5]").unwrap();
    let applied = program.says("reload");
    assert!(applied[0].contains("the buckets of `settled_sizes`"), "{applied:?}");
    assert_eq!(program.exports("settled_sizes_count"), ["settled_sizes_count{} 1"]);
    // What is written out goes on under its new labels; what calls gave begins anew.
    assert_eq!(program.exports("settled_written_total"), [r#"settled_written_total{method="GET"} 2"#]);
    program.says("record");
    assert_eq!(program.exports("settled_written_total"), [r#"settled_written_total{method="GET"} 3"#]);
    assert_eq!(program.exports("settled_logins_total"), [r#"settled_logins_total{method="PUT"} 1"#]);
    let calls = program.exports("settled_call_requests_total");
    assert!(calls.contains(&r#"settled_call_requests_total{action="called",outcome="ok"} 1"#.to_owned()), "{calls:?}");
    assert!(!program.says("export").join("\n").contains("example.org"));

    std::fs::write(&file.0, "sampel = 3").unwrap();
    assert!(program.says("reload")[0].contains("the nearest is `sample`"));
    // Nothing has changed.
    program.says("record");
    assert_eq!(program.exports("settled_logins_total"), [r#"settled_logins_total{method="PUT"} 2"#]);
}
