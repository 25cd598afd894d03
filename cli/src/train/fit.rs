//! How far values are off, in their own units.

use super::predict::value_names;
use crate::text::label;
use limpide::metrics::{mean_absolute_error, mean_squared_error, r2};
use limpide::tensor::{dense, values};
use limpide::{Tensor, tensor};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};

/// Outputs that are shown one by one; `result.json` has all.
const SHOWN: usize = 12;

/// Figures of values against what they should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// The coefficient of determination: 1 is perfect, 0 as good as the mean; the mean over the outputs that have one, and none
    /// where what is wanted does not vary.
    #[serde(with = "limpide::train::exact::option")]
    pub r2: Option<f64>,
    /// The root of the mean squared error.
    #[serde(with = "limpide::train::exact")]
    pub rmse: f64,
    /// The mean absolute error.
    #[serde(with = "limpide::train::exact")]
    pub mae: f64,
    /// The same of each output by itself, where there are several: they may have units of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OfOutput>,
}

/// Figures of one output of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfOutput {
    /// What the output is called.
    pub name: String,
    /// Its figures.
    #[serde(flatten)]
    pub fit: Fit,
}

impl Fit {
    /// Of outputs and targets of one shape, (n, …), both in their own units; `names` are those of the outputs, where they have
    /// some.
    pub fn of(outputs: &Tensor<f64>, wanted: &Tensor<f64>, names: &[String]) -> Self {
        let samples = outputs.shape()[0];
        let columns = outputs.len() / samples.max(1);
        let column = |all: &Tensor<f64>, at: usize| {
            tensor(&[samples], values(&dense(all)).iter().skip(at).step_by(columns).copied().collect())
        };
        let each = (0..columns).map(|at| Self::of_one(&column(outputs, at), &column(wanted, at)));
        let mut each: Vec<Fit> = each.collect();
        if columns == 1 {
            return each.remove(0);
        }
        let mean = |figure: &dyn Fn(&Fit) -> f64| each.iter().map(figure).sum::<f64>() / columns as f64;
        let known: Vec<f64> = each.iter().filter_map(|own| own.r2).collect();
        Fit {
            r2: (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64),
            rmse: mean(&|own| own.rmse * own.rmse).sqrt(),
            mae: mean(&|own| own.mae),
            outputs: value_names(names, columns)
                .into_iter()
                .zip(each)
                .map(|(name, fit)| OfOutput { name, fit })
                .collect(),
        }
    }

    /// Of one output, (n,).
    fn of_one(outputs: &Tensor<f64>, wanted: &Tensor<f64>) -> Self {
        let varies = wanted.iter().any(|y| *y != wanted[[0]]);
        Fit {
            r2: varies.then(|| r2(outputs, wanted)),
            rmse: mean_squared_error(outputs, wanted).sqrt(),
            mae: mean_absolute_error(outputs, wanted),
            outputs: Vec::new(),
        }
    }

    /// A line for each output, where there are several, for below the figures of all.
    pub fn lines(&self) -> String {
        let shown =
            self.outputs.iter().take(SHOWN).map(|OfOutput { name, fit }| format!("    {}  {fit}\n", label(name)));
        let more = self.outputs.len().saturating_sub(SHOWN);
        shown.collect::<String>() + &if more > 0 { format!("    … and {more} more\n") } else { String::new() }
    }
}

impl Display for Fit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let r2 = match self.r2 {
            None => "–".into(),
            Some(r2) if r2.abs() < 1e4 => format!("{r2:.4}"),
            Some(r2) => figure(r2),
        };
        write!(f, "R² {r2}  RMSE {}  MAE {}", figure(self.rmse), figure(self.mae))
    }
}

/// Five digits behind the point, or where these would show next to nothing, as in 4.4e-6, two in all; of large numbers the
/// whole part, and of very large ones, as in 2.5343e28, five digits.
pub fn figure(x: f64) -> String {
    match x.abs() {
        size if size > 0.0 && size < 1e-3 => format!("{x:.1e}"),
        size if (1e4..1e9).contains(&size) => format!("{x:.0}"),
        size if size >= 1e9 && size.is_finite() => format!("{x:.4e}"),
        _ => format!("{x:.5}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use limpide::pipeline::in_units;

    #[test]
    fn each_output_is_measured_in_its_own_units() {
        let scaled = |values: &[f32]| in_units(&tensor(&[2, 2], values.to_vec()), &[0.0, 5000.0], &[1.0, 1000.0]);
        let (outputs, wanted) = (scaled(&[0.0, 0.0, 1.0, 2.0]), scaled(&[0.0, 1.0, 1.0, 1.0]));
        // Off by 0 and 0 in the first column, by 1000 both times in the second, whose truth does not vary.
        let fit = Fit::of(&outputs, &wanted, &[]);
        assert_eq!((fit.r2, fit.rmse, fit.mae), (Some(1.0), (2e6f64 / 4.0).sqrt(), 500.0));
        let [first, second] = &fit.outputs[..] else { panic!("{fit:?}") };
        assert_eq!((first.name.as_str(), first.fit.r2, first.fit.rmse), ("output_1", Some(1.0), 0.0));
        assert_eq!((second.name.as_str(), second.fit.r2, second.fit.rmse), ("output_2", None, 1000.0));
        assert!(fit.lines().contains("output_2  R² –  RMSE 1000.00000"), "{}", fit.lines());
        let json = serde_json::json!(fit);
        assert_eq!((&json["outputs"][1]["name"], &json["outputs"][1]["r2"]), (&"output_2".into(), &().into()));
        assert_eq!(serde_json::from_value::<Fit>(json).unwrap(), fit);
        // What an older version has written.
        let old: Fit = serde_json::from_str(r#"{"r2": 0.5, "rmse": 1.0, "mae": 1.0}"#).unwrap();
        assert_eq!((old.r2, old.outputs.len()), (Some(0.5), 0));
    }

    #[test]
    fn one_sample_has_no_coefficient_of_determination() {
        let fit = Fit::of(&tensor(&[1, 1], vec![1.5]), &tensor(&[1, 1], vec![2.0]), &[]);
        assert_eq!((fit.r2, fit.rmse), (None, 0.5));
        assert_eq!(fit.to_string(), "R² –  RMSE 0.50000  MAE 0.50000");
    }

    #[test]
    fn figures_that_are_none_come_back_from_json() {
        for x in [f64::NAN, f64::INFINITY, 0.1 + 0.2] {
            let text = serde_json::to_string(&Fit { r2: Some(x), rmse: x, mae: x, outputs: Vec::new() }).unwrap();
            assert_eq!(serde_json::from_str::<Fit>(&text).unwrap().rmse.to_bits(), x.to_bits(), "{text}");
        }
    }

    #[test]
    fn small_and_large_figures_can_be_read() {
        assert_eq!(
            [4.4e-6, -4.4e-6, 0.0, 0.12, f64::NAN, 25343.12345, -25343450301950044693472477184.0, f64::INFINITY]
                .map(figure),
            ["4.4e-6", "-4.4e-6", "0.00000", "0.12000", "NaN", "25343", "-2.5343e28", "inf"]
        );
    }
}
