//! Where the instructions of a case are: by source file, as what is inlined has no function of its own.

use crate::cases::Case;
use crate::count;
use std::collections::BTreeMap;
use std::process::Command;

/// Source files with fewer instructions for an operation are left out.
const FEW: f64 = 0.5;

/// A table of the source files of a case, and how many instructions of an operation are from each.
///
/// # Errors
///
/// If there is no valgrind, or the case did not record what it should.
pub fn table(case: &Case) -> Result<String, String> {
    let path = std::env::temp_dir().join(format!("instructions-{}.profile", std::process::id()));
    let written = format!("--callgrind-out-file={}", path.display());
    let profile = count::instructions(case, case.operations, &written).and_then(|_| {
        let annotated = Command::new("callgrind_annotate").args(["--threshold=100", "--auto=no"]).arg(&path).output();
        annotated.map_err(|error| format!("`callgrind_annotate` can't be run ({error}); it comes with valgrind"))
    });
    let removed = std::fs::remove_file(&path);
    let profile = String::from_utf8_lossy(&profile?.stdout).into_owned();
    removed.map_err(|error| format!("{}: {error}", path.display()))?;

    let mut files: BTreeMap<String, f64> = BTreeMap::new();
    for (instructions, file) in profile.lines().filter_map(line) {
        *files.entry(file).or_default() += instructions / case.operations as f64;
    }
    let mut files: Vec<_> = files.into_iter().filter(|(_, instructions)| *instructions >= FEW).collect();
    files.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let rows = files.iter().map(|(file, instructions)| format!("| {file} | {instructions:.1} |\n"));
    Ok(format!("{}\n\n| source | instructions |\n|---|--:|\n{}", case.what, rows.collect::<String>()))
}

/// `1,234 (5.6%)  some/where/file.rs:function [program]`
fn line(line: &str) -> Option<(f64, String)> {
    let (instructions, rest) = line.trim_start().split_once(" (")?;
    let instructions = instructions.replace(',', "").parse().ok()?;
    let (file, _) = rest.split_once(')')?.1.trim_start().split_once(':')?;
    // The last folder is enough to know a file by.
    let mut parts = file.rsplit('/').take(2).collect::<Vec<_>>();
    parts.reverse();
    Some((instructions, parts.join("/")))
}
