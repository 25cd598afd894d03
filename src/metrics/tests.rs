//! The figures against scikit-learn's (`tools/metrics_reference.py`, scikit-learn 1.9.1), and what it leaves open.

use super::*;
use crate::tensor;

const TRUTH: [usize; 10] = [0, 0, 0, 1, 1, 2, 2, 2, 2, 3];
const PREDICTED: [usize; 10] = [0, 1, 0, 1, 1, 2, 0, 2, 2, 1];
const SCORES: [f64; 10] = [0.1, 0.4, 0.35, 0.8, 0.4, 0.7, 0.4, 0.1, 0.65, 0.35];
const YES: [bool; 10] = [false, false, true, true, true, false, false, false, true, true];
const CLASSES: [usize; 8] = [0, 1, 2, 1, 2, 0, 2, 0];

fn probabilities() -> Tensor<f64> {
    let rows = [
        [0.5, 0.25, 0.25],
        [0.125, 0.75, 0.125],
        [0.25, 0.375, 0.375],
        [0.625, 0.25, 0.125],
        [0.25, 0.25, 0.5],
        [0.375, 0.5, 0.125],
        [0.0, 0.0625, 0.9375],
        [0.3125, 0.4375, 0.25],
    ];
    tensor(&[8, 3], rows.concat())
}

#[track_caller]
fn assert_close(got: impl IntoIterator<Item = f64>, wanted: &[f64]) {
    let got: Vec<f64> = got.into_iter().collect();
    assert_eq!(got.len(), wanted.len());
    assert!(got.iter().zip(wanted).all(|(got, wanted)| (got - wanted).abs() < 1e-15), "{got:?}, wanted {wanted:?}");
}

#[test]
fn a_threshold_decides_single_columns() {
    let output = tensor(&[3, 1], vec![0.6f32, 0.4, 0.5]);
    let target = Target::Values(tensor(&[3, 1], vec![1.0, 1.0, 0.0]));
    assert_eq!(correct(Decision::Threshold(0.5), &output, &target), 2);
}

/// What a panic says.
fn refusal<R>(f: impl FnOnce() -> R) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).err().expect("a panic");
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string())
}

#[test]
fn shapes_without_one_class_a_sample_are_refused_by_name() {
    let yes = Decision::Threshold(0.5);
    for (decision, shape, wanted) in [
        (Decision::Argmax, &[1, 2, 3][..], "Argmax wants outputs (n, classes), one class a sample, got (1, 2, 3)"),
        (Decision::Argmax, &[2], "Argmax wants outputs (n, classes), one class a sample, got (2,)"),
        (yes, &[2, 3], "Threshold(0.5) wants outputs (n, 1) or (n,), one class a sample, got (2, 3)"),
    ] {
        let output = crate::zeros::<f32>(shape);
        assert_eq!(refusal(|| classes(decision, &output)), wanted);
        assert_eq!(refusal(|| correct(decision, &output, &Target::classes(vec![0; shape[0]]))), wanted);
    }
    let two = crate::zeros::<f32>(&[2, 1]);
    let got = refusal(|| correct(yes, &two, &Target::classes(vec![0])));
    assert_eq!(got, "one target an output: 2 outputs, and targets classes (1,)");
    let got = refusal(|| correct(yes, &two, &Target::Values(crate::zeros(&[2, 2]))));
    assert_eq!(got, "Threshold(0.5) wants targets (n, 1) or (n,), one class a sample, got (2, 2)");
    assert!(classes(Decision::Argmax, &crate::zeros::<f32>(&[0, 3])).is_empty());
    let got = refusal(|| ConfusionMatrix::new(2, &[0, 2], &[0, 1]));
    assert_eq!(got, "classes below 2, got a true 2 predicted as 1");
}

#[test]
fn a_confusion_matrix_has_truth_in_rows() {
    let wanted = [[2, 1, 0, 0, 0], [0, 2, 0, 0, 0], [1, 0, 3, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]];
    let matrix = ConfusionMatrix::new(5, &TRUTH, &PREDICTED);
    assert_eq!(matrix.counts(), wanted);
    assert_close([matrix.accuracy()], &[0.7]);
}

#[test]
fn precision_recall_and_f1_by_class_and_averaged() {
    let matrix = ConfusionMatrix::new(5, &TRUTH, &PREDICTED);
    let classes = matrix.classes();
    let third = 0.6666666666666666;
    assert_close(classes.iter().map(|class| class.precision), &[third, 0.5, 1.0, 0.0, 0.0]);
    assert_close(classes.iter().map(|class| class.recall), &[third, 1.0, 0.75, 0.0, 0.0]);
    assert_close(classes.iter().map(|class| class.f1), &[third, third, 0.8571428571428571, 0.0, 0.0]);
    assert_eq!(classes.iter().map(|class| class.support).collect::<Vec<_>>(), [3, 2, 4, 1, 0]);
    for (average, wanted) in [
        (Average::Macro, [0.5416666666666666, 0.6041666666666666, 0.5476190476190476]),
        (Average::Micro, [0.7, 0.7, 0.7]),
        (Average::Weighted, [0.7, 0.7, 0.6761904761904761]),
    ] {
        let ClassFigures { precision, recall, f1, support } = matrix.average(average);
        assert_close([precision, recall, f1], &wanted);
        assert_eq!(support, 10);
    }
}

#[test]
fn ranking_with_ties() {
    assert_close([roc_auc(&SCORES, &YES).unwrap()], &[0.64]);
    assert_close([average_precision(&SCORES, &YES).unwrap()], &[0.6833333333333333]);
    // In another order, and in f32: the same.
    let (mut scores, mut yes) = (SCORES.map(|score| score as f32), YES);
    scores.reverse();
    yes.reverse();
    assert_eq!(roc_auc(&scores, &yes), roc_auc(&SCORES, &YES));
    assert_eq!(average_precision(&scores, &yes), average_precision(&SCORES, &YES));
}

#[test]
fn ranking_of_several_classes() {
    assert_close([roc_auc_one_vs_rest(&probabilities(), &CLASSES).unwrap()], &[0.8222222222222223]);
    assert_close([average_precision_one_vs_rest(&probabilities(), &CLASSES).unwrap()], &[0.7605820105820106]);
    let distinct = probabilities() + tensor(&[3], vec![0.0, 1e-6, 2e-6]);
    assert_close([1, 2, 3].map(|k| top_k(k, &distinct, &CLASSES)), &[0.625, 1.0, 1.0]);
    assert_eq!(top_k(0, &distinct, &CLASSES), 0.0);
    // The third row has two classes in front; the first of them counts as predicted, as in `classes`.
    let right = correct(Decision::Argmax, &probabilities(), &Target::classes(CLASSES.map(|c| c as i64).to_vec()));
    assert_eq!(top_k(1, &probabilities(), &CLASSES), right as f64 / 8.0);
}

#[test]
fn what_has_no_answer_gives_none() {
    assert_eq!(roc_auc(&[0.1, 0.2], &[true, true]), None);
    assert_eq!(roc_auc(&[0.1, f64::NAN], &[true, false]), None);
    assert_eq!(average_precision(&[0.1, 0.2], &[false, false]), None);
    assert_eq!(average_precision(&[0.1, 0.2], &[true, true]), Some(1.0));
    assert_eq!(roc_auc_one_vs_rest(&probabilities(), &[0, 0, 0, 1, 1, 0, 0, 1]), None);
    assert_eq!(ConfusionMatrix::new(0, &[], &[]).average(Average::Macro).f1, 0.0);
}

#[test]
fn calibration_by_bins() {
    let confidences = confidences(&probabilities());
    let right: Vec<bool> =
        classes(Decision::Argmax, &probabilities()).iter().zip(CLASSES).map(|(a, b)| *a == b).collect();
    let bins = calibration(&confidences, &right, 5);
    assert_eq!(bins.iter().map(|bin| bin.samples).collect::<Vec<_>>(), [0, 1, 4, 2, 1]);
    assert_close(bins.iter().map(|bin| bin.accuracy), &[0.0, 0.0, 0.5, 0.5, 1.0]);
    assert_close(bins.iter().map(|bin| bin.confidence), &[0.0, 0.375, 0.484375, 0.6875, 0.9375]);
    assert_close([calibration_error(&bins)], &[0.109375]);
    // An edge belongs to the bin below it, and 0 to the first.
    let edges = calibration(&[0.0, 0.5, 1.0], &[true; 3], 2);
    assert_eq!(edges.iter().map(|bin| bin.samples).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn errors_of_values() {
    let z = tensor(&[4, 2], vec![0.5, -1.0, 2.25, 0.0, -0.75, 1.5, 3.0, 4.0]);
    let y = tensor(&[4, 2], vec![0.25, -1.5, 2.0, 0.5, -1.0, 2.0, 3.5, 3.0]);
    assert_close([mean_squared_error(&z, &y), mean_absolute_error(&z, &y)], &[0.2734375, 0.46875]);
    assert_close([r2(&z, &y)], &[0.9051714102787963]);
    let constant = tensor(&[4, 2], vec![0.25, 1.0, 2.0, 1.0, -1.0, 1.0, 3.5, 1.0]);
    assert_close([r2(&z, &constant), r2(&constant, &constant)], &[0.48125836680053546, 1.0]);
}
