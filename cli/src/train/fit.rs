//! How far values are off, in their own units.

use limpide::Tensor;
use limpide::metrics::{mean_absolute_error, mean_squared_error, r2};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};

/// Figures of values against what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// The coefficient of determination: 1 is perfect, 0 as good as the mean.
    #[serde(with = "limpide::train::exact")]
    pub r2: f64,
    /// The root of the mean squared error.
    #[serde(with = "limpide::train::exact")]
    pub rmse: f64,
    /// The mean absolute error.
    #[serde(with = "limpide::train::exact")]
    pub mae: f64,
}

impl Fit {
    /// Of outputs and targets of one shape, (n, …), both in their own units.
    pub fn of(outputs: &Tensor<f32>, wanted: &Tensor<f32>) -> Self {
        Fit {
            r2: r2(outputs, wanted),
            rmse: mean_squared_error(outputs, wanted).sqrt(),
            mae: mean_absolute_error(outputs, wanted),
        }
    }
}

impl Display for Fit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Fit { r2, rmse, mae } = *self;
        let r2 = if r2.abs() < 1e4 { format!("{r2:.4}") } else { figure(r2) };
        write!(f, "R² {r2}  RMSE {}  MAE {}", figure(rmse), figure(mae))
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

/// Values as they were before they were scaled, y · std + mean, column by column; as they are without scales.
pub fn in_units(mut values: Tensor<f32>, mean: &[f64], std: &[f64]) -> Tensor<f32> {
    let each = mean.len().max(1);
    for (place, y) in values.iter_mut().enumerate() {
        let (mean, std) = (mean.get(place % each), std.get(place % each));
        *y = (f64::from(*y) * std.unwrap_or(&1.0) + mean.unwrap_or(&0.0)) as f32;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use limpide::tensor;

    #[test]
    fn each_column_is_measured_in_its_own_units() {
        let scaled = |values: &[f32]| in_units(tensor(&[2, 2], values.to_vec()), &[0.0, 5000.0], &[1.0, 1000.0]);
        let (outputs, wanted) = (scaled(&[0.0, 0.0, 1.0, 2.0]), scaled(&[0.0, 1.0, 1.0, 1.0]));
        // Off by 0 and 0 in the first column, by 1000 both times in the second.
        let fit = Fit::of(&outputs, &wanted);
        assert_eq!((fit.rmse, fit.mae), ((2e6f64 / 4.0).sqrt(), 500.0));
    }

    #[test]
    fn figures_that_are_none_come_back_from_json() {
        for x in [f64::NAN, f64::INFINITY, 0.1 + 0.2] {
            let text = serde_json::to_string(&Fit { r2: x, rmse: x, mae: x }).unwrap();
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
