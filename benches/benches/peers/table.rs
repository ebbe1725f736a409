//! The tables, in Markdown.

use crate::harness::{Case, Role};
use crate::work::Work;
use std::fmt::Write;

const HEAD: &str = "\
| library | variant | 1 thread, ns | 2 threads, ns | to the reference | to ours | read back |
|---|---|--:|--:|--:|--:|---|
";

/// How much slower a second thread may make something before it counts: the noise of two threads.
const GROWTH: f64 = 1.15;
/// How many times the reference an increment may cost.
const GOAL: f64 = 1.5;

pub fn render(cases: &[Case]) -> String {
    let mut text = String::new();
    for work in Work::ALL {
        let time = |role| find(cases, work, role).map(|case| case.one.median());
        let (reference, ours) = (time(Role::Reference), time(Role::Ours));
        let _ = write!(text, "### {}\n\n{HEAD}", work.title());
        for case in cases.iter().filter(|case| case.work == work) {
            let (one, two) = (case.one.median(), case.two.median());
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} |",
                case.library,
                case.variant,
                number(one),
                number(two),
                ratio(one, reference),
                ratio(one, ours),
                read_back(case),
            );
        }
        text.push('\n');
    }
    text + &verdict(cases)
}

/// The cases that lost or invented operations.
pub fn not_read_back(cases: &[Case]) -> Vec<String> {
    let wrong = cases.iter().filter(|case| case.read_back == Some(false));
    wrong.map(|case| format!("{}: {} {}", case.work.title(), case.library, case.variant)).collect()
}

fn find(cases: &[Case], work: Work, role: Role) -> Option<&Case> {
    cases.iter().find(|case| case.work == work && case.role == role)
}

/// The promise about a plain counter, and whether this run kept it. Fastest batches are compared:
/// the median of the reference depends on chance (see the package's docs).
fn verdict(cases: &[Case]) -> String {
    let find = |role| find(cases, Work::Counter, role);
    let (Some(reference), Some(ours)) = (find(Role::Reference), find(Role::Ours)) else { return String::new() };
    let (reference, one, two) = (reference.one.best(), ours.one.best(), ours.two.best());
    let kept = one <= reference * GOAL && two <= one * GROWTH;
    format!(
        "Fastest batches: an unlabelled increment {} ns, a thread-local `Cell` add {} ns, so {} times as much (the \
         goal: at most {GOAL}); with a second thread {} ns (the goal: no more). {}.\n",
        number(one),
        number(reference),
        number(one / reference),
        number(two),
        if kept { "Both goals are reached" } else { "NOT REACHED" },
    )
}

fn number(nanos: f64) -> String {
    if nanos.is_nan() {
        return "–".into();
    }
    let digits = if nanos < 10.0 { 2 } else { usize::from(nanos < 100.0) };
    format!("{nanos:.digits$}")
}

fn ratio(nanos: f64, base: Option<f64>) -> String {
    base.map_or("–".into(), |base| number(nanos / base))
}

fn read_back(case: &Case) -> &'static str {
    match case.read_back {
        None => "–",
        Some(true) => "yes",
        Some(false) => "NO",
    }
}
