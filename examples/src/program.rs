//! What every example does around its work: the help, the errors, and the exit code.

use std::fmt::Display;
use std::process::ExitCode;

/// Runs an example: shows `help` where only that was asked for, tells what is wrong with the flags (exit code 2) or
/// what stopped the work (1), and otherwise does what `run` says.
pub fn program<F, E: Display>(
    name: &str,
    help: &str,
    flags: Result<Option<F>, String>,
    run: impl FnOnce(&F) -> Result<ExitCode, E>,
) -> ExitCode {
    let flags = match flags {
        Ok(Some(flags)) => flags,
        Ok(None) => {
            print!("{help}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{name}: {error}");
            return ExitCode::from(2);
        }
    };
    run(&flags).unwrap_or_else(|error| {
        eprintln!("{name}: {error}");
        ExitCode::FAILURE
    })
}
