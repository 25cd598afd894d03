//! Tables for the terminal.

/// Rows of cells under each other, two spaces between columns; the first column to the left, the others to the right.
pub fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_whatever_the_letters() {
        let rows = [vec!["", "é", "bb"], vec!["loss", "0.5", ""], vec!["x"]];
        let rows: Vec<Vec<String>> = rows.map(|row| row.into_iter().map(str::to_string).collect()).into();
        assert_eq!(aligned(&rows), "        é  bb\nloss  0.5\nx\n");
        assert_eq!(aligned(&[]), "");
    }
}
