//! What is counted of one column, and what follows from it.

use super::cell::{LARGEST, date, is_missing, number};
use super::column::toml_key;
use super::written::{meant, with_unit};
use super::{ColumnKind, Task};
use std::collections::HashMap;

/// Different texts that are counted in a column; of more it is known only that they are many.
const COUNTED: usize = 10_000;
/// Texts that are a category however rare each is.
const FEW: usize = 64;
/// Up to so many different values a column of numbers with a few texts may be one of codes, and whole numbers as a target are
/// classes, where there are …
const CLASSES: usize = 20;
/// … so many rows for each on average.
const ROWS_A_CLASS: usize = 5;

/// What is counted of a column.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub missing: usize,
    pub numbers: usize,
    pub dates: usize,
    texts: usize,
    /// Row and content of the first cell that is text, of the first date, and of the first that is a number too large or not finite.
    first_text: Option<(String, String)>,
    first_date: Option<(String, String)>,
    unusable: Option<(String, String)>,
    first_missing: Option<String>,
    /// The first whole number with zeros before it, as codes have them.
    first_code: Option<String>,
    /// How often each cell occurs; frozen when there are too many different ones.
    pub values: HashMap<String, usize>,
    too_many: bool,
    /// The first number or date: what is stored is how far the others are from it.
    pub first: Option<f64>,
    last: f64,
    whole: bool,
    /// Whether each number is one more than the one above it.
    counting: bool,
    constant: bool,
    /// Whether a date has a time.
    pub time: bool,
}

impl Tally {
    pub fn new() -> Self {
        Tally { whole: true, counting: true, constant: true, ..Tally::default() }
    }

    /// Counts a cell; `place` is what messages call its row.
    pub fn add(&mut self, cell: &str, place: &dyn Fn() -> String) {
        if is_missing(cell) {
            self.missing += 1;
            self.first_missing.get_or_insert_with(place);
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
        } else if let Some(days) = date(cell) {
            self.dates += 1;
            self.first_date.get_or_insert_with(|| (place(), cell.into()));
            self.time |= days.fract() != 0.0;
            Some(days)
        } else {
            self.texts += 1;
            self.first_text.get_or_insert_with(|| (place(), cell.into()));
            None
        };
        if let Some(x) = value {
            self.whole &= x.fract() == 0.0;
            self.counting &= self.first.is_none() || x == self.last + 1.0;
            self.last = x;
            self.constant &= x == *self.first.get_or_insert(x);
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
        let otherwise =
            format!("or say what the column is: data.columns.{} = \"category\" or \"ignore\"", toml_key(name));
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
            Some(&ColumnKind::Date) if self.dates < there => {
                let other =
                    self.first_text.as_ref().map_or("a number".into(), |(place, cell)| format!("`{cell}` in {place}"));
                return Err(format!("column `{name}` wants dates such as 2024-05-31, got {other}"));
            }
            Some(&ColumnKind::Date) => return Ok((ColumnKind::Date, None)),
            _ => {}
        }
        if different == 1 && self.missing == 0 {
            return ignored(format!("it is `{}` in every row", self.values.keys().next().map_or("", String::as_str)));
        }
        if self.numbers == there {
            numbers_only()?;
            if self.counting && self.whole && self.missing == 0 && rows > CLASSES {
                return ignored("it only counts the rows".into());
            }
            let note = self.first_code.as_ref().map(|cell| {
                let doubt = format!("`{cell}` has zeros before it, as a code has; leave it so");
                format!("column `{name}` is taken for numbers: {doubt}, {otherwise}")
            });
            return Ok((ColumnKind::Number, note));
        }
        if self.dates == there {
            return Ok((ColumnKind::Date, None));
        }
        if self.has_slip(there) {
            return numbers_only().map(|()| (ColumnKind::Number, None));
        }
        let all_different = different == there && there > 2;
        let doubt = self.doubt().map(|doubt| format!("{doubt}, {otherwise}"));
        match (all_different, self.too_many || (different > FEW && different > there / 2)) {
            (true, _) | (_, true) if doubt.is_some() => ignored(doubt.unwrap_or_default()),
            (true, _) => ignored("it is different text in every row, as a name or number of a thing is".into()),
            (_, true) => ignored("it is text that hardly ever repeats".into()),
            _ => Ok((
                ColumnKind::Category,
                doubt.map(|doubt| format!("column `{name}` is taken for categories: {doubt}")),
            )),
        }
    }

    /// Whether the few texts are slips in a column of numbers, of which there are too many different ones for codes.
    fn has_slip(&self, there: usize) -> bool {
        self.numbers < there && self.numbers > 9 * (there - self.numbers) && self.values.len() > CLASSES
    }

    /// Row and content of the first text, or where there is none of the first date.
    fn not_a_number(&self) -> Option<&(String, String)> {
        self.first_text.as_ref().or(self.first_date.as_ref())
    }

    /// Why it may be a mistake to take the values for texts.
    fn doubt(&self) -> Option<String> {
        let (place, cell) = self.not_a_number()?;
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

    /// The same of the target, for its reader.
    pub fn doubtful_target(&self, name: &str) -> Option<String> {
        let doubt = self.doubt()?;
        Some(format!("the target `{name}` is taken for classes: {doubt}, or say data.task = \"classification\""))
    }

    /// Whether all values are numbers that can be used, or which is not and what to do.
    fn numbers_only(&self, name: &str, otherwise: &str) -> std::result::Result<(), String> {
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

    /// What the target asks for, or why it cannot be one.
    pub fn task(&self, name: &str, rows: usize, asked: Option<Task>) -> std::result::Result<Task, String> {
        if let Some(place) = &self.first_missing {
            let others =
                if self.missing > 1 { format!(", and {} more have none", self.missing - 1) } else { String::new() };
            return Err(format!("{place} has no value of the target `{name}`{others}; fill in or remove such rows"));
        }
        if let Some((place, cell)) = &self.unusable {
            let what = unusable(cell);
            return Err(format!(
                "{place}: the target `{name}` is `{cell}`, which is {what}; correct or remove the row"
            ));
        }
        let different = self.values.len();
        let numbers = self.numbers == rows;
        let few = different <= CLASSES && rows >= ROWS_A_CLASS * different;
        let task = asked.unwrap_or(match numbers && !(self.whole && few) && different > 2 {
            true => Task::Regression,
            false => Task::Classification,
        });
        if different == 1 {
            let only = self.values.keys().next().map_or("", String::as_str);
            let all = if rows == 1 { "the only row".into() } else { format!("all {rows} rows") };
            return Err(format!("the target `{name}` is `{only}` in {all}; there is nothing to tell apart"));
        }
        let otherwise = "remove the row, or say data.task = \"classification\"";
        match task {
            Task::Regression if self.dates == rows => {
                Err(format!("the target `{name}` has dates; a number is wanted, such as days"))
            }
            Task::Regression if !numbers => self.numbers_only(name, otherwise).map(|()| task),
            Task::Classification if self.too_many || (different > 2 && 2 * different > rows) => {
                let advice = match self.doubt() {
                    _ if numbers => "data.task = \"regression\" takes them as numbers".into(),
                    Some(doubt) => doubt,
                    None => "is it the right column?".into(),
                };
                let many = format!("has {different} different values in {rows} rows, too many to learn as classes");
                Err(format!("the target `{name}` {many}; {advice}"))
            }
            // One slip in a column of numbers would make every number a class.
            Task::Classification if asked.is_none() && self.has_slip(rows) => {
                self.numbers_only(name, otherwise).map(|()| task)
            }
            _ => Ok(task),
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
fn unusable(cell: &str) -> &'static str {
    match number(cell) {
        Some(x) if x.is_finite() => "too large (a number can have a size of 1e38)",
        _ => "no finite number",
    }
}
