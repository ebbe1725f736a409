//! The tables, in Markdown.

use crate::futures::{Futures, GOAL, LEVELS, NESTED};
use crate::project::{Mode, Project};
use crate::{Measured, Scale, Variant};
use std::fmt::Write;
use std::time::Duration;

/// The plain variant must be the first.
pub fn render(scale: &Scale, project: &Project, measured: &[Measured]) -> String {
    let Some(plain) = measured.first() else { return String::new() };
    let functions = scale.functions();
    let mut text = format!("{functions} functions, half of them async; fastest of {} rounds.", scale.rounds);
    for (place, package) in Variant::ALL.iter().filter_map(|variant| variant.package()).enumerate() {
        let _ = write!(text, "{} {package} {}", if place == 0 { "" } else { "," }, project.version(package));
    }
    text.push_str(".\n\n");
    times(&mut text, functions, plain, measured);
    sizes(&mut text, functions, plain, measured);
    futures(&mut text, plain, measured);
    verdict(&mut text, plain, measured);
    text
}

fn times(text: &mut String, functions: usize, plain: &Measured, measured: &[Measured]) {
    text.push_str("### Time to compile\n\n| attribute |");
    for mode in Mode::TIMED {
        let _ = write!(text, " {0}, s | {0}, CPU s | added, CPU ms a function |", mode.title());
    }
    text.push_str("\n|---|");
    text.push_str(&"--:|--:|--:|".repeat(Mode::TIMED.len()));
    text.push('\n');
    for one in measured {
        let _ = write!(text, "| {} |", title(one.variant));
        for (cost, plain) in one.costs.iter().zip(&plain.costs) {
            let added = cost.cpu.zip(plain.cpu).map(|(cost, plain)| milliseconds(cost, plain) / functions as f64);
            let added = added.filter(|_| one.variant != Variant::Plain).map_or("–".into(), |ms| format!("{ms:.2}"));
            let _ = write!(text, " {} | {} | {added} |", seconds(Some(cost.wall)), seconds(cost.cpu));
        }
        text.push('\n');
    }
    text.push('\n');
}

fn sizes(text: &mut String, functions: usize, plain: &Measured, measured: &[Measured]) {
    text.push_str(
        "### Size of the release binary\n\n\
         | attribute | KiB | stripped, KiB | of it with ten functions, KiB | added, bytes a function |\n|---|--:|--:|--:|--:|\n",
    );
    for one in measured {
        let kib = |bytes: u64| bytes as f64 / 1024.0;
        let added = if one.variant == Variant::Plain {
            "–".into()
        } else {
            format!("{:.0}", one.bytes_each(functions) - plain.bytes_each(functions))
        };
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | {:.0} | {added} |",
            title(one.variant),
            kib(one.size),
            kib(one.stripped),
            kib(one.small),
        );
    }
    text.push('\n');
}

fn futures(text: &mut String, plain: &Measured, measured: &[Measured]) {
    text.push_str("### Size of futures, bytes\n\n| async function |");
    for one in measured {
        let _ = write!(text, " {} |", title(one.variant));
    }
    text.push_str("\n|---|");
    text.push_str(&"--:|".repeat(measured.len()));
    text.push('\n');
    for (name, _) in plain.futures.shapes() {
        let what = if name == NESTED { "three levels with an argument of 1 KiB" } else { name };
        let _ = write!(text, "| {what} |");
        for one in measured {
            let size = one.futures.shapes().find(|(other, _)| *other == name).map_or(0, |(_, size)| size);
            let _ = write!(text, " {size} |");
        }
        text.push('\n');
    }
    let mut row = |what: &str, growth: &dyn Fn(&Futures) -> String| {
        let _ = write!(text, "| *{what}* | – |");
        for one in measured.iter().skip(1) {
            let _ = write!(text, " {} |", growth(&one.futures));
        }
        text.push('\n');
    };
    row("larger than plain: median", &|futures| growth(futures, plain, |sorted| sorted.get(sorted.len() / 2)));
    row("larger than plain: most", &|futures| growth(futures, plain, <[isize]>::last));
    row("larger than plain: three levels", &|futures| signed(futures.nested_growth(&plain.futures)));
    text.push('\n');
}

fn growth(futures: &Futures, plain: &Measured, pick: impl Fn(&[isize]) -> Option<&isize>) -> String {
    pick(&futures.growth(&plain.futures)).map_or("–".into(), |bytes| signed(*bytes))
}

/// The project's goals, and whether this run reached them.
fn verdict(text: &mut String, plain: &Measured, measured: &[Measured]) {
    let of = |variant| measured.iter().find(|one| one.variant == variant);
    let Some(ours) = of(Variant::Metered) else { return };
    let peers = || measured.iter().filter(|one| !matches!(one.variant, Variant::Plain | Variant::Metered));
    for (place, mode) in Mode::TIMED.into_iter().enumerate() {
        let time = |one: &Measured| one.costs.get(place).map(|cost| cost.cpu.unwrap_or(cost.wall));
        let reached = peers().all(|peer| time(ours) < time(peer));
        let _ = writeln!(text, "* {}: `#[metered]` adds less than either peer: {}.", mode.title(), yes(reached));
    }
    let reached = ours.futures.goal_is_kept(&plain.futures);
    let _ = writeln!(text, "* A future grows by at most {GOAL} bytes: {}.", yes(reached));
    let reached = ours.futures.nested_growth(&plain.futures) <= LEVELS * GOAL;
    let _ = writeln!(text, "* And so it does at each of {LEVELS} levels, with an argument of 1 KiB: {}.", yes(reached));
}

fn title(variant: Variant) -> String {
    match variant.attribute() {
        "" => "none".into(),
        attribute if variant == Variant::Metered => format!("**`{attribute}`**"),
        attribute => format!("`{attribute}`"),
    }
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or("–".into(), |time| format!("{:.2}", time.as_secs_f64()))
}

fn milliseconds(time: Duration, less: Duration) -> f64 {
    (time.as_secs_f64() - less.as_secs_f64()) * 1e3
}

fn signed(bytes: isize) -> String {
    format!("{bytes:+}")
}

fn yes(reached: bool) -> &'static str {
    if reached { "yes" } else { "NO" }
}
