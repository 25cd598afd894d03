//! What is counted of one column, and what follows from it.

use super::ColumnKind;
use super::cell::{LARGEST, date, is_missing, number};
use super::column::toml_key;
use super::written::{meant, with_unit};
use super::year_last::YearLast;
use std::collections::{BTreeMap, HashMap};

/// Different texts that are counted in a column; of more it is known only that they are many.
const COUNTED: usize = 10_000;
/// Texts that are a category however rare each is.
const FEW: usize = 64;
/// Up to so many different values a column of numbers with a few texts may be one of codes, and whole numbers as a target are
/// classes, where there are …
pub(super) const CLASSES: usize = 20;
/// … so many rows for each on average.
pub(super) const ROWS_A_CLASS: usize = 5;
/// What says that a value is missing and can be a word as well: no roof, or a minus beside a plus.
const COULD_BE_CLASSES: [&str; 5] = ["none", "nil", "-", "--", "."];

/// What is counted of a column.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub missing: usize,
    pub numbers: usize,
    pub dates: usize,
    pub texts: usize,
    /// Row and content of the first cell that is text, of the first date, and of the first that is a number too large or not finite.
    first_text: Option<(String, String)>,
    first_date: Option<(String, String)>,
    pub unusable: Option<(String, String)>,
    /// Row and content of the first cell whose value is missing.
    pub first_missing: Option<(String, String)>,
    /// How often each text occurs that is no value but could be a class.
    pub no_values: BTreeMap<String, usize>,
    /// The first whole number with zeros before it, as codes have them.
    first_code: Option<String>,
    /// How often each cell occurs; frozen when there are too many different ones.
    pub values: HashMap<String, usize>,
    pub too_many: bool,
    /// The first number or date: what is stored is how far the others are from it.
    first: Option<f64>,
    last: f64,
    pub least: f64,
    pub most: f64,
    pub whole: bool,
    /// Whether each number is one more than the one above it.
    counting: bool,
    /// The texts that are dates where it is known whether the day or the month comes first.
    pub year_last: YearLast,
    /// Whether a date has a time.
    pub time: bool,
}

impl Tally {
    pub fn new() -> Self {
        let (least, most) = (f64::INFINITY, f64::NEG_INFINITY);
        Tally { whole: true, counting: true, least, most, ..Tally::default() }
    }

    /// Counts a cell; `place` is what messages call its row.
    pub fn add(&mut self, cell: &str, place: &dyn Fn() -> String) {
        if is_missing(cell) {
            self.missing += 1;
            self.first_missing.get_or_insert_with(|| (place(), cell.into()));
            if COULD_BE_CLASSES.iter().any(|word| cell.eq_ignore_ascii_case(word)) {
                *self.no_values.entry(cell.into()).or_default() += 1;
            }
            return;
        }
        let value = if let Some(x) = number(cell) {
            self.numbers += 1;
            if cell.len() > 1 && cell.starts_with('0') && cell.bytes().all(|byte| byte.is_ascii_digit()) {
                self.first_code.get_or_insert_with(|| cell.into());
            }
            if x.is_nan() || x.abs() > LARGEST {
                self.unusable.get_or_insert_with(|| (place(), cell.into()));
            }
            Some(x)
        } else if let Some(days) = date(cell, None) {
            self.dates += 1;
            self.first_date.get_or_insert_with(|| (place(), cell.into()));
            self.time |= days.fract() != 0.0;
            Some(days)
        } else {
            self.texts += 1;
            self.first_text.get_or_insert_with(|| (place(), cell.into()));
            self.time |= self.year_last.add(cell, place).is_some_and(|days| days.fract() != 0.0);
            None
        };
        if let Some(x) = value {
            self.whole &= x.fract() == 0.0;
            self.counting &= self.first.is_none() || x == self.last + 1.0;
            self.last = x;
            (self.least, self.most) = (self.least.min(x), self.most.max(x));
            self.first.get_or_insert(x);
        }
        if let Some(count) = self.values.get_mut(cell) {
            *count += 1;
        } else if self.values.len() < COUNTED {
            self.values.insert(cell.into(), 1);
        } else {
            self.too_many = true;
        }
    }

    /// What a column that is not the target is, and what its reader should know of that; or what is wrong with it.
    ///
    /// A number among texts is a category like any other, and so are a few texts among up to 20 different values. Where there are
    /// more, and more than nine numbers to a text, the text is a slip and an error.
    pub fn kind(
        &self,
        name: &str,
        rows: usize,
        asked: Option<&ColumnKind>,
    ) -> std::result::Result<(ColumnKind, Option<String>), String> {
        let (there, different) = (rows - self.missing, self.values.len());
        let keep = format!("data.columns.{}", toml_key(name));
        let otherwise = format!("or say what the column is: {keep} = \"category\" or \"ignore\"");
        let numbers_only =
            || self.numbers_only(name, &format!("leave the cell empty when the value is missing, {otherwise}"));
        let ignored = |why: String| Ok((ColumnKind::Ignore, Some(format!("column `{name}` is left out: {why}"))));
        if asked == Some(&ColumnKind::Ignore) {
            return Ok((ColumnKind::Ignore, None));
        }
        if there == 0 {
            return ignored("no row has a value".into());
        }
        match asked {
            Some(&ColumnKind::Number) => {
                return numbers_only().map(|()| (ColumnKind::Number, None));
            }
            Some(&ColumnKind::Category) if self.too_many => {
                return Err(format!("column `{name}` has more than {COUNTED} categories"));
            }
            Some(&ColumnKind::Category) => return Ok((ColumnKind::Category, None)),
            Some(&ColumnKind::Date) if !self.only_dates(there) => {
                let other =
                    self.first_text.as_ref().map_or("a number".into(), |(place, cell)| format!("`{cell}` in {place}"));
                let doubt = self.year_last.doubt().map_or(String::new(), |doubt| format!("; it looks like {doubt}"));
                return Err(format!("column `{name}` wants dates such as 2024-05-31, got {other}{doubt}"));
            }
            Some(&ColumnKind::Date) => return Ok((ColumnKind::Date, self.year_last.note(name))),
            _ => {}
        }
        if different == 1 && self.missing == 0 {
            return ignored(format!("it is `{}` in every row", self.values.keys().next().map_or("", String::as_str)));
        }
        if self.numbers == there {
            numbers_only()?;
            if self.counting && self.whole && self.missing == 0 && rows > CLASSES {
                return ignored(format!("it only counts the rows; {keep} = \"number\" keeps it"));
            }
            if self.numbers_rows(name) {
                let why = "it numbers the rows, by its name and since no number comes twice";
                return ignored(format!("{why}; {keep} = \"number\" keeps it"));
            }
            let note = self.first_code.as_ref().map(|cell| {
                let doubt = format!("`{cell}` has zeros before it, as a code has; leave it so");
                format!("column `{name}` is taken for numbers: {doubt}, {otherwise}")
            });
            return Ok((ColumnKind::Number, note));
        }
        if self.only_dates(there) {
            return Ok((ColumnKind::Date, self.year_last.note(name)));
        }
        if self.has_slip(there) {
            return numbers_only().map(|()| (ColumnKind::Number, None));
        }
        let left = |why: &str| ignored(format!("{why}; {keep} = \"category\" keeps it"));
        let all_different = different == there && there > 2;
        let doubt = self.doubt().map(|doubt| format!("{doubt}, {otherwise}"));
        match (all_different, self.too_many || (different > FEW && different > there / 2)) {
            (true, _) | (_, true) if doubt.is_some() => ignored(doubt.unwrap_or_default()),
            (true, _) => left("it is different text in every row, as a name or number of a thing is"),
            (_, true) => left("it is text that hardly ever repeats"),
            _ => Ok((
                ColumnKind::Category,
                doubt.map(|doubt| format!("column `{name}` is taken for categories: {doubt}")),
            )),
        }
    }

    /// Whether all cells that are there are dates, of which it is known what comes first.
    fn only_dates(&self, there: usize) -> bool {
        let year_last = self.year_last.is_day_first().map_or(0, |_| self.year_last.count);
        self.dates + year_last == there
    }

    /// What a stored 0 stands for.
    pub fn start(&self) -> f64 {
        self.first.or(self.year_last.first()).unwrap_or(0.0)
    }

    /// Whether the few texts are slips in a column of numbers, of which there are too many different ones for codes.
    pub fn has_slip(&self, there: usize) -> bool {
        self.numbers < there && self.numbers > 9 * (there - self.numbers) && self.values.len() > CLASSES
    }

    /// Row and content of the first text, or where there is none of the first date.
    fn not_a_number(&self) -> Option<&(String, String)> {
        self.first_text.as_ref().or(self.first_date.as_ref())
    }

    /// Why it may be a mistake to take the values for texts.
    pub fn doubt(&self) -> Option<String> {
        let (place, cell) = self.not_a_number()?;
        if self.year_last.count == self.texts
            && let Some(meant) = self.year_last.doubt()
        {
            return Some(format!("it looks like {meant}"));
        }
        if let Some(meant) = meant(cell).or_else(|| self.in_units(cell)) {
            return Some(format!("it looks like {meant}"));
        }
        let most = match self.numbers > self.texts + self.dates {
            true => "numbers",
            false if self.texts > 0 && self.dates > self.texts => "dates",
            false => return None,
        };
        Some(format!("`{cell}` in {place} stands among {most}; correct it"))
    }

    /// What a text looks like that is a number with a unit, where all are: a letter behind a number alone can be a code's.
    fn in_units(&self, cell: &str) -> Option<String> {
        let (plain, unit) = with_unit(cell)?;
        let same = |other: &String| number(other).is_some() || with_unit(other).is_some_and(|(_, own)| own == unit);
        self.values.keys().all(same).then(|| format!("numbers with a unit such as `{cell}`; write {plain}"))
    }

    /// Whether all values are numbers that can be used, or which is not and what to do.
    pub fn numbers_only(&self, name: &str, otherwise: &str) -> std::result::Result<(), String> {
        if let Some((place, cell)) = &self.unusable {
            return Err(format!(
                "{place}, column `{name}`: `{cell}` is {}; leave the cell empty when the value is missing",
                unusable(cell)
            ));
        }
        match self.not_a_number() {
            Some((place, cell)) => {
                let correction = meant(cell).map_or("correct it".into(), |meant| format!("it looks like {meant}"));
                Err(format!("{place}, column `{name}`: `{cell}` stands among numbers; {correction}, {otherwise}"))
            }
            None => Ok(()),
        }
    }

    /// The different texts, numbers in their order and before words.
    pub fn sorted_values(&self) -> Vec<String> {
        let mut values: Vec<&String> = self.values.keys().collect();
        values.sort_by(|a, b| match (number(a), number(b)) {
            (Some(x), Some(y)) => x.total_cmp(&y).then_with(|| a.cmp(b)),
            (x, y) => y.is_some().cmp(&x.is_some()).then_with(|| a.cmp(b)),
        });
        values.into_iter().cloned().collect()
    }
}

/// What is wrong with a number that cannot be used.
pub(super) fn unusable(cell: &str) -> &'static str {
    match number(cell) {
        Some(x) if x.is_finite() => "too large (a number can have a size of 1e38)",
        _ => "no finite number",
    }
}
