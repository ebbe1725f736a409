//! What `#[metered]` costs at compile time, beside `#[instrument]` and `#[autometrics]`. How it is
//! measured, and what came of it, is in the `README.md` next to this file.

mod futures;
mod project;
mod table;
mod variant;

use futures::Futures;
use project::{Cost, Crate, Mode, Project, Result};
use std::process::ExitCode;
use variant::Variant;

/// How much is made and how often it is built.
struct Scale {
    /// Modules of ten functions each.
    groups: usize,
    rounds: usize,
}

impl Scale {
    const FULL: Self = Self { groups: 100, rounds: 3 };
    const QUICK: Self = Self { groups: 5, rounds: 1 };

    fn functions(&self) -> usize {
        self.groups * project::GROUP
    }
}

/// What is known of a variant after all rounds.
struct Measured {
    variant: Variant,
    /// The fastest of the rounds, one for each mode.
    costs: [Cost; Mode::TIMED.len()],
    size: u64,
    stripped: u64,
    /// The stripped size with ten functions only: what is there however few they are.
    small: u64,
    futures: Futures,
}

impl Measured {
    /// What each function takes in the stripped binary, beyond the first ten.
    fn bytes_each(&self, functions: usize) -> f64 {
        (self.stripped as f64 - self.small as f64) / (functions - project::GROUP) as f64
    }
}

fn main() -> ExitCode {
    let mut scale = Scale::FULL;
    for argument in std::env::args().skip(1) {
        match &*argument {
            "--quick" => scale = Scale::QUICK,
            other => {
                eprintln!("`{other}` is not an option; there is --quick");
                return ExitCode::from(2);
            }
        }
    }
    match measure(&scale) {
        Ok((project, measured)) => {
            print!("{}", table::render(&scale, &project, &measured));
            if goal_is_kept(&measured) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The goal that does not depend on the machine: how large the futures become.
fn goal_is_kept(measured: &[Measured]) -> bool {
    let of = |variant| measured.iter().find(|one| one.variant == variant).map(|one| &one.futures);
    of(Variant::Metered).zip(of(Variant::Plain)).is_some_and(|(ours, plain)| ours.goal_is_kept(plain))
}

/// All variants, the plain one first.
fn measure(scale: &Scale) -> Result<(Project, Vec<Measured>)> {
    let crates = Variant::ALL.map(|variant| Crate { variant, groups: scale.groups });
    let small = Variant::ALL.map(|variant| Crate { variant, groups: 1 });
    let project = Project::create(&[crates, small].concat())?;

    let mut costs = Variant::ALL.map(|_| [Cost::MAX; Mode::TIMED.len()]);
    for (place, mode) in Mode::TIMED.into_iter().enumerate() {
        // The dependencies first; then only the crate itself is left to build.
        for one in small {
            eprintln!("{} {}", mode.title(), one.name());
            project.build(one, mode)?;
        }
        for _ in 0..scale.rounds {
            for (one, costs) in crates.iter().zip(&mut costs) {
                eprintln!("{} {}", mode.title(), one.name());
                costs[place] = costs[place].min(project.build(*one, mode)?);
            }
        }
    }
    let mut measured = Vec::new();
    for (((variant, one), small), costs) in Variant::ALL.into_iter().zip(crates).zip(small).zip(costs) {
        eprintln!("sizes {}", one.name());
        // As the last timed mode left it.
        let size = project.size(one)?;
        let futures = Futures::parse(&project.run(one)?)?;
        project.build(one, Mode::Stripped)?;
        project.build(small, Mode::Stripped)?;
        let (stripped, small) = (project.size(one)?, project.size(small)?);
        measured.push(Measured { variant, costs, size, stripped, small, futures });
    }
    Ok((project, measured))
}
