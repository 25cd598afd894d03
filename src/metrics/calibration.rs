//! Whether a network that says 90 % is right nine times of ten.

use crate::tensor::{dense, values};
use crate::{Real, Tensor};
use serde::{Deserialize, Serialize};

/// The samples whose confidence falls into one interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceBin {
    /// How many there are.
    pub samples: usize,
    /// Their mean confidence; 0 without samples.
    pub confidence: f64,
    /// The part of them that is right; 0 without samples.
    pub accuracy: f64,
}

/// The largest probability of each row of (n, classes).
pub fn confidences<T: Real>(probabilities: &Tensor<T>) -> Vec<f64> {
    let classes = probabilities.len() / probabilities.shape()[0].max(1);
    let most = |row: &[T]| row.iter().fold(0.0, |most: f64, &p| most.max(p.to_f64()));
    values(&dense(probabilities)).chunks_exact(classes.max(1)).map(most).collect()
}

/// The samples by confidence, in `bins` intervals of equal width, bin b holding those in (b/bins, (b+1)/bins]: the bars of a
/// reliability diagram. The confidence of a sample is the probability of its predicted class.
///
/// Panics when the lists differ in length, there is no bin, or a confidence is outside \[0, 1\].
pub fn calibration(confidences: &[f64], right: &[bool], bins: usize) -> Vec<ConfidenceBin> {
    assert_eq!(confidences.len(), right.len(), "confidences and whether they were right, one a sample");
    assert!(bins > 0, "at least one bin");
    let mut all = vec![ConfidenceBin { samples: 0, confidence: 0.0, accuracy: 0.0 }; bins];
    for (&confidence, &right) in confidences.iter().zip(right) {
        assert!((0.0..=1.0).contains(&confidence), "a confidence from 0 to 1, got {confidence}");
        let bin = &mut all[((confidence * bins as f64).ceil() as usize).max(1) - 1];
        bin.samples += 1;
        bin.confidence += confidence;
        bin.accuracy += f64::from(u8::from(right));
    }
    for bin in all.iter_mut().filter(|bin| bin.samples > 0) {
        bin.confidence /= bin.samples as f64;
        bin.accuracy /= bin.samples as f64;
    }
    all
}

/// The expected calibration error: **Σ_b (n_b/n)·|accuracy_b − confidence_b|** over the bins of [`calibration`]. NaN without
/// samples.
///
/// Source: Naeini, Cooper and Hauskrecht, *Obtaining well calibrated probabilities using Bayesian binning*, 2015; Guo et al.,
/// *On calibration of modern neural networks*, 2017, equation 3, with 15 bins.
///
/// ```
/// use limpide::metrics::{calibration, calibration_error};
/// // two bins: (0, ½] says 0.5 and is never right; (½, 1] says 0.9 on the mean and is right half of the time
/// let bins = calibration(&[0.5, 0.8, 1.0], &[false, true, false], 2);
/// assert!((calibration_error(&bins) - (0.5 / 3.0 + 0.4 * 2.0 / 3.0)).abs() < 1e-15);
/// ```
pub fn calibration_error(bins: &[ConfidenceBin]) -> f64 {
    let samples: usize = bins.iter().map(|bin| bin.samples).sum();
    let gap = |bin: &ConfidenceBin| bin.samples as f64 * (bin.accuracy - bin.confidence).abs();
    bins.iter().map(gap).sum::<f64>() / samples as f64
}
