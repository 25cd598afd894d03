//! What looks wrong with a run, for its user: what stops it, the advice for an error, and whose weights are kept.

use limpide::data::Dataset;
use limpide::diagnose::{Finding, Severity, pairing};
use limpide::loss::Loss;
use limpide::train::{EarlyStoppingOptions, History};
use limpide::{Error, Module, Sequential};
use std::path::Path;

/// Tells all findings on stderr; whether one of them leaves nothing to train for.
pub fn hopeless(findings: &[Finding]) -> bool {
    let hopeless = findings.iter().any(|own| own.severity == Severity::Error);
    if hopeless {
        findings.iter().for_each(|own| eprintln!("limpide: {own}"));
        eprintln!("limpide: nothing was trained or written: training cannot do what it should");
    }
    hopeless
}

/// An error of a set-up whose loss does not take its outputs and targets, with the advice for that; others as they are.
pub fn advised(
    error: Error,
    path: &Path,
    network: &Sequential<f32>,
    loss: &dyn Loss<f32>,
    train: &Dataset<f32>,
) -> Error {
    let (Some(target), Ok(output)) = (train.targets.given(), network.output_shape(train.inputs.shape())) else {
        return error;
    };
    if loss.check(&output, target).is_ok() {
        return error;
    }
    match pairing(network, loss, train).into_iter().find(|own| own.severity == Severity::Error) {
        Some(Finding { place, message, advice, .. }) => {
            Error::Data { path: path.into(), problem: format!("{place}: {message}; {advice} ({error})") }
        }
        None => error,
    }
}

/// The number of the epoch whose weights early stopping gives back, if it does: the last that was better than all before.
pub fn weights(history: &History, options: Option<&EarlyStoppingOptions>) -> Option<usize> {
    let options = options.filter(|options| options.restore_best)?;
    let mut best: Option<(usize, f64)> = None;
    for epoch in &history.epochs {
        let value = options.metric.of(epoch)?;
        if best.is_none_or(|(_, best)| options.metric.better(value, best, options.min_delta)) {
            best = Some((epoch.number, value));
        }
    }
    best.map(|(number, _)| number)
}
