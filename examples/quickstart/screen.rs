//! The terminal: a table that is redrawn in place, with lines that scroll by above it.

use std::io::{IsTerminal, Write, stdout};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where nothing can be redrawn, a table this often is enough: each fifth, shown once a second.
const SELDOM: Duration = Duration::from_millis(4_500);

/// Standard output, shared by all that have something to say.
pub struct Screen {
    terminal: bool,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    table: String,
    at: Option<Instant>,
}

impl Screen {
    pub fn new() -> Self {
        Self { terminal: stdout().is_terminal(), shown: Mutex::default() }
    }

    /// Writes text that stays.
    pub fn say(&self, text: &str) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let below = if self.terminal { shown.table.as_str() } else { "" };
        write(&format!("{}{}\n{}", erase(below), text.trim_end(), draw(below)));
    }

    /// Shows the table in place of the one before.
    pub fn show(&self, table: String) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if self.terminal {
            write(&format!("{}{}", erase(&shown.table), draw(&table)));
        } else if shown.at.is_none_or(|at| at.elapsed() >= SELDOM) {
            write(&table);
            shown.at = Some(Instant::now());
        }
        shown.table = table;
    }

    /// Leaves the table where it is: what follows is written below.
    pub fn keep(&self) {
        std::mem::take(&mut *self.shown.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Moves the cursor to the table's first line and clears what is below.
fn erase(table: &str) -> String {
    match table.lines().count() {
        0 => String::new(),
        lines => format!("\x1b[{lines}A\r\x1b[J"),
    }
}

/// The table without line wrap: on a narrow terminal a line still is one line to go up.
fn draw(table: &str) -> String {
    if table.is_empty() { String::new() } else { format!("\x1b[?7l{table}\x1b[?7h") }
}

fn write(text: &str) {
    let mut out = stdout().lock();
    // Who closed the pipe wants to see no more; the service goes on.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
