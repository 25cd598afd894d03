//! What a pipeline answers.

use crate::Tensor;
use crate::table::Unseen;
use crate::tensor::values;

/// What a pipeline says of some samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// Probabilities (n, classes), probabilities of a yes for each label, or values in their own units (n, …).
    pub values: Tensor<f64>,
    /// The names of the classes; empty when the answer is labels or values.
    pub classes: Vec<String>,
    /// Categories in the samples that the network was not trained on; they count as none that it knows.
    pub unseen: Vec<Unseen>,
}

impl Predictions {
    /// The number of samples.
    pub fn len(&self) -> usize {
        self.values.shape()[0]
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of a sample; probabilities, where there are classes or labels.
    ///
    /// Panics when there is no such sample.
    pub fn row(&self, sample: usize) -> &[f64] {
        assert!(sample < self.len(), "there is no sample {sample} among {}", self.len());
        let each = self.values.len() / self.len();
        &values(&self.values)[sample * each..(sample + 1) * each]
    }

    /// The first sample whose answer is not finite; its inputs are too far from what the network was trained on.
    pub fn not_finite(&self) -> Option<usize> {
        (0..self.len()).find(|&sample| !self.row(sample).iter().all(|y| y.is_finite()))
    }

    /// The probabilities of the classes for a sample; empty when the answer is labels or values.
    ///
    /// Panics when there is no such sample.
    pub fn probabilities(&self, sample: usize) -> &[f64] {
        if self.classes.is_empty() { &[] } else { self.row(sample) }
    }

    /// The place of the likeliest class of a sample, the first of equals; none when the answer is labels or values.
    ///
    /// Panics when there is no such sample.
    pub fn class_number(&self, sample: usize) -> Option<usize> {
        let row = self.probabilities(sample);
        (0..row.len()).reduce(|best, place| if row[place] > row[best] { place } else { best })
    }

    /// The name of the likeliest class of a sample; none when the answer is labels or values.
    ///
    /// Panics when there is no such sample.
    pub fn class(&self, sample: usize) -> Option<&str> {
        self.class_number(sample).map(|place| self.classes[place].as_str())
    }
}
