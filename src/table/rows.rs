//! Rows of named cells, as text: what a model is asked about.

use super::{CsvFile, TableFile};
use crate::{Error, Result};
use serde_json::{Map, Value};

/// Rows of named cells as they were written, from CSV, from JSON objects, or one by one.
///
/// ```
/// use limpide::table::Rows;
/// let objects: Vec<serde_json::Map<String, serde_json::Value>> =
///     serde_json::from_str(r#"[{"age": 30, "colour": "red"}, {"colour": null, "age": 40.5}]"#)?;
/// let rows = Rows::from_json(&objects)?;
/// assert_eq!(rows, Rows::from_csv("body", b"age,colour\n30,red\n40.5,\n")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    columns: Vec<String>,
    cells: Vec<String>,
    /// What the number of the first row is, for messages.
    pub(super) first: usize,
}

impl Rows {
    /// No rows yet, of columns by these names.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = S>) -> Self {
        Rows { columns: columns.into_iter().map(Into::into).collect(), cells: Vec::new(), first: 1 }
    }

    /// Adds a row: one cell a column.
    ///
    /// # Errors
    /// [`Error::Option`] when there are more or fewer.
    pub fn push<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let before = self.cells.len();
        self.cells.extend(cells.into_iter().map(str::to_string));
        let got = self.cells.len() - before;
        if got != self.columns.len() {
            self.cells.truncate(before);
            let wanted = format!("{} cells, one a column", self.columns.len());
            return Err(Error::option(format!("row {}", self.first + self.len()), wanted, got));
        }
        Ok(())
    }

    /// The rows of a CSV text; `name` is what errors call it. The first row has the names.
    ///
    /// # Errors
    /// Those of [`CsvFile`].
    pub fn from_csv(name: &str, bytes: &[u8]) -> Result<Self> {
        let options = super::CsvOptions { header: Some(true), ..Default::default() };
        let file = CsvFile::from_bytes(name, bytes.to_vec(), &options)?;
        let mut rows = Rows::new(file.columns().iter().cloned());
        file.each(&mut |_, record| rows.push(record.iter()))?;
        Ok(rows)
    }

    /// JSON objects with a value for each column: numbers, texts, true or false, or null where a value is missing.
    ///
    /// # Errors
    /// [`Error::Option`] that names the row and column of a value that is a list or an object, or of a name that one row has
    /// and another lacks.
    pub fn from_json(objects: &[Map<String, Value>]) -> Result<Self> {
        let mut rows = Rows::new(objects.first().into_iter().flat_map(|object| object.keys().cloned()));
        for (row, object) in objects.iter().enumerate() {
            let place = |name: &str| format!("row {}: `{name}`", row + 1);
            if let Some(name) = object.keys().find(|name| !objects[0].contains_key(*name)) {
                return Err(Error::option(place(name), "a column that the first row has too", "a new one"));
            }
            for name in &rows.columns {
                let text = match object.get(name) {
                    Some(Value::Null) => String::new(),
                    Some(Value::Bool(value)) => value.to_string(),
                    Some(Value::Number(value)) => value.to_string(),
                    Some(Value::String(value)) => value.clone(),
                    Some(_) => {
                        return Err(Error::option(
                            place(name),
                            "a number, a text, true, false or null",
                            "a list or an object",
                        ));
                    }
                    None => return Err(Error::option(place(name), "there, or null when it is missing", "nothing")),
                };
                rows.cells.push(text);
            }
        }
        Ok(rows)
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.cells.len().checked_div(self.columns.len()).unwrap_or(0)
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cell of a row in the column at a place.
    ///
    /// Panics when there is no such row or column.
    pub fn cell(&self, row: usize, place: usize) -> &str {
        &self.cells[row * self.columns.len() + place]
    }

    /// The same rows without the columns by these names.
    pub fn without(&self, names: &[&str]) -> Self {
        let kept: Vec<usize> =
            (0..self.columns.len()).filter(|&place| !names.contains(&self.columns[place].as_str())).collect();
        let columns = kept.iter().map(|&place| self.columns[place].clone()).collect();
        let cells = (0..self.len()).flat_map(|row| kept.iter().map(move |&place| self.cell(row, place).to_string()));
        Rows { columns, cells: cells.collect(), first: self.first }
    }

    /// Messages call the first row by this number, counted from 1: for rows that are part of more.
    pub fn numbered_from(mut self, first: usize) -> Self {
        self.first = first;
        self
    }

    /// What messages call a cell.
    pub(super) fn place(&self, row: usize, column: &str) -> String {
        format!("row {}, column `{column}`", self.first + row)
    }
}
