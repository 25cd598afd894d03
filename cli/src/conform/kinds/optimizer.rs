//! An optimiser on given gradients: the parameters after every step, and its state after the last where it was given one.

use super::{Case, Numbers, Operation, Results, Stop};
use limpide::kernels::Workers;
use limpide::optim::{OPTIMIZERS, Optimizer, OptimizerDescription};
use limpide::{Gradients, Module, Real, Result, Tape, Tensor};
use std::fmt;

#[derive(serde::Deserialize)]
struct Entry {
    #[serde(flatten)]
    operation: Operation,
    steps: usize,
}

pub(super) fn run<T: Real>(case: &Case) -> std::result::Result<Results, Stop> {
    let Entry { operation, steps } = case.entry()?;
    let mut optimizer = build::<T>(&operation)?;
    let count = (0..).take_while(|i| case.optional(&format!("param_init.{i}")).is_some()).count();
    let slot = |name: &str, i: usize| case.numbers(&format!("{name}.{i}"));
    let start: Vec<Tensor<T>> =
        (0..count).map(|i| Ok(slot("param_init", i)?.tensor())).collect::<std::result::Result<_, String>>()?;
    let mut bare = Bare(start);
    let mut gradients = Gradients::zeros_for(&bare);
    let mut workers = Workers::new(1);
    let given = set_state(&mut optimizer, &bare, case)?;
    let mut after = vec![Vec::new(); count];
    for step in 0..steps {
        for i in 0..count {
            gradients[i] = slot("grads", i)?.part(step)?.tensor();
        }
        optimizer.step(&mut bare, &gradients, &mut workers)?;
        for (values, parameter) in after.iter_mut().zip(&bare.0) {
            values.extend(Numbers::of(parameter).values);
        }
    }
    let stacked = |(i, values): (usize, Vec<f64>)| {
        let shape: Vec<usize> = std::iter::once(steps).chain(bare.0[i].shape().iter().copied()).collect();
        (format!("param_after.{i}"), Numbers::new(&shape, values))
    };
    let mut results: Results = after.into_iter().enumerate().map(stacked).collect();
    if given {
        let state = optimizer.state().tensors;
        results.extend(state.iter().map(|(name, tensor)| (slot_of("state_after", name), Numbers::of(tensor))));
    }
    Ok(results)
}

/// Puts an optimiser into the state that a case gives, as if it had come there by a step; whether the case gives one.
fn set_state<T: Real>(optimizer: &mut Optimizer<T>, bare: &Bare<T>, case: &Case) -> std::result::Result<bool, Stop> {
    optimizer.prepare(bare)?;
    let mut state = optimizer.state();
    let names = state.tensors.iter().map(|(name, _)| slot_of("state_init", name));
    let Some(given) = names.map(|slot| case.optional(&slot)).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
    else {
        return Ok(false);
    };
    state.clock = 1;
    state.tensors.iter_mut().zip(given).for_each(|((_, tensor), numbers)| *tensor = numbers.tensor());
    optimizer.load_state(bare, &state)?;
    Ok(true)
}

/// The slot `before.momentum_buffer.0` of the state `0.momentum_buffer`.
fn slot_of(before: &str, state: &str) -> String {
    let (parameter, name) = state.split_once('.').unwrap_or_default();
    format!("{before}.{name}.{parameter}")
}

/// The library's optimiser for an operation.
pub(super) fn build<T: Real>(operation: &Operation) -> std::result::Result<Optimizer<T>, Stop> {
    if !OPTIMIZERS.contains(&operation.op.as_str()) {
        return Err(Stop::Unsupported(vec![operation.op.clone()]));
    }
    let description: OptimizerDescription =
        serde_json::from_value(operation.tagged("type")).map_err(|error| format!("{}: {error}", operation.op))?;
    Ok(description.build()?)
}

/// Parameters without a function, as an optimiser sees any module.
#[derive(Debug)]
struct Bare<T>(Vec<Tensor<T>>);

impl<T: Real> Module<T> for Bare<T> {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        tape.record(input, input.clone())
    }

    fn backward_delta(&self, _tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        delta.clone()
    }

    fn parameters(&self) -> Vec<(String, &Tensor<T>)> {
        self.0.iter().enumerate().map(|(i, parameter)| (i.to_string(), parameter)).collect()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Tensor<T>> {
        self.0.iter_mut().collect()
    }
}

impl<T> fmt::Display for Bare<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} parameters", self.0.len())
    }
}
