//! What is asked of a data set before it is used.

use super::{Dataset, IGNORE_INDEX, Inputs, Target};
use crate::{Error, Real, Result, Tensor};
use ndarray::Axis;

impl<T: Real> Dataset<T> {
    /// Errs when a sample has no class where `whose` work needs one of each.
    pub(crate) fn check_classes(&self, whose: &str) -> Result<()> {
        let Some(Target::Classes(labels)) = self.targets.given() else { return Ok(()) };
        match labels.iter().filter(|&&label| label == IGNORE_INDEX).count() {
            0 => Ok(()),
            count => {
                let found = format!("{count} of {IGNORE_INDEX}, which is none; leave those samples out");
                Err(Error::option(format!("{whose}: class numbers"), "a class of every sample", found))
            }
        }
    }

    /// Errs with the first sample that has an input or a target value that is not finite. Bytes always are.
    ///
    /// # Errors
    /// [`Error::Option`] with the number of the sample, counted from 0.
    pub fn check_finite(&self) -> Result<()> {
        let inputs = if let Inputs::Real(all) = &self.inputs { first_bad(all) } else { None };
        let targets = if let Some(Target::Values(all)) = self.targets.given() { first_bad(all) } else { None };
        for (what, bad) in [("input", inputs), ("target", targets)] {
            if let Some((sample, value)) = bad {
                let name = format!("data set {}: each {what} of sample {sample}", self.name);
                return Err(Error::option(
                    name,
                    "a finite number; drop such samples, or fill in what is missing",
                    value,
                ));
            }
        }
        Ok(())
    }

    /// The first of these samples with an input that is not finite, and that value.
    pub(crate) fn bad_input(&self, samples: &[usize]) -> Option<(usize, T)> {
        let Inputs::Real(all) = &self.inputs else { return None };
        let of = |&sample: &usize| {
            let row = all.index_axis(Axis(0), sample);
            row.iter().find(|value| !value.is_finite()).map(|&value| (sample, value))
        };
        samples.iter().find_map(of)
    }
}

/// The first number that is not finite, with the sample that it is of.
fn first_bad<T: Real>(all: &Tensor<T>) -> Option<(usize, T)> {
    let (at, value) = all.indexed_iter().find(|(_, value)| !value.is_finite())?;
    Some((at[0], *value))
}
