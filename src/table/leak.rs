//! Columns that tell the target by themselves: often the target in other words, or what is known only after it.

use super::column::toml_key;
use super::tally::{CLASSES, ROWS_A_CLASS};
use super::{ColumnKind, RawTable, RawTarget};
use std::collections::HashMap;

/// The correlation above which a number is taken for another form of the target.
const CORRELATION: f64 = 0.9999;
/// Columns that are told; others are counted.
const TOLD: usize = 5;

impl RawTable {
    /// What the reader should know of columns each of which tells the target alone in the rows `train`; of the only column
    /// there is it is no news.
    ///
    /// | column | tells the target when |
    /// | --- | --- |
    /// | categories, or numbers with at most 20 values, and at most twice as many as the target has | each of its values goes with one value of the target, and has five rows on average both among those of the most frequent one and among the others |
    /// | numbers, for a target of numbers | the correlation's size is above 0.9999 in at least half of the rows, and ten |
    pub fn leak(&self, train: &[usize]) -> Option<String> {
        let used: Vec<_> = self.used().collect();
        let target = Target::new(&self.target, train);
        let tell = |place: usize| {
            let cells: Vec<f32> = train.iter().map(|row| self.values[row * used.len() + place]).collect();
            let (name, kind) = (&used[place].name, used[place].kind?);
            let values = if kind == ColumnKind::Date { None } else { target.values_that_tell(&cells, kind) };
            let reason = match values {
                Some(values) => format!("each of whose {values} values goes with one {}", target.what()),
                None if kind == ColumnKind::Number => {
                    target.correlation(&cells).map(|r| format!("whose correlation with it is {r:.6}"))?
                }
                None => return None,
            };
            Some((name, reason))
        };
        let told: Vec<_> = if used.len() > 1 { (0..used.len()).filter_map(tell).collect() } else { Vec::new() };
        let some = told.iter().take(TOLD);
        let columns: Vec<String> =
            some.clone().map(|(name, reason)| format!("by column `{name}` alone, {reason}")).collect();
        let keys: Vec<String> = some.map(|(name, _)| format!("data.columns.{} = \"ignore\"", toml_key(name))).collect();
        let more = match told.len().saturating_sub(TOLD) {
            0 => String::new(),
            more => format!(", and by {more} more"),
        };
        (!told.is_empty()).then(|| {
            format!(
                "the target `{}` is told {}{more}; what is not known yet when the model is asked must be left out: {}",
                self.columns[self.survey.target].name,
                columns.join(", and "),
                keys.join(", ")
            )
        })
    }
}

/// The target of some rows.
struct Target {
    /// The number of each row's class, or of its value.
    classes: Vec<usize>,
    /// How many there are.
    different: usize,
    /// The most frequent one.
    most: usize,
    /// The values themselves, where they are no classes.
    values: Option<Vec<f64>>,
}

impl Target {
    fn new(target: &RawTarget, rows: &[usize]) -> Self {
        let (keys, values): (Vec<u64>, _) = match target {
            RawTarget::Classes { labels, .. } => (rows.iter().map(|&row| labels[row] as u64).collect(), None),
            RawTarget::Values(all) => {
                let own: Vec<f64> = rows.iter().map(|&row| all[row]).collect();
                (own.iter().map(|y| y.to_bits()).collect(), Some(own))
            }
        };
        let (mut numbers, mut counts) = (HashMap::new(), Vec::new());
        let number = |key| {
            let number = *numbers.entry(key).or_insert(counts.len());
            if number == counts.len() {
                counts.push(0);
            }
            counts[number] += 1;
            number
        };
        let classes = keys.into_iter().map(number).collect();
        let most = (0..counts.len()).max_by_key(|&number| counts[number]).unwrap_or(0);
        Target { classes, different: counts.len(), most, values }
    }

    /// What its values are called.
    fn what(&self) -> &'static str {
        if self.values.is_none() { "class" } else { "number" }
    }

    /// How many different values a column has, where each goes with one value of the target and has rows enough.
    fn values_that_tell(&self, cells: &[f32], kind: ColumnKind) -> Option<usize> {
        // A measure that parts the classes has more values than a code for them has.
        let most_numbers = CLASSES.min(2 * self.different);
        let mut class_of: HashMap<u32, usize> = HashMap::new();
        for (cell, &class) in cells.iter().zip(&self.classes) {
            // All missing values are one.
            let key = if cell.is_nan() { f32::NAN.to_bits() } else { cell.to_bits() };
            if *class_of.entry(key).or_insert(class) != class
                || (kind == ColumnKind::Number && class_of.len() > most_numbers)
            {
                return None;
            }
        }
        let rows =
            [true, false].map(|is_most| self.classes.iter().filter(|&&class| (class == self.most) == is_most).count());
        let values =
            [true, false].map(|is_most| class_of.values().filter(|&&class| (class == self.most) == is_most).count());
        let enough = |side: usize| rows[side] > 0 && rows[side] >= ROWS_A_CLASS * values[side];
        (enough(0) && enough(1)).then_some(class_of.len())
    }

    /// The correlation of a column of numbers with a target of numbers, where it is nearly one and rests on rows enough.
    fn correlation(&self, cells: &[f32]) -> Option<f64> {
        let values = self.values.as_ref()?;
        let pairs: Vec<[f64; 2]> =
            cells.iter().zip(values).filter(|(x, _)| !x.is_nan()).map(|(&x, &y)| [f64::from(x), y]).collect();
        let count = pairs.len() as f64;
        let mean = |of: usize| pairs.iter().map(|pair| pair[of]).sum::<f64>() / count;
        let means = [mean(0), mean(1)];
        let sum =
            |a: usize, b: usize| pairs.iter().map(|pair| (pair[a] - means[a]) * (pair[b] - means[b])).sum::<f64>();
        let r = sum(0, 1) / (sum(0, 0) * sum(1, 1)).sqrt();
        (pairs.len() >= 10 && 2 * pairs.len() >= cells.len() && r.abs() > CORRELATION).then_some(r)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{file, lines};
    use super::super::*;

    /// The note about a file with a target `y`.
    fn leak(text: &str) -> Option<String> {
        let file = file(text);
        let raw = RawTable::read(&file, Survey::new(&file, "y", &SurveyOptions::default()).unwrap()).unwrap();
        raw.leak(&(0..raw.len()).collect::<Vec<_>>())
    }

    #[test]
    fn a_column_that_is_the_target_in_other_words_is_told() {
        let text = lines("x,alive,code,y", 60, |i| {
            format!("{},{},{},{}", i * i % 97, ["no", "yes"][i % 2], [7, 3, 7, 5][i % 4], ["dead", "lives"][i % 2])
        });
        let wanted = "the target `y` is told by column `alive` alone, each of whose 2 values goes with one class, and by column \
                      `code` alone, each of whose 3 values goes with one class; what is not known yet when the model is asked \
                      must be left out: data.columns.alive = \"ignore\", data.columns.code = \"ignore\"";
        assert_eq!(leak(&text).as_deref(), Some(wanted));
        // One row that is otherwise, and nothing is told.
        let other = text.replacen("yes", "no", 1).replacen(",3,lives", ",7,lives", 1);
        assert_eq!(leak(&other), None);
        // What is missing tells as well as a word does.
        let text =
            lines("x,boat,y", 60, |i| format!("{},{},{}", i * i % 97, ["", "5", "8"][i % 3], ["d", "l", "l"][i % 3]));
        assert!(leak(&text).unwrap().contains("column `boat` alone, each of whose 3 values goes with one class"));
    }

    #[test]
    fn a_number_that_is_the_target_in_another_unit_is_told() {
        // 1.8 °C + 32 rounded to whole numbers: a variance of 1/12 beside one of about 90²/12, r² ≈ 1 − 1/8100.
        let celsius = |i: usize| (i * 37 % 101) as f64 / 2.0;
        let text = |noise: f64| {
            lines("x,\"f t\",y", 80, |i| {
                format!("{},{:.0},{}", i * i % 97, -(1.8 * celsius(i) + 32.0 + noise * (i % 7) as f64), celsius(i))
            })
        };
        let told = leak(&text(0.0)).unwrap();
        assert!(told.contains("by column `f t` alone, whose correlation with it is -0.9999"), "{told}");
        assert!(told.ends_with("must be left out: data.columns.\"f t\" = \"ignore\""), "{told}");
        assert_eq!(leak(&text(1.0)), None);
        // A code for each of a few numbers.
        let text =
            lines("x,size,y", 60, |i| format!("{},{},{}", i * i % 97, ["s", "m", "l"][i % 3], [1.5, 2.5, 9.5][i % 3]));
        assert!(leak(&text).unwrap().contains("column `size` alone, each of whose 3 values goes with one number"));
    }

    #[test]
    fn what_is_honest_is_not_told() {
        for (what, text) in [
            (
                "a measure with many values that parts the classes",
                lines("w,x,y", 600, |i| {
                    format!("{},{},{}", 150 + 2000 * (i % 2) + i * 7 % 50, i * i % 97, ["apple", "melon"][i % 2])
                }),
            ),
            // As the petals of two irises: 15 tenths of a centimetre, a gap between 0.6 and 1.0.
            (
                "a measure with few values that parts the classes",
                lines("w,x,y", 100, |i| {
                    let width = if i % 2 == 0 { 1 + i / 2 % 6 } else { 10 + i / 2 % 9 };
                    format!("{},{},{}", width as f64 / 10.0, i * i % 97, ["setosa", "versicolor"][i % 2])
                }),
            ),
            (
                "names that hardly repeat",
                lines("name,x,y", 60, |i| format!("n{},{},{}", i / 2, i * i % 97, ["a", "b"][i / 2 % 2])),
            ),
            (
                "one value that only the one row of a class has",
                lines("c,x,y", 60, |i| {
                    format!("{},{},{}", if i == 9 { "u" } else { "v" }, i * i % 97, if i == 9 { "b" } else { "a" })
                }),
            ),
            (
                "the only column that there is",
                lines("c,y", 60, |i| format!("{},{}", ["u", "v"][i % 2], ["a", "b"][i % 2])),
            ),
            (
                "a sum of two columns",
                lines("a,b,y", 60, |i| {
                    format!("{},{},{}.5", i * 37 % 101, i * 53 % 89, i * 37 % 101 * 2 + i * 53 % 89)
                }),
            ),
        ] {
            assert_eq!(leak(&text), None, "{what}");
        }
    }
}
