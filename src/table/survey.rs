//! A first look at all rows: what kind each column is, and what the target asks for.

use super::SplitBy;
use super::cell::is_missing;
use super::file::{TableFile, columns_text, row_text};
use super::tally::Tally;
use crate::model::nearest;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a column is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// A quantity.
    Number,
    /// One of some texts.
    Category,
    /// A day, perhaps with a time.
    Date,
    /// Nothing to learn from.
    Ignore,
}

/// What a target asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// One of two or more classes.
    Classification,
    /// A number.
    Regression,
}

/// What is known before a survey.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SurveyOptions {
    /// What the target asks for; as its values suggest, when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// What columns are, by name, where it is not what their cells suggest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnKind>,
    /// Whether `03/04/2021` is the 3rd of April, where no cell of a column shows it; such columns are no dates when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_first: Option<bool>,
    /// A column by which rows are to be divided; none when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_by: Option<SplitBy>,
}

/// What a first pass has found.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The kind of every column, in the order of the file; the target's own is none.
    pub kinds: Vec<Option<ColumnKind>>,
    /// The place of the target.
    pub target: usize,
    /// What it asks for.
    pub task: Task,
    /// How many rows there are that have a value of the target; the others are left out.
    pub rows: usize,
    /// What a reader of the result should know, a line each: which columns are left out or doubtful, and why.
    pub notes: Vec<String>,
    /// How rows are divided by a column, and its place.
    pub(super) split_by: Option<(SplitBy, usize)>,
    pub(super) tallies: Vec<Tally>,
}

impl Survey {
    /// Reads all rows once.
    ///
    /// # Errors
    /// [`Error::Option`] for a target or a column to divide by that is not there, with the nearest name; [`Error::Data`] for what [`TableFile::each`]
    /// refuses, no rows, a target that is missing in more than half of them, of one class, or of another kind than the task wants, numbers that
    /// are too large or not finite, and columns of numbers with a text among them, each with its row.
    pub fn new(file: &dyn TableFile, target: &str, options: &SurveyOptions) -> Result<Self> {
        let names = file.columns();
        let place = |name: &str| names.iter().position(|own| own == name);
        let target = place(target).ok_or_else(|| no_column(file, "the target", target))?;
        if let Some(name) = options.columns.keys().find(|name| place(name).is_none()) {
            return Err(no_column(file, "a column with a kind", name));
        }
        let split_by = match &options.split_by {
            Some(by) => Some((by.clone(), by.place(file, target)?)),
            None => None,
        };
        let mut tallies: Vec<Tally> = names.iter().map(|_| Tally::new()).collect();
        let mut rows = 0;
        file.each(&mut |row, record| {
            tallies
                .iter_mut()
                .zip(record)
                .for_each(|(tally, cell)| tally.add(cell.trim(), &|| row_text(row, record.position())));
            rows = row;
            Ok(())
        })?;
        if rows == 0 {
            return Err(file.data("has a header and no rows; there is nothing to learn from"));
        }
        for tally in &mut tallies {
            tally.unite_numbers();
            tally.year_last.asked = options.day_first;
        }
        let words = tallies[target].take_words_for_classes(&names[target]);
        let without = tallies[target].rows_without(&names[target], rows).map_err(|problem| file.data(&problem))?;
        let with = rows - tallies[target].missing;
        let task = tallies[target].task(&names[target], with, options.task).map_err(|problem| file.data(&problem))?;
        let (mut kinds, mut notes) = (Vec::new(), Vec::new());
        for (number, (name, tally)) in names.iter().zip(&tallies).enumerate() {
            if number == target {
                kinds.push(None);
                continue;
            }
            let divides = split_by.as_ref().filter(|(_, place)| *place == number).map(|(by, _)| by);
            let asked = options.columns.get(name).copied().or_else(|| divides?.kind());
            let (kind, note) = tally.kind(name, rows, asked.as_ref()).map_err(|problem| file.data(&problem))?;
            kinds.push(Some(kind));
            notes.extend(note);
            notes.extend(divides.map(|by| by.note(tally, kind)));
            if kind == ColumnKind::Category {
                notes.extend(tally.spellings(&format!("column `{name}`")));
            }
        }
        if kinds.iter().flatten().all(|&kind| kind == ColumnKind::Ignore) {
            let why = if notes.is_empty() { "there is no other column".into() } else { notes.join("; ") };
            return Err(file.data(&format!("has nothing to tell `{}` from: {why}", names[target])));
        }
        if options.task.is_none() && task == Task::Classification {
            notes.extend(tallies[target].doubtful_target(&names[target]));
        }
        if task == Task::Classification {
            notes.extend(tallies[target].spellings(&format!("the target `{}`", names[target])));
        }
        notes.extend(words.into_iter().chain(without));
        if file.decimal() == Some(',') {
            notes.push("numbers are written with a decimal comma".into());
        }
        Ok(Survey { kinds, target, task, rows: with, notes, split_by, tallies })
    }

    /// Whether a cell of the target says nothing.
    pub(super) fn is_without(&self, cell: &str) -> bool {
        is_missing(cell) && !self.tallies[self.target].values.contains_key(cell)
    }
}

/// A column that is asked for and not there.
pub(super) fn no_column(file: &dyn TableFile, what: &str, name: &str) -> Error {
    let (all, columns) = (file.columns().iter().map(String::as_str).collect::<Vec<_>>(), columns_text(file));
    let wanted = match file.has_header() {
        true => {
            let close = nearest(name, &all).map_or(String::new(), |close| format!(" (did you mean `{close}`?)"));
            format!("one of the columns {columns}{close}")
        }
        false => format!(
            "one of the columns {columns}, which are called by numbers because the file has no header (if its first row has \
             the names, say data.header = true)"
        ),
    };
    Error::option(format!("{}: {what}", file.path().display()), wanted, format!("`{name}`"))
}
