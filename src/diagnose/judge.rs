//! What the figures of a pass say about how the network learns.

use super::Severity::{Error, Warning};
use super::observe::{LayerStatistics, Observation, ParameterStatistics};
use super::{Finding, count};

/// Activations, whose units can die or saturate.
const ACTIVATIONS: [&str; 11] =
    ["Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Gelu", "Silu", "Softplus", "Hardswish", "Tanh", "Sigmoid"];
/// Outputs of a unit without which it cannot be called dead.
const ENOUGH: usize = 32;

/// The findings in an observation.
///
/// | finding | limit |
/// | --- | --- |
/// | dead units of an activation | more than a tenth of them, seen at least 32 times each |
/// | saturation of a hidden tanh or sigmoid | more than half of the outputs |
/// | activations that fade or blow up | deviation below 10⁻³ or above 10³ |
/// | gradients that fade or blow up on the way back | ∂L/∂output of one layer 10⁵ times that of another |
/// | a weight without a gradient, or one that is no number | exactly 0 |
/// | steps of the wrong size (matrices and kernels) | more than 0.1 or less than 10⁻⁷ of the weight's size |
pub fn judge(observation: &Observation) -> Vec<Finding> {
    judge_since(None, observation)
}

/// [`judge`], with the figures of the same pass before the first step, by which units that never lived are told from those
/// that training killed.
pub fn judge_since(start: Option<&Observation>, observation: &Observation) -> Vec<Finding> {
    let Observation { layers, parameters } = observation;
    let bad = |layer: &&LayerStatistics| !(layer.mean.is_finite() && layer.deviation.is_finite());
    if let Some(layer) = layers.iter().find(bad) {
        let message = "the first layer with outputs that are no numbers";
        return vec![Finding::new(Error, &layer.place, message, "lower the learning rate, or look for bad inputs")];
    }
    let mut findings: Vec<Finding> = Vec::new();
    for (place, layer) in layers.iter().enumerate() {
        let unborn = start.and_then(|start| start.layers.get(place)).map_or(0, |before| before.dead);
        findings.extend(dead(layer, unborn));
    }
    // The end of a network may well be sure of itself.
    findings.extend(layers[..layers.len().saturating_sub(1)].iter().filter_map(saturated));
    findings.extend(signal(layers));
    findings.extend(flow(layers));
    findings.extend(parameters.iter().filter_map(gradient));
    findings.extend(parameters.iter().filter_map(step));
    findings
}

/// `unborn` of the layer's units were dead before the first step.
fn dead(layer: &LayerStatistics, unborn: usize) -> Option<Finding> {
    let judged = ACTIVATIONS.contains(&layer.kind.as_str()) && layer.seen >= ENOUGH;
    (judged && layer.dead * 10 > layer.units).then(|| {
        let mut message =
            format!("{} of {} dead: the same output for every sample", layer.dead, count(layer.units, "unit"));
        let mut advice = "lower the learning rate, use LeakyReLU, or look at the start values";
        if unborn * 2 >= layer.dead {
            message += &format!(", {unborn} of them before the first step");
            advice = "take other start values or another seed, use LeakyReLU, or look at the inputs";
        }
        Finding::new(if layer.dead == layer.units { Error } else { Warning }, &layer.place, message, advice)
    })
}

fn saturated(layer: &LayerStatistics) -> Option<Finding> {
    (layer.saturated > 0.5).then(|| {
        let message =
            format!("{:.0} % of the outputs are in the flat ends, where the slope is near 0", 100.0 * layer.saturated);
        Finding::new(Warning, &layer.place, message, "scale the inputs, or take smaller start values or rates")
    })
}

/// The first layer whose outputs are nearly constant or very large.
fn signal(layers: &[LayerStatistics]) -> Option<Finding> {
    let odd = |layer: &&LayerStatistics| !(1e-3..=1e3).contains(&layer.deviation) && layer.seen * layer.units > 1;
    let layer = layers.iter().filter(|layer| layer.dead < layer.units).find(odd)?;
    let advice = "use Kaiming's start values, or a normalisation";
    let message = format!("outputs with a deviation of {:.1e}", layer.deviation);
    Some(Finding::new(Warning, &layer.place, message, advice))
}

/// The layers with the smallest and the largest ∂L/∂output.
fn flow(layers: &[LayerStatistics]) -> Option<Finding> {
    // Exactly 0 is the matter of dead units, or of a loss that is 0.
    let flowing = || layers.iter().enumerate().filter(|(_, layer)| layer.delta > 0.0);
    let (small, smallest) = flowing().min_by(|(_, a), (_, b)| a.delta.total_cmp(&b.delta))?;
    let (large, largest) = flowing().max_by(|(_, a), (_, b)| a.delta.total_cmp(&b.delta))?;
    (largest.delta > 1e5 * smallest.delta).then(|| {
        let what = if small < large { "fade" } else { "blow up" };
        let message = format!(
            "gradients {what} on the way back: {:.1e} here, {:.1e} at {}",
            smallest.delta, largest.delta, largest.place
        );
        Finding::new(Warning, &smallest.place, message, "use ReLU, a normalisation, Residual, or other start values")
    })
}

fn gradient(parameter: &ParameterStatistics) -> Option<Finding> {
    let place = format!("parameter {}", parameter.name);
    if !parameter.gradient.is_finite() {
        Some(Finding::new(Error, place, "its gradient is no number", "lower the learning rate, or clip the gradients"))
    } else if parameter.gradient == 0.0 && parameter.rank >= 2 {
        Some(Finding::new(
            Warning,
            place,
            "its gradient is exactly 0",
            "look for dead units or constant inputs around it",
        ))
    } else {
        None
    }
}

fn step(parameter: &ParameterStatistics) -> Option<Finding> {
    let update = parameter.update.filter(|_| parameter.rank >= 2)?;
    let (message, advice) = if update > 0.1 {
        (format!("a step moves it by {:.0} % of its size", 100.0 * update), "lower the learning rate")
    } else if update < 1e-7 && parameter.gradient > 0.0 {
        (format!("a step moves it by {update:.1e} of its size only"), "raise the learning rate")
    } else {
        return None;
    };
    Some(Finding::new(Warning, format!("parameter {}", parameter.name), message, advice))
}
