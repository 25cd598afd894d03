//! Which classes are taken for which, and precision, recall and F1 from it.

use serde::{Deserialize, Serialize};

/// How often class `row` was predicted as class `column`.
///
/// Panics when the lists differ in length or a class is not below `classes`.
pub fn confusion(classes: usize, truth: &[usize], predicted: &[usize]) -> Vec<Vec<usize>> {
    assert_eq!(truth.len(), predicted.len(), "true and predicted classes, one a sample");
    let mut counts = vec![vec![0; classes]; classes];
    for (&row, &column) in truth.iter().zip(predicted) {
        assert!(row.max(column) < classes, "classes below {classes}, got a true {row} predicted as {column}");
        counts[row][column] += 1;
    }
    counts
}

/// How often each class was predicted as each, truth in rows; and the figures that follow from it.
///
/// With TP the samples of class c that are predicted as c, FP those predicted so that are not, FN those that are and are not
/// predicted so: **precision = TP/(TP + FP), recall = TP/(TP + FN), F1 = 2TP/(2TP + FP + FN)**, and 0 where that is 0/0.
///
/// Source: van Rijsbergen, *Information retrieval*, 1979; the conventions are scikit-learn's.
///
/// ```
/// use limpide::metrics::{Average, ConfusionMatrix};
/// let matrix = ConfusionMatrix::new(2, &[0, 0, 0, 1], &[0, 0, 1, 1]);
/// assert_eq!(matrix.counts(), [[2, 1], [0, 1]]);
/// assert_eq!(matrix.accuracy(), 3.0 / 4.0);
/// assert_eq!(matrix.classes()[1].precision, 1.0 / 2.0);
/// assert_eq!(matrix.average(Average::Macro).recall, (2.0 / 3.0 + 1.0) / 2.0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    counts: Vec<Vec<usize>>,
}

/// How the figures of several classes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Average {
    /// The mean over the classes that occur in the truth or among the predictions: a rare class counts like a frequent one.
    Macro,
    /// TP, FP and FN summed over the classes first. With one class a sample all three figures are the accuracy.
    Micro,
    /// The mean over the classes, weighted by their true samples.
    Weighted,
}

/// Precision, recall and F1 of one class, or averages of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassFigures {
    /// Of the samples predicted as the class, the part that is of it.
    pub precision: f64,
    /// Of the samples of the class, the part that is predicted as it.
    pub recall: f64,
    /// The harmonic mean of the two.
    pub f1: f64,
    /// The number of samples of the class.
    pub support: usize,
}

impl ConfusionMatrix {
    /// From the true and the predicted class of every sample.
    ///
    /// Panics when the lists differ in length or a class is not below `classes`.
    pub fn new(classes: usize, truth: &[usize], predicted: &[usize]) -> Self {
        ConfusionMatrix { counts: confusion(classes, truth, predicted) }
    }

    /// The counts: how often class `row` was predicted as class `column`.
    pub fn counts(&self) -> &[Vec<usize>] {
        &self.counts
    }

    /// The part of the samples that is predicted right; NaN without samples.
    pub fn accuracy(&self) -> f64 {
        let right: usize = (0..self.counts.len()).map(|class| self.counts[class][class]).sum();
        right as f64 / self.samples() as f64
    }

    /// The figures of each class.
    pub fn classes(&self) -> Vec<ClassFigures> {
        (0..self.counts.len()).map(|class| figures(self.hits(class))).collect()
    }

    /// The figures of all classes as one.
    pub fn average(&self, average: Average) -> ClassFigures {
        let classes = 0..self.counts.len();
        let weigh = |weight: fn(&ClassFigures, usize) -> f64| {
            let rows: Vec<(f64, ClassFigures)> = classes
                .clone()
                .map(|class| {
                    let (own, predicted) = (figures(self.hits(class)), self.hits(class)[0] + self.hits(class)[1]);
                    (weight(&own, predicted), own)
                })
                .collect();
            let total: f64 = rows.iter().map(|(weight, _)| weight).sum();
            let mean = |figure: fn(&ClassFigures) -> f64| {
                if total == 0.0 {
                    0.0
                } else {
                    rows.iter().map(|(weight, own)| weight * figure(own)).sum::<f64>() / total
                }
            };
            ClassFigures {
                precision: mean(|own| own.precision),
                recall: mean(|own| own.recall),
                f1: mean(|own| own.f1),
                support: self.samples(),
            }
        };
        match average {
            Average::Macro => weigh(|own, predicted| if own.support + predicted > 0 { 1.0 } else { 0.0 }),
            Average::Weighted => weigh(|own, _| own.support as f64),
            Average::Micro => {
                let hits = classes.map(|class| self.hits(class));
                figures(hits.fold([0; 3], |sum, own| [sum[0] + own[0], sum[1] + own[1], sum[2] + own[2]]))
            }
        }
    }

    fn samples(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// TP, FP and FN of a class.
    fn hits(&self, class: usize) -> [usize; 3] {
        let right = self.counts[class][class];
        let predicted: usize = self.counts.iter().map(|row| row[class]).sum();
        let true_ones: usize = self.counts[class].iter().sum();
        [right, predicted - right, true_ones - right]
    }
}

fn figures([tp, fp, fn_]: [usize; 3]) -> ClassFigures {
    let ratio = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    ClassFigures {
        precision: ratio(tp, tp + fp),
        recall: ratio(tp, tp + fn_),
        f1: ratio(2 * tp, 2 * tp + fp + fn_),
        support: tp + fn_,
    }
}
