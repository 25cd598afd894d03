//! Experiment 2: a network that can learn anything learns five samples by heart.

use super::{Measure, Outcome, Run, Settings};
use limpide::data::{self, Dataset};
use limpide::layers::{Linear, Tanh};
use limpide::loss::MseLoss;
use limpide::train::{Engine, Flow, evaluate};
use limpide::{Result, Sequential};

/// The loss to fall below.
pub const TARGET: f64 = 1e-4;
const SAMPLES: usize = 5;
const RATE: f64 = 0.1;
/// Most seeds need hundreds; two samples that lie close together need many more.
const MOST_EPOCHS: usize = 50_000;

/// The outcome with what the figures need.
pub struct Overfitted {
    /// One run.
    pub outcome: Outcome,
    /// The trained network.
    pub network: Sequential<f32>,
    /// The samples.
    pub data: Dataset<f32>,
}

/// Trains sample by sample until the loss is a tenth of the target, or the epochs end.
pub fn run(settings: &Settings) -> Result<Overfitted> {
    let data = data::regression::<f32>(SAMPLES, -1.0..1.0, settings.seed)?;
    let mut network =
        Sequential::new().push(Linear::new(2, 16)).push(Tanh).push(Linear::new(16, 1)).seed(settings.seed);
    let history = settings
        .trainer(RATE, "overfit")?
        .epochs(settings.epochs(MOST_EPOCHS, MOST_EPOCHS))
        .batch_size(1)
        .on_epoch(|epoch, _| if epoch.train.loss < TARGET / 10.0 { Flow::Stop } else { Flow::Continue })
        .fit(&mut network, &MseLoss::new(), &data)?;
    let value = evaluate(&network, &MseLoss::new(), &data, &mut Engine::new(1))?.loss;
    let run = Run::new(format!("rate {RATE}"), history, Measure::TrainingLoss, value)
        .judged(settings, TARGET)
        .reported("below 1e-4");
    let outcome = Outcome::new("overfit", format!("{SAMPLES} samples of {}", data.name), settings, vec![run], 0);
    Ok(Overfitted { outcome, network, data })
}
