//! Targets of several numbers: their scale, and whether they are yes or no.

use super::{Answers, Parts};
use crate::chart::digits;
use limpide::data::{Dataset, Target, Targets};
use limpide::loss::{Loss, Takes};
use limpide::pipeline::Input;
use limpide::table::Encoding;
use limpide::{Tensor, tensor};

/// Whether a data set has several targets a sample, each 0 or 1: labels, of which a sample may have any number.
pub fn has_labels(data: &Dataset<f32>) -> bool {
    let Targets::Given(Target::Values(values)) = &data.targets else { return false };
    values.shape()[1..].iter().product::<usize>() > 1 && values.iter().all(|&y| y == 0.0 || y == 1.0)
}

/// Whether a loss takes each output for a yes or no.
pub fn is_yes_no(loss: &dyn Loss<f32>) -> bool {
    matches!(loss.takes(), Takes::YesNoLogits | Takes::YesNoProbabilities)
}

impl Parts {
    /// Values with mean 0 and deviation 1 over the training part, column by column; what was taken off and divided by is
    /// written into the answers. Does nothing a second time, or where the targets are no values.
    pub fn scale_values(&mut self) {
        let Answers::Values { mean, std, .. } = &mut self.answers else { return };
        let Some(values) = self.values.take() else { return };
        (*mean, *std) = scales(&values[0]);
        let parts = [Some(&mut self.train), self.validation.as_mut(), self.test.as_mut()];
        for (part, values) in parts.into_iter().zip(&values) {
            if let Some(part) = part {
                scaled(part, values, mean, std);
            }
        }
    }
}

/// An input as it came, before it was scaled: `a = 1e9`.
pub fn input_text(parts: &Parts, place: usize, value: f64) -> String {
    let plain = || format!("input {place}");
    let (name, value) = match &parts.input {
        Input::Table(table) => {
            // The first input of each column stands behind those of the columns before it.
            let mut end = 0;
            let own = table.used().find(|column| {
                end += column.encoding.width();
                place < end
            });
            match own.map(|column| (column, &column.encoding)) {
                Some((column, Encoding::Number { mean, std, .. })) if place + column.encoding.width() == end => {
                    (column.name.clone(), value * std + mean)
                }
                own => (own.map_or_else(plain, |(column, _)| column.name.clone()), value),
            }
        }
        Input::Tensor { .. } => match &parts.standardization {
            Some(own) => {
                let at = place / (parts.train.sample_shape().iter().product::<usize>() / own.mean().len());
                (plain(), value * own.std()[at] + own.mean()[at])
            }
            None => (plain(), value),
        },
    };
    format!("{name} = {}", digits(value, 4))
}

/// A target value in its own unit: `price = 1e6`.
pub fn target_text(parts: &Parts, place: usize, value: f64) -> String {
    let Answers::Values { names, mean, std } = &parts.answers else { return format!("target {place} = {value}") };
    let name = names.get(place).cloned().unwrap_or_else(|| format!("target {place}"));
    let value = value * std.get(place).unwrap_or(&1.0) + mean.get(place).unwrap_or(&0.0);
    format!("{name} = {}", digits(value, 4))
}

/// Some rows of values (n, columns).
pub fn rows(values: &Tensor<f64>, rows: &[usize]) -> Tensor<f64> {
    let (columns, all) = (values.shape()[1], tensor::values(values));
    let own = rows.iter().flat_map(|&row| &all[row * columns..(row + 1) * columns]);
    limpide::tensor(&[rows.len(), columns], own.copied().collect())
}

/// Mean and deviation of values (n, columns), column by column; 1 for a deviation of 0.
fn scales(values: &Tensor<f64>) -> (Vec<f64>, Vec<f64>) {
    let (count, columns, all) = (values.shape()[0] as f64, values.shape()[1], tensor::values(values));
    let scale = |column: usize| {
        let own = || all.iter().skip(column).step_by(columns);
        let mean = own().sum::<f64>() / count;
        let std = (own().map(|y| (y - mean).powi(2)).sum::<f64>() / count).sqrt();
        (mean, if std > 0.0 { std } else { 1.0 })
    };
    (0..columns).map(scale).unzip()
}

/// Writes values into a part as its targets, scaled before they are rounded: far from 0 nothing else would be left.
fn scaled(part: &mut Dataset<f32>, values: &Tensor<f64>, mean: &[f64], std: &[f64]) {
    let Targets::Given(Target::Values(targets)) = &mut part.targets else { return };
    for (at, (z, y)) in tensor::values_mut(targets).iter_mut().zip(tensor::values(values)).enumerate() {
        let column = at % mean.len();
        *z = ((y - mean[column]) / std[column]) as f32;
    }
}
