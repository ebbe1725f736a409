//! The verdict: the truth beside what each receiver says, and whether all of it is as near as it may be.

use crate::Failure;
use crate::questions::{Allowed, Question, View};
use std::fmt::Write;
use std::time::Duration;

/// The answers to all questions.
pub struct Table {
    titles: Vec<&'static str>,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    truth: f64,
    cells: Vec<Cell>,
}

/// One answer, where it could be asked for, and how far off it may be.
struct Cell {
    answer: Option<Result<f64, Failure>>,
    allowed: Allowed,
}

impl Table {
    /// Asks everybody everything.
    pub fn ask(questions: &[Question<'_>], views: &[View], window: Duration, worked: Duration) -> Self {
        let row = |question: &Question<'_>| {
            let cell = |view: &View| Cell {
                answer: view.ask(question.quantity, window),
                allowed: view.allowed(question.quantity, worked),
            };
            Row { name: question.name.clone(), truth: question.truth, cells: views.iter().map(cell).collect() }
        };
        Self { titles: views.iter().map(|view| view.title).collect(), rows: questions.iter().map(row).collect() }
    }

    /// Whether every answer is as near to the truth as it may be, and there is a truth.
    pub fn agrees(&self) -> bool {
        let near = |row: &Row| row.cells.iter().all(|cell| cell.is_near(row.truth));
        self.rows.iter().any(|row| row.truth > 0.0) && self.rows.iter().all(near)
    }

    /// A line for each question.
    pub fn text(&self) -> String {
        let mut text = format!("{:<37}{:>12}", "", "truth");
        for title in &self.titles {
            // Writing to a string can't fail.
            _ = write!(text, "  {title:>23}");
        }
        text.push('\n');
        for row in &self.rows {
            _ = write!(text, "{:<37}{:>12}", row.name, number(row.truth));
            for cell in &row.cells {
                _ = write!(text, "  {:>23}", cell.text(row.truth));
            }
            text.push('\n');
        }
        for (row, title, error) in self.failures() {
            _ = writeln!(text, "{row}: {title} does not say: {error}");
        }
        text
    }

    /// The questions that have no answer.
    fn failures(&self) -> impl Iterator<Item = (&str, &str, &Failure)> {
        self.rows.iter().flat_map(|row| {
            let cells = row.cells.iter().zip(&self.titles);
            cells.filter_map(|(cell, title)| Some((&*row.name, *title, cell.answer.as_ref()?.as_ref().err()?)))
        })
    }
}

impl Cell {
    fn is_near(&self, truth: f64) -> bool {
        match self.answer {
            Some(Ok(answer)) => self.allowed.is_near(answer, truth),
            Some(Err(_)) => false,
            None => true,
        }
    }

    fn text(&self, truth: f64) -> String {
        let answer = match self.answer {
            Some(Ok(answer)) => answer,
            Some(Err(_)) => return "NO ANSWER".to_owned(),
            None => return "-".to_owned(),
        };
        let off = answer / truth - 1.0;
        let off = match off.abs() {
            _ if answer == truth => "exact".to_owned(),
            ..1e-6 => format!("{off:+.0e}"),
            _ => format!("{:+.2} %", off * 100.0),
        };
        let mark = if self.is_near(truth) { "" } else { " WRONG" };
        format!("{} {off:>9}{mark}", number(answer))
    }
}

/// Counts as they are, and of seconds the microseconds.
fn number(value: f64) -> String {
    if value.fract() == 0.0 { value.to_string() } else { format!("{value:.6}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(truth: f64, answer: Result<f64, Failure>, allowed: Allowed) -> Table {
        let row = Row { name: "orders".to_owned(), truth, cells: vec![Cell { answer: Some(answer), allowed }] };
        Table { titles: vec!["Prometheus"], rows: vec![row] }
    }

    #[test]
    fn a_count_that_is_one_off_is_wrong() {
        let right = table(1000.0, Ok(1000.0), Allowed::Share(0.0));
        assert!(right.agrees() && right.text().contains("exact"), "{}", right.text());
        for answer in [999.0, 1001.0, f64::NAN] {
            let wrong = table(1000.0, Ok(answer), Allowed::Share(0.0));
            assert!(!wrong.agrees() && wrong.text().contains("WRONG"), "{}", wrong.text());
        }
    }

    #[test]
    fn who_does_not_answer_does_not_agree() {
        let silent = table(1.0, Err("it is away".into()), Allowed::Bucket);
        assert!(!silent.agrees() && silent.text().contains("it is away"), "{}", silent.text());
        assert!(!table(0.0, Ok(0.0), Allowed::Share(0.0)).agrees());
    }
}
