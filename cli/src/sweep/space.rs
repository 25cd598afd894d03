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
    /// One of so many whole numbers from the first on.
    Int(i64, usize),
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
    /// A field without values or given twice, a range that is none, no field at all.
    pub fn new(
        description: &SweepDescription,
        grid: &[String],
        random: &[String],
        trials: Option<usize>,
        seed: Option<u64>,
    ) -> Result<Self> {
        let mut space = Space::of_file(description)?;
        let words = Space::of_words(grid, random)?;
        for field in words.grid.keys().chain(words.random.keys()) {
            space.grid.remove(field);
            space.random.remove(field);
        }
        space.grid.extend(words.grid);
        space.random.extend(words.random);
        space.trials = trials.or(description.trials);
        space.seed = seed.unwrap_or(description.seed);
        if space.grid.is_empty() && space.random.is_empty() {
            let wanted = "told what to try: a [sweep] table in the file, --grid or --random";
            return Err(Error::option("sweep", wanted, "nothing"));
        }
        Ok(space)
    }

    /// The fields of a description's table.
    fn of_file(description: &SweepDescription) -> Result<Self> {
        let mut space = Space::default();
        for (field, value) in leaves(&description.grid) {
            let list = value.as_array().cloned();
            let list = list.ok_or_else(|| wrong(&field, "a list of values", &value))?;
            space.add_grid(&field, list)?;
        }
        for (field, value) in leaves(&description.random) {
            let range = match &value {
                Value::Array(list) => Range::Choice(list.clone()),
                Value::String(text) => Range::parse(&field, text)?,
                other => return Err(wrong(&field, "a range such as \"log:1e-4..1e-1\" or a list", other)),
            };
            space.add_random(&field, range)?;
        }
        Ok(space)
    }

    /// The fields of `--grid` and `--random`.
    fn of_words(grid: &[String], random: &[String]) -> Result<Self> {
        let mut space = Space::default();
        for text in grid {
            let (field, values) = pair("--grid", text)?;
            space.add_grid(field, list(values))?;
        }
        for text in random {
            let (field, values) = pair("--random", text)?;
            space.add_random(field, Range::parse(field, values)?)?;
        }
        Ok(space)
    }

    fn add_grid(&mut self, field: &str, list: Vec<Value>) -> Result<()> {
        self.check(field, Some(&list))?;
        self.grid.insert(field.into(), list);
        Ok(())
    }

    fn add_random(&mut self, field: &str, range: Range) -> Result<()> {
        self.check(field, if let Range::Choice(list) = &range { Some(list) } else { None })?;
        self.random.insert(field.into(), range);
        Ok(())
    }

    /// That a field is new here, and its list is not empty.
    fn check(&self, field: &str, list: Option<&Vec<Value>>) -> Result<()> {
        if self.grid.contains_key(field) || self.random.contains_key(field) {
            return Err(wrong(field, "given once, with all its values", "it again"));
        }
        if list.is_some_and(Vec::is_empty) {
            return Err(wrong(field, "at least one value", "none"));
        }
        Ok(())
    }

    /// The settings of every trial: each draw with every point of the grid, so that more draws add trials at the end.
    ///
    /// # Errors
    /// No draw, or more trials than anybody can want.
    pub fn trials(&self) -> Result<Vec<Vec<Setting>>> {
        let draws = if self.random.is_empty() { 1 } else { self.trials.unwrap_or(DRAWS) };
        if draws == 0 {
            return Err(Error::option("sweep: trials", "at least 1", draws));
        }
        let points = self.grid.values().fold(1usize, |product, list| product.saturating_mul(list.len()));
        let count = points.saturating_mul(draws);
        if count > MOST {
            let found = format!("{points} points of the grid × {draws} draws");
            return Err(Error::option("sweep: trials", format!("at most {MOST} together"), found));
        }
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
    /// Ends that are no finite numbers, in the wrong order, too far apart to count or subtract, or for a logarithm not above 0.
    pub fn parse(field: &str, text: &str) -> Result<Self> {
        let Some((kind, ends)) = text.split_once(':').filter(|(kind, _)| ["log", "uniform", "int"].contains(kind))
        else {
            if let Some((low, high)) = text.split_once("..")
                && [low, high].iter().all(|end| end.trim().parse::<f64>().is_ok())
            {
                return Err(wrong(field, &format!("told how to draw: uniform:{text}, log:{text} or int:{text}"), text));
            }
            return Ok(Range::Choice(list(text)));
        };
        let bad = || wrong(field, &format!("two finite ends in order, such as {kind}:1..100"), text);
        let wide = || wrong(field, "two ends less far apart", text);
        let (low, high) = ends.split_once("..").ok_or_else(bad)?;
        if kind == "int" {
            let ends: Option<(i64, i64)> = low.trim().parse().ok().zip(high.trim().parse().ok());
            let (low, high) = ends.filter(|(low, high)| low <= high).ok_or_else(bad)?;
            let count = high.checked_sub(low).and_then(|last| last.checked_add(1));
            let count = count.and_then(|count| usize::try_from(count).ok());
            return count.map(|count| Range::Int(low, count)).ok_or_else(wide);
        }
        let ends: Option<(f64, f64)> = low.trim().parse().ok().zip(high.trim().parse().ok());
        let finite = |&(low, high): &(f64, f64)| low.is_finite() && high.is_finite() && low <= high;
        let (low, high) = ends.filter(finite).ok_or_else(bad)?;
        match kind {
            "log" if low > 0.0 => Ok(Range::Log(low, high)),
            "log" => Err(wrong(field, "ends above 0 for a logarithm", text)),
            _ if (high - low).is_finite() => Ok(Range::Uniform(low, high)),
            _ => Err(wide()),
        }
    }

    /// A value. Numbers are rounded to four digits, so that they can be read and are the same on every platform, but for the
    /// ends of a range, which rounding does not leave.
    fn draw(&self, mut stream: Stream) -> Value {
        match self {
            Range::Log(low, high) => {
                Value::Float(rounded(stream.uniform(low.ln(), high.ln()).exp()).clamp(*low, *high))
            }
            Range::Uniform(low, high) => Value::Float(rounded(stream.uniform(*low, *high)).clamp(*low, *high)),
            Range::Int(first, count) => Value::Integer(first + stream.below(*count) as i64),
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
        // Four digits of these would lie above their end.
        for narrow in ["uniform:0.123456..0.123459", "log:0.123456..0.123459"] {
            let range = Range::parse("e", narrow).unwrap();
            let drawn = |seed| range.draw(Stream::new(seed)).as_float().unwrap();
            assert!((0..20).map(drawn).all(|x| (0.123456..=0.123459).contains(&x)), "{narrow}");
        }
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
            ("", &[], &["lr=0.1..1"], "uniform:0.1..1, log:0.1..1 or int:0.1..1, got 0.1..1"),
            ("", &[], &["lr=int:5..x"], "two finite ends in order"),
            ("", &[], &["lr=uniform:2..1"], "two finite ends in order"),
            ("", &[], &["lr=uniform:-inf..0.1"], "two finite ends in order"),
            ("", &[], &["lr=log:1..inf"], "two finite ends in order"),
            ("", &[], &["lr=uniform:nan..1"], "two finite ends in order"),
            ("", &[], &["lr=uniform:-1e308..1e308"], "ends less far apart"),
            ("", &[], &["n=int:-9223372036854775808..9223372036854775807"], "ends less far apart"),
            ("", &[], &["n=int:0..9223372036854775807"], "ends less far apart"),
            ("", &["seed=1,2", "seed=3"], &[], "sweep: seed must be given once"),
            ("", &["seed=1,2"], &["seed=int:1..3"], "sweep: seed must be given once"),
            ("grid = { a.b = [1] }\nrandom = { 'a.b' = [2] }", &[], &[], "sweep: a.b must be given once"),
        ] {
            let error = space(text, grid, random).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        let many = "grid = { a = [1, 2], b = [1, 2] }\nrandom = { c = [1] }\ntrials = 100000";
        for (text, told) in [
            (many, "at most 100000 together, got 4 points of the grid × 100000 draws"),
            ("random = { c = [1] }\ntrials = 0", "sweep: trials must be at least 1, got 0"),
        ] {
            let error = space(text, &[], &[]).unwrap().trials().unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn the_command_line_takes_the_place_of_what_the_file_says_of_a_field() {
        let text = "grid = { a = [1], b = [2] }\nrandom = { c = [3] }";
        let space = space(text, &["c=4"], &["a=5"]).unwrap();
        assert_eq!(texts(&space.trials().unwrap()[..1]), ["b=2 c=4 a=5"]);
    }
}
