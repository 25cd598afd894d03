//! A file of rows, whatever its form: CSV and its relatives, or Parquet, told apart by how it begins.

use super::column::listed;
use super::{CsvFile, CsvOptions};
use crate::error::one_line;
use crate::{Error, Result};
use csv::{Position, StringRecord};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How a Parquet file begins and ends.
pub(super) const PARQUET: [u8; 4] = *b"PAR1";

/// Rows of named columns, read as often as need be. Rows are counted from 1.
///
/// ```
/// use limpide::table::{self, CsvOptions};
/// let file = table::from_bytes("people.csv", b"age;name\n31;Ada\n".to_vec(), &CsvOptions::default())?;
/// assert_eq!((file.columns(), file.delimiter()), (&["age".to_string(), "name".into()][..], Some(';')));
/// # Ok::<(), limpide::Error>(())
/// ```
pub trait TableFile {
    /// What errors call it.
    fn path(&self) -> &Path;

    /// The names of the columns: those of the file, or `1`, `2` … where it has none.
    fn columns(&self) -> &[String];

    /// Whether the file has names of its columns.
    fn has_header(&self) -> bool;

    /// What stands between two cells, where the file is text.
    fn delimiter(&self) -> Option<char>;

    /// What stands before the fraction of a number, where the file is text; [`TableFile::each`] hands on a point.
    fn decimal(&self) -> Option<char>;

    /// Calls `visit` for every row with its number.
    ///
    /// # Errors
    /// [`Error::Data`] for a row that is damaged or does not fit the columns; those of `visit`.
    fn each(&self, visit: &mut dyn FnMut(usize, &StringRecord) -> Result<()>) -> Result<()>;

    /// An error about a cell.
    fn wrong_cell(&self, row: usize, record: &StringRecord, column: usize, wanted: &str) -> Error {
        let (place, name, found) = (row_text(row, record.position()), &self.columns()[column], record[column].trim());
        self.data(&format!("{place}, column `{name}` wants {wanted}, got `{found}`"))
    }

    /// An error about the file.
    fn data(&self, problem: &str) -> Error {
        Error::Data { path: self.path().into(), problem: one_line(problem) }
    }
}

/// A file on disk; it is read in parts, and may be larger than memory. A pipe can be read once only, and is read into memory.
///
/// # Errors
/// Those of [`CsvFile::open`] and of Parquet files, which only a build with the feature `parquet` reads.
pub fn open(path: &Path, options: &CsvOptions) -> Result<Box<dyn TableFile>> {
    if is_pipe(path) {
        let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
        return from_bytes(path, bytes, options);
    }
    let mut magic = Vec::new();
    // What cannot be opened is told by who reads it.
    let looked = File::open(path).and_then(|file| file.take(PARQUET.len() as u64).read_to_end(&mut magic));
    if looked.is_ok() && magic == PARQUET {
        return parquet(path.into(), None, options);
    }
    Ok(Box::new(CsvFile::open(path, options)?))
}

/// Whether a path is there and neither a file nor a folder: a pipe, which gives its bytes once.
pub fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|what| !what.is_file() && !what.is_dir())
}

/// The bytes of a file; `name` is what errors call it.
///
/// # Errors
/// Those of [`open`].
pub fn from_bytes(name: impl Into<PathBuf>, bytes: Vec<u8>, options: &CsvOptions) -> Result<Box<dyn TableFile>> {
    if bytes.starts_with(&PARQUET) {
        return parquet(name.into(), Some(bytes), options);
    }
    Ok(Box::new(CsvFile::from_bytes(name, bytes, options)?))
}

#[cfg(feature = "parquet")]
fn parquet(path: PathBuf, bytes: Option<Vec<u8>>, options: &CsvOptions) -> Result<Box<dyn TableFile>> {
    for (name, asked) in [("the delimiter", options.delimiter), ("the decimal sign", options.decimal)] {
        if let Some(asked) = asked {
            let wanted = format!("left out: {} is Parquet, whose cells need none", path.display());
            return Err(Error::option(name, wanted, format!("`{asked}`")));
        }
    }
    Ok(Box::new(super::parquet_file::ParquetFile::new(path, bytes)?))
}

#[cfg(not(feature = "parquet"))]
fn parquet(path: PathBuf, _: Option<Vec<u8>>, _: &CsvOptions) -> Result<Box<dyn TableFile>> {
    let problem = "is a Parquet file, which this build does not read; one by `cargo build --release --features parquet` \
                   does, or save it as CSV";
    Err(Error::Data { path, problem: problem.into() })
}

/// What messages call a row: its number, and for text the line in an editor. Row 0 is the header.
pub(super) fn row_text(row: usize, position: Option<&Position>) -> String {
    match (row, position) {
        (0, _) => "the header".into(),
        (_, Some(position)) => format!("row {row} (line {})", position.line()),
        (_, None) => format!("row {row}"),
    }
}

/// Columns by the names that a file gives them: none twice, and a number where one is empty.
pub(super) fn named<'a>(names: impl Iterator<Item = &'a str>) -> std::result::Result<Vec<String>, String> {
    let name = |(place, name): (usize, &str)| match name.trim() {
        "" => format!("column {}", place + 1),
        name => name.to_string(),
    };
    let names: Vec<String> = names.enumerate().map(name).collect();
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(twice) => Err(format!("has two columns `{twice}`")),
        None => Ok(names),
    }
}

/// A list of a file's columns for messages.
pub(super) fn columns_text(file: &dyn TableFile) -> String {
    listed(&file.columns().iter().map(String::as_str).collect::<Vec<_>>())
}
