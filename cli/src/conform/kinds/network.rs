//! A chain of layers under a loss: the output, the loss and every gradient of one pass.

use super::layer::{descriptions, named_gradients, set_parameters};
use super::{Case, Numbers, Operation, Results, Stop, loss};
use limpide::model::build_chain;
use limpide::{Gradients, Module, Real, Tape};

#[derive(serde::Deserialize)]
struct Entry {
    layers: Vec<Operation>,
    loss: Operation,
}

pub(super) fn run<T: Real>(case: &Case) -> Result<Results, Stop> {
    let entry: Entry = case.entry()?;
    let mut network = build_chain::<T>(&descriptions(&entry.layers)?)?;
    set_parameters(&mut network, case, "param.")?;
    let loss = loss::build::<T>(&entry.loss)?;
    let (input, target) = (case.numbers("input")?.tensor(), case.numbers("target")?.target());
    loss.check(&network.output_shape(input.shape())?, &target)?;

    let (mut tape, mut gradients) = (Tape::new(), Gradients::zeros_for(&network));
    let output = network.forward(&input, &mut tape);
    let delta = network.backward(&mut tape, &loss.backward(&output, &target), &mut gradients);
    let mut results = Results::from([
        ("output".to_string(), Numbers::of(&output)),
        ("loss".to_string(), Numbers::of(&loss.forward(&output, &target))),
        ("grad_input".to_string(), Numbers::of(&delta)),
    ]);
    results.extend(named_gradients(&gradients));
    Ok(results)
}
