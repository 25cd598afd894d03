//! Standardisation: inputs with mean 0 and standard deviation 1, measured on the training part alone.

use super::Inputs;
use crate::{Error, Real, Result};
use serde::{Deserialize, Serialize};

/// What gets a mean and a standard deviation of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// Every number of a sample, as the columns of a table do.
    Feature,
    /// Every channel of an image (c, h, w): the first axis of a sample.
    Channel,
    /// All numbers together.
    Set,
}

/// **x ← (x − μ) / s**, with μ the mean and s the standard deviation (divided by n) over the samples that train.
///
/// Where s is 0 the numbers are only shifted. It is data, so that it can go with the model: what a network was trained on is
/// what it must be given later.
///
/// ```
/// use limpide::data::{Inputs, Per, Standardization};
/// let x = Inputs::Real(limpide::tensor(&[3, 2], vec![1.0, 5.0, 3.0, 5.0, 100.0, 7.0]));
/// let standard = Standardization::fit(&x, &[0, 1], Per::Feature)?; // the third sample does not train
/// assert_eq!((standard.mean(), standard.std()), (&[2.0, 5.0][..], &[1.0, 0.0][..]));
/// assert_eq!(standard.apply(&x)?.gather(&[1, 2]), limpide::tensor(&[2, 2], vec![1.0, 0.0, 98.0, 2.0]));
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standardization {
    mean: Vec<f64>,
    std: Vec<f64>,
    /// How many numbers in a row share a mean.
    run: usize,
}

impl Standardization {
    /// Measures the inputs at the indices `train`, in f64 and two passes.
    ///
    /// # Errors
    /// [`Error::Option`] when there is nothing to measure, for an index that is not below the number of samples, and for a number
    /// that is not finite: the message says in which sample and where in it. [`Error::Shape`] for channels of inputs that have none.
    pub fn fit<T: Real>(inputs: &Inputs<T>, train: &[usize], per: Per) -> Result<Self> {
        let sample = &inputs.shape()[1..];
        let size: usize = sample.iter().product();
        if train.is_empty() || size == 0 {
            return Err(Error::option("Standardization: numbers to measure", "at least 1", train.len() * size));
        }
        let run = match per {
            Per::Feature => 1,
            Per::Channel if sample.len() < 2 => {
                return Err(Error::shape("Standardization(Channel)", "inputs (n, channels, …)", inputs.shape()));
            }
            Per::Channel => sample[1..].iter().product(),
            Per::Set => size,
        };
        if let Some(index) = train.iter().find(|&&index| index >= inputs.len()) {
            let wanted = format!("indices below {}, the number of samples", inputs.len());
            return Err(Error::option("Standardization: samples to measure", wanted, index));
        }
        let count = (train.len() * run) as f64;
        let mean = sums::<T>(inputs, train, run, |_, x| x).iter().map(|sum| sum / count).collect::<Vec<_>>();
        if mean.iter().any(|mean| !mean.is_finite()) {
            find_unmeasurable(inputs, train)?;
        }
        let squares = sums::<T>(inputs, train, run, |group, x| (x - mean[group]).powi(2));
        // A sum of equal numbers is rounded: what that leaves is not a deviation.
        let noise = |mean: f64| mean.abs() * count * f64::EPSILON;
        let deviation = |(square, &mean): (&f64, &f64)| Some((square / count).sqrt()).filter(|&std| std > noise(mean));
        let std = squares.iter().zip(&mean).map(|pair| deviation(pair).unwrap_or(0.0)).collect();
        Ok(Standardization { mean, std, run })
    }

    /// From known means and deviations, each for as many neighbours in a sample.
    ///
    /// # Errors
    /// [`Error::Option`] when they make no sense.
    pub fn new(mean: Vec<f64>, std: Vec<f64>, run: usize) -> Result<Self> {
        let standardization = Standardization { mean, std, run };
        standardization.size().map(|_| standardization)
    }

    /// Numbers of a sample, when this makes sense: a file may say anything.
    fn size(&self) -> Result<usize> {
        let sound = |std: &f64| std.is_finite() && *std >= 0.0;
        let fits = self.mean.len() == self.std.len() && self.mean.iter().all(|mean| mean.is_finite());
        let size = self.mean.len().checked_mul(self.run).filter(|&size| size > 0);
        size.filter(|_| fits && self.std.iter().all(sound)).ok_or_else(|| {
            let wanted = "as many finite means as standard deviations, and a run of at least 1";
            Error::option("Standardization", wanted, format!("{self:?}"))
        })
    }

    /// μ.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// s.
    pub fn std(&self) -> &[f64] {
        &self.std
    }

    /// Standardises samples, one after the other, in place.
    ///
    /// Panics when they are not whole samples, or this was read from a file and makes no sense.
    pub fn apply_to<T: Real>(&self, samples: &mut [T]) {
        let size = self.size().expect("a standardisation that makes sense");
        assert_eq!(samples.len() % size, 0, "samples of {size} numbers");
        let means: Vec<T> = self.mean.iter().map(|&mean| T::of(mean)).collect();
        let stds: Vec<T> = self.std.iter().map(|&std| if std > 0.0 { T::of(std) } else { T::one() }).collect();
        for sample in samples.chunks_exact_mut(size) {
            if self.run == 1 {
                sample.iter_mut().zip(&means).zip(&stds).for_each(|((x, &mean), &std)| *x = (*x - mean) / std);
                continue;
            }
            for ((run, &mean), &std) in sample.chunks_exact_mut(self.run).zip(&means).zip(&stds) {
                run.iter_mut().for_each(|x| *x = (*x - mean) / std);
            }
        }
    }

    /// Standardised copies of the inputs.
    ///
    /// # Errors
    /// [`Error::Shape`] when they are of another size than those measured.
    pub fn apply<T: Real>(&self, inputs: &Inputs<T>) -> Result<Inputs<T>> {
        self.check(inputs.shape())?;
        let mut all = inputs.gather(&(0..inputs.len()).collect::<Vec<_>>());
        self.apply_to(crate::tensor::values_mut(&mut all));
        Ok(Inputs::Real(all))
    }

    /// Whether inputs of a shape have as many numbers a sample as those measured.
    ///
    /// # Errors
    /// [`Error::Shape`] when they have not, or [`Error::Option`] when this was read from a file and makes no sense.
    pub fn check(&self, shape: &[usize]) -> Result<()> {
        let size = self.size()?;
        if shape.is_empty() || shape[1..].iter().product::<usize>() != size {
            return Err(Error::shape("Standardization", format!("inputs of {size} numbers"), shape));
        }
        Ok(())
    }
}

/// An error with the place of the first number that is not finite: its row and, counted within its sample, its column.
fn find_unmeasurable<T: Real>(inputs: &Inputs<T>, samples: &[usize]) -> Result<()> {
    let mut sample = vec![T::zero(); inputs.shape()[1..].iter().product()];
    for &row in samples {
        inputs.gather_into(&[row], &mut sample);
        if let Some(column) = sample.iter().position(|x| !x.is_finite()) {
            let place = format!("Standardization: row {row}, column {column} (both from 0)");
            return Err(Error::option(place, "a finite number", sample[column]));
        }
    }
    Ok(())
}

/// For each group of `run` neighbours in a sample, the sum of `f(group, x)` over all its numbers in the samples given.
fn sums<T: Real>(inputs: &Inputs<T>, samples: &[usize], run: usize, f: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    let size: usize = inputs.shape()[1..].iter().product();
    let mut sums = vec![0.0; size / run];
    let mut sample = vec![T::zero(); size];
    for &index in samples {
        inputs.gather_into(&[index], &mut sample);
        for (group, (sum, numbers)) in sums.iter_mut().zip(sample.chunks_exact(run)).enumerate() {
            *sum += numbers.iter().map(|x| f(group, Real::to_f64(*x))).sum::<f64>();
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_and_sets_are_measured_together() {
        // Two samples of two channels of two numbers.
        let x = Inputs::Real(crate::tensor(&[2, 2, 2], vec![1.0f64, 3.0, 10.0, 10.0, 5.0, 7.0, 10.0, 14.0]));
        let standard = Standardization::fit(&x, &[0, 1], Per::Channel).unwrap();
        assert_eq!(standard.mean(), [4.0, 11.0]);
        // (9 + 1 + 1 + 9) / 4 and (1 + 1 + 1 + 9) / 4.
        assert_eq!(standard.std(), [5.0f64.sqrt(), 3.0f64.sqrt()]);
        let set = Standardization::fit(&x, &[0], Per::Set).unwrap();
        assert_eq!((set.mean(), set.std()), (&[6.0][..], &[((25.0 + 9.0 + 16.0 + 16.0) / 4.0f64).sqrt()][..]));
        assert!(Standardization::fit(&x, &[], Per::Set).is_err());
        let flat = Inputs::Real(crate::zeros::<f64>(&[2, 3]));
        let error = Standardization::fit(&flat, &[0], Per::Channel).unwrap_err().to_string();
        assert_eq!(error, "Standardization(Channel) wants inputs (n, channels, …), got (2, 3)");
        let error = set.apply(&flat).unwrap_err().to_string();
        assert_eq!(error, "Standardization wants inputs of 4 numbers, got (2, 3)");
    }

    #[test]
    fn what_cannot_be_measured_is_refused_with_its_place() {
        let x = Inputs::Real(crate::tensor(&[3, 2], vec![1.0f32, 2.0, 3.0, f32::NAN, f32::INFINITY, 4.0]));
        for (train, wanted) in [
            (&[0, 1][..], "Standardization: row 1, column 1 (both from 0) must be a finite number, got NaN"),
            (&[0, 2], "Standardization: row 2, column 0 (both from 0) must be a finite number, got inf"),
            (&[0, 3], "Standardization: samples to measure must be indices below 3, the number of samples, got 3"),
        ] {
            for per in [Per::Feature, Per::Set] {
                assert_eq!(Standardization::fit(&x, train, per).unwrap_err().to_string(), wanted);
            }
        }
        // What does not train may be bad: it is not measured.
        assert_eq!(Standardization::fit(&x, &[0], Per::Feature).unwrap().mean(), [1.0, 2.0]);
    }

    #[test]
    fn bytes_are_measured_as_the_numbers_they_stand_for_and_a_constant_stays_finite() {
        let values = crate::tensor(&[4, 2], vec![0u8, 7, 51, 7, 102, 7, 255, 7]);
        let x = Inputs::<f32>::Bytes { values, divisor: 255.0 };
        let standard = Standardization::fit(&x, &[0, 1, 2, 3], Per::Feature).unwrap();
        assert!((standard.mean()[0] - 0.4).abs() < 1e-7);
        assert_eq!(standard.std()[1], 0.0);
        let done = standard.apply(&x).unwrap().gather(&[0, 1, 2, 3]);
        let column: Vec<f64> = (0..4).map(|row| f64::from(done[[row, 0]])).collect();
        assert!(column.iter().sum::<f64>().abs() < 1e-6);
        assert!((column.iter().map(|x| x * x).sum::<f64>() / 4.0 - 1.0).abs() < 1e-6);
        assert!((0..4).all(|row| done[[row, 1]].abs() < 1e-7));
    }

    #[test]
    fn it_survives_a_file_and_a_damaged_one_is_refused() {
        let x = Inputs::Real(crate::tensor(&[2, 1], vec![1.0f64, 2.0]));
        let standard = Standardization::fit(&x, &[0, 1], Per::Feature).unwrap();
        let text = serde_json::to_string(&standard).unwrap();
        assert_eq!(text, r#"{"mean":[1.5],"std":[0.5],"run":1}"#);
        assert_eq!(serde_json::from_str::<Standardization>(&text).unwrap(), standard);
        // Twice 2^63 numbers and one: 2, where it overflows without a word.
        let much = r#"{"mean":[1,1],"std":[1,1],"run":9223372036854775809}"#;
        for text in [r#"{"mean":[],"std":[],"run":1}"#, r#"{"mean":[1],"std":[-1],"run":1}"#, much] {
            assert!(serde_json::from_str::<Standardization>(text).unwrap().apply(&x).is_err(), "{text}");
        }
    }
}
