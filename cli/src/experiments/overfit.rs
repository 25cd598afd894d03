//! Experiment 2: a network that can learn anything learns five samples by heart.

use super::{Judgement, Outcome, Run, Settings, Side};
use limpide::layers::{Linear, Tanh};
use limpide::loss::MseLoss;
use limpide::train::Flow;
use limpide::{Result, Sequential, data};

const SAMPLES: usize = 5;
const RATE: f64 = 0.2;

/// Trains until the loss is a tenth of the target, or the epochs end.
pub fn run(settings: &Settings) -> Result<Outcome> {
    let data = data::regression::<f32>(SAMPLES, -1.0..1.0, settings.seed)?;
    let mut network = Sequential::new().push(Linear::new(2, 16)).push(Tanh).push(Linear::new(16, 1)).seed(settings.seed);
    let judgement = Judgement { figure: "training loss", side: Side::AtMost, target: 1e-4 };
    let history = settings
        .trainer(RATE, "overfit")?
        .epochs(settings.epochs(20_000, 20_000))
        .batch_size(SAMPLES)
        .on_epoch(|epoch, _| if epoch.train.loss < judgement.target / 10.0 { Flow::Stop } else { Flow::Continue })
        .fit(&mut network, &MseLoss::new(), &data)?;
    let value = history.epochs.last().map_or(f64::NAN, |epoch| epoch.train.loss);
    let runs = vec![Run { name: format!("rate {RATE}"), history, value }];
    Ok(Outcome::new("overfit", format!("{SAMPLES} samples of {}", data.name), settings, judgement, runs, 0))
}
