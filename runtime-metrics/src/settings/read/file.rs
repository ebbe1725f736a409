//! Settings in a TOML file: each key with the line that it is in.

use super::keys::Written;
use super::value::Value;
use crate::settings::SettingsError;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// What a file says.
pub(super) fn read(path: &Path, error: &mut SettingsError) -> Vec<Written> {
    let shown = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text, &shown, error),
        Err(reason) => {
            error.add(shown, format!("it can't be read: {reason}; RUNTIME_METRICS_CONFIG has to name a file that can"));
            Vec::new()
        }
    }
}

/// What the text of a file says.
pub(super) fn parse(text: &str, file: &str, error: &mut SettingsError) -> Vec<Written> {
    let line = |at: usize| 1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
    let place = |at: usize| {
        let line = line(at);
        if file.is_empty() { format!("line {line}") } else { format!("{file}, line {line}") }
    };
    let (table, wrong) = DeTable::parse_recoverable(text);
    for one in wrong {
        error.add(place(one.span().map_or(0, |span| span.start)), format!("it is not TOML: {}", one.message()));
    }
    let mut written = Vec::new();
    flatten(table.get_ref(), &mut Vec::new(), &place, &mut written);
    // As they stand in the file.
    written.sort_by_key(|(at, _)| *at);
    written.into_iter().map(|(_, written)| written).collect()
}

/// The keys of a table and of those in it, each with where it is.
fn flatten(
    table: &DeTable<'_>,
    path: &mut Vec<String>,
    place: &impl Fn(usize) -> String,
    written: &mut Vec<(usize, Written)>,
) {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => flatten(inner, path, place, written),
            // An empty table sets nothing, if it can be there at all.
            DeValue::Table(_) if matches!(path[0].as_str(), "labels" | "metrics") => {}
            value => {
                let at = key.span().start;
                let place = format!("{}, {}", place(at), path.join("."));
                written.push((at, Written { key: path.clone(), value: Value::of(value), place }));
            }
        }
        path.pop();
    }
}
