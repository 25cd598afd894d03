//! One layer: its output, and both of its gradients for a given ∂L/∂output; with a given mask, those of a dropout.

use super::{Case, Numbers, Operation, Results, Stop};
use limpide::layers::Dropout;
use limpide::model::{LayerDescription, TYPES};
use limpide::tensor::shape_text;
use limpide::{Gradients, Module, Real, Tape, Tensor};

#[derive(serde::Deserialize)]
struct Entry {
    #[serde(flatten)]
    operation: Operation,
    /// Whether the pass is one of training.
    training: Option<bool>,
}

pub(super) fn run<T: Real>(case: &Case) -> Result<Results, Stop> {
    let Entry { operation, training } = case.entry()?;
    let mut layer = description(&operation)?.build::<T>()?;
    set_parameters(layer.as_mut(), case, "param.")?;
    set_buffers(layer.as_mut(), case)?;
    let tape = || if training == Some(false) { Tape::evaluating() } else { Tape::new() };
    // Earlier steps leave nothing but buffers.
    for step in (0..).map_while(|step| case.optional(&format!("input_step{step}"))) {
        let mut tape = tape();
        layer.forward(&step.tensor(), &mut tape);
        layer.update_buffers(&tape);
    }
    let input = case.numbers("input")?.tensor();
    let mut tape = tape();
    if tape.is_training() { layer.training_shape(input.shape()) } else { layer.output_shape(input.shape()) }?;
    let output = layer.forward(&input, &mut tape);
    let mut results = Results::from([("output".to_string(), Numbers::of(&output))]);
    if let Some(delta) = case.optional("grad_output") {
        let mut gradients = Gradients::zeros_for(layer.as_ref());
        let delta = layer.backward(&mut tape, &delta.tensor(), &mut gradients);
        results.insert("grad_input".to_string(), Numbers::of(&delta));
        results.extend(named_gradients(&gradients));
    }
    layer.update_buffers(&tape);
    results.extend(named_buffers(layer.as_ref(), "buffer_after."));
    Ok(results)
}

/// A dropout with the mask that the case gives.
pub(super) fn masked<T: Real>(case: &Case) -> Result<Results, Stop> {
    let operation: Operation = case.entry()?;
    let LayerDescription::Dropout(options) = description(&operation)? else {
        return Err(Stop::Unsupported(vec![format!("dropout_mask {}", operation.op)]));
    };
    let (layer, mut tape) = (Dropout::with_options(options)?, Tape::new());
    let (input, mask) = (case.numbers("input")?.tensor::<T>(), case.numbers("mask")?.tensor());
    let output = layer.forward_masked(&input, &mask, &mut tape);
    let mut results = Results::from([("output".to_string(), Numbers::of(&output))]);
    if let Some(delta) = case.optional("grad_output") {
        let delta = layer.backward_delta(&mut tape, &delta.tensor());
        results.insert("grad_input".to_string(), Numbers::of(&delta));
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
        set(parameter, case.numbers(&format!("{prefix}{name}"))?, &format!("the parameter {name}"))?;
    }
    Ok(())
}

/// Sets the buffers that the case gives; the others stay as they are.
fn set_buffers<T: Real>(module: &mut dyn Module<T>, case: &Case) -> Result<(), Stop> {
    let names: Vec<String> = module.buffers().into_iter().map(|(name, _)| name).collect();
    for (name, buffer) in names.iter().zip(module.buffers_mut()) {
        if let Some(value) = case.optional(&format!("buffer.{name}")) {
            set(buffer, value, &format!("the buffer {name}"))?;
        }
    }
    Ok(())
}

fn set<T: Real>(tensor: &mut Tensor<T>, value: &Numbers, what: &str) -> Result<(), Stop> {
    if value.shape != tensor.shape() {
        let (own, given) = (shape_text(tensor.shape()), shape_text(&value.shape));
        return Err(Stop::Failed(format!("{what} has shape {own}, the case gives {given}")));
    }
    *tensor = value.tensor();
    Ok(())
}

/// The buffers as results, each name behind `prefix`.
pub(super) fn named_buffers<T: Real>(module: &dyn Module<T>, prefix: &str) -> Results {
    let named = |(name, buffer): (String, &Tensor<T>)| (format!("{prefix}{name}"), Numbers::of(buffer));
    module.buffers().into_iter().map(named).collect()
}

/// The gradients of the parameters as results: `grad.weight`.
pub(super) fn named_gradients<T: Real>(gradients: &Gradients<T>) -> impl Iterator<Item = (String, Numbers)> {
    gradients.named().map(|(name, gradient)| (format!("grad.{name}"), Numbers::of(gradient)))
}
