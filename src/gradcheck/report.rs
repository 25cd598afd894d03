//! What a gradient check found, readable and machine-readable.

use serde::Serialize;
use std::fmt;

/// The outcome for one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Analytic and numeric gradient agree within the tolerance.
    Passed,
    /// They do not.
    Failed,
    /// The function has no derivative here, and the analytic gradient lies between the slopes of the two sides.
    Kink,
}

/// One entry of a parameter, an input or a loss's output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// The layer (or loss) as its constructor is written.
    pub module: String,
    /// The tensor's name: `0.weight`, `input`, `output`.
    pub tensor: String,
    /// Where in the tensor, one number an axis.
    pub index: Vec<usize>,
    /// The gradient that the backward pass gives.
    pub analytic: f64,
    /// The gradient that central differences give.
    pub numeric: f64,
    /// |analytic − numeric| / max(|analytic| + |numeric|, floor); infinite when one is not a number.
    pub relative_error: f64,
    /// The outcome.
    pub verdict: Verdict,
}

/// A gradient check of one module, loss or network.
///
/// `{}` prints a listing with the worst entry of every long tensor, `{:#}` one with every entry.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GradientReport {
    /// What was checked, and on which shape.
    pub subject: String,
    /// Every entry that was checked, tensor by tensor.
    pub entries: Vec<Entry>,
    /// What is wrong with the check as a whole, if anything: gradients that are overwritten instead of accumulated, a
    /// tensor whose gradients are all zero, too many kinks.
    pub problems: Vec<String>,
}

impl GradientReport {
    /// Whether there were entries, none of them failed, and nothing is wrong as a whole.
    pub fn passed(&self) -> bool {
        let failed = self.entries.iter().any(|entry| entry.verdict == Verdict::Failed);
        !self.entries.is_empty() && self.problems.is_empty() && !failed
    }

    /// The entry with the largest relative error, kinks left out; none when there is no entry.
    pub fn worst(&self) -> Option<&Entry> {
        worst(self.entries.iter().filter(|entry| entry.verdict != Verdict::Kink))
    }

    /// The median relative error, kinks left out; NaN when there is no entry.
    pub fn median(&self) -> f64 {
        let measured = self.entries.iter().filter(|entry| entry.verdict != Verdict::Kink);
        let mut errors: Vec<f64> = measured.map(|entry| entry.relative_error).collect();
        errors.sort_by(f64::total_cmp);
        match errors.len() {
            0 => f64::NAN,
            n => (errors[(n - 1) / 2] + errors[n / 2]) / 2.0,
        }
    }

    /// The number of entries on a kink.
    pub fn kinks(&self) -> usize {
        self.entries.iter().filter(|entry| entry.verdict == Verdict::Kink).count()
    }

    /// The check in one line.
    pub fn headline(&self) -> String {
        let kinks = match self.kinks() {
            0 => String::new(),
            count => format!(", {count} on a kink"),
        };
        let (count, worst) = (self.entries.len(), self.worst().map_or(f64::NAN, |entry| entry.relative_error));
        let verdict = if self.passed() { "PASSED" } else { "FAILED" };
        let median = self.median();
        format!("{}: {count} entries, worst {worst:.1e}, median {median:.1e}{kinks}: {verdict}", self.subject)
    }
}

fn worst<'a>(entries: impl Iterator<Item = &'a Entry>) -> Option<&'a Entry> {
    entries.max_by(|a, b| a.relative_error.total_cmp(&b.relative_error))
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Passed => "PASSED",
            Verdict::Failed => "FAILED",
            Verdict::Kink => "KINK",
        })
    }
}

const HEADINGS: [&str; 7] = ["module", "parameter", "index", "analytic", "numeric", "relative error", "result"];
/// Tensors of up to this many entries are listed in full.
const SHORT: usize = 6;

impl fmt::Display for GradientReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.headline())?;
        let mut rows = vec![HEADINGS.map(str::to_string)];
        let same = |a: &Entry, b: &Entry| (&a.module, &a.tensor) == (&b.module, &b.tensor);
        for tensor in self.entries.chunk_by(same) {
            match worst(tensor.iter().filter(|entry| entry.verdict != Verdict::Kink)) {
                Some(entry) if tensor.len() > SHORT && !f.alternate() => rows.push(row(entry, &summary(tensor))),
                _ => rows.extend(tensor.iter().map(|entry| row(entry, ""))),
            }
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 7] = std::array::from_fn(width);
        for row in &rows {
            let mut line = String::from(" ");
            for (column, (text, &width)) in row.iter().zip(&widths).enumerate() {
                // Names to the left, numbers to the right.
                let cell =
                    if (3..6).contains(&column) { format!(" {text:>width$} ") } else { format!(" {text:<width$} ") };
                line.push_str(&cell);
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        self.problems.iter().try_for_each(|problem| writeln!(f, "  FAILED: {problem}"))
    }
}

/// What a row says about the entries that it stands for.
fn summary(tensor: &[Entry]) -> String {
    let mut text = format!("  worst of {}", tensor.len());
    for (verdict, word) in [(Verdict::Failed, "failed"), (Verdict::Kink, "on a kink")] {
        let count = tensor.iter().filter(|entry| entry.verdict == verdict).count();
        if count > 0 {
            text.push_str(&format!(", {count} {word}"));
        }
    }
    text
}

fn row(entry: &Entry, note: &str) -> [String; 7] {
    [
        entry.module.clone(),
        entry.tensor.clone(),
        format!("{:?}", entry.index),
        format!("{:+.9e}", entry.analytic),
        format!("{:+.9e}", entry.numeric),
        format!("{:.2e}", entry.relative_error),
        format!("{}{note}", entry.verdict),
    ]
}
