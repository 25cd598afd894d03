//! Parquet by the crate of that name: rows of flat columns, each cell as the text that a CSV file would have for it.
//!
//! Row groups are read one after the other, pages of a column one after the other, so that a file may be larger than memory.

use super::TableFile;
use super::file::named;
use crate::caught::caught;
use crate::{Error, Result};
use bytes::Bytes;
use csv::StringRecord;
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, TimeUnit};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;
use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A Parquet file whose columns are neither lists nor structures.
///
/// | in the file | as text |
/// | --- | --- |
/// | null | empty |
/// | boolean | `true`, `false` |
/// | number, decimal | all digits; `3.0` for the fraction that is whole |
/// | date | `2024-05-31` |
/// | time stamp of any unit | `2024-05-31 12:30:15`, with a fraction where there is one |
/// | text; bytes that are UTF-8 | as it is |
///
/// What is cut or damaged is an error. Memory is not bounded by the size of the file, as it is for the other formats: the crate
/// takes as much as a page, its dictionary or its statistics claim to need, and a file made to lie can claim more than there is.
/// So nobody from outside may hand one in: `limpide serve` takes CSV alone.
///
/// Source: the [format](https://github.com/apache/parquet-format); times are written by the calendar of UTC.
pub(super) struct ParquetFile {
    path: PathBuf,
    /// The bytes of what is no file on disk.
    bytes: Option<Bytes>,
    columns: Vec<String>,
    /// Parts of a second that a column of whole numbers counts, where it has time stamps.
    stamps: Vec<Option<i64>>,
}

impl ParquetFile {
    /// # Errors
    /// [`Error::Io`]; [`Error::Data`] for a file that is cut or damaged, or has columns of lists or structures.
    pub fn new(path: PathBuf, bytes: Option<Vec<u8>>) -> Result<Self> {
        let mut file = ParquetFile { path, bytes: bytes.map(Bytes::from), columns: Vec::new(), stamps: Vec::new() };
        let reader = file.reader()?;
        let fields = reader.metadata().file_metadata().schema().get_fields();
        file.columns = named(fields.iter().map(|field| field.name())).map_err(|problem| file.data(&problem))?;
        if fields.is_empty() {
            return Err(file.data("has no columns"));
        }
        for (field, name) in fields.iter().zip(&file.columns) {
            if let Some(other) = not_flat(field) {
                return Err(file.data(&format!("column `{name}` is {other}; wants a value a row: make columns of it")));
            }
            file.stamps.push(parts_of_second(field));
        }
        let chunks = reader.metadata().row_groups().iter().flat_map(|group| group.columns());
        for codec in chunks.map(|chunk| chunk.compression()) {
            if matches!(codec, Compression::BROTLI(_) | Compression::LZO) {
                return Err(file.data(&format!("is packed by {codec}; wants snappy, gzip, zstd, lz4 or none")));
            }
        }
        Ok(file)
    }

    fn reader(&self) -> Result<Box<dyn FileReader>> {
        let opened = match &self.bytes {
            Some(bytes) => read(|| Ok(Box::new(SerializedFileReader::new(bytes.clone())?) as _)),
            None => {
                let file = File::open(&self.path).map_err(|source| Error::Io { path: self.path.clone(), source })?;
                read(|| Ok(Box::new(SerializedFileReader::new(file)?) as _))
            }
        };
        opened.map_err(|problem| self.data(&format!("is no whole Parquet file: {problem}")))
    }
}

/// What the crate gives; it panics on some damaged files, which is an error about the file here.
fn read<R>(job: impl FnOnce() -> parquet::errors::Result<R>) -> std::result::Result<R, String> {
    caught(job)?.map_err(|error| error.to_string())
}

impl TableFile for ParquetFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn has_header(&self) -> bool {
        true
    }

    fn delimiter(&self) -> Option<char> {
        None
    }

    fn decimal(&self) -> Option<char> {
        None
    }

    fn each(&self, visit: &mut dyn FnMut(usize, &StringRecord) -> Result<()>) -> Result<()> {
        let reader = self.reader()?;
        let damaged = |row: usize, problem| self.data(&format!("row {row} cannot be read: {problem}"));
        let mut rows = read(|| reader.get_row_iter(None)).map_err(|problem| damaged(1, problem))?;
        let (mut record, mut cell) = (StringRecord::new(), String::new());
        for number in 1.. {
            let row = read(|| rows.next().transpose()).map_err(|problem| damaged(number, problem))?;
            let Some(row) = row else { break };
            record.clear();
            for (place, (_, field)) in row.get_column_iter().enumerate() {
                cell.clear();
                write_cell(field, self.stamps[place], &mut cell).map_err(|found| {
                    self.data(&format!("row {number}, column `{}` is {found}", self.columns[place]))
                })?;
                record.push_field(&cell);
            }
            visit(number, &record)?;
        }
        Ok(())
    }
}

/// What a column is that has no text of its own.
fn not_flat(field: &Type) -> Option<&'static str> {
    let info = field.get_basic_info();
    match info.converted_type() {
        ConvertedType::LIST => Some("one of lists"),
        ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE => Some("one of maps"),
        ConvertedType::INTERVAL => Some("one of intervals"),
        _ if info.has_repetition() && info.repetition() == Repetition::REPEATED => Some("one of lists"),
        _ if field.is_group() => Some("one of structures"),
        _ => None,
    }
}

/// The crate turns time stamps of older files into fields of their own and gives the rest as whole numbers.
fn parts_of_second(field: &Type) -> Option<i64> {
    match field.get_basic_info().logical_type_ref() {
        Some(LogicalType::Timestamp(stamp)) => Some(match stamp.unit {
            TimeUnit::MILLIS => 1_000,
            TimeUnit::MICROS => 1_000_000,
            TimeUnit::NANOS => 1_000_000_000,
        }),
        _ => None,
    }
}

/// The text of a cell, or what it is instead.
fn write_cell(field: &Field, stamp: Option<i64>, cell: &mut String) -> std::result::Result<(), &'static str> {
    let written = match field {
        Field::Null => Ok(()),
        Field::Bool(x) => write!(cell, "{x}"),
        Field::Byte(x) => write!(cell, "{x}"),
        Field::Short(x) => write!(cell, "{x}"),
        Field::Int(x) => write!(cell, "{x}"),
        Field::UByte(x) => write!(cell, "{x}"),
        Field::UShort(x) => write!(cell, "{x}"),
        Field::UInt(x) => write!(cell, "{x}"),
        Field::ULong(x) => write!(cell, "{x}"),
        Field::Float16(x) => write!(cell, "{:?}", x.to_f32()),
        Field::Float(x) => write!(cell, "{x:?}"),
        Field::Double(x) => write!(cell, "{x:?}"),
        Field::Long(x) => match stamp {
            Some(parts) => write_moment(*x, parts, cell),
            None => write!(cell, "{x}"),
        },
        Field::TimestampMillis(x) => write_moment(*x, 1_000, cell),
        Field::TimestampMicros(x) => write_moment(*x, 1_000_000, cell),
        Field::Date(days) => write_day(i64::from(*days), cell),
        Field::Decimal(_) | Field::TimeMillis(_) | Field::TimeMicros(_) => write!(cell, "{field}"),
        Field::Str(text) => cell.write_str(text),
        Field::Bytes(bytes) => {
            let text = std::str::from_utf8(bytes.data()).map_err(|_| "bytes that are no UTF-8 text")?;
            cell.write_str(text)
        }
        Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => return Err("a list or a structure"),
    };
    written.expect("text grows without fail");
    Ok(())
}

/// A moment as so many parts of seconds since 1970.
fn write_moment(value: i64, parts: i64, cell: &mut String) -> std::fmt::Result {
    let (seconds, rest) = (value.div_euclid(parts), value.rem_euclid(parts));
    write_day(seconds.div_euclid(86_400), cell)?;
    let second = seconds.rem_euclid(86_400);
    write!(cell, " {:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)?;
    if rest > 0 {
        // As many digits as the unit has, less the zeros at the end.
        let digits = format!("{:0width$}", rest, width = parts.ilog10() as usize);
        write!(cell, ".{}", digits.trim_end_matches('0'))?;
    }
    Ok(())
}

/// Days since 1970-01-01 as `2024-05-31`: `cell::days` backwards.
///
/// Source: Hinnant, *chrono-compatible low-level date algorithms*: years begin in March, so that the leap day is the last.
fn write_day(days: i64, cell: &mut String) -> std::fmt::Result {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march = (5 * of_year + 2) / 153;
    let (month, day) = ((march + 2) % 12 + 1, of_year - (153 * march + 2) / 5 + 1);
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    write!(cell, "{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
#[path = "parquet_tests.rs"]
mod tests;
