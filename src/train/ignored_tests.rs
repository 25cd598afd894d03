//! Samples and places without a class, from the data set to the scores.

use super::{Engine, Trainer, evaluate};
use crate::data::{Dataset, IGNORE_INDEX, Inputs, Mixup, Split, Target};
use crate::diagnose::{Baseline, Numbers, data};
use crate::layers::{Conv2d, Linear, Reshape};
use crate::loss::{CrossEntropyLoss, Loss, NllLoss, SampleWeighted, weighted_target};
use crate::metrics::{Decision, true_classes};
use crate::module::Module;
use crate::optim::Sgd;
use crate::{Sequential, tensor, zeros};

const NONE: i64 = IGNORE_INDEX;

/// Each sample's two inputs are its logits for a network that hands them on: 1 for class 0, 1, 0, 1 …
fn logits(labels: &[i64]) -> Dataset<f64> {
    let rows = (0..labels.len()).flat_map(|i| if i % 2 == 0 { [1.0, 0.0] } else { [0.0, 1.0] }).collect();
    Dataset::new("logits", Inputs::Real(tensor(&[labels.len(), 2], rows)), Target::classes(labels.to_vec()), 2).unwrap()
}

#[test]
fn only_the_number_for_no_class_is_taken_beside_the_classes() {
    logits(&[0, NONE, 1]);
    for label in [-1, 2, 255] {
        let inputs = Inputs::Real(zeros::<f64>(&[2, 2]));
        let error = Dataset::new("own", inputs, Target::classes(vec![0, label]), 2).unwrap_err().to_string();
        assert_eq!(error, format!("data set own: class number must be from 0 to 1, got {label}"));
    }
}

#[test]
fn what_has_no_class_is_in_neither_loss_nor_accuracy() {
    let network = Sequential::new().push(Reshape::new([2]));
    let score =
        |loss: &dyn Loss<f64>, labels: &[i64]| evaluate(&network, loss, &logits(labels), &mut Engine::new(1)).unwrap();
    // One right and one wrong: ln(1 + e^(-1)) and ln(1 + e).
    let own = score(&CrossEntropyLoss::new(), &[0, NONE, 1, NONE]);
    let mean = ((1.0 + (-1f64).exp()).ln() + (1.0 + 1f64.exp()).ln()) / 2.0;
    assert_eq!(own.accuracy, Some(0.5));
    assert!((own.loss - mean).abs() < 1e-12, "{own:?}");
    // A class that is ignored is neither right nor wrong either: of class 1 the second is right and the third is not.
    assert_eq!(score(&NllLoss::new().ignore_index(0), &[0, 1, 1, 0, 0]).accuracy, Some(0.5));
    assert_eq!(score(&CrossEntropyLoss::new(), &[NONE; 3]).accuracy, None);
    // With weights before them.
    let data = logits(&[0, NONE, 1, NONE]);
    let target = weighted_target(&[1.0; 4], data.targets.given().unwrap()).unwrap();
    let weighted = Dataset::new("weighted", data.inputs.clone(), target, 0).unwrap();
    let loss = SampleWeighted::new(CrossEntropyLoss::new());
    assert_eq!(evaluate(&network, &loss, &weighted, &mut Engine::new(1)).unwrap(), own);
}

#[test]
fn training_with_them_is_training_without_them() {
    let labels: Vec<i64> = (0..40).map(|i| if i < 25 { i64::from(i % 3 == 0) } else { NONE }).collect();
    let all = logits(&labels);
    let trained = |data: &Dataset<f64>| {
        let mut network = Sequential::new().push(Linear::new(2, 2)).seed(1);
        let trainer = Trainer::new(Sgd::new(0.5).unwrap()).epochs(5).batch_size(40).shuffle(false);
        let history = trainer.validation(data).fit(&mut network, &CrossEntropyLoss::new(), data).unwrap();
        (network, history)
    };
    let (with, without) = (trained(&all), trained(&all.select(&(0..25).collect::<Vec<_>>())));
    for ((name, a), (_, b)) in with.0.parameters().into_iter().zip(without.0.parameters()) {
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{name}: {a} and {b}");
    }
    for (a, b) in with.1.epochs.iter().zip(&without.1.epochs) {
        assert_eq!(
            (a.train.accuracy, a.validation.unwrap().accuracy),
            (b.train.accuracy, b.validation.unwrap().accuracy)
        );
        assert!((a.train.loss - b.train.loss).abs() < 1e-12, "{a:?} and {b:?}");
    }
}

#[test]
fn places_of_an_image_may_have_no_class() {
    let target = Target::Classes(tensor(&[2, 1, 2], vec![0, NONE, NONE, 1]));
    let data = Dataset::new("pixels", Inputs::Real(zeros::<f64>(&[2, 1, 1, 2])), target, 2).unwrap();
    let mut network = Sequential::new().push(Conv2d::new(1, 2, 1)).seed(1);
    let loss = CrossEntropyLoss::new();
    let history = Trainer::new(Sgd::new(0.1).unwrap()).epochs(2).fit(&mut network, &loss, &data).unwrap();
    assert!(history.epochs[1].train.loss < history.epochs[0].train.loss);
    assert_eq!(history.epochs[1].train.accuracy, None);
}

#[test]
fn a_split_divides_them_and_counts_them_for_no_class() {
    let labels: Vec<i64> = (0..40).map(|i| [0, 1, NONE, 0][i % 4]).collect();
    let split = Split::new(&logits(&labels), 0.0, 0.5, 1).unwrap();
    assert_eq!(split.to_string(), "train 20, validation 0, test 20\n  class 0: 10, 0, 10\n  class 1: 5, 0, 5");
    assert_eq!(split.test.iter().filter(|&&sample| labels[sample] == NONE).count(), 5);
    // In the order of the samples the last ten are the test, from a sample without a class on.
    let order: Vec<f64> = (0..40).map(f64::from).collect();
    let split = Split::by_order(&logits(&labels), &order, 0.0, 0.25).unwrap();
    assert_eq!(split.to_string(), "train 30, validation 0, test 10\n  class 0: 15, 0, 5\n  class 1: 8, 0, 2");
    // Ten groups, each of two of class 0, one of class 1 and one without.
    let groups: Vec<usize> = (0..40).map(|i| i / 4).collect();
    let split = Split::by_group(&logits(&labels), &groups, 0.0, 0.5, 1).unwrap();
    assert_eq!(split.to_string(), "train 20, validation 0, test 20\n  class 0: 10, 0, 10\n  class 1: 5, 0, 5");
}

#[test]
fn what_needs_a_class_of_every_sample_says_so() {
    let data = logits(&[0, 1, NONE, 1]);
    let mut network = Sequential::new().push(Linear::new(2, 2));
    let trainer = || Trainer::new(Sgd::new(0.1).unwrap());
    for (trainer, whose) in [(trainer().balanced(), "Trainer: balanced"), (trainer().mixup(Mixup::new(0.2)), "Mixup")] {
        let error = trainer.fit(&mut network, &CrossEntropyLoss::new(), &data).unwrap_err().to_string();
        let wanted = format!("{whose}: class numbers must be a class of every sample, got 1 of -100, which is none");
        assert!(error.starts_with(&wanted), "{error}");
    }
    let target = data.targets.given().unwrap();
    assert!(std::panic::catch_unwind(|| true_classes(Decision::Argmax, target)).is_err());
}

#[test]
fn class_weights_are_of_the_samples_that_have_a_class() {
    // n / (classes · samples of the class), n = 3.
    let target = Target::<f64>::classes(vec![0, 1, NONE, 1]);
    assert_eq!(target.class_weights(2), Some(vec![3.0 / 2.0, 3.0 / 4.0]));
}

#[test]
fn a_diagnosis_counts_classes_alone() {
    // 19 of 20 with a class are of class 0; the same inputs without a class are no contradiction.
    let labels: Vec<i64> = (0..40).map(|i| if i >= 20 { NONE } else { i64::from(i == 19) }).collect();
    let own = logits(&labels);
    let findings: Vec<String> = data(&own, None, &Numbers).iter().map(ToString::to_string).collect();
    assert!(findings.iter().any(|line| line.contains("class 0 is 95.0 % of the samples")), "{findings:?}");
    let contradictions = findings.iter().filter(|line| line.contains("a different label")).collect::<Vec<_>>();
    // Sample 19 of class 1 has the inputs of nine others of class 0, and of ten of none.
    assert!(contradictions.iter().all(|line| line.contains(": 1 sample with the inputs")), "{contradictions:?}");
    let baseline = Baseline::of(&CrossEntropyLoss::new(), &own, &own).unwrap();
    assert_eq!(baseline.accuracy, Some(0.95));
}
