//! The report's Figure 2: the regression at three learning rates, and what a well-chosen setting learns.

use super::Chapter;
use crate::chart::{LineChart, count, numbered};
use crate::experiments::Settings;
use crate::experiments::regression::{self, RATES, Regression};
use crate::page::Section;
use limpide::{Module, Result, Sequential, Tape};
use std::f64::consts::PI;

/// The values of x₂ at which the learnt surface is cut.
const CUTS: [f64; 3] = [0.0, 0.5, 1.0];
/// Points along a cut.
const POINTS: usize = 81;

/// Trains at every rate, and draws the losses and cuts through the learnt surface.
pub fn chapter(settings: &Settings) -> Result<Chapter> {
    let Regression { outcome, network } = regression::run(settings)?;
    let chart = outcome.runs.iter().fold(LineChart::new("epoch", "mean squared error").log_y(), |chart, run| {
        chart.series(&run.name, numbered(&run.history.train_losses()))
    });
    let losses = chart.reference("the report at rate 0.01: 0.28", 0.28).figure(
        "regression-loss",
        "Training loss by epoch for the learning rates 0.1, 0.01 and 0.001 and small batches.",
    );
    let surface = cuts(&network).figure("regression-surface", "The true function and the learnt one along three cuts.");

    let [first, last] = [0, outcome.runs[1].history.epochs.len() - 1];
    let at = |epoch: usize| outcome.runs[1].history.epochs[epoch].train.loss;
    let chosen = &outcome.runs[RATES.len()];
    let words = format!(
        "y = sin(πx₁) + x₂² with x₁ and x₂ between −1 and 1, learnt by Linear(2, 16), tanh and Linear(16, 1), started \
         from N(0, 1)·0.1, all 500 samples in one batch. The report's loss goes from about 0.7 to 0.28 in 2,000 \
         epochs at rate 0.01; here, in {} epochs, from {:.2} to {:.2}.\n\nThe same network at rate 0.1 with batches of 10, \
         started as PyTorch does, ends at {}: many small steps do what one step an epoch cannot.",
        count(last as u64 + 1),
        at(first),
        at(last),
        chosen.value_text(),
    );
    let section = Section::new("3. A curved surface", &words)
        .figure(&losses, "**Figure 2.** The loss for each learning rate, on a logarithmic axis.")
        .figure(
            &surface,
            "The surface along x₁ at three values of x₂: the true function, and dashed what the \
            well-chosen setting learnt.",
        );
    Ok(Chapter { outcome, section })
}

fn cuts(network: &Sequential<f32>) -> LineChart {
    let along: Vec<f64> = (0..POINTS).map(|i| 2.0 * i as f64 / (POINTS - 1) as f64 - 1.0).collect();
    CUTS.iter().fold(LineChart::new("x₁", "y"), |chart, &x2| {
        let truth = along.iter().map(|&x1| (x1, (PI * x1).sin() + x2 * x2)).collect();
        let points = along.iter().flat_map(|&x1| [x1 as f32, x2 as f32]).collect();
        let learnt = network.forward(&limpide::tensor(&[POINTS, 2], points), &mut Tape::off());
        let learnt = along.iter().zip(&learnt).map(|(&x1, &y)| (x1, f64::from(y))).collect();
        chart.series(&format!("x₂ = {x2}"), truth).companion(&format!("x₂ = {x2}, learnt"), learnt)
    })
}
