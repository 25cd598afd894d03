//! Convolution, pooling and softmax, verb by verb, through the layers.

use super::tally::{Work, measure};
use divan::Bencher;
use limpide::layers::{AvgPool2d, Conv2d, LogSoftmax, MaxPool2d, Softmax};
use limpide::model::flops;
use limpide::tensor::shape_text;
use limpide::{Gradients, Module, Tape, Tensor, tensor};

const BATCH: usize = 16;

const VERBS: [&str; 3] = ["forward", "backward_update_gradient", "backward_delta"];

fn numbers(shape: &[usize]) -> Tensor<f32> {
    let count: usize = shape.iter().product();
    tensor(shape, (0..count).map(|i| (i * 7 % 31) as f32 / 31.0 - 0.5).collect())
}

/// Times one verb of a layer.
fn verb(bencher: Bencher, verb: &str, layer: &dyn Module<f32>, input: &[usize], work: Work) {
    let x = numbers(input);
    let mut tape = Tape::new();
    let delta = numbers(layer.forward(&x, &mut tape).shape());
    let mut gradients = Gradients::zeros_for(layer);
    measure(bencher, format!("{layer} on {}: {verb}", shape_text(input)), work, || match verb {
        "forward" => drop(layer.forward(divan::black_box(&x), &mut tape)),
        "backward_delta" => drop(layer.backward_delta(&mut tape, divan::black_box(&delta))),
        _ => layer.backward_update_gradient(&mut tape, divan::black_box(&delta), &mut gradients),
    });
}

/// The two convolutions of the report's network.
#[divan::bench(args = VERBS)]
fn conv2d_1_to_16(bencher: Bencher, name: &str) {
    convolution(bencher, name, Conv2d::new(1, 16, 3).padding(1), &[BATCH, 1, 28, 28]);
}

#[divan::bench(args = VERBS)]
fn conv2d_16_to_32(bencher: Bencher, name: &str) {
    convolution(bencher, name, Conv2d::new(16, 32, 3).padding(1), &[BATCH, 16, 14, 14]);
}

fn convolution(bencher: Bencher, name: &str, layer: Conv2d<f32>, input: &[usize]) {
    let flops = flops(&layer, input).expect("a fitting shape").forward as usize;
    verb(bencher, name, &layer, input, Work::Flops(flops));
}

#[divan::bench(args = ["forward", "backward_delta"])]
fn max_pool2d(bencher: Bencher, name: &str) {
    moved(bencher, name, &MaxPool2d::new(2), &[BATCH, 16, 28, 28]);
}

#[divan::bench(args = ["forward", "backward_delta"])]
fn avg_pool2d(bencher: Bencher, name: &str) {
    moved(bencher, name, &AvgPool2d::new(2), &[BATCH, 16, 28, 28]);
}

#[divan::bench(args = [10, 1000])]
fn softmax(bencher: Bencher, classes: usize) {
    moved(bencher, "forward", &Softmax::new(), &[64, classes]);
}

#[divan::bench(args = [10, 1000])]
fn log_softmax(bencher: Bencher, classes: usize) {
    moved(bencher, "forward", &LogSoftmax::new(), &[64, classes]);
}

/// A layer that does little arithmetic: its speed is that of its input and output.
fn moved(bencher: Bencher, name: &str, layer: &dyn Module<f32>, input: &[usize]) {
    let output = layer.output_shape(input).expect("a fitting shape");
    let entries: usize = input.iter().product::<usize>() + output.iter().product::<usize>();
    verb(bencher, name, layer, input, Work::Bytes(entries * size_of::<f32>()));
}
