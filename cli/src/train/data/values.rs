//! Targets of several numbers: their scale, and whether they are yes or no.

use super::{Answers, Parts};
use limpide::data::{Dataset, Target, Targets};
use limpide::loss::{Loss, Takes};
use limpide::tensor;

/// Whether a data set has several targets a sample, each 0 or 1: labels, of which a sample may have any number.
pub fn has_labels(data: &Dataset<f32>) -> bool {
    let Targets::Given(Target::Values(values)) = &data.targets else { return false };
    values.shape()[1..].iter().product::<usize>() > 1 && values.iter().all(|&y| y == 0.0 || y == 1.0)
}

/// The name of what a loss takes an output for, where it takes each for a yes or no.
pub fn yes_no(loss: &dyn Loss<f32>) -> Option<&'static str> {
    match loss.takes() {
        Takes::YesNoLogits => Some("logit"),
        Takes::YesNoProbabilities => Some("probability"),
        _ => None,
    }
}

impl Parts {
    /// Values with mean 0 and deviation 1 over the training part, column by column; what was taken off and divided by is
    /// written into the answers. Does nothing a second time, or where the targets are no values.
    pub fn scale_values(&mut self) {
        let Answers::Values { mean, std, .. } = &mut self.answers else { return };
        let Targets::Given(Target::Values(values)) = &self.train.targets else { return };
        if !std.is_empty() {
            return;
        }
        let (rows, columns) = (values.shape()[0], values.shape()[1..].iter().product::<usize>());
        let all = tensor::values(values);
        for column in 0..columns {
            let own = || all.iter().skip(column).step_by(columns).map(|&y| f64::from(y));
            let middle = own().sum::<f64>() / rows as f64;
            let deviation = (own().map(|y| (y - middle).powi(2)).sum::<f64>() / rows as f64).sqrt();
            mean.push(middle);
            std.push(if deviation > 0.0 { deviation } else { 1.0 });
        }
        for data in [Some(&mut self.train), self.validation.as_mut(), self.test.as_mut()].into_iter().flatten() {
            let Targets::Given(Target::Values(values)) = &mut data.targets else { continue };
            for (at, y) in tensor::values_mut(values).iter_mut().enumerate() {
                let column = at % columns;
                *y = ((f64::from(*y) - mean[column]) / std[column]) as f32;
            }
        }
    }

    /// Names for what a network answers of labels, `logit_1` or `probability_1`, by what the loss takes; none for other values.
    pub fn label_names(&self, loss: &dyn Loss<f32>) -> Vec<String> {
        let (Some(word), Some(target)) = (yes_no(loss), self.train.targets.given()) else { return Vec::new() };
        (1..=target.shape()[1..].iter().product()).map(|place: usize| format!("{word}_{place}")).collect()
    }
}
