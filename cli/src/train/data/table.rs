//! A table as the data of a run: read twice, divided, and measured on the training part.

use super::{Answers, Origin, Parts, SplitDescription};
use crate::text::counted;
use limpide::data::{Dataset, Inputs};
use limpide::pipeline::Input;
use limpide::table::{self, ColumnKind, CsvOptions, RawTable, RawTarget, Survey, SurveyOptions, TableFile, Task};
use limpide::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

/// A file of rows, one column of which is to be told from the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSource {
    /// CSV or one of its relatives, packed by gzip or not, or Parquet; `-` for the standard input.
    pub file: PathBuf,
    /// The column that is to be told from the others.
    pub target: String,
    /// What it asks for; as its values suggest, when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// What stands between two cells; found out when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// What stands before the fraction of a number, `.` or `,`; found out when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<char>,
    /// Whether the first row has the names of the columns; found out when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Whether `03/04/2021` is the 3rd of April, where no cell of a column shows it; such columns are no dates when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_first: Option<bool>,
    /// What columns are, by name; as their cells suggest, when left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnKind>,
    /// What came from the standard input or another pipe, which is read once only.
    #[serde(skip)]
    pub bytes: Option<Vec<u8>>,
}

impl TableSource {
    /// A file and a target, the rest to be found out.
    pub fn new(file: PathBuf, target: String) -> Self {
        TableSource {
            file,
            target,
            task: None,
            delimiter: None,
            decimal: None,
            header: None,
            day_first: None,
            columns: BTreeMap::new(),
            bytes: None,
        }
    }

    /// The file, its form found.
    ///
    /// # Errors
    /// Those of [`table::open`].
    pub fn open(&mut self) -> Result<Box<dyn TableFile>> {
        let TableSource { delimiter, decimal, header, .. } = *self;
        let options = CsvOptions { delimiter, decimal, header, expected: Some(self.target.clone()) };
        if self.file.as_os_str() == "-" && self.bytes.is_none() {
            self.bytes = Some(standard_input()?);
        } else if self.bytes.is_none() && table::is_pipe(&self.file) {
            let io = |source| Error::Io { path: self.file.clone(), source };
            self.bytes = Some(std::fs::read(&self.file).map_err(io)?);
        }
        let name = if self.file.as_os_str() == "-" { "standard input".into() } else { self.file.clone() };
        match &self.bytes {
            Some(bytes) => table::from_bytes(name, bytes.clone(), &options),
            None => table::open(&self.file, &options),
        }
    }

    /// Reads and divides the rows; what was found out is written into the description.
    ///
    /// # Errors
    /// A file that cannot be used; options out of range.
    pub fn load(&mut self, limit: Option<usize>, split: &SplitDescription, run_seed: u64) -> Result<Parts> {
        let file = self.open()?;
        let (columns, split_by) = (self.columns.clone(), split.by()?);
        let options = SurveyOptions { task: self.task, columns, day_first: self.day_first, split_by };
        let survey = Survey::new(&*file, &self.target, &options)?;
        let mut notes = survey.notes.clone();
        self.task = Some(survey.task);
        (self.delimiter, self.decimal, self.header) = (file.delimiter(), file.decimal(), Some(file.has_header()));
        let kinds = file.columns().iter().zip(&survey.kinds);
        self.columns = kinds.filter_map(|(name, &kind)| Some((name.clone(), kind?))).collect();
        let mut raw = RawTable::read(&*file, survey)?;

        let name = file.path().display().to_string();
        let (names, classes) = match &raw.target {
            RawTarget::Classes { names, .. } => (names.clone(), names.len()),
            RawTarget::Values(_) => (Vec::new(), 0),
        };
        // The division looks at nothing but the classes and the column that it is asked to look at.
        let everything: Vec<usize> = (0..raw.len().min(limit.unwrap_or(usize::MAX))).collect();
        let nothing = Inputs::Real(limpide::zeros(&[everything.len(), 0]));
        let blank = Dataset::new(name.clone(), nothing, raw.targets(&everything, 0.0, 1.0), classes)?;
        let keys = raw.keys.take().map(|keys| keys.first(blank.len()));
        let parts = split.divide(&blank, keys, run_seed)?;
        if parts.train.is_empty() {
            let found = counted(blank.len(), "row");
            return Err(Error::option("split", "such that there are rows to train on", found));
        }
        let table = raw.fit(&parts.train).map_err(|error| file.data(&error.to_string()))?;
        notes.extend(raw.notes(&table, &parts.train));
        notes.extend(raw.leak(&parts.train));
        let (mean, std) = raw.target_scale(&parts.train);
        let select = |rows: &[usize]| {
            let inputs = Inputs::Real(raw.encode(&table, rows));
            Dataset::new(name.clone(), inputs, raw.targets(rows, mean, std), classes)
        };
        let part = |rows: &[usize]| (!rows.is_empty()).then(|| select(rows)).transpose();
        let answers = match classes {
            0 => Answers::Values { names: vec![self.target.clone()], mean: vec![mean], std: vec![std] },
            _ => Answers::Classes(names),
        };
        Ok(Parts {
            train: select(&parts.train)?,
            validation: part(&parts.validation)?,
            test: part(&parts.test)?,
            split: parts,
            origin: Origin::Rows(raw.rows),
            own_shape: vec![table.width()],
            standardization: None,
            input: Input::Table(table),
            answers,
            // A table scales its target as it reads it.
            values: None,
            notes,
        })
    }
}

/// All of the standard input.
///
/// # Errors
/// [`Error::Io`].
pub fn standard_input() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let io = |source| Error::Io { path: "standard input".into(), source };
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}
