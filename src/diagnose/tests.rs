//! Each fault is planted and must be found, by its words; what is sound must give no finding.

use super::*;
use crate::data::{self as sets, Inputs, Split, Target, Targets};
use crate::layers::{Conv2d, Flatten, LayerNorm, Linear, LogSoftmax, MaxPool2d, Relu, Sigmoid, Softmax, Tanh};
use crate::loss::*;
use crate::optim::{Optim, Sgd};
use crate::train::Trainer;
use crate::{AutoEncoder, Sequential, tensor};

fn digits() -> Dataset<f32> {
    sets::digits::<f32>().reshape_samples(&[64]).unwrap()
}

/// The digits' training and validation part.
fn split() -> (Dataset<f32>, Dataset<f32>) {
    let split = Split::new(&digits(), 0.2, 0.2, 1).unwrap();
    (digits().select(&split.train), digits().select(&split.validation))
}

fn sgd(rate: f64) -> Sgd {
    Sgd::new(rate).unwrap()
}

fn dense() -> Sequential<f32> {
    Sequential::new().push(Linear::new(64, 32)).push(Tanh).push(Linear::new(32, 10))
}

/// Answers to one question each: yes where the pixels' mean is above a half, as values (n, 1).
fn yes_no(yes: f32, no: f32) -> Dataset<f32> {
    let data = digits();
    let answer = |sample| if data.inputs.gather(&[sample]).sum() > 20.0 { yes } else { no };
    let answers = (0..data.len()).map(answer).collect();
    let targets = Target::Values(tensor(&[data.len(), 1], answers));
    Dataset::new("yes or no", data.inputs.clone(), targets, 0).unwrap()
}

fn small(inputs: &[f32], features: usize, labels: &[i64], classes: usize) -> Dataset<f32> {
    let inputs = Inputs::Real(tensor(&[labels.len(), features], inputs.to_vec()));
    Dataset::new("small", inputs, Target::classes(labels.to_vec()), classes).unwrap()
}

fn data(train: &Dataset<f32>, validation: Option<&Dataset<f32>>) -> Vec<Finding> {
    super::data(train, validation, &Numbers)
}

fn before_training(
    network: &dyn Module<f32>,
    loss: &dyn Loss<f32>,
    train: &Dataset<f32>,
    validation: Option<&Dataset<f32>>,
) -> Vec<Finding> {
    super::before_training(network, loss, train, validation, &Numbers)
}

#[track_caller]
fn assert_found(findings: &[Finding], severity: Severity, words: &str) {
    let found = findings.iter().any(|finding| finding.severity == severity && finding.to_string().contains(words));
    assert!(found, "no {severity:?} with {words:?} among {findings:#?}");
}

#[track_caller]
fn assert_sound(findings: &[Finding]) {
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn sound_setups_give_no_finding() {
    let (train, validation) = split();
    assert_sound(&before_training(&dense().seed(1), &CrossEntropyLoss::new(), &train, Some(&validation)));
    let network = dense().push(Softmax::new()).seed(1);
    assert_sound(&before_training(&network, &CrossEntropyOnProbabilities::new(), &train, Some(&validation)));
    let network = dense().push(LogSoftmax::new()).seed(1);
    assert_sound(&before_training(&network, &NllLoss::new(), &train, Some(&validation)));
    assert_sound(&before_training(&dense().seed(1), &MultiMarginLoss::new(), &train, None));
    assert_sound(&before_training(&dense().seed(1), &FocalLoss::new(), &train, None));

    let one = || Sequential::new().push(Linear::new(64, 1)).seed(1);
    assert_sound(&before_training(&one(), &BceWithLogitsLoss::new(), &yes_no(1.0, 0.0), None));
    assert_sound(&before_training(&one().push(Sigmoid), &BceLoss::new(), &yes_no(1.0, 0.0), None));
    assert_sound(&before_training(&one(), &HingeLoss::new(), &yes_no(1.0, -1.0), None));

    let regression = sets::regression::<f32>(200, -1.0..1.0, 1).unwrap();
    let network = Sequential::new().push(Linear::new(2, 10)).push(Tanh).push(Linear::new(10, 1)).seed(1);
    assert_sound(&before_training(&network, &MseLoss::new(), &regression, None));

    let encoder = Sequential::new().push(Linear::new(64, 16)).push(Tanh);
    let network = AutoEncoder::new(encoder, Sequential::new().push(Linear::new(16, 64)).push(Sigmoid));
    assert_sound(&before_training(&network, &MseLoss::new(), &train.autoencoding(), Some(&validation.autoencoding())));
}

#[test]
fn a_wrong_last_layer_is_named() {
    use Severity::{Error, Warning};
    let labelled = digits();
    let logits = || dense().seed(1);
    let found = |network: Sequential<f32>, loss: &dyn Loss<f32>, data: &Dataset<f32>| pairing(&network, loss, data);
    let ce = CrossEntropyLoss::new();
    let findings = found(logits().push(Softmax::new()), &ce, &labelled);
    // e/(e + 9) = 23 %
    assert_found(
        &findings,
        Error,
        "layer 3, Softmax(-1): softmax is taken twice, here and in CrossEntropyLoss(Mean), so no probability gets above 23 %",
    );
    assert_found(&found(logits().push(LogSoftmax::new()), &ce, &labelled), Warning, "again, to no effect");
    assert_found(&found(logits().push(Sigmoid), &ce, &labelled), Error, "held between 0 and 1");
    assert_found(&found(logits().push(Tanh), &ce, &labelled), Warning, "held between -1 and 1");
    assert_found(&found(logits().push(Relu), &ce, &labelled), Warning, "scores of both signs");
    // Layers that hand the numbers on do not hide the one before them.
    assert_found(&found(logits().push(Softmax::new()).push(Flatten::new()), &ce, &labelled), Error, "taken twice");

    let probabilities = CrossEntropyOnProbabilities::new();
    assert_found(&found(logits(), &probabilities, &labelled), Error, "layer 2, Linear(32, 10): CrossEntropyOnProb");
    assert_found(&found(logits().push(Sigmoid), &probabilities, &labelled), Error, "need not add up to 1");
    assert_found(&found(logits().push(LogSoftmax::new()), &probabilities, &labelled), Error, "takes probabilities");
    let nll = NllLoss::new();
    assert_found(&found(logits(), &nll, &labelled), Error, "falls without end");
    assert_found(&found(logits().push(Softmax::new()), &nll, &labelled), Error, "gets probabilities");
    let margin = MultiMarginLoss::new();
    assert_found(&found(logits().push(Softmax::new()), &margin, &labelled), Warning, "its margin can hardly be");

    let one = || Sequential::new().push(Linear::new(64, 1)).seed(1);
    let (bce, with_logits, data) = (BceLoss::new(), BceWithLogitsLoss::new(), yes_no(1.0, 0.0));
    assert_found(&found(one().push(Sigmoid), &with_logits, &data), Error, "the sigmoid is taken twice");
    assert_found(&found(one().push(Tanh), &with_logits, &data), Warning, "above 73 %");
    assert_found(&found(one().push(LogSoftmax::new()), &with_logits, &data), Error, "never above 0");
    assert_found(&found(one().push(Sigmoid), &HingeLoss::new(), &yes_no(1.0, -1.0)), Error, "never below 0");
    assert_found(&found(one(), &bce, &data), Error, "end the network with Sigmoid");
    assert_found(&found(one().push(Softmax::new()), &bce, &data), Error, "softmax of one number is always 1");
    let several = Dataset { targets: Targets::Inputs, classes: 0, ..digits() };
    let network = Sequential::new().push(Linear::new(64, 64)).push(Softmax::new());
    assert_found(&found(network, &bce, &several), Warning, "one yes a sample");
}

#[test]
fn outputs_classes_and_targets_must_fit() {
    use Severity::{Error, Warning};
    let ce = CrossEntropyLoss::new();
    let outputs = |count| Sequential::new().push(Linear::new(64, count)).seed(1);
    assert_found(&pairing(&outputs(9), &ce, &digits()), Error, "the labels have 10 classes, the network 9 outputs");
    assert_found(&pairing(&outputs(12), &ce, &digits()), Warning, "the network 12 outputs");
    assert_found(&pairing(&outputs(1), &ce, &digits()), Error, "over one class");
    assert_found(&pairing(&outputs(10), &MseLoss::new(), &digits()), Error, "takes target values");
    let values = Target::Values(tensor(&[2, 2], vec![0.5, 0.5, -1.0, 3.0]));
    let values = Dataset::new("values", Inputs::Real(crate::zeros(&[2, 64])), values, 0).unwrap();
    assert_found(&pairing(&outputs(2), &ce, &values), Error, "or use MSELoss for values");
    let wrong = Sequential::new().push(Linear::new(63, 10));
    assert_found(&pairing(&wrong, &ce, &digits()), Error, "Linear(63, 10) wants");

    let images = Sequential::new().push(Conv2d::new(1, 10, 3)).push(Softmax::new());
    let data = sets::digits::<f32>();
    let labels = Target::Classes(tensor(&[data.len(), 6, 6], vec![3; data.len() * 36]));
    let places = Dataset::new("places", data.inputs.clone(), labels, 10).unwrap();
    let findings = pairing(&images, &CrossEntropyOnProbabilities::new(), &places);
    assert_found(&findings, Error, "it runs along axis 3, the classes along axis 1");

    let regression = sets::regression::<f32>(200, -1.0..1.0, 1).unwrap();
    let bounded = Sequential::new().push(Linear::new(2, 1)).push(Sigmoid);
    assert_found(&pairing(&bounded, &MseLoss::new(), &regression), Error, "the layer from 0 to 1");
    let bce = BceWithLogitsLoss::new();
    assert_found(
        &pairing(&outputs(1), &bce, &yes_no(1.0, -1.0)),
        Error,
        "the targets go from -1.000 to 1.000, the loss",
    );
}

#[test]
fn a_start_far_from_theory_is_told() {
    let (train, _) = split();
    let mut network = dense().seed(1);
    for parameter in network.parameters_mut() {
        parameter.mapv_inplace(|p| 30.0 * p);
    }
    // ln 10 = 2.3026
    let findings = start(&network, &CrossEntropyLoss::new(), &train);
    assert_found(&findings, Severity::Warning, "and 2.3026 for answering every class alike");
    let mut network = dense().seed(1);
    Trainer::new(sgd(0.5)).epochs(10).fit(&mut network, &CrossEntropyLoss::new(), &train).unwrap();
    assert_found(&start(&network, &CrossEntropyLoss::new(), &train), Severity::Note, "knows the answer already");
    network.parameters_mut()[0][[0, 0]] = f32::NAN;
    assert_found(&start(&network, &CrossEntropyLoss::new(), &train), Severity::Error, "no number to start from");
}

#[test]
fn faults_of_the_data_are_named() {
    use Severity::{Error, Note, Warning};
    let (train, validation) = split();
    let all: Vec<usize> = (0..train.len()).collect();
    let times = |factor: f32, add: f32| {
        let inputs = train.inputs.gather(&all).mapv(|x| factor * x + add).into_shared();
        Dataset { inputs: Inputs::Real(inputs), ..train.clone() }
    };
    assert_found(&data(&times(255.0, 0.0), None), Warning, "inputs go from 0.0000 to 255.0000");
    assert_found(&data(&times(0.0, 0.5), None), Error, "all samples are the same");
    assert_found(&data(&times(f32::INFINITY, 1.0), None), Error, "sample 0 has an input that is");
    assert_found(&data(&train.select(&[]), None), Error, "there is no sample");
    let mut inputs = validation.inputs.gather(&(0..validation.len()).collect::<Vec<_>>());
    inputs[[5, 3]] = f32::NAN;
    let bad = Dataset { inputs: Inputs::Real(inputs), ..validation.clone() };
    assert_found(&data(&train, Some(&bad)), Error, "validation sample 5 has an input that is NaN");

    // Three samples of two inputs.
    assert_found(
        &data(&small(&[1.0, 0.5, 1.0, 0.2, 1.0, 0.1], 2, &[0, 1, 0], 2), None),
        Note,
        "1 input of 2 never change",
    );
    let uneven = small(&[1.0, 0.001, 0.0, 0.002, -1.0, 0.003], 2, &[0, 1, 0], 2);
    assert_found(&data(&uneven, None), Warning, "input 0 covers 2.0000, input 1 only 0.0020");
    let missing = small(&[1.0, 0.5, 0.0], 1, &[0, 2, 0], 4);
    assert_found(&data(&missing, None), Warning, "no sample of 2 classes: 1 and 3; they cannot be learnt");
    let lonely: Vec<f32> = (0..20).map(|i| i as f32 / 20.0).collect();
    let labels: Vec<i64> = (0..20).map(|i| i64::from(i == 7)).collect();
    assert_found(&data(&small(&lonely, 1, &labels, 2), None), Warning, "class 0 is 95.0 % of the samples");
    let mut slip: Vec<f32> = (0..100).map(|i| (i % 10) as f32).collect();
    slip[41] = 1e6;
    let told = "input 0 = 1000000 in sample 41 is 10 standard deviations from the mean, all others lie within 0.10";
    assert_found(&data(&small(&slip, 1, &vec![0; 100], 1), None), Warning, told);
    let target = Target::Values(tensor(&[100, 1], slip));
    let slip = Dataset::new("slip", Inputs::Real(tensor(&[100, 1], (0..100).map(|i| i as f32).collect())), target, 0);
    assert_found(&data(&slip.unwrap(), None), Warning, "target 0 = 1000000 in sample 41");
    let contradiction = small(&[1.0, 0.5, 0.0, 0.5], 1, &[0, 1, 0, 0], 2);
    assert_found(&data(&contradiction, None), Warning, "sample 1 is of class 1, sample 3 is of class 0");

    let labels = validation.targets.labels().unwrap();
    let without: Vec<usize> = (0..validation.len()).filter(|&at| labels[at] != 7).collect();
    assert_found(
        &data(&train, Some(&validation.select(&without))),
        Warning,
        "no sample of 1 class: 7; how well they are told",
    );
    let leaking = digits().select(&(0..100).collect::<Vec<_>>());
    let findings = data(&digits().select(&(50..600).collect::<Vec<_>>()), Some(&leaking));
    assert_found(
        &findings,
        Warning,
        "50 of 100 stand in the training set too, inputs and target (validation sample 50 is the same as sample 0)",
    );
    assert_found(&data(&train, Some(&sets::digits::<f32>())), Error, "read both sets the same way");
}

struct Called;

impl Names for Called {
    fn class(&self, class: usize) -> String {
        ["no", "yes"][class].into()
    }

    fn sample(&self, part: Part, sample: usize) -> String {
        format!("{part:?} row {}", sample + 1)
    }
}

#[test]
fn classes_and_samples_have_the_names_of_their_user() {
    use Severity::Warning;
    let inputs: Vec<f32> = (0..20).map(|i| i as f32 / 20.0).collect();
    let labels: Vec<i64> = (0..20).map(|i| i64::from(i == 7)).collect();
    let train = small(&inputs, 1, &labels, 2);
    let validation = train.select(&[3, 4]);
    let findings = super::data(&train, Some(&validation), &Called);
    assert_found(&findings, Warning, "class no is 95.0 % of the samples");
    assert_found(&findings, Warning, "no sample of 1 class: yes");
    assert_found(&findings, Warning, "(Validation row 1 is the same as Train row 4)");
    assert!(findings.iter().all(|finding| !finding.to_string().contains("Split")), "{findings:#?}");
    let contradiction = small(&[1.0, 0.5, 0.0, 0.5], 1, &[0, 1, 0, 0], 2);
    let told = "Train row 2 is of class yes, Train row 4 is of class no";
    assert_found(&super::data(&contradiction, None, &Called), Warning, told);
}

/// Of one yes or no, every answer has been seen; and what has been seen with another target flatters nobody.
#[test]
fn the_same_inputs_again_are_no_error() {
    let answers: Vec<f32> = (0..40).map(|i| (i % 2) as f32).collect();
    let labels: Vec<i64> = (0..40).map(|i| i % 2).collect();
    let train = small(&answers, 1, &labels, 2);
    let findings = data(&train, Some(&train.select(&[0, 1, 2])));
    assert_found(&findings, Severity::Note, "3 of 3 stand in the training set too");
    assert_found(&findings, Severity::Note, "of 2 different inputs that is to be expected");
    let other = small(&[0.0, 1.0], 1, &[1, 0], 2);
    assert!(data(&train, Some(&other)).iter().all(|finding| !finding.message.contains("stand")));
}

/// Figures of a network on 256 digits, after a step at `rate`.
fn observed(mut network: Sequential<f32>, rate: f64) -> (Observation, Vec<Finding>) {
    let loss = CrossEntropyLoss::new();
    let (x, target) = digits().gather(&(0..256).collect::<Vec<_>>());
    let before = Snapshot::of(&network);
    Optim::new(&mut network, &loss, sgd(rate), 1).step(&x, &target).unwrap();
    let observation = observe(&network, &loss, &x, &target, Some(&before)).unwrap();
    let findings = judge(&observation);
    (observation, findings)
}

#[test]
fn healthy_networks_give_no_finding_while_they_learn() {
    let (train, _) = split();
    // Rectified units do die at this rate from some start values (from seed 1, 4 of 32 and 2 of 8 channels), and are then
    // rightly found; these are start values from which they live.
    let images = Sequential::new().push(Conv2d::new(1, 8, 3)).push(Relu).push(MaxPool2d::new(2)).push(Flatten::new());
    let images = images.push(Linear::new(72, 10)).seed(4);
    let rectified = Sequential::new().push(Linear::new(64, 64)).push(Relu).push(Linear::new(64, 10)).seed(2);
    let images_data = train.reshape_samples(&[1, 8, 8]).unwrap();
    for (mut network, data) in [(dense().seed(1), &train), (rectified, &train), (images, &images_data)] {
        let loss = CrossEntropyLoss::new();
        for _ in 0..3 {
            let (x, target) = data.gather(&(0..256).collect::<Vec<_>>());
            let before = Snapshot::of(&network);
            Optim::new(&mut network, &loss, sgd(0.1), 1).step(&x, &target).unwrap();
            assert_sound(&judge(&observe(&network, &loss, &x, &target, Some(&before)).unwrap()));
            Trainer::new(sgd(0.1)).epochs(3).fit(&mut network, &loss, data).unwrap();
        }
    }
}

#[test]
fn figures_of_a_layer_by_hand() {
    // x = (1, -3) and (2, -4) through Relu: (1, 0) and (2, 0); the sum's gradient is 1 everywhere, 2 samples.
    let network = Sequential::new().push(Relu);
    let (x, y) = (tensor(&[2, 2], vec![1.0, -3.0, 2.0, -4.0]), Target::Values(tensor(&[2, 2], vec![0.0; 4])));
    let observation = observe(&network, &MseLoss::new().reduction(Reduction::Sum), &x, &y, None).unwrap();
    let layer = &observation.layers[0];
    assert_eq!((layer.place.as_str(), layer.units, layer.dead, layer.seen), ("layer 0, Relu", 2, 1, 2));
    assert_eq!((layer.mean, layer.zeros, layer.saturated), (0.75, 0.5, 0.0));
    // (1 + 4)/4 − 0.75²
    assert!((layer.deviation - 0.6875f64.sqrt()).abs() < 1e-15);
    // δ = 2z = (2, 0, 4, 0)
    assert!((layer.delta - 5.0f64.sqrt()).abs() < 1e-15);
}

#[test]
fn faults_of_a_running_network_are_named() {
    use Severity::{Error, Warning};
    let mut dying = Sequential::new().push(Linear::new(64, 32)).push(Relu).push(Linear::new(32, 10)).seed(1);
    dying.parameters_mut()[1].fill(-100.0);
    let (observation, findings) = observed(dying, 0.1);
    assert_eq!(observation.layers[1].dead, 32);
    assert_found(&findings, Error, "layer 1, Relu: 32 of 32 units dead");
    assert_found(&findings, Warning, "parameter 0.weight: its gradient is exactly 0");
    assert_found(&findings, Error, "lower the learning rate");
    let told = judge_since(Some(&observation), &observation);
    assert_found(&told, Error, "32 of them before the first step; take other start values");

    let mut steep = dense().seed(1);
    steep.parameters_mut()[0].mapv_inplace(|p| 100.0 * p);
    assert_found(&observed(steep, 0.1).1, Warning, "layer 1, Tanh:");

    // Ten sigmoids in a row.
    let mut deep = Sequential::new().push(Linear::new(64, 16)).push(Sigmoid);
    for _ in 0..9 {
        deep = deep.push(Linear::new(16, 16)).push(Sigmoid);
    }
    assert_found(&observed(deep.push(Linear::new(16, 10)).seed(1), 0.1).1, Warning, "gradients fade on the way back");

    assert_found(&observed(dense().seed(1), 100.0).1, Warning, "a step moves it by");
    assert_found(&observed(dense().seed(1), 1e-8).1, Warning, "of its size only; raise");
    let mut spoilt = dense().seed(1);
    spoilt.parameters_mut()[0][[0, 0]] = f32::NAN;
    let loss = CrossEntropyLoss::new();
    let (x, target) = digits().gather(&[0, 1]);
    let findings = judge(&observe(&spoilt, &loss, &x, &target, None).unwrap());
    assert_found(&findings, Error, "layer 0, Linear(64, 32): the first layer with outputs that are no numbers");
}

#[test]
fn findings_are_lines_and_data() {
    let finding = Finding::new(Severity::Warning, "layer 1, Relu", "3 units dead", "use LeakyReLU");
    assert_eq!(finding.to_string(), "warning: layer 1, Relu: 3 units dead; use LeakyReLU");
    let text = serde_json::to_string(&finding).unwrap();
    assert!(text.starts_with(r#"{"severity":"warning","place":"layer 1, Relu","#), "{text}");
    assert_eq!(serde_json::from_str::<Finding>(&text).unwrap(), finding);
    assert_eq!(list(&[3, 5, 8], |at| at.to_string()), "3, 5 and 8");
    assert_eq!(list(&(0..12).collect::<Vec<_>>(), |at| at.to_string()), "0, 1, 2, 3, 4, 5, 6, 7 and 4 others");
}

#[test]
fn layers_that_start_alike_are_named_and_seeded_ones_are_not() {
    let chain = || {
        let block = Sequential::new().push(Linear::new(64, 64)).push(Tanh);
        Sequential::<f32>::new()
            .push(Linear::new(64, 64))
            .push(Linear::new(64, 32))
            .push(block)
            .push(Linear::new(64, 64))
    };
    let findings = twins(&chain());
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let wanted = "warning: layer 0, Linear(64, 64): the weights of layer 2.0 and layer 3 are the same at the start";
    assert!(findings[0].to_string().starts_with(wanted), "{findings:#?}");
    assert_eq!(twins(&chain().seed(1)), []);
    // Halves of one size, told before training; and norms that all start with ones.
    let half = || Sequential::new().push(Linear::new(64, 64)).push(LayerNorm::new([64])).push(Tanh);
    let both = AutoEncoder::new(half(), half());
    assert_found(
        &before_training(&both, &MseLoss::new(), &digits(), None),
        Severity::Warning,
        "the weights of layer decoder.0 are the same",
    );
    assert_eq!(twins(&both.seed(1)), []);
}
