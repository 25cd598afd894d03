//! Which comes first in `03/04/2021`, the day or the month: what the cells of a column say of it together.

use super::cell::date;

/// The dates of a column that end in their year, day and month parted by `/` or `-`.
#[derive(Clone, Debug, Default)]
pub(super) struct YearLast {
    pub count: usize,
    first: Option<String>,
    /// Row and content of the first that can only have the day first.
    day_first: Option<(String, String)>,
    /// Of the first that can only have the month first.
    month_first: Option<(String, String)>,
    /// What is said from outside for where the cells leave it open.
    pub asked: Option<bool>,
}

/// Whether a text is a date that ends in its year, in one of the two orders.
pub(super) fn is_year_last(text: &str) -> bool {
    [true, false].iter().any(|&day_first| date(text, Some(day_first)).is_some()) && date(text, None).is_none()
}

impl YearLast {
    /// The days of a cell that is such a date, in one of the orders, which it counts.
    pub fn add(&mut self, cell: &str, place: &dyn Fn() -> String) -> Option<f64> {
        let [by_day, by_month] = [true, false].map(|day_first| date(cell, Some(day_first)));
        let days = by_day.or(by_month)?;
        self.count += 1;
        self.first.get_or_insert_with(|| cell.into());
        if by_month.is_none() {
            self.day_first.get_or_insert_with(|| (place(), cell.into()));
        }
        if by_day.is_none() {
            self.month_first.get_or_insert_with(|| (place(), cell.into()));
        }
        Some(days)
    }

    /// Whether the day comes first: what all cells can be, or where either can be what is asked for.
    pub fn is_day_first(&self) -> Option<bool> {
        match (&self.day_first, &self.month_first) {
            (Some(_), None) => Some(true),
            (None, Some(_)) => Some(false),
            (None, None) => self.asked.filter(|_| self.count > 0),
            (Some(_), Some(_)) => None,
        }
    }

    /// The days of the first of them.
    pub fn first(&self) -> Option<f64> {
        date(self.first.as_deref()?, self.is_day_first())
    }

    /// How the dates are read, and why.
    pub fn note(&self, name: &str) -> Option<String> {
        let day_first = self.is_day_first()?;
        let part = if day_first { "day" } else { "month" };
        let why = match self.day_first.as_ref().or(self.month_first.as_ref()) {
            Some((place, cell)) => format!("as `{cell}` in {place} has it"),
            None => format!("as data.day_first = {day_first} says"),
        };
        Some(format!("column `{name}` is taken for dates with the {part} first, {why}"))
    }

    /// What they look like and what to do, where it is not known what comes first.
    pub fn doubt(&self) -> Option<String> {
        let first = self.first.as_ref().filter(|_| self.is_day_first().is_none())?;
        Some(match (&self.day_first, &self.month_first) {
            (Some((place, cell)), Some((other_place, other))) => format!(
                "dates such as `{first}`, of which `{cell}` in {place} has the day first and `{other}` in {other_place} the \
                 month; write them as 2024-05-31"
            ),
            _ => format!(
                "dates such as `{first}`, all of which could have the day or the month first; say which: data.day_first = \
                 true or false, or write them as 2024-05-31"
            ),
        })
    }
}
