//! What `#[metered]` writes around a function is short, and is reviewed when it changes.
//!
//! `TRYBUILD=overwrite cargo test -p runtime-metrics-tests --test expansion` accepts a change.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A crate of the workspace with its macros expanded. It has a target directory of its own, so
/// that `RUSTC_BOOTSTRAP`, which a stable compiler wants for this, rebuilds nothing else.
fn expanded(package: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["rustc", "--frozen", "--quiet", "--lib", "--profile", "check", "--package", package])
        .args(["--target-dir", concat!(env!("CARGO_TARGET_TMPDIR"), "/expansion")])
        .args(["--", "-Zunpretty=expanded"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RUSTC_BOOTSTRAP", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The names of linkme's private modules have its version in them, which is not for review.
    let source = String::from_utf8(output.stdout).unwrap();
    let mut parts = source.split("linkme::__private");
    let first = parts.next().unwrap_or_default().to_owned();
    formatted(
        &parts
            .fold(first, |all, part| all + "linkme::__private" + part.trim_start_matches(|c: char| c.is_ascii_digit())),
    )
}

fn formatted(source: &str) -> String {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rustfmt.toml");
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    rustfmt.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    let output = rustfmt.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The block that starts with this line, up to the brace below its beginning.
fn block(source: &str, start: &str) -> String {
    let mut lines = source.lines().skip_while(|line| line.trim_start() != start).peekable();
    let indent = lines.peek().unwrap_or_else(|| panic!("there is no {start}")).len() - start.len();
    let end = format!("{}}}", " ".repeat(indent));
    let mut block = String::new();
    for line in lines {
        block.push_str(line.get(indent..).unwrap_or_default());
        block.push('\n');
        if line == end {
            break;
        }
    }
    block
}

#[test]
fn the_expansion_of_an_async_handler_is_what_was_accepted() {
    let expanded = expanded("runtime-metrics-corpus-2024");
    let place = block(&expanded, "pub async fn place(&self, items: Vec<u64>) -> Result<u64, String> {");

    let lines = place.lines().count();
    assert!(lines <= 50, "{lines} lines:\n{place}");

    let snapshot = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expansion.txt");
    if std::env::var("TRYBUILD").is_ok_and(|what| what == "overwrite") {
        std::fs::write(&snapshot, &place).unwrap();
    }
    let accepted = std::fs::read_to_string(&snapshot).unwrap_or_default();
    assert!(place == accepted, "the expansion is now\n{place}\nand not\n{accepted}");
}
