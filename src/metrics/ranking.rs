//! How well scores put the right samples, or the right classes, in front.

use crate::tensor::{dense, values};
use crate::{Real, Tensor};

/// The area under the ROC curve: **the chance that a yes has a higher score than a no**, a tie counting half.
///
/// From the ranks r of the yeses among all n₊ + n₋ scores, ties sharing their mean rank:
/// **AUC = (Σ r − n₊(n₊ + 1)/2) / (n₊n₋)**. `None` when there is no yes or no no, or a score is NaN.
///
/// Source: Hanley and McNeil, *The meaning and use of the area under a receiver operating characteristic curve*, 1982.
/// Panics when the lists differ in length.
///
/// ```
/// use limpide::metrics::roc_auc;
/// // of the four pairs (yes, no) three are in order
/// assert_eq!(roc_auc(&[0.9f32, 0.4, 0.5, 0.1], &[true, true, false, false]), Some(3.0 / 4.0));
/// ```
pub fn roc_auc<T: Real>(scores: &[T], yes: &[bool]) -> Option<f64> {
    let order = ascending(scores, yes)?;
    let positives = yes.iter().filter(|&&yes| yes).count();
    let negatives = yes.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let (mut rank_sum, mut before) = (0.0, 0);
    for tie in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        // ranks before + 1 to before + len
        let rank = before as f64 + (tie.len() + 1) as f64 / 2.0;
        rank_sum += rank * tie.iter().filter(|&&at| yes[at]).count() as f64;
        before += tie.len();
    }
    let (positives, negatives) = (positives as f64, negatives as f64);
    Some((rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

/// The mean of [`roc_auc`] over the classes, each against the rest: scores (n, classes), the true class of each sample.
///
/// `None` when a class has no sample or all of them. Panics when the sizes do not fit.
pub fn roc_auc_one_vs_rest<T: Real>(scores: &Tensor<T>, truth: &[usize]) -> Option<f64> {
    one_vs_rest(scores, truth, roc_auc)
}

/// Average precision: **Σ (Rₖ − Rₖ₋₁)·Pₖ** over the thresholds from the highest score down, R recall and P precision of what
/// is at or above the threshold. The area under the precision–recall curve by steps, without interpolation.
///
/// `None` when there is no yes or a score is NaN. Panics when the lists differ in length.
///
/// ```
/// use limpide::metrics::average_precision;
/// // the yeses come first and third: (1/2)·(1/1) + (1/2)·(2/3)
/// let ap = average_precision(&[0.9f64, 0.4, 0.5, 0.1], &[true, true, false, false]).unwrap();
/// assert!((ap - 5.0 / 6.0).abs() < 1e-15);
/// ```
pub fn average_precision<T: Real>(scores: &[T], yes: &[bool]) -> Option<f64> {
    let mut order = ascending(scores, yes)?;
    order.reverse();
    let positives = yes.iter().filter(|&&yes| yes).count();
    let (mut sum, mut found, mut seen) = (0.0, 0, 0);
    for tie in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let new = tie.iter().filter(|&&at| yes[at]).count();
        found += new;
        seen += tie.len();
        sum += new as f64 * found as f64 / seen as f64;
    }
    (positives > 0).then(|| sum / positives as f64)
}

/// The mean of [`average_precision`] over the classes, each against the rest.
///
/// `None` when a class has no sample. Panics when the sizes do not fit.
pub fn average_precision_one_vs_rest<T: Real>(scores: &Tensor<T>, truth: &[usize]) -> Option<f64> {
    one_vs_rest(scores, truth, average_precision)
}

/// The part of the samples whose true class is among the `k` highest scores of (n, classes); of equal scores the class that
/// comes first counts as the higher. NaN without samples.
///
/// Panics when the sizes do not fit.
///
/// ```
/// use limpide::{metrics::top_k, tensor};
/// let scores = tensor(&[2, 3], vec![0.1, 0.7, 0.2, 0.9, 0.0, 0.1]);
/// assert_eq!((top_k(1, &scores, &[2, 0]), top_k(2, &scores, &[2, 0])), (0.5, 1.0));
/// ```
pub fn top_k<T: Real>(k: usize, scores: &Tensor<T>, truth: &[usize]) -> f64 {
    let scores = dense(scores);
    let classes = columns(&scores, truth);
    let among = values(&scores).chunks_exact(classes).zip(truth).filter(|(row, truth)| {
        let own = row[**truth];
        let before = |(class, score): &(usize, &T)| **score > own || (**score == own && class < *truth);
        !own.is_nan() && row.iter().enumerate().filter(before).count() < k
    });
    among.count() as f64 / truth.len() as f64
}

/// The samples from the lowest score to the highest; nothing when a score is NaN.
fn ascending<T: Real>(scores: &[T], yes: &[bool]) -> Option<Vec<usize>> {
    assert_eq!(scores.len(), yes.len(), "scores and truth, one a sample");
    if scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].partial_cmp(&scores[b]).expect("no score is NaN"));
    Some(order)
}

fn one_vs_rest<T: Real>(
    scores: &Tensor<T>,
    truth: &[usize],
    figure: impl Fn(&[T], &[bool]) -> Option<f64>,
) -> Option<f64> {
    let scores = dense(scores);
    let classes = columns(&scores, truth);
    let of_class = |class: usize| {
        let column: Vec<T> = values(&scores).iter().skip(class).step_by(classes).copied().collect();
        figure(&column, &truth.iter().map(|&truth| truth == class).collect::<Vec<_>>())
    };
    let sum: f64 = (0..classes).map(of_class).sum::<Option<f64>>()?;
    Some(sum / classes as f64)
}

/// The number of classes of scores (n, classes) for n samples.
fn columns<T: Real>(scores: &Tensor<T>, truth: &[usize]) -> usize {
    assert!(scores.ndim() == 2 && scores.shape()[0] == truth.len(), "scores (n, classes) and n true classes");
    scores.shape()[1].max(1)
}
