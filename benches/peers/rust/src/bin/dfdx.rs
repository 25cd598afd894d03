//! dfdx: the dense workload, moons and a single row. Its convolutions need a nightly compiler.

use dfdx::optim::{Sgd, SgdConfig};
use dfdx::prelude::*;
use peers::{Options, ROWS, Random, Samples, turns, unsupported};
use std::hint::black_box;

type Dense = ((Linear<784, 128>, Tanh), Linear<128, 10>);
type Moons = ((Linear<2, 16>, Tanh), Linear<16, 1>);

fn main() {
    dfdx::flush_denormals_to_zero();
    let options = Options::from_arguments();
    match options.workload.as_str() {
        "dense" => dense(&options),
        "moons" => moons(&options),
        "row" => row(&options),
        other => unsupported(other),
    }
}

/// Plain gradient descent.
fn descent(options: &Options) -> SgdConfig {
    SgdConfig { lr: options.rate(), momentum: None, weight_decay: None }
}

fn dense(options: &Options) {
    let device = Cpu::default();
    let samples = options.training_data();
    let mut model = device.build_module::<Dense, f32>();
    let mut optimizer = Sgd::new(&model, descent(options));
    let mut gradients = Some(model.alloc_grads());
    let mut random = Random(2);
    turns(options, || {
        let mut total = 0.0;
        for indices in random.order(samples.count()).chunks(options.batch()) {
            let x = device.tensor_from_vec(samples.rows(indices), (indices.len(), Const::<784>));
            let y = device.tensor_from_vec(one_hot(&samples, indices), (indices.len(), Const::<10>));
            let logits = model.forward_mut(x.traced(gradients.take().expect("given back")));
            let loss = (logits.log_softmax::<Axis<1>>() * y).sum().negate();
            total += f64::from(loss.array());
            let mut slopes = loss.backward();
            optimizer.update(&mut model, &slopes).expect("every parameter has a gradient");
            model.zero_grads(&mut slopes);
            gradients = Some(slopes);
        }
        total / options.terms(&samples)
    });
}

fn one_hot(samples: &Samples, indices: &[usize]) -> Vec<f32> {
    let mut rows = vec![0.0; indices.len() * 10];
    for (row, &index) in indices.iter().enumerate() {
        rows[row * 10 + usize::from(samples.labels[index])] = 1.0;
    }
    rows
}

fn moons(options: &Options) {
    let device = Cpu::default();
    let samples = options.training_data();
    let mut model = device.build_module::<Moons, f32>();
    let mut optimizer = Sgd::new(&model, descent(options));
    let mut gradients = Some(model.alloc_grads());
    let mut random = Random(2);
    turns(options, || {
        let mut total = 0.0;
        for indices in random.order(samples.count()).chunks(options.batch()) {
            let labels = indices.iter().map(|&index| f32::from(samples.labels[index])).collect();
            let x = device.tensor_from_vec(samples.rows(indices), (indices.len(), Const::<2>));
            let y = device.tensor_from_vec(labels, (indices.len(), Const::<1>));
            let logits = model.forward_mut(x.traced(gradients.take().expect("given back")));
            let loss = logits.bce_with_logits(y).mean();
            total += f64::from(loss.array());
            let mut slopes = loss.backward();
            optimizer.update(&mut model, &slopes).expect("every parameter has a gradient");
            model.zero_grads(&mut slopes);
            gradients = Some(slopes);
        }
        total / options.terms(&samples)
    });
}

fn row(options: &Options) {
    let device = Cpu::default();
    let model = device.build_module::<Dense, f32>();
    let row = device.ones::<Rank2<1, 784>>();
    turns(options, || {
        for _ in 0..ROWS {
            black_box(model.forward(row.clone()));
        }
        0.0
    });
}
