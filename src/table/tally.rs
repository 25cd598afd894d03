//! What is counted of one column, and what follows from it.

use super::cell::{date, is_missing, number};
use super::{ColumnKind, Task};
use std::collections::HashMap;

/// Different texts that are counted in a column; of more it is known only that they are many.
const COUNTED: usize = 10_000;
/// Texts that are a category however rare each is.
const FEW: usize = 64;
/// Whole numbers as a target are classes up to so many different ones, and where there are …
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
    /// Row and content of the first cell that is text, and of the first that is a number without being finite.
    first_text: Option<(String, String)>,
    not_finite: Option<(String, String)>,
    first_missing: Option<String>,
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
            if !x.is_finite() {
                self.not_finite.get_or_insert_with(|| (place(), cell.into()));
            }
            Some(x)
        } else if let Some(days) = date(cell) {
            self.dates += 1;
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

    /// What a column that is not the target is, and why it is left out; or what is wrong with it.
    pub fn kind(
        &self,
        name: &str,
        rows: usize,
        asked: Option<&ColumnKind>,
    ) -> std::result::Result<(ColumnKind, Option<String>), String> {
        let (there, different) = (rows - self.missing, self.values.len());
        let ignored = |why: String| Ok((ColumnKind::Ignore, Some(why)));
        if asked == Some(&ColumnKind::Ignore) {
            return Ok((ColumnKind::Ignore, None));
        }
        if there == 0 {
            return ignored("no row has a value".into());
        }
        match asked {
            Some(&ColumnKind::Number) => return self.numbers_only(name).map(|()| (ColumnKind::Number, None)),
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
            self.numbers_only(name)?;
            if self.counting && self.whole && self.missing == 0 && rows > CLASSES {
                return ignored("it only counts the rows".into());
            }
            return Ok((ColumnKind::Number, None));
        }
        if self.dates == there {
            return Ok((ColumnKind::Date, None));
        }
        // Nine numbers to a text are numbers with a slip, which must not quietly become categories.
        if self.numbers > 9 * (self.texts + self.dates) && different > FEW {
            return self.numbers_only(name).map(|()| (ColumnKind::Number, None));
        }
        let all_different = different == there && there > 2;
        match (all_different, self.too_many || (different > FEW && different > there / 2)) {
            (true, _) => ignored("it is different text in every row, as a name or number of a thing is".into()),
            (_, true) => ignored("it is text that hardly ever repeats".into()),
            _ => Ok((ColumnKind::Category, None)),
        }
    }

    /// Whether all values are finite numbers, or which is not.
    fn numbers_only(&self, name: &str) -> std::result::Result<(), String> {
        if let Some((place, cell)) = &self.not_finite {
            return Err(format!(
                "{place}, column `{name}`: `{cell}` is no finite number; leave the cell empty when the value is missing"
            ));
        }
        match &self.first_text {
            Some((place, cell)) => Err(format!(
                "{place}, column `{name}`: `{cell}` stands among numbers; correct it, leave the cell empty when the value is \
                 missing, or say what the column is: data.columns.{name} = \"category\" or \"ignore\""
            )),
            None if self.dates > 0 => Err(format!("column `{name}` has dates among its numbers")),
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
        if let Some((place, cell)) = &self.not_finite {
            return Err(format!(
                "{place}: the target `{name}` is `{cell}`, and a finite number is wanted; correct or remove the row"
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
            return Err(format!("the target `{name}` is `{only}` in all {rows} rows; there is nothing to tell apart"));
        }
        match task {
            Task::Regression if !numbers => {
                self.numbers_only(name)?;
                Err(format!("the target `{name}` has dates; a number is wanted, such as days"))
            }
            Task::Classification if self.too_many || (different > 2 && 2 * different > rows) => Err(format!(
                "the target `{name}` has {different} different values in {rows} rows, too many to learn as classes{}",
                if numbers { "; --task regression takes them as numbers" } else { "; is it the right column?" }
            )),
            // One slip in a column of numbers would make every number a class.
            Task::Classification
                if asked.is_none() && !numbers && self.numbers > 9 * (rows - self.numbers) && different > CLASSES =>
            {
                self.numbers_only(name).map(|()| task)
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
