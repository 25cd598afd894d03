//! A column by which rows are divided: what keeps them together, or what puts them in order.

use super::cell::date;
use super::column::finite;
use super::file::TableFile;
use super::spelling::plain;
use super::survey::no_column;
use super::tally::Tally;
use super::{ColumnKind, is_missing};
use crate::Result;
use crate::diagnose::count;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A column by whose cells rows are to be divided, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// Rows of one value stay together. The column is left out of what is learnt from, as it tells one from another by name.
    Group(String),
    /// Rows with the largest numbers or latest dates are held back.
    Order(String),
}

/// What that column says of every row that has a target; for [`Split::by_group`](crate::data::Split::by_group) and
/// [`Split::by_order`](crate::data::Split::by_order).
#[derive(Clone, Debug, PartialEq)]
pub enum SplitKeys {
    /// The number of its group, in the order in which they appear. Rows without a value are one group.
    Groups(Vec<usize>),
    /// A number, or the days since 1970-01-01 of a date.
    Order(Vec<f64>),
}

impl SplitKeys {
    /// Those of the first rows.
    pub fn first(mut self, rows: usize) -> Self {
        match &mut self {
            SplitKeys::Groups(keys) => keys.truncate(rows),
            SplitKeys::Order(keys) => keys.truncate(rows),
        }
        self
    }
}

impl SplitBy {
    /// The name of the column.
    pub fn column(&self) -> &str {
        let (SplitBy::Group(name) | SplitBy::Order(name)) = self;
        name
    }

    /// The place of the column in a file, which must not be the target's.
    pub(super) fn place(&self, file: &dyn TableFile, target: usize) -> Result<usize> {
        let name = self.column();
        match file.columns().iter().position(|own| own == name) {
            Some(place) if place == target => {
                Err(file.data(&format!("is to be divided by `{name}`, which is the target; name another column")))
            }
            Some(place) => Ok(place),
            None => Err(no_column(file, "the column to divide rows by", name)),
        }
    }

    /// The kind of the column where nobody asks for one.
    pub(super) fn kind(&self) -> Option<ColumnKind> {
        matches!(self, SplitBy::Group(_)).then_some(ColumnKind::Ignore)
    }

    /// What the reader of the result should know.
    pub(super) fn note(&self, tally: &Tally, kind: ColumnKind) -> String {
        let name = self.column();
        match self {
            SplitBy::Order(_) => {
                format!("rows are divided by their order in `{name}`: its largest values validate and test")
            }
            SplitBy::Group(_) => {
                let values = match tally.too_many {
                    true => format!("more than {} values", tally.values.len()),
                    false => count(tally.values.len(), "value"),
                };
                let out = if kind == ColumnKind::Ignore { ", and it is left out of the inputs" } else { "" };
                let missing = match tally.missing {
                    0 => String::new(),
                    rows => format!("; {} without a value stay together too", count(rows, "row")),
                };
                format!("rows with the same `{name}` ({values}) stay together when they are divided{out}{missing}")
            }
        }
    }
}

/// Reads the keys row by row.
pub(super) struct KeyReader {
    /// The place of the column.
    pub column: usize,
    dates: bool,
    day_first: Option<bool>,
    groups: HashMap<String, usize>,
    pub keys: SplitKeys,
}

impl KeyReader {
    pub fn new(by: &SplitBy, column: usize, tally: &Tally) -> Self {
        let keys = match by {
            SplitBy::Group(_) => SplitKeys::Groups(Vec::new()),
            SplitBy::Order(_) => SplitKeys::Order(Vec::new()),
        };
        let dates = tally.dates + tally.year_last.count > tally.numbers;
        KeyReader { column, dates, day_first: tally.year_last.is_day_first(), groups: HashMap::new(), keys }
    }

    /// Adds the key of a trimmed cell, or says what is wanted instead.
    pub fn add(&mut self, cell: &str) -> std::result::Result<(), &'static str> {
        match &mut self.keys {
            SplitKeys::Groups(keys) => {
                let text = if is_missing(cell) { String::new() } else { plain(cell) };
                let next = self.groups.len();
                keys.push(*self.groups.entry(text).or_insert(next));
            }
            SplitKeys::Order(keys) => keys.push(match self.dates {
                true => date(cell, self.day_first).ok_or("a date such as 2024-05-31, as rows are divided by it")?,
                false => finite(cell).map_err(|_| "a number or a date, as rows are divided by it")?,
            }),
        }
        Ok(())
    }
}
