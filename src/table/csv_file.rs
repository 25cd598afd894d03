//! CSV and its relatives: delimiter, header and decimal sign found, gzip unpacked, and the row named of whatever is wrong.

use super::cell::{date, is_missing, number};
use super::file::{TableFile, named, row_text};
use super::written::{decimal_sign, in_threes, pointed};
use super::year_last::is_year_last;
use crate::diagnose::count;
use crate::{Error, Result};
use csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};
use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The delimiters that are tried, in this order.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How much of a file is looked at to find its form.
const SAMPLE: usize = 1 << 16;

/// The form of a file, where it is not to be found out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CsvOptions {
    /// What stands between two cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// What stands before the fraction of a number: `.` or `,`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<char>,
    /// Whether the first row has the names of the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The name of a column that there must be: where the first row has it, that row is a header.
    #[serde(skip)]
    pub expected: Option<String>,
}

/// A file of comma-separated values, of whatever delimiter, packed by gzip or not, read as often as need be.
///
/// Rows are counted from 1, without the header; a line number is that of a text editor. Empty lines are passed over, and so is
/// a first line `sep=;`, which names the delimiter. Where a comma is no delimiter but the decimal sign, numbers are handed on
/// with a point: `5.1` of `5,1`.
///
/// ```
/// use limpide::table::{CsvFile, CsvOptions, TableFile};
/// let file = CsvFile::from_bytes("people.csv", b"age;name\n31;Ada\n28;\"Bo;b\"\n".to_vec(), &CsvOptions::default())?;
/// assert_eq!((file.columns(), file.delimiter()), (&["age".to_string(), "name".into()][..], Some(';')));
/// let mut names = Vec::new();
/// file.each(&mut |_, row| Ok(names.push(row[1].to_string())))?;
/// assert_eq!(names, ["Ada", "Bo;b"]);
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CsvFile {
    path: PathBuf,
    /// The bytes of what is no file on disk.
    bytes: Option<Arc<[u8]>>,
    delimiter: u8,
    /// Whether the first line names the delimiter.
    names_delimiter: bool,
    /// Whether lines end in `\r\n`, of which the csv crate counts the `\n` to the next row.
    windows_lines: bool,
    decimal: char,
    header: bool,
    columns: Vec<String>,
}

impl CsvFile {
    /// A file on disk; it is read in parts, and may be larger than memory.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Data`] when it is empty, is no UTF-8 text, or its form cannot be found out.
    pub fn open(path: &Path, options: &CsvOptions) -> Result<Self> {
        Self::find_form(path.into(), None, options)
    }

    /// The bytes of a file; `name` is what errors call it.
    ///
    /// # Errors
    /// Those of [`CsvFile::open`].
    pub fn from_bytes(name: impl Into<PathBuf>, bytes: Vec<u8>, options: &CsvOptions) -> Result<Self> {
        Self::find_form(name.into(), Some(bytes.into()), options)
    }

    fn io(&self, source: std::io::Error) -> Error {
        Error::Io { path: self.path.clone(), source }
    }

    fn find_form(path: PathBuf, bytes: Option<Arc<[u8]>>, options: &CsvOptions) -> Result<Self> {
        let mut file = CsvFile {
            path,
            bytes,
            delimiter: b',',
            names_delimiter: false,
            windows_lines: false,
            decimal: '.',
            header: true,
            columns: Vec::new(),
        };
        let mut sample = Vec::new();
        file.read()?.take(SAMPLE as u64).read_to_end(&mut sample).map_err(|source| file.io(source))?;
        if let [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] = sample[..] {
            return Err(file.data("is UTF-16 text; save it as UTF-8"));
        }
        if sample.contains(&0) {
            return Err(
                file.data("is no text, since it holds bytes of 0; a file of rows is wanted, as CSV, saved as UTF-8")
            );
        }
        if sample.len() == SAMPLE {
            // The last line may be cut.
            let whole = sample.iter().rposition(|&byte| byte == b'\n').map_or(SAMPLE, |end| end + 1);
            sample.truncate(whole);
        }
        file.windows_lines = sample.split(|&byte| byte == b'\n').next().is_some_and(|line| line.ends_with(b"\r"));
        let named_delimiter = named_delimiter(&sample);
        file.names_delimiter = named_delimiter.is_some();
        file.delimiter = file.find_delimiter(&sample, options.delimiter.or(named_delimiter))?;
        let rows = file.sample_rows(&sample, file.delimiter);
        let Some(first) = rows.first().filter(|_| !sample.iter().all(u8::is_ascii_whitespace)) else {
            return Err(file.data("is empty; wants rows of cells, the first of them the columns' names"));
        };
        file.decimal = match options.decimal {
            Some(asked @ ('.' | ',')) => asked,
            Some(asked) => return Err(Error::option("the decimal sign", "`.` or `,`", format!("`{asked}`"))),
            // A name may have points and commas.
            None => find_decimal(file.delimiter, &rows[usize::from(options.header != Some(false) && rows.len() > 1)..]),
        };
        let expected = options.expected.as_ref().is_some_and(|name| first.iter().any(|cell| cell.trim() == name));
        file.header = options.header.unwrap_or_else(|| expected || is_header(&rows, file.decimal));
        let header = || {
            // Only whoever trains, and has a target, can say what the form is.
            let form =
                options.expected.as_ref().map_or("", |_| ", or say that there is no header: data.header = false");
            named(first.iter()).map_err(|problem| file.data(&format!("{problem}; rename one{form}")))
        };
        file.columns = if file.header { header()? } else { (1..=first.len()).map(|n| n.to_string()).collect() };
        Ok(file)
    }

    /// The delimiter that cuts most rows into the same number of cells, two or more; of several one that leaves decimal commas.
    fn find_delimiter(&self, sample: &[u8], asked: Option<char>) -> Result<u8> {
        let fit = |delimiter: u8| {
            let rows = self.sample_rows(sample, delimiter);
            let cells = rows.first().map_or(0, StringRecord::len);
            let alike = rows.iter().filter(|row| row.len() == cells).count();
            let share = if cells < 2 { 0 } else { 1000 * alike / rows.len().max(1) };
            (share, find_decimal(delimiter, &rows) == ',', cells)
        };
        let best = |known: &[u8]| known.iter().rev().copied().max_by_key(|&delimiter| fit(delimiter)).expect("some");
        let Some(asked) = asked else {
            // A single column is a table too, of which no delimiter is found.
            return Ok(best(&DELIMITERS));
        };
        let byte = u8::try_from(asked).ok().filter(|byte| byte.is_ascii() && !b"\"\r\n".contains(byte));
        let byte = byte
            .ok_or_else(|| Error::option("the delimiter", "one ASCII character such as `,`", format!("`{asked}`")))?;
        let other = best(&DELIMITERS);
        let cells = fit(other).2;
        if fit(byte).2 < 2 && cells >= 2 {
            let name = delimiter_name(other);
            let asked = delimiter_name(byte);
            return Err(
                self.data(&format!("has one cell a row with the delimiter {asked}; with {name} it has {cells}"))
            );
        }
        Ok(byte)
    }

    /// The rows of a sample, bytes that are no UTF-8 replaced: they are told when they are read for good.
    fn sample_rows(&self, sample: &[u8], delimiter: u8) -> Vec<StringRecord> {
        let text = String::from_utf8_lossy(sample).into_owned();
        let mut reader = self.reader(Box::new(Cursor::new(text.into_bytes())), delimiter);
        reader.records().map_while(std::result::Result::ok).skip(usize::from(self.names_delimiter)).collect()
    }

    fn reader(&self, source: Box<dyn Read>, delimiter: u8) -> csv::Reader<Box<dyn Read>> {
        ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::None).delimiter(delimiter).from_reader(source)
    }

    /// The text from its beginning.
    fn read(&self) -> Result<Box<dyn Read>> {
        let Some(bytes) = &self.bytes else {
            if self.path.is_dir() {
                return Err(self.data("is a folder, and a file of rows is wanted"));
            }
            let open = || File::open(&self.path).map_err(|source| self.io(source));
            let mut magic = Vec::new();
            open()?.take(2).read_to_end(&mut magic).map_err(|source| self.io(source))?;
            let file = BufReader::with_capacity(SAMPLE, open()?);
            return Ok(if magic == GZIP {
                Box::new(BufReader::new(MultiGzDecoder::new(file)))
            } else {
                Box::new(file)
            });
        };
        let cursor = Cursor::new(bytes.clone());
        Ok(if bytes.starts_with(&GZIP) { Box::new(MultiGzDecoder::new(cursor)) } else { Box::new(cursor) })
    }

    /// The place that the csv crate gives to a row, with the line that an editor shows.
    fn placed(&self, position: &Position) -> Position {
        let mut placed = position.clone();
        placed.set_line(position.line() + u64::from(self.windows_lines && position.record() > 0));
        placed
    }

    /// An error of the csv crate, which knows of bytes and text.
    fn wrong(&self, error: csv::Error, row: usize) -> Error {
        let position = error.position().map(|position| self.placed(position));
        let place = row_text(row, position.as_ref());
        match error.into_kind() {
            ErrorKind::Io(source) => self.io(source),
            ErrorKind::Utf8 { err, .. } => {
                let column = self.columns.get(err.field()).map_or(String::new(), |name| format!(", column `{name}`"));
                self.data(&format!("{place}{column} is not UTF-8 text; save the file as UTF-8"))
            }
            other => self.data(&format!("{place}: {other:?}")),
        }
    }
}

impl TableFile for CsvFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn has_header(&self) -> bool {
        self.header
    }

    fn delimiter(&self) -> Option<char> {
        Some(self.delimiter.into())
    }

    fn decimal(&self) -> Option<char> {
        Some(self.decimal)
    }

    fn each(&self, visit: &mut dyn FnMut(usize, &StringRecord) -> Result<()>) -> Result<()> {
        let mut reader = self.reader(self.read()?, self.delimiter);
        let (mut record, mut spare) = (StringRecord::new(), StringRecord::new());
        let mut number = usize::from(!self.header);
        if self.names_delimiter {
            reader.read_record(&mut spare).map_err(|error| self.wrong(error, number))?;
        }
        let mut swallowing = None;
        while reader.read_record(&mut record).map_err(|error| self.wrong(error, number))? {
            record.set_position(record.position().map(|position| self.placed(position)));
            if record.len() != self.columns.len() {
                let to_end = last_cell(&record).contains('\n') && matches!(reader.read_record(&mut spare), Ok(false));
                let advice = if to_end { UNCLOSED } else { "" };
                let (found, wanted) = (count(record.len(), "cell"), self.columns.len());
                let first = if self.header { "the header has" } else { "the first row has" };
                let place = row_text(number, record.position());
                return Err(self.data(&format!("{place} has {found}, and {first} {wanted}{advice}")));
            }
            swallowing = self.swallows_rows(&record).then(|| row_text(number, record.position()));
            if number > 0 {
                visit(number, self.with_points(number, &record, &mut spare)?)?;
            }
            number += 1;
        }
        match swallowing {
            Some(place) => Err(self.data(&format!("{place} has rows in its last cell{UNCLOSED}"))),
            None => Ok(()),
        }
    }
}

impl CsvFile {
    /// A row with a point in each number; `spare` is room for it.
    fn with_points<'a>(
        &self,
        row: usize,
        record: &'a StringRecord,
        spare: &'a mut StringRecord,
    ) -> Result<&'a StringRecord> {
        if self.decimal == '.' {
            return Ok(record);
        }
        spare.clear();
        spare.set_position(record.position().cloned());
        for (place, cell) in record.iter().enumerate() {
            let text = cell.trim();
            if let Some(('.', plain)) = in_threes(text)
                && number(text).is_some()
            {
                let (row, name) = (row_text(row, record.position()), &self.columns[place]);
                return Err(self.data(&format!(
                    "{row}, column `{name}`: `{text}` has a point, where numbers are written with a decimal comma; write \
                     {plain} or {}, or say data.decimal = \".\"",
                    text.replace('.', ",")
                )));
            }
            spare.push_field(pointed(text).as_deref().unwrap_or(cell));
        }
        Ok(spare)
    }

    /// Whether the last cell goes on to the end of a line and holds lines that would be rows: those behind a quote that is not
    /// closed, where it is the last row.
    fn swallows_rows(&self, record: &StringRecord) -> bool {
        let cell = last_cell(record);
        let is_row = |line: &str| line.split(char::from(self.delimiter)).count() == record.len();
        record.len() > 1 && cell.ends_with('\n') && cell.lines().nth(1).is_some() && cell.lines().skip(1).all(is_row)
    }
}

/// What may be wrong with a row whose last cell goes on to the end of the file.
const UNCLOSED: &str = "; it goes on to the end of the file: is a quote `\"` opened in it and not closed?";

fn last_cell(record: &StringRecord) -> &str {
    record.iter().next_back().unwrap_or_default()
}

/// The delimiter that a first line such as `sep=;` names, as Excel reads and writes it.
fn named_delimiter(sample: &[u8]) -> Option<char> {
    let text = sample.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(sample);
    let line = text.split(|&byte| byte == b'\n').next()?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [sep @ .., b'=', named] if sep.eq_ignore_ascii_case(b"sep") => {
            Some(char::from(*named)).filter(|named| *named == '\t' || named.is_ascii_punctuation())
        }
        _ => None,
    }
}

/// The decimal sign: a comma where it is not the delimiter, and cells show one and none a decimal point.
fn find_decimal(delimiter: u8, rows: &[StringRecord]) -> char {
    if delimiter == b',' {
        return '.';
    }
    let shown: BTreeSet<char> = rows.iter().flatten().filter_map(|cell| decimal_sign(cell.trim())).collect();
    if shown.contains(&',') && !shown.contains(&'.') { ',' } else { '.' }
}

/// How a gzip file begins.
const GZIP: [u8; 2] = [0x1F, 0x8B];

fn delimiter_name(delimiter: u8) -> String {
    if delimiter == b'\t' { "tab".into() } else { format!("`{}`", char::from(delimiter)) }
}

/// Whether the first row is one of names: where all others have numbers or dates in a column it has none, or it holds nothing
/// but different words.
fn is_header(rows: &[StringRecord], decimal: char) -> bool {
    let Some((first, others)) = rows.split_first() else { return true };
    let is_date = |cell: &str| date(cell, None).is_some() || is_year_last(cell);
    let is_value = |cell: &str| number(cell).is_some() || is_date(cell) || (decimal == ',' && pointed(cell).is_some());
    let is_name = |cell: &str| !is_value(cell) && !is_missing(cell);
    let names_values = |(place, cell): (usize, &str)| {
        let below = || others.iter().filter_map(|row| row.get(place)).map(str::trim).filter(|cell| !is_missing(cell));
        is_name(cell.trim()) && below().next().is_some() && below().all(is_value)
    };
    let words: BTreeSet<&str> = first.iter().map(str::trim).collect();
    first.iter().enumerate().any(names_values) || (words.len() == first.len() && words.into_iter().all(is_name))
}
