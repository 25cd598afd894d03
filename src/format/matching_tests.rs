//! A trained network's tensors taken into networks of other heads, and the weights of a checkpoint.

use super::*;
use crate::data::regression;
use crate::format::{load_into, save};
use crate::layers::{Linear, Tanh};
use crate::loss::MseLoss;
use crate::optim::Sgd;
use crate::train::{Checkpoints, Trainer};
use crate::{Sequential, Tensor};

fn body(inputs: usize, seed: u64) -> Sequential<f32> {
    Sequential::new().push(Linear::new(inputs, 3)).push(Tanh).seed(seed)
}

fn tensors(network: &Sequential<f32>) -> Vec<Tensor<f32>> {
    network.parameters().into_iter().map(|(_, value)| value.clone()).collect()
}

#[test]
fn what_fits_is_taken_and_the_rest_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let theirs = body(2, 1).push(Linear::new(3, 4)).push(Linear::new(4, 1));
    save(&theirs, &path).unwrap();
    let mut own = body(2, 2).push(Linear::new(3, 2)).push(Tanh).push(Linear::new(2, 2).without_bias()).seed(2);
    let (before, theirs) = (tensors(&own), tensors(&theirs));
    let matching = load_matching(&mut own, &path).unwrap();
    let shapes = |list: &[(&str, &[usize])]| -> Vec<(String, Vec<usize>)> {
        list.iter().map(|(name, shape)| (name.to_string(), shape.to_vec())).collect()
    };
    let misshapen = |name: &str, wanted: &[usize], found: &[usize]| Misshapen {
        name: name.into(),
        wanted: wanted.into(),
        found: found.into(),
    };
    let wanted = Matching {
        taken: ["0.weight", "0.bias"].map(String::from).into(),
        misshapen: vec![misshapen("2.weight", &[2, 3], &[4, 3]), misshapen("2.bias", &[2], &[4])],
        missing: shapes(&[("4.weight", &[2, 2])]),
        extra: shapes(&[("3.bias", &[1]), ("3.weight", &[1, 4])]),
    };
    assert_eq!(matching, wanted);
    assert!(!matching.is_exact());
    assert_eq!(tensors(&own), [&theirs[..2], &before[2..]].concat());
}

#[test]
fn where_nothing_fits_the_network_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    save(&body(5, 1), &path).unwrap();
    let mut own = Sequential::new().push(Linear::new(2, 4)).seed(2);
    let before = tensors(&own);
    let message = load_matching(&mut own, &path).unwrap_err().to_string();
    let wanted = "has no tensor that fits this network: 0 of 2 tensors taken; 0.weight wants (4, 2), got (3, 5); 0.bias \
                  wants (4,), got (3,)";
    assert!(message.ends_with(wanted), "{message}");
    assert_eq!(tensors(&own), before);
    let missing = load_matching(&mut own, &folder.path().join("none")).unwrap_err().to_string();
    assert!(missing.contains("none"), "{missing}");
}

#[test]
fn a_long_list_is_counted() {
    let network = (0..10).fold(Sequential::<f32>::new(), |chain, _| chain.push(Linear::new(1, 1).without_bias()));
    let found = BTreeMap::from([("0.weight".to_string(), vec![1, 1])]);
    let line = Matching::of(&shapes(&state(&network)), &found).to_string();
    assert!(line.starts_with("1 of 10 tensors taken; 1.weight (1, 1) is missing; 2.weight"), "{line}");
    assert!(line.ends_with("; 8.weight (1, 1) is missing; and 1 more"), "{line}");
}

#[test]
fn the_weights_of_a_checkpoint_are_read_by_both() {
    let folder = tempfile::tempdir().unwrap();
    let data = regression::<f32>(20, -1.0..1.0, 1).unwrap();
    let trainer = Trainer::new(Sgd::new(0.1).unwrap().momentum(0.9)).epochs(2);
    let mut trained = body(2, 1).push(Linear::new(3, 1)).seed(1);
    trainer.checkpoints(Checkpoints::new(folder.path())).fit(&mut trained, &MseLoss::new(), &data).unwrap();
    let newest = Checkpoints::newest(folder.path()).unwrap().unwrap();
    let fresh = || body(2, 2).push(Linear::new(3, 1)).seed(2);
    let (mut one, mut two) = (fresh(), fresh());
    load_into(&mut one, &newest).unwrap();
    let matching = load_matching(&mut two, &newest).unwrap();
    // The optimiser's arrays are no tensors too many.
    assert!(matching.is_exact() && matching.taken.len() == 4, "{matching}");
    for own in [one, two] {
        assert_eq!(tensors(&own), tensors(&trained));
    }
    let message = load_into(&mut body(2, 1), &newest).unwrap_err().to_string();
    assert!(message.ends_with("is not of this network: 2.bias (1,) is extra; 2.weight (1, 3) is extra"), "{message}");
}
