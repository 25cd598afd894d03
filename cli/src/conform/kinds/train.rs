//! A training run with given data, start values and batches: every step's loss and the network after the last.

use super::layer::{descriptions, named_buffers, set_parameters};
use super::mnist::{Images, MnistRun};
use super::{Case, Numbers, Operation, Results, Stop, loss, optimizer, scheduler};
use limpide::data::{Dataset, Inputs};
use limpide::loss::Loss;
use limpide::model::build_chain;
use limpide::optim::schedule::ScheduleDescription;
use limpide::optim::{Optim, Optimizer, StepOptions};
use limpide::{Module, Real, Sequential, Tape};
use serde_json::Value;

#[derive(serde::Deserialize)]
struct Entry {
    layers: Vec<Operation>,
    loss: Operation,
    optimizer: Operation,
    scheduler: Option<Operation>,
    clip_grad_norm: Option<f64>,
    #[serde(default)]
    init_rule: Option<Value>,
}

/// What takes part in a run.
type Parts<T> = (Sequential<T>, Box<dyn Loss<T>>, Optimizer<T>, Option<ScheduleDescription>);

pub(super) fn run<T: Real>(case: &Case, images: &Images) -> Result<Results, Stop> {
    let entry: Entry = case.entry()?;
    let (mut network, loss, optimizer, schedule) = build::<T>(&entry)?;
    let by_rule = entry.init_rule.is_some().then(|| MnistRun::<T>::read(case, images)).transpose()?;
    let (data, batches) = match &by_rule {
        Some(mnist) => (mnist.data(), mnist.batches()),
        None => stored(case)?,
    };
    match &by_rule {
        Some(mnist) => mnist.set_parameters(&mut network)?,
        None => set_parameters(&mut network, case, "init.")?,
    }
    let options = StepOptions { clip_grad_norm: entry.clip_grad_norm, ..StepOptions::default() };
    let mut optim = Optim::new(&mut network, loss.as_ref(), optimizer, 1).options(options)?;
    if let Some(schedule) = schedule {
        optim = optim.schedule(schedule.schedule.per_step())?;
    }
    let losses = steps(optim, &data, &batches)?;
    if let Some(mnist) = &by_rule {
        mnist.check_after(&network)?;
    }
    let mut results = Results::from([("losses".to_string(), Numbers::new(&[losses.len()], losses))]);
    results
        .extend(network.parameters().iter().map(|(name, parameter)| (format!("final.{name}"), Numbers::of(parameter))));
    results.extend(named_buffers(&network, "final_buffer."));
    let probe = case.numbers("probe_input")?.tensor();
    network.output_shape(probe.shape())?;
    let output = network.forward(&probe, &mut Tape::off());
    results.insert("probe_output".to_string(), Numbers::of(&output));
    Ok(results)
}

/// The parts of a run, or all that is unsupported in it.
fn build<T: Real>(entry: &Entry) -> Result<Parts<T>, Stop> {
    let mut missing = Vec::new();
    let layers = note(descriptions(&entry.layers), &mut missing)?;
    let loss = note(loss::build::<T>(&entry.loss), &mut missing)?;
    let optimizer = note(optimizer::build::<T>(&entry.optimizer), &mut missing)?;
    let schedule = entry.scheduler.as_ref().map(scheduler::description).transpose();
    let schedule = note(schedule, &mut missing)?;
    match (layers, loss, optimizer, schedule) {
        (Some(layers), Some(loss), Some(optimizer), Some(schedule)) => {
            Ok((build_chain(&layers)?, loss, optimizer, schedule))
        }
        _ => Err(Stop::Unsupported(missing)),
    }
}

/// A part, or nothing when it is unsupported, which is then noted.
fn note<A>(part: Result<A, Stop>, missing: &mut Vec<String>) -> Result<Option<A>, Stop> {
    match part {
        Ok(part) => Ok(Some(part)),
        Err(Stop::Unsupported(features)) => {
            missing.extend(features);
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// The data and batches of a case that stores them.
fn stored<T: Real>(case: &Case) -> Result<(Dataset<T>, Vec<Vec<usize>>), Stop> {
    let (x, target) = (case.numbers("x")?.tensor(), case.numbers("target")?.target());
    let classes = target.labels().into_iter().flatten().max().map_or(0, |largest| largest as usize + 1);
    let data = Dataset::new("the case's data", Inputs::Real(x), target, classes)?;
    let indices = case.numbers("batch_indices")?.indices()?;
    if let Some(index) = indices.iter().find(|&&index| index >= data.len()) {
        return Err(Stop::Failed(format!("batch_indices wants numbers below {}, got {index}", data.len())));
    }
    let mut rest = indices.as_slice();
    let mut batches = Vec::new();
    for size in case.numbers("batch_sizes")?.indices()? {
        let (batch, after) = rest
            .split_at_checked(size)
            .ok_or_else(|| format!("batch_sizes wants sums up to {}, got more", indices.len()))?;
        batches.push(batch.to_vec());
        rest = after;
    }
    Ok((data, batches))
}

/// Trains on the batches in order and gives the loss of each, before its update.
fn steps<T: Real>(mut optim: Optim<T>, data: &Dataset<T>, batches: &[Vec<usize>]) -> Result<Vec<f64>, Stop> {
    let step = |batch: &Vec<usize>| {
        let (x, target) = data.gather(batch);
        Ok(optim.step(&x, &target)?.to_f64())
    };
    batches.iter().map(step).collect()
}
