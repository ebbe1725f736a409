#![doc = include_str!("../README.md")]

use std::process::ExitCode;

/// Whether a smoke test is enough: `cargo bench` says `--bench`, and `cargo test --benches` nothing.
///
/// # Errors
///
/// What to exit with, after it was said why, if there is anything else.
pub fn quick() -> Result<bool, ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(other) = arguments.iter().find(|argument| !["--bench", "--quick"].contains(&argument.as_str())) {
        eprintln!("`{other}` is not an option; there is --quick");
        return Err(ExitCode::from(2));
    }
    Ok(arguments.is_empty() || arguments.iter().any(|argument| argument == "--quick"))
}
