//! Experiment 3: y = sin(πx₁) + x₂² by a small network, at three learning rates and at a well-chosen setting.

use super::{Measure, Outcome, Run, Settings};
use limpide::init::{Init, initialise};
use limpide::layers::{Linear, Tanh};
use limpide::loss::MseLoss;
use limpide::{Result, Sequential, Stream, data};

/// The rates that the report compares.
pub const RATES: [f64; 3] = [0.1, 0.01, 0.001];
/// The well-chosen setting: the largest rate in small batches, from PyTorch's start values.
const CHOSEN_BATCH: usize = 10;
const SAMPLES: usize = 500;
const HIDDEN: usize = 16;
/// In a full and in a quick run.
const EPOCHS: [usize; 2] = [2_000, 500];
/// The largest loss of the best of the report's rates, in a full and in a quick run.
const TARGETS: [f64; 2] = [0.28, 0.3];
/// The largest loss of the well-chosen setting, in a full and in a quick run.
const CHOSEN_TARGETS: [f64; 2] = [0.005, 0.05];

/// The outcome, with the best of the report's rates as its headline.
pub struct Regression {
    /// Runs in the order of the rates, then the well-chosen one.
    pub outcome: Outcome,
    /// The network of the well-chosen setting.
    pub network: Sequential<f32>,
}

/// Runs the report's protocol (all samples in one batch, start N(0, 1)·0.1) and the well-chosen setting.
pub fn run(settings: &Settings) -> Result<Regression> {
    let data = data::regression::<f32>(SAMPLES, -1.0..1.0, settings.seed)?;
    let network =
        || Sequential::new().push(Linear::new(2, HIDDEN)).push(Tanh).push(Linear::new(HIDDEN, 1)).seed(settings.seed);
    let train = |network: &mut Sequential<f32>, rate: f64, batch_size: usize| -> Result<Run> {
        let batches = if batch_size < SAMPLES { format!(", batches of {batch_size}") } else { String::new() };
        let name = format!("rate {rate}{batches}");
        let history = settings
            .trainer(rate, &format!("regression, {name}"))?
            .epochs(settings.epochs(EPOCHS[0], EPOCHS[1]))
            .batch_size(batch_size)
            .fit(network, &MseLoss::new(), &data)?;
        let value = history.epochs.last().map_or(f64::NAN, |epoch| epoch.train.loss);
        Ok(Run::new(name, history, Measure::TrainingLoss, value))
    };
    let mut runs = Vec::new();
    for rate in RATES {
        let mut network = network();
        initialise(&mut network, Init::REPORT, &Stream::new(settings.seed));
        runs.push(train(&mut network, rate, SAMPLES)?.reported((rate == 0.01 && !settings.quick).then_some("0.28")));
    }
    let best = (0..runs.len()).min_by(|&a, &b| runs[a].value.total_cmp(&runs[b].value)).expect("three rates");
    runs[best] = runs[best].clone().judged(settings, TARGETS[usize::from(settings.quick)]);
    let mut network = network();
    runs.push(
        train(&mut network, RATES[0], CHOSEN_BATCH)?.judged(settings, CHOSEN_TARGETS[usize::from(settings.quick)]),
    );
    let dataset = format!("{SAMPLES} samples of {}", data.name);
    Ok(Regression { outcome: Outcome::new("regression", dataset, settings, runs, best), network })
}
