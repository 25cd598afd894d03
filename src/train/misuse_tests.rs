//! Mistakes that a run names before or while it goes.

use crate::data::{Dataset, Inputs, Target};
use crate::format::save;
use crate::kernels::Workers;
use crate::layers::Linear;
use crate::loss::{BceLoss, Loss, MseLoss, SampleWeighted};
use crate::optim::{Group, Optimizer, Sgd};
use crate::train::{Checkpoints, Engine, Trainer, evaluate};
use crate::{Gradients, Module, Result, Sequential, Tape, Tensor, tensor, zeros};
use std::fmt;

/// Hands on its input and counts its steps.
#[derive(Debug)]
struct Counts(Tensor<f32>);

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counts")
    }
}

impl Module<f32> for Counts {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }
    fn forward(&self, input: &Tensor<f32>, tape: &mut Tape<f32>) -> Tensor<f32> {
        tape.record(input, input.clone())
    }
    fn backward_delta(&self, _: &mut Tape<f32>, delta: &Tensor<f32>) -> Tensor<f32> {
        delta.clone()
    }
    fn buffers(&self) -> Vec<(String, &Tensor<f32>)> {
        vec![("steps".into(), &self.0)]
    }
    fn buffers_mut(&mut self) -> Vec<&mut Tensor<f32>> {
        vec![&mut self.0]
    }
    fn update_buffers(&mut self, _: &Tape<f32>) {
        self.0 += 1.0;
    }
}

fn data(samples: usize, y: Vec<f32>) -> Dataset<f32> {
    let y = Target::Values(tensor(&[samples, 1], y));
    Dataset::new("zeros", Inputs::Real(zeros(&[samples, 1])), y, 0).unwrap()
}

fn trainer<'a>() -> Trainer<'a, f32> {
    Trainer::new(Sgd::new(0.1).unwrap()).batch_size(4)
}

#[test]
fn the_buffers_of_a_layer_of_ones_own_move_once_a_step() {
    let mut network = Sequential::new().push(Linear::new(1, 1)).push(Counts(zeros(&[]))).push(Linear::new(1, 1));
    trainer().epochs(3).fit(&mut network, &MseLoss::new(), &data(8, vec![0.0; 8])).unwrap();
    assert_eq!(*network.buffers()[0].1, tensor(&[], vec![6.0]));
}

#[test]
fn a_target_that_is_no_number_is_named_by_its_sample() {
    let mut y = vec![0.0; 8];
    y[5] = f32::NAN;
    let error = trainer().fit(&mut Linear::new(1, 1), &MseLoss::new(), &data(8, y)).unwrap_err().to_string();
    assert!(error.contains("sample 5 has a target that is NaN"), "{error}");
}

#[test]
fn a_score_of_no_sample_is_refused() {
    let error = evaluate(&Linear::new(1, 1), &MseLoss::new(), &data(0, vec![]), &mut Engine::new(1)).unwrap_err();
    assert_eq!(error.to_string(), "evaluate: samples of zeros must be at least 1, got 0");
}

#[test]
#[should_panic(expected = "Gradients::add wants gradients of the same module: [[3, 2], [3]], got [[2, 3], [2]]")]
fn gradients_of_another_module_are_not_added() {
    Gradients::zeros_for(&Linear::<f32>::new(2, 3)).add(&Gradients::zeros_for(&Linear::new(3, 2)));
}

#[test]
#[should_panic(expected = "update_parameters wants gradients of this module")]
fn gradients_of_another_module_move_nothing() {
    Linear::<f32>::new(2, 3).update_parameters(&Gradients::zeros_for(&Linear::new(3, 2)), 0.1);
}

#[test]
fn validation_on_no_sample_is_refused() {
    let (train, none) = (data(8, vec![0.0; 8]), data(0, vec![]));
    let error = trainer().validation(&none).fit(&mut Linear::new(1, 1), &MseLoss::new(), &train).unwrap_err();
    assert_eq!(error.to_string(), "Trainer: validation samples must be at least 1, got 0");
}

#[test]
fn gradients_of_another_network_are_refused() {
    let (mut network, other) = (Linear::<f32>::new(2, 3), Linear::new(3, 2));
    let mut optimizer = Optimizer::from(Sgd::new(0.1).unwrap());
    let error = optimizer.step(&mut network, &Gradients::zeros_for(&other), &mut Workers::new(1)).unwrap_err();
    assert!(error.to_string().contains("the gradients are not those of this network"), "{error}");
}

/// Samples of one number each, the target 0.
fn inputs(x: Vec<f32>) -> Dataset<f32> {
    let y = Target::Values(zeros(&[x.len(), 1]));
    Dataset::new("ones", Inputs::Real(tensor(&[x.len(), 1], x)), y, 0).unwrap()
}

#[test]
fn validation_and_scores_on_what_is_no_number_name_the_sample() {
    let mut bad = vec![1.0; 8];
    bad[6] = f32::NAN;
    bad[7] = f32::INFINITY;
    let wanted = "data set ones: each input of sample 6 must be a finite number; drop such samples, or fill in what is \
                  missing, got NaN";
    let (bad, mut network) = (inputs(bad), Linear::new(1, 1));
    let before = network.clone();
    let train = inputs(vec![1.0; 8]);
    let error = trainer().validation(&bad).fit(&mut network, &MseLoss::new(), &train).unwrap_err();
    assert_eq!(error.to_string(), wanted);
    assert_eq!(network.parameters(), before.parameters());
    let error = evaluate(&network, &MseLoss::new(), &bad, &mut Engine::new(2)).unwrap_err();
    assert_eq!(error.to_string(), wanted);
    let error = trainer().fit(&mut network, &MseLoss::new(), &bad).unwrap_err().to_string();
    assert!(error.contains("sample 6 has an input that is NaN") || error.contains("sample 7 has an input"), "{error}");
    let mut y = vec![0.0; 8];
    y[3] = f32::NEG_INFINITY;
    let error = trainer().validation(&data(8, y)).fit(&mut network, &MseLoss::new(), &train).unwrap_err();
    assert!(
        error.to_string().starts_with("data set zeros: each target of sample 3 must be a finite number"),
        "{error}"
    );
    // A network that has run away has a score that is no number, and the data are not to blame.
    let large = Linear::from_values(tensor(&[1, 1], vec![f32::INFINITY]), None).unwrap();
    assert!(!evaluate(&large, &MseLoss::new(), &train, &mut Engine::new(1)).unwrap().loss.is_finite());
}

#[test]
fn what_is_no_probability_is_refused_by_name() {
    let wanted = "BceLoss(Mean): each output must be a probability, 0 to 1 (end the network with Sigmoid, or use \
                  BCEWithLogitsLoss), got";
    let loss = BceLoss::new();
    for (weight, found) in [(1.5, "1.5"), (-0.25, "-0.25")] {
        let data = inputs(vec![1.0; 8]);
        let mut network = Linear::from_values(tensor(&[1, 1], vec![weight]), None).unwrap();
        let full = format!("{wanted} {found}");
        let error = evaluate(&network, &loss, &data, &mut Engine::new(2)).unwrap_err();
        assert_eq!(error.to_string(), full);
        let (x, y) = data.gather(&[0, 1]);
        let mut gradients = Gradients::zeros_for(&network);
        let error = Engine::new(1).gradients(&network, &loss, &x, &y, &mut gradients).unwrap_err();
        assert_eq!(error.to_string(), full);
        let error = trainer().fit(&mut network, &loss, &data).unwrap_err().to_string();
        assert!(error.contains(&format!("step 1: {full}")), "{error}");
        let panic = std::panic::catch_unwind(|| loss.forward(&tensor(&[1, 1], vec![weight]), &y.select(&[0])));
        assert_eq!(panic.unwrap_err().downcast_ref::<String>(), Some(&full));
        let weighted = SampleWeighted::<f32>::new(BceLoss::new());
        assert!(weighted.check_output(&[0.5, weight]).unwrap_err().to_string().ends_with(found));
    }
    // Both ends are probabilities; what is no number has another reason.
    Loss::<f32>::check_output(&loss, &[0.0, 1.0, f32::NAN]).unwrap();
}

/// One number under one name twice.
#[derive(Debug)]
struct Twice([Tensor<f32>; 2]);

impl fmt::Display for Twice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Twice")
    }
}

impl Module<f32> for Twice {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }
    fn forward(&self, input: &Tensor<f32>, tape: &mut Tape<f32>) -> Tensor<f32> {
        tape.record(input, input.clone())
    }
    fn backward_delta(&self, _: &mut Tape<f32>, delta: &Tensor<f32>) -> Tensor<f32> {
        delta.clone()
    }
    fn parameters(&self) -> Vec<(String, &Tensor<f32>)> {
        self.0.iter().map(|own| ("weight".to_string(), own)).collect()
    }
    fn parameters_mut(&mut self) -> Vec<&mut Tensor<f32>> {
        self.0.iter_mut().collect()
    }
}

#[test]
fn one_name_for_two_parameters_is_refused_before_it_is_saved_or_trained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut network = Sequential::new().push(Linear::new(1, 1)).push(Twice([zeros(&[1]), zeros(&[1])]));
    let wanted =
        "the names of a network's parameters and buffers must be different from each other, got 1.weight twice";
    assert_eq!(save(&network, &path).unwrap_err().to_string(), wanted);
    assert!(!path.exists());
    let error = trainer().fit(&mut network, &MseLoss::new(), &data(8, vec![0.0; 8])).unwrap_err();
    assert_eq!(error.to_string(), wanted);
}

#[test]
fn a_trainer_prints_its_settings() {
    let validation = data(8, vec![0.0; 8]);
    let text = format!("{:?}", trainer().epochs(7).validation(&validation).on_step(|_| {}));
    for part in ["optimizer: \"Sgd(0.1)\"", "epochs: 7", "batch_size: 4", "validation: Some(\"zeros\")", "callbacks: 1"]
    {
        assert!(text.contains(part), "wants {part} in {text}");
    }
}

#[test]
fn a_group_of_no_parameter_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = folder.path().join("checkpoints");
    for group in [Group::max_rank(0), Group::prefix("1")] {
        let optimizer = Optimizer::from(Sgd::new(0.1).unwrap()).group(group.clone());
        let trainer = Trainer::new(optimizer).checkpoints(Checkpoints::new(&checkpoints));
        let train = data(8, vec![0.0; 8]);
        let error = trainer.fit(&mut Linear::new(1, 1), &MseLoss::new(), &train).unwrap_err().to_string();
        let wanted = "Sgd(0.1): a group must be of parameters that are there, which are weight (1, 1), bias (1,), got";
        assert_eq!(error, format!("{wanted} {group}"));
        assert!(!checkpoints.exists());
    }
}
