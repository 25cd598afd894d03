//! What the column of the target asks for.

use super::Task;
use super::tally::{CLASSES, ROWS_A_CLASS, Tally, unusable};

impl Tally {
    /// Takes words such as `None` and `-` for classes where no cell is empty, other texts are classes too, and at least five rows
    /// have the word; the note says so.
    pub fn take_words_for_classes(&mut self, name: &str) -> Vec<String> {
        let all: usize = self.no_values.values().sum();
        if all < self.missing || self.texts == 0 {
            return Vec::new();
        }
        self.no_values.retain(|_, rows| *rows >= ROWS_A_CLASS);
        let words = std::mem::take(&mut self.no_values);
        let note = |(word, rows): (String, usize)| {
            let note = format!(
                "the target `{name}`: `{word}` in {rows} rows is taken for a class; leave these cells empty when the value is missing"
            );
            self.missing -= rows;
            self.texts += rows;
            self.values.insert(word, rows);
            note
        };
        words.into_iter().map(note).collect()
    }

    /// Which of so many rows are left out because they have no value of the target, or an error where those are more than half.
    pub fn rows_without(&self, name: &str, rows: usize) -> std::result::Result<Option<String>, String> {
        let Some((place, cell)) = self.first_missing.as_ref().filter(|_| self.missing > 0) else { return Ok(None) };
        let (is, advice) = match cell.as_str() {
            "" => (String::new(), ""),
            cell => (format!(", where it is `{cell}`"), "; if that is a class, call it otherwise"),
        };
        let rows_without = format!("{} of {rows} rows have no value of the target `{name}`", self.missing);
        let first = format!("the first is {place}{is}");
        if 2 * self.missing > rows {
            return Err(format!("{rows_without}; {first}; fill them in, or is it the wrong column?"));
        }
        Ok(Some(format!("{rows_without} and are left out; {first}{advice}")))
    }

    /// Why it may be a mistake to take the target for classes, for its reader.
    pub fn doubtful_target(&self, name: &str) -> Option<String> {
        let doubt = self.doubt()?;
        Some(format!("the target `{name}` is taken for classes: {doubt}, or say data.task = \"classification\""))
    }

    /// What the target asks for, of so many rows that have a value; or why it cannot be one.
    pub fn task(&self, name: &str, rows: usize, asked: Option<Task>) -> std::result::Result<Task, String> {
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
}
