//! One loss: its value and ∂L/∂output; without a reduction for a given weight of each term.

use super::{Case, Numbers, Operation, Results, Stop};
use limpide::Real;
use limpide::loss::{LOSSES, Loss, LossDescription, backward_terms};
use serde_json::json;

pub(super) fn run<T: Real>(case: &Case) -> Result<Results, Stop> {
    let mut operation: Operation = case.entry()?;
    for option in ["weight", "pos_weight"] {
        if let Some(weights) = case.optional(&format!("config.{option}")) {
            operation.config.insert(option.to_string(), json!(weights.values));
        }
    }
    let loss = build::<T>(&operation)?;
    let (output, target) = (case.numbers("input")?.tensor(), case.numbers("target")?.target());
    loss.check(output.shape(), &target)?;
    let gradient = match case.optional("grad_output") {
        Some(upstream) => backward_terms(loss.as_ref(), &output, &target, &upstream.tensor()),
        None => loss.backward(&output, &target),
    };
    Ok(Results::from([
        ("output".to_string(), Numbers::of(&loss.forward(&output, &target))),
        ("grad_input".to_string(), Numbers::of(&gradient)),
    ]))
}

/// The library's loss for an operation.
pub(super) fn build<T: Real>(operation: &Operation) -> Result<Box<dyn Loss<T>>, Stop> {
    if !LOSSES.contains(&operation.op.as_str()) {
        return Err(Stop::Unsupported(vec![operation.op.clone()]));
    }
    let description: LossDescription = serde_json::from_value(operation.tagged("name"))
        .map_err(|error| Stop::Failed(format!("{}: {error}", operation.op)))?;
    Ok(description.build()?)
}
