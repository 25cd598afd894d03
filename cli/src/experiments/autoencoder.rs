//! Experiment 7: digits squeezed through a few numbers and drawn again.

use super::digits::{self, Digits};
use super::{Measure, Outcome, Run, Settings};
use limpide::layers::{Linear, Sigmoid, Tanh};
use limpide::loss::{MseLoss, Reduction};
use limpide::train::{Engine, evaluate};
use limpide::{AutoEncoder, Real, Result, Sequential};

/// The sizes of the code: one to draw well, one to look at.
pub const LATENT: [usize; 2] = [32, 2];
/// The report's final reconstruction error on MNIST, of which it does not say for which code it is.
pub const REPORTED: &str = "0.051763 (code of 32 or 2)";
const BATCH: usize = 64;

/// What differs between MNIST, the embedded digits and a quick run.
struct Plan {
    /// Step size for the squared error summed over pixels and averaged over the batch.
    rate: f64,
    epochs: usize,
    /// Largest mean squared error on the test images, in the order of [`LATENT`].
    targets: [f64; 2],
}

impl Plan {
    fn of(digits: &Digits, settings: &Settings) -> Plan {
        match (digits.is_mnist(), settings.quick) {
            (true, false) => Plan { rate: 0.02, epochs: 30, targets: [0.0125, 0.042] },
            // After fewer epochs the larger code is behind the smaller.
            (true, true) => Plan { rate: 0.02, epochs: 150, targets: [0.04, 0.052] },
            (false, false) => Plan { rate: 0.1, epochs: 300, targets: [0.01, 0.035] },
            (false, true) => Plan { rate: 0.1, epochs: 30, targets: [0.035, 0.055] },
        }
    }
}

/// The outcome, with the larger code as its headline, and what the figures need.
pub struct Autoencoded {
    /// A run for each size of the code.
    pub outcome: Outcome,
    /// The trained networks, in the order of [`LATENT`].
    pub networks: Vec<AutoEncoder<f32>>,
    /// The images, as rows of numbers.
    pub digits: Digits,
}

/// side²–128–64–latent with tanh between, mirrored back, with a sigmoid at the end.
pub fn network<T: Real>(pixels: usize, latent: usize) -> AutoEncoder<T> {
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
    let Plan { rate, epochs, targets } = Plan::of(&digits, settings);
    let (mut runs, mut networks) = (Vec::new(), Vec::new());
    for (latent, target) in LATENT.into_iter().zip(targets) {
        let mut network = network::<f32>(digits.side * digits.side, latent).seed(settings.seed);
        let history = settings
            .trainer(rate / BATCH as f64, &format!("autoencoder, latent {latent}"))?
            .epochs(settings.epochs(epochs, epochs))
            .batch_size(BATCH)
            .validation(&watch)
            .fit(&mut network, &loss, &train)?;
        let value = evaluate(&network, &loss, &test, &mut Engine::new(settings.threads))?.loss;
        let run = Run::new(format!("latent {latent}"), history, Measure::TestMse, value).judged(settings, target);
        runs.push(run.reported(digits.is_whole_mnist().then_some(REPORTED)));
        networks.push(network);
    }
    let outcome = Outcome::new("autoencoder", digits.about.clone(), settings, runs, 0);
    Ok(Autoencoded { outcome, networks, digits })
}
