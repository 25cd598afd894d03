//! A schedule: the rate, and the momentum where it moves, of every step.

use super::{Case, Numbers, Operation, Results, Stop};
use limpide::Real;
use limpide::optim::schedule::{SCHEDULES, ScheduleDescription, Scheduler};
use limpide::optim::{Optimizer, Sgd};
use std::collections::BTreeMap;

#[derive(serde::Deserialize)]
struct Entry {
    #[serde(flatten)]
    operation: Operation,
    base_lr: f64,
    lrs: Vec<f64>,
    metrics: Option<Vec<f64>>,
}

pub(super) fn run<T: Real>(case: &Case) -> Result<Results, Stop> {
    let entry: Entry = case.entry()?;
    let description = description(&entry.operation)?;
    let momentum = description.schedule.momentum(0);
    let sgd = Sgd::new(entry.base_lr)?.momentum(momentum.unwrap_or(0.0));
    let mut optimizer = Optimizer::<T>::from(sgd);
    let mut scheduler = Scheduler::new(description, &mut optimizer)?;
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for step in 0..entry.lrs.len() {
        values.entry("lrs").or_default().push(optimizer.learning_rate());
        if let Some(momentum) = optimizer.momentum() {
            values.entry("momentums").or_default().push(momentum);
        }
        let metric = entry.metrics.as_ref().and_then(|metrics| metrics.get(step).copied());
        scheduler.step(&mut optimizer, metric)?;
    }
    Ok(values.into_iter().map(|(name, values)| (name.to_string(), Numbers::new(&[values.len()], values))).collect())
}

/// The library's description of a schedule.
pub(super) fn description(operation: &Operation) -> Result<ScheduleDescription, Stop> {
    if !SCHEDULES.contains(&operation.op.as_str()) {
        return Err(Stop::Unsupported(vec![format!("scheduler {}", operation.op)]));
    }
    Ok(serde_json::from_value(operation.tagged("type")).map_err(|error| format!("{}: {error}", operation.op))?)
}
