//! One layer: its output, and both of its gradients for a given ∂L/∂output.

use super::{Case, Numbers, Operation, Results, Stop};
use limpide::model::{LayerDescription, TYPES};
use limpide::tensor::shape_text;
use limpide::{Gradients, Module, Real, Tape};

pub(super) fn run<T: Real>(case: &Case) -> Result<Results, Stop> {
    let operation: Operation = case.entry()?;
    let mut layer = description(&operation)?.build::<T>()?;
    set_parameters(layer.as_mut(), case, "param.")?;
    let input = case.numbers("input")?.tensor();
    layer.output_shape(input.shape())?;
    let mut tape = Tape::new();
    let output = layer.forward(&input, &mut tape);
    let mut results = Results::from([("output".to_string(), Numbers::of(&output))]);
    if let Some(delta) = case.optional("grad_output") {
        let mut gradients = Gradients::zeros_for(layer.as_ref());
        let delta = layer.backward(&mut tape, &delta.tensor(), &mut gradients);
        results.insert("grad_input".to_string(), Numbers::of(&delta));
        results.extend(named_gradients(&gradients));
    }
    Ok(results)
}

/// The library's description of an operation.
pub(super) fn description(operation: &Operation) -> Result<LayerDescription, Stop> {
    if !TYPES.contains(&operation.op.as_str()) {
        return Err(Stop::Unsupported(vec![operation.op.clone()]));
    }
    serde_json::from_value(operation.tagged("type")).map_err(|error| Stop::Failed(format!("{}: {error}", operation.op)))
}

/// The descriptions of a chain; what is unsupported in any of them is listed once.
pub(super) fn descriptions(operations: &[Operation]) -> Result<Vec<LayerDescription>, Stop> {
    let mut missing = Vec::new();
    let mut layers = Vec::new();
    for operation in operations {
        match description(operation) {
            Ok(layer) => layers.push(layer),
            Err(Stop::Unsupported(features)) => missing.extend(features),
            Err(other) => return Err(other),
        }
    }
    missing.sort();
    missing.dedup();
    if missing.is_empty() { Ok(layers) } else { Err(Stop::Unsupported(missing)) }
}

/// Sets every parameter to the slot of its name behind `prefix`.
pub(super) fn set_parameters<T: Real>(module: &mut dyn Module<T>, case: &Case, prefix: &str) -> Result<(), Stop> {
    let names: Vec<String> = module.parameters().into_iter().map(|(name, _)| name).collect();
    for (name, parameter) in names.iter().zip(module.parameters_mut()) {
        let value = case.numbers(&format!("{prefix}{name}"))?;
        if value.shape != parameter.shape() {
            let (own, given) = (shape_text(parameter.shape()), shape_text(&value.shape));
            return Err(Stop::Failed(format!("the parameter {name} has shape {own}, the case gives {given}")));
        }
        *parameter = value.tensor();
    }
    Ok(())
}

/// The gradients of the parameters as results: `grad.weight`.
pub(super) fn named_gradients<T: Real>(gradients: &Gradients<T>) -> impl Iterator<Item = (String, Numbers)> {
    gradients.named().map(|(name, gradient)| (format!("grad.{name}"), Numbers::of(gradient)))
}
