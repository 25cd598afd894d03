//! The normalisations by hand: large means, running averages, and what belongs to which entry.

use super::*;
use crate::module::{Module, Tape};
use crate::tensor;
use crate::tensor::values;

fn near(got: &[f64], wanted: &[f64]) {
    let apart = got.iter().zip(wanted).map(|(got, wanted)| (got - wanted).abs()).fold(0.0, f64::max);
    assert!(got.len() == wanted.len() && apart < 1e-12, "got {got:?}, wanted {wanted:?}");
}

#[test]
fn a_large_mean_takes_no_digits_from_the_variance() {
    // In f32, (10⁶)² has steps of 65,536: E[x²] − E[x]² would be 0 or worse.
    let x: Vec<f32> = vec![1e6 - 1.0, 1e6 + 1.0, 1e6 + 1.0, 1e6 - 1.0];
    let wanted = [-1.0, 1.0, 1.0, -1.0];
    let columns = tensor(&[4, 1], x.clone());
    assert_eq!(values(&BatchNorm1d::new(1).eps(0.0).forward(&columns, &mut Tape::new())), wanted);
    let image = tensor(&[2, 1, 1, 2], x.clone());
    assert_eq!(values(&BatchNorm2d::new(1).eps(0.0).forward(&image, &mut Tape::new())), wanted);
    assert_eq!(values(&LayerNorm::new([4]).eps(0.0).forward(&tensor(&[1, 4], x), &mut Tape::new())), wanted);
}

#[test]
fn running_averages_by_hand() {
    // Means 3 and 7; variances 4 and 16 with n, 8 and 32 with n − 1.
    let batches = [vec![1.0, 5.0], vec![3.0, 11.0]].map(|x| tensor(&[2, 1], x));
    let trained = |mut layer: BatchNorm1d<f64>| {
        for batch in &batches {
            let mut tape = Tape::new();
            layer.forward(batch, &mut tape);
            layer.update_buffers(&tape);
        }
        [layer.running_mean[[0]], layer.running_var[[0]], values(&layer.num_batches_tracked)[0]]
    };
    let quarter = trained(BatchNorm1d::new(1).momentum(0.25));
    near(&quarter, &[0.75 * (0.25 * 3.0) + 0.25 * 7.0, 0.75 * (0.75 + 0.25 * 8.0) + 0.25 * 32.0, 2.0]);
    near(&trained(BatchNorm1d::new(1).momentum(None)), &[5.0, 20.0, 2.0]);
}

#[test]
fn evaluation_takes_the_running_values_sample_by_sample() {
    let mut layer = BatchNorm1d::<f64>::new(2).eps(0.0);
    layer.running_mean = tensor(&[2], vec![1.0, 10.0]);
    layer.running_var = tensor(&[2], vec![4.0, 25.0]);
    layer.weight = Some(tensor(&[2], vec![3.0, 1.0]));
    layer.bias = Some(tensor(&[2], vec![0.5, -1.0]));
    let mut tape = Tape::evaluating();
    let z = layer.forward(&tensor(&[1, 2], vec![5.0, 0.0]), &mut tape);
    near(values(&z), &[3.0 * 2.0 + 0.5, -2.0 - 1.0]);
    // μ and v are constants: ∂L/∂X = γ/√v·δ.
    near(values(&layer.backward_delta(&mut tape, &tensor(&[1, 2], vec![1.0, 1.0]))), &[1.5, 0.2]);
}

#[test]
fn one_value_a_channel_cannot_be_trained_on() {
    let layer = BatchNorm2d::<f64>::new(3);
    assert_eq!(layer.training_shape(&[1, 3, 1, 2]).unwrap(), [1, 3, 1, 2]);
    let error = layer.training_shape(&[1, 3, 1, 1]).unwrap_err().to_string();
    assert_eq!(
        error,
        "BatchNorm2d(3) wants more than one value a channel in training, as one has no variance: a larger batch, or no last \
         small one, got (1, 3, 1, 1)"
    );
    assert_eq!(layer.output_shape(&[1, 3, 1, 1]).unwrap(), [1, 3, 1, 1]);
}

#[test]
fn every_group_has_its_own_mean_and_every_channel_its_own_weight() {
    let mut layer = GroupNorm::<f64>::new(2, 4).eps(0.0);
    layer.weight = Some(tensor(&[4], vec![1.0, 2.0, 3.0, 4.0]));
    layer.bias = Some(tensor(&[4], vec![0.0, 10.0, 20.0, 30.0]));
    // Groups (1, 5) with mean 3 and deviation 2, and (10, 30) with 20 and 10.
    let mut tape = Tape::new();
    let z = layer.forward(&tensor(&[1, 4], vec![1.0, 5.0, 30.0, 10.0]), &mut tape);
    near(values(&z), &[-1.0, 2.0 + 10.0, 3.0 + 20.0, -4.0 + 30.0]);
    near(values(tape.kept("mean").unwrap()), &[3.0, 20.0]);
    near(values(tape.kept("variance").unwrap()), &[4.0, 100.0]);
}

#[test]
fn display_writes_the_options_that_are_not_the_defaults() {
    let layer = BatchNorm2d::<f32>::new(3).momentum(0.3).eps(0.001).without_affine();
    assert_eq!(layer.to_string(), "BatchNorm2d(3).momentum(0.3).eps(0.001).without_affine()");
    assert_eq!(BatchNorm1d::<f32>::new(3).momentum(None).to_string(), "BatchNorm1d(3).momentum(None)");
    assert_eq!(LayerNorm::<f32>::new([3, 4]).eps(0.1).to_string(), "LayerNorm([3, 4]).eps(0.1)");
    assert_eq!(GroupNorm::<f32>::new(2, 4).without_affine().to_string(), "GroupNorm(2, 4).without_affine()");
}
