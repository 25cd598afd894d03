//! Experiment 7: digits squeezed through a few numbers and drawn again.

use super::digits::{self, Digits};
use super::{Judgement, Outcome, Run, Settings, Side};
use limpide::layers::{Linear, Sigmoid, Tanh};
use limpide::loss::{MseLoss, Reduction};
use limpide::train::{Engine, evaluate};
use limpide::{AutoEncoder, Result, Sequential};

/// The sizes of the code: one to draw well, one to look at.
pub const LATENT: [usize; 2] = [32, 2];
const BATCH: usize = 64;
/// Step size for the squared error summed over pixels and averaged over the batch.
const RATE: f64 = 0.02;

/// The outcome (judged by the larger code) with what the figures need.
pub struct Autoencoded {
    /// One run a size of the code.
    pub outcome: Outcome,
    /// The trained networks, in the order of [`LATENT`].
    pub networks: Vec<AutoEncoder<f32>>,
    /// The images, as rows of numbers.
    pub digits: Digits,
}

/// side²–128–64–latent with tanh between, mirrored back, with a sigmoid at the end.
fn network(pixels: usize, latent: usize) -> AutoEncoder<f32> {
    AutoEncoder::new(
        Sequential::new()
            .push(Linear::new(pixels, 128))
            .push(Tanh)
            .push(Linear::new(128, 64))
            .push(Tanh)
            .push(Linear::new(64, latent)),
        Sequential::new()
            .push(Linear::new(latent, 64))
            .push(Tanh)
            .push(Linear::new(64, 128))
            .push(Tanh)
            .push(Linear::new(128, pixels))
            .push(Sigmoid),
    )
}

/// Trains both sizes by plain gradient descent.
pub fn run(settings: &Settings) -> Result<Autoencoded> {
    let digits = digits::load(settings)?.flat()?;
    let [train, watch, test] = [&digits.train, &digits.watch, &digits.test].map(|part| part.autoencoding());
    let loss = MseLoss::new().reduction(Reduction::Sum);
    let (full, target) = if digits.is_mnist() { (30, 0.0125) } else { (300, 0.02) };
    let (mut runs, mut networks) = (Vec::new(), Vec::new());
    for latent in LATENT {
        let mut network = network(digits.side * digits.side, latent).seed(settings.seed);
        let history = settings
            .trainer(RATE / BATCH as f64, &format!("autoencoder, latent {latent}"))?
            .epochs(settings.epochs(full, if digits.is_mnist() { 5 } else { 60 }))
            .batch_size(BATCH)
            .validation(&watch)
            .fit(&mut network, &loss, &train)?;
        let value = evaluate(&network, &loss, &test, &mut Engine::new(settings.threads))?.loss;
        runs.push(Run { name: format!("latent {latent}"), history, value });
        networks.push(network);
    }
    let target = if settings.quick { 0.07 } else { target };
    let judgement = Judgement { figure: "test MSE", side: Side::AtMost, target };
    let outcome = Outcome::new("autoencoder", digits.about.clone(), settings, judgement, runs, 0);
    Ok(Autoencoded { outcome, networks, digits })
}
