//! All rows as numbers, before anything is measured on those that train.

use super::TableFile;
use super::cell::{date, is_missing};
use super::column::{Column, Encoding, NEARER, Table, Value, finite};
use super::division::{KeyReader, SplitKeys};
use super::spelling::Places;
use super::survey::{ColumnKind, Survey, Task};
use crate::data::Target;
use crate::{Error, Result, Tensor, tensor};
use std::collections::BTreeSet;

/// So many categories have a number of their own however rare each is, the most frequent first; beyond them …
pub(super) const ALWAYS: usize = 64;
/// … those that at least so many rows that train have …
const ROWS_A_CATEGORY: usize = 5;
/// … up to so many in all. The others have none.
const CATEGORIES: usize = 512;

/// All rows of a file that have a target as numbers of 4 bytes, a column that is used after the other: how far a number or date is from the first
/// one of its column, the place of a category in its list, NaN for what is missing.
#[derive(Clone, Debug)]
pub struct RawTable {
    /// What the columns are.
    pub survey: Survey,
    /// The number in the file of every row, counted from 1: those without a target are left out here and counted there.
    pub rows: Vec<usize>,
    /// What the target says of every row.
    pub target: RawTarget,
    /// What the column by which rows are divided says of each, where the survey was asked for one.
    pub keys: Option<SplitKeys>,
    header: bool,
    pub(super) columns: Vec<RawColumn>,
    /// (rows, used columns), row-major.
    pub(super) values: Vec<f32>,
}

#[derive(Clone, Debug)]
pub(super) struct RawColumn {
    pub name: String,
    /// None for the target.
    pub kind: Option<ColumnKind>,
    /// What a stored 0 stands for.
    first: f64,
    time: bool,
    day_first: Option<bool>,
    categories: Vec<String>,
}

/// The targets of all rows.
#[derive(Clone, Debug)]
pub enum RawTarget {
    /// The place of each row's class in the list of names.
    Classes {
        /// In the order of numbers, else of the alphabet.
        names: Vec<String>,
        /// A place a row.
        labels: Vec<i64>,
    },
    /// A number a row.
    Values(Vec<f64>),
}

impl RawColumn {
    fn is_used(&self) -> bool {
        !matches!(self.kind, None | Some(ColumnKind::Ignore))
    }
}

impl RawTable {
    /// Reads all rows a second time.
    ///
    /// # Errors
    /// Those of [`TableFile::each`]; a survey of a file with another number of columns, or of rows.
    pub fn read(file: &dyn TableFile, survey: Survey) -> Result<Self> {
        if file.columns().len() != survey.kinds.len() {
            let (found, wanted) = (file.columns().len(), survey.kinds.len());
            return Err(file.data(&format!("has {found} columns, and the survey is of a file with {wanted}")));
        }
        let described = file.columns().iter().zip(&survey.kinds).zip(&survey.tallies);
        let columns: Vec<RawColumn> = described
            .map(|((name, &kind), tally)| {
                let mut categories =
                    if kind == Some(ColumnKind::Category) { tally.sorted_values() } else { Vec::new() };
                if kind == Some(ColumnKind::Category) && tally.missing > 0 {
                    categories.insert(0, String::new());
                }
                RawColumn {
                    name: name.clone(),
                    kind,
                    first: tally.start(),
                    time: tally.time,
                    day_first: tally.year_last.is_day_first(),
                    categories,
                }
            })
            .collect();
        let places: Vec<Places> = columns.iter().map(|column| Places::new(&column.categories)).collect();
        let names = survey.tallies[survey.target].sorted_values();
        let classes = Places::new(&names);
        let used: Vec<usize> = (0..columns.len()).filter(|&place| columns[place].is_used()).collect();
        let mut values = Vec::with_capacity(survey.rows * used.len());
        let mut keys = survey.split_by.as_ref().map(|(by, at)| KeyReader::new(by, *at, &survey.tallies[*at]));
        let (mut rows, mut labels, mut numbers) = (Vec::with_capacity(survey.rows), Vec::new(), Vec::new());
        file.each(&mut |row, record| {
            let cell = record[survey.target].trim();
            if survey.is_without(cell) {
                return Ok(());
            }
            rows.push(row);
            let wrong = |place: usize, wanted: &str| file.wrong_cell(row, record, place, wanted);
            if let Some(keys) = &mut keys {
                keys.add(record[keys.column].trim()).map_err(|wanted| wrong(keys.column, wanted))?;
            }
            for &place in &used {
                let (cell, column) = (record[place].trim(), &columns[place]);
                values.push(match column.kind {
                    Some(ColumnKind::Category) => {
                        let cell = if is_missing(cell) { "" } else { cell };
                        places[place].of(cell).ok_or_else(|| wrong(place, "what it had a moment ago"))? as f32
                    }
                    _ if is_missing(cell) => f32::NAN,
                    Some(ColumnKind::Date) => {
                        let days = date(cell, column.day_first).ok_or_else(|| wrong(place, "a date"))?;
                        (days - column.first) as f32
                    }
                    _ => (finite(cell).map_err(|wanted| wrong(place, wanted))? - column.first) as f32,
                });
            }
            match survey.task {
                Task::Classification => {
                    labels
                        .push(classes.of(cell).ok_or_else(|| wrong(survey.target, "what it had a moment ago"))? as i64);
                }
                Task::Regression => numbers.push(finite(cell).map_err(|wanted| wrong(survey.target, wanted))?),
            }
            Ok(())
        })?;
        if rows.len() != survey.rows {
            let (found, wanted) = (rows.len(), survey.rows);
            return Err(
                file.data(&format!("has {found} rows with a target, and the survey is of a file with {wanted}"))
            );
        }
        let target = match survey.task {
            Task::Classification => RawTarget::Classes { names, labels },
            Task::Regression => RawTarget::Values(numbers),
        };
        Ok(RawTable {
            survey,
            rows,
            target,
            keys: keys.map(|keys| keys.keys),
            header: file.has_header(),
            columns,
            values,
        })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.survey.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn used(&self) -> impl Iterator<Item = &RawColumn> {
        self.columns.iter().filter(|column| column.is_used())
    }

    /// Measures means, deviations and categories on the rows `train` alone.
    ///
    /// # Errors
    /// [`Error::Option`] with the row and column of a number that is too many deviations away for 4 bytes; for no row, and a row
    /// that there is not.
    pub fn fit(&self, train: &[usize]) -> Result<Table> {
        let wanted = || format!("rows from 0 to {}", self.len().saturating_sub(1));
        if train.is_empty() {
            return Err(Error::option("RawTable: rows to fit", wanted(), "none"));
        }
        if let Some(row) = train.iter().find(|&&row| row >= self.len()) {
            return Err(Error::option("RawTable: rows to fit", wanted(), row));
        }
        let width = self.used().count();
        let mut place = 0;
        let columns = self.columns.iter().map(|column| {
            let encoding = match column.kind {
                None => Encoding::Target,
                Some(ColumnKind::Ignore) => Encoding::Ignored,
                Some(kind) => {
                    let cells = || train.iter().map(|row| self.values[row * width + place]);
                    let encoding = column.encoding(kind, &cells);
                    let all = self.values.iter().skip(place).step_by(width);
                    column.check(&encoding, self.rows.iter().zip(all))?;
                    place += 1;
                    encoding
                }
            };
            Ok(Column { name: column.name.clone(), encoding })
        });
        Ok(Table { columns: columns.collect::<Result<_>>()?, header: self.header })
    }

    /// Some rows as the numbers that the network takes, (rows, [`Table::width`]), by a table that [`RawTable::fit`] gave.
    ///
    /// Panics when there is no such row.
    pub fn encode(&self, table: &Table, rows: &[usize]) -> Tensor<f32> {
        let (used, width) = (self.used().collect::<Vec<_>>(), table.width());
        // Where each category of a raw column is in the table's list.
        let kept: Vec<Vec<Option<usize>>> = used
            .iter()
            .zip(table_encodings(table))
            .map(|(column, encoding)| match encoding {
                Encoding::Category { values } => {
                    let kept = Places::new(values);
                    column.categories.iter().map(|name| kept.of(name)).collect()
                }
                _ => Vec::new(),
            })
            .collect();
        let mut numbers = vec![0.0; rows.len() * width];
        if width > 0 {
            let raw = rows.iter().map(|row| &self.values[row * used.len()..(row + 1) * used.len()]);
            for (row, raw) in numbers.chunks_exact_mut(width).zip(raw) {
                let mut rest = row;
                for (((column, encoding), kept), &raw) in used.iter().zip(table_encodings(table)).zip(&kept).zip(raw) {
                    let value = match encoding {
                        Encoding::Category { .. } => Value::Category(kept[raw as usize]),
                        _ if raw.is_nan() => Value::Missing,
                        _ => Value::Number(column.first + f64::from(raw)),
                    };
                    let room;
                    (room, rest) = rest.split_at_mut(encoding.width());
                    encoding.write(value, room);
                }
            }
        }
        tensor(&[rows.len(), width], numbers)
    }

    /// What the reader of a table from [`RawTable::fit`] should know, a line for each column some of whose categories in the rows
    /// `train` have no number of their own.
    pub fn notes(&self, table: &Table, train: &[usize]) -> Vec<String> {
        let width = self.used().count();
        let note = |(place, (column, encoding)): (usize, (&RawColumn, &Encoding))| {
            let Encoding::Category { values } = encoding else { return None };
            let kept = Places::new(values);
            let is_kept: Vec<bool> = column.categories.iter().map(|name| kept.of(name).is_some()).collect();
            let cells = || train.iter().map(|row| self.values[row * width + place] as usize);
            let others: BTreeSet<usize> = cells().filter(|&own| !is_kept[own]).collect();
            let rows = cells().filter(|&own| !is_kept[own]).count();
            let (name, all) = (&column.name, others.len() + values.len());
            let share = 100.0 * rows as f64 / train.len() as f64;
            (!others.is_empty()).then(|| {
                format!(
                    "column `{name}`: {} of {all} categories, {share:.1} % of the rows that train, count as none; the {} most \
                     frequent have an input each",
                    others.len(),
                    values.len()
                )
            })
        };
        self.used().zip(table_encodings(table)).enumerate().filter_map(note).collect()
    }

    /// The targets of some rows as a network learns them: class numbers, or numbers less a mean, divided by a deviation.
    ///
    /// Panics when there is no such row.
    pub fn targets(&self, rows: &[usize], mean: f64, std: f64) -> Target<f32> {
        match &self.target {
            RawTarget::Classes { labels, .. } => Target::classes(rows.iter().map(|&row| labels[row]).collect()),
            RawTarget::Values(values) => {
                let scaled = rows.iter().map(|&row| ((values[row] - mean) / std) as f32).collect();
                Target::Values(tensor(&[rows.len(), 1], scaled))
            }
        }
    }

    /// Mean and deviation of the target's numbers in the rows `train`; 0 and 1 for classes.
    pub fn target_scale(&self, train: &[usize]) -> (f64, f64) {
        match &self.target {
            RawTarget::Classes { .. } => (0.0, 1.0),
            RawTarget::Values(values) => mean_and_std(&|| train.iter().map(|&row| values[row])),
        }
    }
}

/// The encodings of the columns that are used; one without a category left in the rows that train has a width of 0.
fn table_encodings(table: &Table) -> impl Iterator<Item = &Encoding> {
    let used = |encoding: &&Encoding| !matches!(encoding, Encoding::Target | Encoding::Ignored);
    table.columns.iter().map(|column| &column.encoding).filter(used)
}

impl RawColumn {
    /// Whether each of all cells, which come with the numbers of their rows, is a number of 4 bytes in that encoding.
    fn check<'a>(&self, encoding: &Encoding, all: impl Iterator<Item = (&'a usize, &'a f32)>) -> Result<()> {
        let (Encoding::Number { mean, std, .. } | Encoding::Date { mean, std, .. }) = encoding else { return Ok(()) };
        for (row, &raw) in all.filter(|(_, raw)| !raw.is_nan()) {
            let x = self.first + f64::from(raw);
            if !(((x - mean) / std) as f32).is_finite() {
                return Err(Error::option(format!("row {row}, column `{}`", self.name), NEARER, x));
            }
        }
        Ok(())
    }

    /// The encoding of a column by its cells in the rows that train.
    fn encoding<I: Iterator<Item = f32>>(&self, kind: ColumnKind, cells: &dyn Fn() -> I) -> Encoding {
        if kind == ColumnKind::Category {
            let mut counts = vec![0usize; self.categories.len()];
            cells().for_each(|place| counts[place as usize] += 1);
            let mut places: Vec<usize> = (0..counts.len()).filter(|&place| counts[place] > 0).collect();
            places.sort_by_key(|&place| std::cmp::Reverse(counts[place]));
            let kept = |(rank, &place): (usize, &usize)| {
                rank < ALWAYS || (rank < CATEGORIES && counts[place] >= ROWS_A_CATEGORY)
            };
            places.truncate(places.iter().enumerate().take_while(|&own| kept(own)).count());
            places.sort_unstable();
            return Encoding::Category { values: places.iter().map(|&place| self.categories[place].clone()).collect() };
        }
        let there = || cells().filter(|x| !x.is_nan()).map(f64::from);
        let (mean, std) = mean_and_std(&there);
        let missing = cells().any(f32::is_nan);
        let mean = self.first + mean;
        match kind {
            ColumnKind::Date => Encoding::Date { mean, std, missing, time: self.time, day_first: self.day_first },
            _ => Encoding::Number { mean, std, missing },
        }
    }
}

/// Mean and standard deviation (divided by n), in two passes; a deviation of 0 counts as 1, which only shifts.
fn mean_and_std<I: Iterator<Item = f64>>(values: &dyn Fn() -> I) -> (f64, f64) {
    let count = values().count().max(1) as f64;
    let mean = values().sum::<f64>() / count;
    let std = (values().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
    // A sum of equal numbers is rounded: what that leaves is not a deviation.
    (mean, if std > mean.abs() * count * f64::EPSILON { std } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{file, lines, survey};
    use super::*;

    #[test]
    fn rows_that_are_not_there_and_surveys_of_other_files_are_refused() {
        let text = lines("a,b,y", 8, |row| format!("{row},{},{}", row % 3, ["no", "yes"][row % 2]));
        let raw = RawTable::read(&file(&text), survey(&text, "y").unwrap()).unwrap();
        let refusal = |rows: &[usize]| raw.fit(rows).unwrap_err().to_string();
        assert_eq!(refusal(&[]), "RawTable: rows to fit must be rows from 0 to 7, got none");
        assert_eq!(refusal(&[0, 8]), "RawTable: rows to fit must be rows from 0 to 7, got 8");
        raw.fit(&[0, 7]).unwrap();
        let other = |text: &str| RawTable::read(&file(text), raw.survey.clone()).unwrap_err().to_string();
        let narrow = lines("a,y", 8, |row| format!("{row},{}", ["no", "yes"][row % 2]));
        assert_eq!(other(&narrow), "test.csv: has 2 columns, and the survey is of a file with 3");
        let short = text.lines().take(7).map(|line| format!("{line}\n")).collect::<String>();
        assert_eq!(other(&short), "test.csv: has 6 rows with a target, and the survey is of a file with 8");
    }
}
