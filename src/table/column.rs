//! The columns of a table as a model knows them: what each is, and how a row becomes the numbers that a network takes.

use super::cell::{LARGEST, date, is_missing, number};
use super::raw::ALWAYS;
use super::{ColumnKind, Rows, place_among};
use crate::model::nearest;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// The circles on which a date has a place, and how many days each takes.
const CIRCLES: [(&str, f64); 3] = [("year", 365.2425), ("week", 7.0), ("day", 1.0)];

/// One column by its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// As the header has it.
    pub name: String,
    /// What becomes of its cells.
    pub encoding: Encoding,
}

/// How the cells of a column become numbers. Means, deviations and categories are those of the rows that trained.
///
/// | encoding | numbers |
/// | --- | --- |
/// | `number` | (x − mean) / std, 0 where it is missing; then 1 where it is missing and else 0, when `missing` is set |
/// | `category` | one for each of `values`, 1 for the cell's own and else 0: the 64 most frequent, and up to 512 that 5 rows have; a missing cell is the category `""` where training had one |
/// | `date` | days since 1970 as a `number`; sine and cosine of its place in the year, in the week, and with `time` in the day; `day_first` says what `03/04/2021` is |
/// | `target`, `ignored` | none |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)] // the table above says what the fields are
pub enum Encoding {
    Number {
        mean: f64,
        std: f64,
        missing: bool,
    },
    Category {
        values: Vec<String>,
    },
    Date {
        mean: f64,
        std: f64,
        missing: bool,
        time: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        day_first: Option<bool>,
    },
    Target,
    Ignored,
}

/// The content of a cell, read as its column wants it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Missing,
    Number(f64),
    /// The number of a category in the encoding's list; none when it is not there.
    Category(Option<usize>),
}

/// A category that has no number of its own, or a missing value where the rows that trained had none: all of its column's numbers
/// are 0, which for a number or date is the mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The row, counted from 0.
    pub row: usize,
    /// The column's name.
    pub column: String,
    /// What the cell says; nothing where it is missing.
    pub value: String,
}

impl Encoding {
    /// How many numbers a cell becomes.
    pub fn width(&self) -> usize {
        match self {
            Encoding::Number { missing, .. } => 1 + usize::from(*missing),
            Encoding::Category { values } => values.len(),
            Encoding::Date { missing, time, .. } => 5 + usize::from(*missing) + 2 * usize::from(*time),
            Encoding::Target | Encoding::Ignored => 0,
        }
    }

    /// What the numbers are, in a word each.
    fn names(&self, column: &str) -> Vec<String> {
        let with = |words: &[&str], missing: bool| {
            let missing = missing.then(|| format!("{column} is missing"));
            words.iter().map(|word| format!("{column}{word}")).chain(missing).collect()
        };
        match self {
            Encoding::Number { missing, .. } => with(&[""], *missing),
            Encoding::Category { values } => values.iter().map(|value| format!("{column}={value}")).collect(),
            Encoding::Date { missing, time, .. } => {
                let words =
                    ["", " year sine", " year cosine", " week sine", " week cosine", " day sine", " day cosine"];
                with(&words[..if *time { 7 } else { 5 }], *missing)
            }
            Encoding::Target | Encoding::Ignored => Vec::new(),
        }
    }

    /// What the names leave open, in a line.
    fn note(&self, column: &str) -> Option<String> {
        let Encoding::Date { mean, missing, time, .. } = self else { return None };
        let angles: Vec<String> =
            circles(*time).iter().map(|(name, days)| format!("2π·days/{days} ({name})")).collect();
        let column = column.escape_debug();
        let part = if *time { ", with the time as a part of a day" } else { "" };
        let angles = angles.join(", ");
        let gone = if *missing { format!("; where it is missing {mean}, zeros, and a one") } else { String::new() };
        Some(format!("`{column}`: days since 1970-01-01{part}; then sine and cosine of {angles}{gone}"))
    }

    /// Writes the numbers of a value into their room.
    pub(super) fn write(&self, value: Value, room: &mut [f32]) {
        room.fill(0.0);
        match (self, value) {
            (Encoding::Number { mean, std, .. }, Value::Number(x)) => room[0] = ((x - mean) / std) as f32,
            (Encoding::Date { mean, std, time, .. }, Value::Number(days)) => {
                room[0] = ((days - mean) / std) as f32;
                // 1970-01-01 was a Thursday; where a circle begins does not matter.
                for (pair, (_, length)) in room[1..].chunks_exact_mut(2).zip(circles(*time)) {
                    let angle = TAU * (days / length).rem_euclid(1.0);
                    (pair[0], pair[1]) = (libm::sin(angle) as f32, libm::cos(angle) as f32);
                }
            }
            (Encoding::Category { .. }, Value::Category(Some(place))) => room[place] = 1.0,
            (Encoding::Number { missing: true, .. } | Encoding::Date { missing: true, .. }, Value::Missing) => {
                *room.last_mut().expect("the place of the mark") = 1.0;
            }
            _ => {}
        }
    }

    /// A cell, trimmed, as this encoding wants it, or what it wants.
    fn read(&self, text: &str) -> std::result::Result<Value, &'static str> {
        match self {
            Encoding::Category { values } => {
                // An older model may know as a category what says by now that nothing is there.
                let missing = || values.iter().position(String::is_empty).filter(|_| is_missing(text));
                Ok(Value::Category(place_among(values, text).or_else(missing)))
            }
            _ if is_missing(text) => Ok(Value::Missing),
            Encoding::Date { day_first, .. } => date(text, *day_first).map(Value::Number).ok_or(match day_first {
                None => "a date such as 2024-05-31",
                Some(true) => "a date such as 31/05/2024",
                Some(false) => "a date such as 05/31/2024",
            }),
            _ => finite(text).map(Value::Number),
        }
    }

    /// Whether a value has no number that stands for it.
    fn is_unseen(&self, value: Value) -> bool {
        match self {
            Encoding::Number { missing, .. } | Encoding::Date { missing, .. } => value == Value::Missing && !missing,
            _ => value == Value::Category(None),
        }
    }

    /// Whether a category that is not in the list was not there in training either: of up to 64 none is left out.
    pub fn has_all_categories(&self) -> bool {
        !matches!(self, Encoding::Category { values } if values.len() >= ALWAYS)
    }

    /// What the column is, in the words of a run description.
    pub fn kind(&self) -> Option<ColumnKind> {
        match self {
            Encoding::Number { .. } => Some(ColumnKind::Number),
            Encoding::Category { .. } => Some(ColumnKind::Category),
            Encoding::Date { .. } => Some(ColumnKind::Date),
            Encoding::Ignored => Some(ColumnKind::Ignore),
            Encoding::Target => None,
        }
    }
}

/// The circles of a date, with or without a time.
fn circles(time: bool) -> &'static [(&'static str, f64)] {
    &CIRCLES[..if time { 3 } else { 2 }]
}

/// What is wanted instead of a number that is so many deviations away that 4 bytes do not hold it.
pub(super) const NEARER: &str = "a number nearer to those of the rows that train";

/// A cell as a finite number, or what is wanted.
pub(super) fn finite(text: &str) -> std::result::Result<f64, &'static str> {
    match number(text) {
        Some(x) if x.abs() <= LARGEST => Ok(x),
        Some(x) if x.is_finite() => Err("a number of at most 1e38 in size"),
        Some(_) => Err("a finite number, or empty where the value is missing"),
        None => Err("a number, or empty where the value is missing"),
    }
}

/// The columns of a table, in the order of the file: what goes with a model that was trained on it.
///
/// ```
/// use limpide::table::{Column, Encoding, Rows, Table};
/// let columns = vec![
///     Column { name: "age".into(), encoding: Encoding::Number { mean: 40.0, std: 10.0, missing: true } },
///     Column { name: "colour".into(), encoding: Encoding::Category { values: vec!["blue".into(), "red".into()] } },
/// ];
/// let table = Table { columns, header: true };
/// assert_eq!(table.features(), ["age", "age is missing", "colour=blue", "colour=red"]);
///
/// let mut rows = Rows::new(["colour", "age"]); // in any order
/// rows.push(["red", "50"])?;
/// rows.push(["green", ""])?;
/// let (x, unseen) = table.encode(&rows)?;
/// assert_eq!(x, limpide::tensor(&[2, 4], vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]));
/// assert_eq!((unseen[0].row, unseen[0].value.as_str()), (1, "green"));
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// All columns of the file that it was measured on.
    pub columns: Vec<Column>,
    /// Whether that file had their names in its first row.
    pub header: bool,
}

impl Table {
    /// How many numbers a row becomes.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.encoding.width()).sum()
    }

    /// What those numbers are, in a word each.
    pub fn features(&self) -> Vec<String> {
        self.columns.iter().flat_map(|column| column.encoding.names(&column.name)).collect()
    }

    /// What those words leave open, a line for each column of dates: the unit, and the angles of its sines and cosines.
    ///
    /// ```
    /// use limpide::table::{Column, Encoding, Table};
    /// let encoding = Encoding::Date { mean: 20000.5, std: 10.0, missing: true, time: false, day_first: None };
    /// let table = Table { columns: vec![Column { name: "when".into(), encoding }], header: true };
    /// let note = "`when`: days since 1970-01-01; then sine and cosine of 2π·days/365.2425 (year), 2π·days/7 (week); \
    ///             where it is missing 20000.5, zeros, and a one";
    /// assert_eq!(table.notes(), [note]);
    /// ```
    pub fn notes(&self) -> Vec<String> {
        self.columns.iter().filter_map(|column| column.encoding.note(&column.name)).collect()
    }

    /// The columns that become numbers.
    pub fn used(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !matches!(column.encoding, Encoding::Target | Encoding::Ignored))
    }

    /// The names of those columns, for messages.
    pub(crate) fn used_names(&self) -> String {
        listed(&self.used().map(|column| column.name.as_str()).collect::<Vec<_>>())
    }

    /// Rows of the used columns, all of them numbers, as the numbers that the network takes.
    pub(crate) fn encode_numbers(&self, x: &[f32]) -> Vec<f32> {
        let encodings: Vec<&Encoding> = self.used().map(|column| &column.encoding).collect();
        let mut numbers = vec![0.0; x.len() / encodings.len().max(1) * self.width()];
        let mut rest = &mut numbers[..];
        for (&x, encoding) in x.iter().zip(encodings.iter().cycle()) {
            let room;
            (room, rest) = rest.split_at_mut(encoding.width());
            encoding.write(if x.is_nan() { Value::Missing } else { Value::Number(x.into()) }, room);
        }
        numbers
    }

    /// The name of the target's column.
    pub fn target(&self) -> Option<&str> {
        self.columns.iter().find(|column| column.encoding == Encoding::Target).map(|column| column.name.as_str())
    }

    /// The names that this table has no column for.
    pub fn extra<'a>(&self, names: &'a [String]) -> Vec<&'a str> {
        let known = |name: &&String| self.columns.iter().any(|column| column.name == **name);
        names.iter().filter(|name| !known(name)).map(String::as_str).collect()
    }

    /// Whether the cells of a column with this encoding are all there, and none is too many.
    fn places(&self, names: &[String]) -> Result<Vec<usize>> {
        let (mut places, mut missing) = (Vec::new(), Vec::new());
        for column in self.used() {
            match names.iter().position(|name| *name == column.name) {
                Some(place) => places.push(place),
                None => missing.push(column.name.as_str()),
            }
        }
        let extra = self.extra(names);
        if missing.is_empty() && extra.is_empty() {
            return Ok(places);
        }
        let mut problems = Vec::new();
        // A number is no name that was written wrongly.
        let names: Vec<&str> = extra.iter().copied().filter(|name| number(name).is_none()).collect();
        for name in missing {
            let like = nearest(name, &names).map_or(String::new(), |close| format!(" (is it `{close}`?)"));
            problems.push(format!("`{name}` is missing{like}"));
        }
        if !extra.is_empty() {
            let names: Vec<String> = extra.iter().map(|name| format!("`{name}`")).collect();
            problems.push(format!("the model knows no {}", names.join(", ")));
        }
        Err(Error::option("the columns", self.used_names(), problems.join("; ")))
    }

    /// Rows as the numbers that the network takes, (n, [`Table::width`]), and what in them it
    /// was not trained on.
    ///
    /// # Errors
    /// [`Error::Option`] that names every missing and every unknown column, or the row and column of a cell that is not what
    /// its column holds.
    pub fn encode(&self, rows: &Rows) -> Result<(crate::Tensor<f32>, Vec<Unseen>)> {
        let places = self.places(rows.columns())?;
        let (width, used) = (self.width(), self.used().collect::<Vec<_>>());
        let mut unseen = Vec::new();
        let mut numbers = vec![0.0; rows.len() * width];
        for row in 0..rows.len() {
            let mut rest = &mut numbers[row * width..(row + 1) * width];
            for (column, &place) in used.iter().zip(&places) {
                let text = rows.cell(row, place).trim();
                let wrong = |wanted| Error::option(rows.place(row, &column.name), wanted, format!("`{text}`"));
                let value = column.encoding.read(text).map_err(wrong)?;
                if column.encoding.is_unseen(value) {
                    let value = if is_missing(text) { "" } else { text };
                    unseen.push(Unseen { row, column: column.name.clone(), value: value.into() });
                }
                let room;
                (room, rest) = rest.split_at_mut(column.encoding.width());
                column.encoding.write(value, room);
                if !room.iter().all(|x| x.is_finite()) {
                    return Err(wrong(NEARER));
                }
            }
        }
        Ok((crate::tensor(&[rows.len(), width], numbers), unseen))
    }

    /// Whether this can have come from training: a description from outside may say anything.
    pub(crate) fn check(&self) -> Result<()> {
        for Column { name, encoding } in &self.columns {
            if let Encoding::Number { mean, std, .. } | Encoding::Date { mean, std, .. } = encoding
                && !(mean.is_finite() && std.is_finite() && *std > 0.0)
            {
                let wanted = "a finite mean and a deviation above 0";
                return Err(Error::option(format!("column `{name}`"), wanted, format!("{mean} and {std}")));
            }
        }
        Ok(())
    }
}

/// A name as TOML writes it in a key: with quotes where it needs them.
pub(super) fn toml_key(name: &str) -> String {
    let is_bare = |letter: char| letter.is_ascii_alphanumeric() || ['-', '_'].contains(&letter);
    if !name.is_empty() && name.chars().all(is_bare) { name.into() } else { format!("{name:?}") }
}

/// Names in a row, the middle of a long list left out.
pub(super) fn listed(names: &[&str]) -> String {
    let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "none".into(),
        1..=24 => quoted(names),
        count => format!("{} … {} ({count} in all)", quoted(&names[..12]), quoted(&names[count - 2..])),
    }
}
