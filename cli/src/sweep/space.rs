//! What a sweep tries: every point of a grid, draws from ranges, as settings of fields of the description.

use crate::train::Setting;
use limpide::train::Metric;
use limpide::{Error, Result, Stream};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Draws when there are ranges and nobody says how many.
const DRAWS: usize = 10;
/// More trials than this are a slip of the pen.
const MOST: usize = 100_000;

/// The table `[sweep]` of a description.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SweepDescription {
    /// Lists of values by field; every combination is tried.
    pub grid: Table,
    /// A range (`"log:1e-4..1e-1"`, `"uniform:0..0.5"`, `"int:8..64"`) or a list to choose from, by field.
    pub random: Table,
    /// Draws from the ranges, each with every point of the grid; 10 when left out.
    pub trials: Option<usize>,
    /// The seed of the draws.
    pub seed: u64,
    /// The figure that the table is sorted by, one of validation.
    pub metric: Metric,
}

/// Where a drawn value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Range {
    /// Its logarithm is uniform between the ends.
    Log(f64, f64),
    /// Uniform between the ends.
    Uniform(f64, f64),
    /// A whole number from the first end to the last.
    Int(i64, i64),
    /// One of a list.
    Choice(Vec<Value>),
}

/// The fields that are moved, and how.
#[derive(Debug, Default)]
pub struct Space {
    grid: BTreeMap<String, Vec<Value>>,
    random: BTreeMap<String, Range>,
    trials: Option<usize>,
    seed: u64,
}

impl Space {
    /// From a description's table, with fields given on the command line in the place of, or beside, its own.
    ///
    /// # Errors
    /// A field without values, a range that is none, no field at all.
    pub fn new(
        description: &SweepDescription,
        grid: &[String],
        random: &[String],
        trials: Option<usize>,
        seed: Option<u64>,
    ) -> Result<Self> {
        let mut space =
            Space { trials: trials.or(description.trials), seed: seed.unwrap_or(description.seed), ..Space::default() };
        for (field, value) in leaves(&description.grid) {
            let list = value.as_array().cloned();
            let list = list.ok_or_else(|| wrong(&field, "a list of values", &value))?;
            space.grid.insert(field, list);
        }
        for (field, value) in leaves(&description.random) {
            let range = match &value {
                Value::Array(list) => Range::Choice(list.clone()),
                Value::String(text) => Range::parse(&field, text)?,
                other => return Err(wrong(&field, "a range such as \"log:1e-4..1e-1\" or a list", other)),
            };
            space.random.insert(field, range);
        }
        for text in grid {
            let (field, values) = pair("--grid", text)?;
            space.random.remove(field);
            space.grid.insert(field.into(), list(values));
        }
        for text in random {
            let (field, values) = pair("--random", text)?;
            space.grid.remove(field);
            space.random.insert(field.into(), Range::parse(field, values)?);
        }
        let empty = |list: &Vec<Value>| list.is_empty();
        let choices = space.random.iter().filter_map(|(field, range)| match range {
            Range::Choice(list) => Some((field, list)),
            _ => None,
        });
        if let Some((field, _)) = space.grid.iter().chain(choices).find(|(_, list)| empty(list)) {
            return Err(wrong(field, "at least one value", "none"));
        }
        if space.grid.is_empty() && space.random.is_empty() {
            let wanted = "told what to try: a [sweep] table in the file, --grid or --random";
            return Err(Error::option("sweep", wanted, "nothing"));
        }
        Ok(space)
    }

    /// The settings of every trial: each draw with every point of the grid, so that more draws add trials at the end.
    ///
    /// # Errors
    /// No draw, or more trials than anybody can want.
    pub fn trials(&self) -> Result<Vec<Vec<Setting>>> {
        let draws = if self.random.is_empty() { 1 } else { self.trials.unwrap_or(DRAWS) };
        let points = self.grid.values().try_fold(1usize, |product, list| product.checked_mul(list.len()));
        let count = points.and_then(|points| points.checked_mul(draws)).filter(|count| (1..=MOST).contains(count));
        let (Some(points), Some(count)) = (points, count) else {
            return Err(Error::option("sweep: trials", format!("from 1 to {MOST}"), format!("{points:?} × {draws}")));
        };
        Ok((0..count).map(|trial| self.trial(trial % points, trial / points)).collect())
    }

    fn trial(&self, mut point: usize, draw: usize) -> Vec<Setting> {
        let mut settings = Vec::new();
        // The last field of the grid moves fastest.
        for (field, list) in self.grid.iter().rev() {
            settings.push(Setting::new(field, list[point % list.len()].clone()));
            point /= list.len();
        }
        settings.reverse();
        for (place, (field, range)) in self.random.iter().enumerate() {
            let stream = Stream::new(self.seed).at(&[draw as u64, place as u64]);
            settings.push(Setting::new(field, range.draw(stream)));
        }
        settings
    }
}

impl Range {
    /// Reads `log:1e-4..1e-1`, `uniform:0..0.5`, `int:8..64` or a list of values with commas.
    ///
    /// # Errors
    /// Ends that are no numbers, in the wrong order, or for a logarithm not above 0.
    pub fn parse(field: &str, text: &str) -> Result<Self> {
        let Some((kind, ends)) = text.split_once(':').filter(|(kind, _)| ["log", "uniform", "int"].contains(kind))
        else {
            return Ok(Range::Choice(list(text)));
        };
        let bad = || wrong(field, &format!("two ends in order, such as {kind}:1..100"), text);
        let (low, high) = ends.split_once("..").ok_or_else(bad)?;
        if kind == "int" {
            let ends = low.trim().parse().ok().zip(high.trim().parse().ok());
            return ends.filter(|(low, high)| low <= high).map(|(low, high)| Range::Int(low, high)).ok_or_else(bad);
        }
        let ends: Option<(f64, f64)> = low.trim().parse().ok().zip(high.trim().parse().ok());
        let (low, high) = ends.filter(|(low, high)| low <= high && high.is_finite()).ok_or_else(bad)?;
        match kind {
            "log" if low > 0.0 => Ok(Range::Log(low, high)),
            "log" => Err(wrong(field, "ends above 0 for a logarithm", text)),
            _ => Ok(Range::Uniform(low, high)),
        }
    }

    /// A value. Numbers are rounded to four digits, so that they can be read and are the same on every platform.
    fn draw(&self, mut stream: Stream) -> Value {
        match self {
            Range::Log(low, high) => Value::Float(rounded(stream.uniform(low.ln(), high.ln()).exp())),
            Range::Uniform(low, high) => Value::Float(rounded(stream.uniform(*low, *high))),
            Range::Int(low, high) => Value::Integer(low + stream.below((high - low) as usize + 1) as i64),
            Range::Choice(list) => list[stream.below(list.len())].clone(),
        }
    }
}

/// Four significant digits.
fn rounded(x: f64) -> f64 {
    format!("{x:.3e}").parse().expect("a number as Rust prints it")
}

fn wrong(field: &str, wanted: &str, found: impl ToString) -> Error {
    Error::option(format!("sweep: {field}"), wanted, found)
}

fn pair<'a>(flag: &str, text: &'a str) -> Result<(&'a str, &'a str)> {
    let pair = text.split_once('=').filter(|(field, _)| !field.trim().is_empty());
    let (field, values) =
        pair.ok_or_else(|| Error::option(flag, "FIELD=VALUES, such as optimizer.lr=0.01,0.1", text))?;
    Ok((field.trim(), values))
}

/// Values with commas between: TOML where they are, else text.
fn list(text: &str) -> Vec<Value> {
    let toml = |text: &str| toml::from_str::<Table>(&format!("v = {text}")).ok().and_then(|mut own| own.remove("v"));
    if let Some(Value::Array(list)) = toml(&format!("[{text}]")) {
        return list;
    }
    let one = |text: &str| toml(text).unwrap_or_else(|| Value::String(text.trim().to_string()));
    text.split(',').filter(|text| !text.trim().is_empty()).map(one).collect()
}

/// What is no table, by its path: `"optimizer.lr" = …` and `optimizer.lr = …` are the same.
fn leaves(table: &Table) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(inner) => {
                found.extend(leaves(inner).into_iter().map(|(path, value)| (format!("{name}.{path}"), value)));
            }
            other => found.push((name.clone(), other.clone())),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(text: &str, grid: &[&str], random: &[&str]) -> Result<Space> {
        let owned = |list: &[&str]| list.iter().map(|text| text.to_string()).collect::<Vec<_>>();
        Space::new(&toml::from_str(text).unwrap(), &owned(grid), &owned(random), None, None)
    }

    fn texts(trials: &[Vec<Setting>]) -> Vec<String> {
        let one = |own: &Vec<Setting>| own.iter().map(Setting::to_string).collect::<Vec<_>>().join(" ");
        trials.iter().map(one).collect()
    }

    #[test]
    fn every_combination_of_a_grid_is_a_trial() {
        let space = space("grid = { optimizer.lr = [0.1, 1.0] }", &["optimizer.type=SGD,Adam"], &[]).unwrap();
        let wanted = [
            "optimizer.lr=0.1 optimizer.type=SGD",
            "optimizer.lr=0.1 optimizer.type=Adam",
            "optimizer.lr=1.0 optimizer.type=SGD",
            "optimizer.lr=1.0 optimizer.type=Adam",
        ];
        assert_eq!(texts(&space.trials().unwrap()), wanted);
    }

    #[test]
    fn draws_stay_in_their_range_and_more_of_them_are_appended() {
        let text = "trials = 40\n[random]\na = 'log:1e-4..1e-1'\nb = 'int:3..5'\nc = ['x', 2]\n";
        let mut space = space(text, &[], &["d=uniform:-1..1"]).unwrap();
        let trials = space.trials().unwrap();
        let column = |place: usize| trials.iter().map(move |own| own[place].value.clone()).collect::<Vec<_>>();
        let (a, d) = (column(0), column(3));
        let logs: Vec<f64> = a.iter().map(|v| v.as_float().unwrap().log10()).collect();
        assert!(logs.iter().all(|log| (-4.0..=-1.0).contains(log)));
        // A third of a log-uniform draw lies in each decade.
        for decade in [-4.0, -3.0, -2.0] {
            let count = logs.iter().filter(|&&log| log >= decade && log < decade + 1.0).count();
            assert!((5..=22).contains(&count), "{count} of 40 in a decade");
        }
        let whole: Vec<i64> = column(1).iter().map(|v| v.as_integer().unwrap()).collect();
        assert!((3..=5).all(|n| whole.contains(&n)) && whole.iter().all(|n| (3..=5).contains(n)));
        assert!(d.iter().all(|v| v.as_float().unwrap().abs() <= 1.0));
        space.trials = Some(41);
        assert_eq!(space.trials().unwrap()[..40], trials);
        space.seed = 1;
        assert_ne!(space.trials().unwrap()[..40], trials);
    }

    #[test]
    fn what_is_no_space_is_refused() {
        for (text, grid, random, told) in [
            ("", &[][..], &[][..], "told what to try"),
            ("grid = { lr = 0.1 }", &[], &[], "sweep: lr must be a list of values, got 0.1"),
            ("random = { lr = 0.1 }", &[], &[], "sweep: lr must be a range"),
            ("", &["lr"], &[], "--grid must be FIELD=VALUES"),
            ("", &["lr="], &[], "sweep: lr must be at least one value"),
            ("", &[], &["lr=log:0..1"], "ends above 0"),
            ("", &[], &["lr=int:5..x"], "two ends in order"),
            ("", &[], &["lr=uniform:2..1"], "two ends in order"),
        ] {
            let error = space(text, grid, random).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        let many = "grid = { a = [1, 2], b = [1, 2] }\nrandom = { c = [1] }\ntrials = 100000";
        assert!(space(many, &[], &[]).unwrap().trials().is_err());
        assert!(space("random = { c = [1] }\ntrials = 0", &[], &[]).unwrap().trials().is_err());
    }
}
