//! Words and tables for the terminal.

use limpide::error::one_line;
use std::fmt::Display;
use std::ops::RangeBounds;

/// A number of things whose plural ends in s: `1 epoch`, `2 epochs`.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// The most letters of a name that somebody else chose.
const LETTERS: usize = 60;

/// A name on one line: what is no letter as Rust writes it, and the rest of a long one left out.
pub fn label(name: &str) -> String {
    let plain = one_line(name);
    match plain.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None => plain,
    }
}

/// Rows of cells under each other, two spaces between columns; the columns in `right` (`1..`, `..0` for none) to the right,
/// the others to the left.
pub fn aligned(rows: &[Vec<String>], right: impl RangeBounds<usize>) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match right.contains(&column) {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_on_its_line() {
        assert_eq!(label("âge\n\u{1b}[31m"), "âge\\n\\u{1b}[31m");
        assert_eq!(label(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
        assert_eq!(label(&"é".repeat(60)), "é".repeat(60));
    }

    #[test]
    fn columns_stand_under_each_other_whatever_the_letters() {
        let rows = [vec!["", "é", "bb"], vec!["loss", "0.5", ""], vec!["x"]];
        let rows: Vec<Vec<String>> = rows.map(|row| row.into_iter().map(str::to_string).collect()).into();
        assert_eq!(aligned(&rows, 1..), "        é  bb\nloss  0.5\nx\n");
        assert_eq!(aligned(&rows, 1..2), "        é  bb\nloss  0.5\nx\n");
        assert_eq!(aligned(&rows, 0..=0), "      é    bb\nloss  0.5\n   x\n");
        assert_eq!(aligned(&rows, ..0), "      é    bb\nloss  0.5\nx\n");
        assert_eq!(aligned(&[], ..), "");
    }

    #[test]
    fn one_thing_is_no_plural() {
        assert_eq!([0, 1, 2].map(|n: usize| counted(n, "epoch")), ["0 epochs", "1 epoch", "2 epochs"]);
        assert_eq!(counted(1u64, "step"), "1 step");
    }
}
