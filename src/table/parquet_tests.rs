//! Tables that pandas wrote as Parquet and as CSV (`tests/reference/tables.py`), whole, cut and changed.

use crate::Result;
use crate::table::{self, CsvOptions, RawTable, Survey, SurveyOptions, TableFile};
use std::path::{Path, PathBuf};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/tables").join(name)
}

fn open(name: &str) -> Result<Box<dyn TableFile>> {
    table::open(&path(name), &CsvOptions::default())
}

/// All cells of a file.
fn cells(file: &dyn TableFile) -> Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    file.each(&mut |number, record| {
        assert_eq!(number, rows.len() + 1);
        rows.push(record.iter().map(str::to_string).collect());
        Ok(())
    })?;
    Ok(rows)
}

/// Reads as training does.
fn numbers(file: &dyn TableFile) -> Result<RawTable> {
    RawTable::read(file, Survey::new(file, file.columns().last().unwrap(), &SurveyOptions::default())?)
}

#[test]
fn a_table_is_the_same_as_parquet_and_as_csv_by_every_codec() {
    let csv = numbers(&*open("mixed.csv").unwrap()).unwrap();
    let all: Vec<usize> = (0..csv.len()).collect();
    for codec in ["snappy", "gzip", "zstd", "lz4"] {
        let name = format!("mixed-{codec}.parquet");
        let file = open(&name).unwrap();
        let raw = numbers(&*file).unwrap();
        assert_eq!(raw.survey.kinds, csv.survey.kinds, "{name}");
        let fitted = raw.fit(&all[..20]).unwrap();
        // Python writes True where others write true.
        let text = serde_json::to_string(&csv.fit(&all[..20]).unwrap())
            .unwrap()
            .replace("True", "true")
            .replace("False", "false");
        assert_eq!(serde_json::to_string(&fitted).unwrap(), text, "{name}");
        assert_eq!(raw.encode(&fitted, &all), csv.encode(&csv.fit(&all[..20]).unwrap(), &all), "{name}");
        assert_eq!(raw.targets(&all, 0.0, 1.0), csv.targets(&all, 0.0, 1.0), "{name}");
        let bytes = table::from_bytes("bytes", std::fs::read(path(&name)).unwrap(), &CsvOptions::default()).unwrap();
        assert_eq!(cells(&*bytes).unwrap(), cells(&*file).unwrap(), "{name}");
    }
}

#[test]
fn every_kind_of_value_has_its_text() {
    let (file, texts) = (open("kinds.parquet").unwrap(), open("kinds.csv").unwrap());
    assert_eq!(file.columns(), texts.columns());
    assert_eq!(cells(&*file).unwrap(), cells(&*texts).unwrap());
}

#[test]
fn what_has_no_text_is_told_with_its_column() {
    for (name, why) in [
        ("list", "column `list` is one of lists"),
        ("struct", "column `struct` is one of structures"),
        ("map", "column `map` is one of maps"),
        ("brotli", "is packed by BROTLI"),
        ("bytes", "row 2, column `bytes` is bytes that are no UTF-8 text"),
    ] {
        let error = open(&format!("{name}.parquet")).and_then(|file| cells(&*file)).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("parquet: "), "wants {why} in {error}");
    }
    for (options, what) in [
        (CsvOptions { delimiter: Some(';'), ..CsvOptions::default() }, "the delimiter"),
        (CsvOptions { decimal: Some(','), ..CsvOptions::default() }, "the decimal sign"),
    ] {
        let error = table::open(&path("kinds.parquet"), &options).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(&format!("{what} must be left out")), "{error}");
    }
}

/// Any part of a file from its beginning is refused, and any byte changed gives a table or an error.
#[test]
fn damaged_files_are_tables_or_errors() {
    let options = CsvOptions::default();
    for name in ["mixed-snappy.parquet", "kinds.parquet", "bytes.parquet"] {
        let whole = std::fs::read(path(name)).unwrap();
        for length in (4..whole.len()).step_by(17) {
            let error = table::from_bytes("cut", whole[..length].to_vec(), &options).map(|_| ()).unwrap_err();
            assert!(error.to_string().starts_with("cut: is no whole Parquet file: "), "{error}");
        }
        for at in (4..whole.len()).step_by(3) {
            let mut bytes = whole.clone();
            bytes[at] ^= [0x01, 0x80, 0xFF][at / 3 % 3];
            if let Ok(file) = table::from_bytes("changed", bytes, &options) {
                let _ = cells(&*file);
            }
        }
    }
}

/// The days around all leap days of 400 years come back from their text.
#[test]
fn days_are_those_that_cells_are_read_as() {
    for day in (-150_000..150_000).step_by(13) {
        let mut text = String::new();
        super::write_day(day, &mut text).unwrap();
        assert_eq!(super::super::cell::date(&text, None), Some(day as f64), "{text}");
    }
}
