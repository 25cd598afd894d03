//! Experiment 3: y = sin(πx₁) + x₂² by a small network, at three learning rates and at a well-chosen setting.

use super::{Judgement, Outcome, Run, Settings, Side};
use limpide::init::{Init, initialise};
use limpide::layers::{Linear, Tanh};
use limpide::loss::MseLoss;
use limpide::{Result, Sequential, Stream, data};

/// The rates that the report compares.
const RATES: [f64; 3] = [0.1, 0.01, 0.001];
const SAMPLES: usize = 500;
const HIDDEN: usize = 16;

/// The outcome, judged by the best of the report's rates; the last run is the well-chosen setting.
pub struct Regression {
    /// Runs in the order of the rates, then the well-chosen one.
    pub outcome: Outcome,
}

/// Runs the report's protocol (all samples in one batch, start N(0, 1)·0.1) and the well-chosen setting.
pub fn run(settings: &Settings) -> Result<Regression> {
    let data = data::regression::<f32>(SAMPLES, -1.0..1.0, settings.seed)?;
    let mut runs = Vec::new();
    let settled = [(0.1, 32, 1_000)];
    let reported = RATES.map(|rate| (rate, SAMPLES, 2_000));
    for (rate, batch_size, epochs) in reported.into_iter().chain(settled) {
        let mut network = Sequential::new().push(Linear::new(2, HIDDEN)).push(Tanh).push(Linear::new(HIDDEN, 1));
        initialise(&mut network, Init::REPORT, &Stream::new(settings.seed));
        let name = if batch_size == SAMPLES { format!("rate {rate}") } else { format!("rate {rate}, batches of {batch_size}") };
        let history = settings
            .trainer(rate, &format!("regression, {name}"))?
            .epochs(settings.epochs(epochs, epochs))
            .batch_size(batch_size)
            .fit(&mut network, &MseLoss::new(), &data)?;
        let value = history.epochs.last().map_or(f64::NAN, |epoch| epoch.train.loss);
        runs.push(Run { name, history, value });
    }
    let judgement = Judgement { figure: "training loss at the best rate", side: Side::AtMost, target: 0.28 };
    let best = (0..RATES.len()).min_by(|&a, &b| runs[a].value.total_cmp(&runs[b].value)).expect("three rates");
    Ok(Regression { outcome: Outcome::new("regression", data.name.clone(), settings, judgement, runs, best) })
}
