//! The training loop: what it returns, when it stops, and what it says when a loss is no longer a number.

use limpide::data::{Dataset, Inputs, Target, regression};
use limpide::layers::{Linear, Tanh};
use limpide::loss::MseLoss;
use limpide::optim::Sgd;
use limpide::train::{Flow, Trainer, sgd};
use limpide::{Module, Sequential, tensor};

fn network() -> Sequential<f32> {
    Sequential::new().push(Linear::new(2, 4)).push(Tanh).push(Linear::new(4, 1)).seed(1)
}

fn bits(network: &dyn Module<f32>) -> Vec<u32> {
    network.parameters().iter().flat_map(|(_, value)| value.iter().map(|p| p.to_bits())).collect()
}

#[test]
fn sgd_returns_the_mean_loss_of_each_epoch_and_it_falls() {
    let data = regression::<f32>(64, -1.0..1.0, 1).unwrap();
    let losses = sgd(&mut network(), &MseLoss::new(), &data, 0.1, 5, 16, 1).unwrap();
    assert_eq!(losses.len(), 5);
    assert!(losses[4] < losses[0], "{losses:?}");
}

#[test]
fn a_callback_stops_the_run_after_its_epoch() {
    let data = regression::<f32>(16, -1.0..1.0, 1).unwrap();
    let stop = |epoch: &limpide::train::Epoch, _: &dyn Module<f32>| {
        if epoch.number == 3 { Flow::Stop } else { Flow::Continue }
    };
    let trainer = Trainer::new(Sgd::new(0.1).unwrap()).epochs(9).on_epoch(stop);
    assert_eq!(trainer.fit(&mut network(), &MseLoss::new(), &data).unwrap().epochs.len(), 3);
}

#[test]
fn the_first_tensor_that_overflows_is_named_and_the_parameters_stay() {
    let mut network = network();
    // tanh gives at most 1, so the second linear layer is the first to overflow.
    network.parameters_mut()[2].fill(f32::MAX);
    network.parameters_mut()[1].fill(9.0);
    let before = bits(&network);
    let data = regression::<f32>(16, -1.0..1.0, 1).unwrap();
    let error = Trainer::new(Sgd::new(0.1).unwrap()).fit(&mut network, &MseLoss::new(), &data).unwrap_err().to_string();
    assert!(error.contains("epoch 1, step 1: 2.output is the first tensor"), "{error}");
    assert!(bits(&network) == before, "a step on a loss that is not a number has moved the parameters");
}

#[test]
fn a_bad_number_in_the_data_is_told_from_a_bad_network() {
    let inputs = Inputs::Real(tensor(&[2, 2], vec![0.0, 1.0, f32::NAN, 1.0]));
    let data = Dataset::new("bad", inputs, Target::Values(tensor(&[2, 1], vec![0.0, 1.0])), 0).unwrap();
    let error = sgd(&mut network(), &MseLoss::new(), &data, 0.1, 1, 2, 1).unwrap_err().to_string();
    assert!(error.contains("the batch itself holds a value that is not finite"), "{error}");
}
