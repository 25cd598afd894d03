//! Experiments 5 and 6: digits told apart by the report's dense and convolutional networks.

use super::digits::{self, Digits};
use super::{Judgement, Outcome, Run, Settings, Side};
use limpide::init::{Init, initialise};
use limpide::layers::{Conv2d, Flatten, Linear, MaxPool2d, Tanh};
use limpide::loss::{CrossEntropyLoss, Reduction};
use limpide::metrics::{Decision, classes, confusion, true_classes};
use limpide::train::{Engine, predict};
use limpide::{Module, Result, Sequential, Stream};

/// A network on the digits, and what it must reach.
pub struct Recipe {
    name: &'static str,
    flat: bool,
    network: fn(side: usize) -> Sequential<f32>,
    /// Step size on the sum over a batch, as in the report.
    rate: f64,
    /// Epochs on MNIST, on the embedded digits, and in a quick run.
    epochs: [usize; 3],
    /// Test accuracy on MNIST, on the embedded digits, and in a quick run.
    targets: [f64; 3],
}

/// 784–128–10 (64–128–10 on the embedded digits), tanh between.
pub const DENSE: Recipe = Recipe {
    name: "mnist-dense",
    flat: true,
    network: |side| {
        Sequential::new().push(Linear::new(side * side, 128)).push(Tanh).push(Linear::new(128, 10))
    },
    rate: 0.01,
    epochs: [100, 100, 10],
    targets: [0.9782, 0.96, 0.85],
};

/// Two 3×3 convolutions of 16 and 32 channels, each with tanh and 2×2 max-pooling, then a dense layer.
pub const CNN: Recipe = Recipe {
    name: "mnist-cnn",
    flat: false,
    network: |side| {
        Sequential::new()
            .push(Conv2d::new(1, 16, 3).padding(1))
            .push(Tanh)
            .push(MaxPool2d::new(2))
            .push(Conv2d::new(16, 32, 3).padding(1))
            .push(Tanh)
            .push(MaxPool2d::new(2))
            .push(Flatten::new())
            .push(Linear::new(32 * (side / 4) * (side / 4), 10))
    },
    rate: 0.01,
    epochs: [10, 60, 6],
    targets: [0.988, 0.97, 0.85],
};

const BATCH: usize = 64;

/// The outcome with what the figures need.
pub struct Classified {
    /// One run.
    pub outcome: Outcome,
    /// The trained network.
    pub network: Sequential<f32>,
    /// The images.
    pub digits: Digits,
    /// Row: true digit, column: predicted digit, on the test images.
    pub confusion: Vec<Vec<usize>>,
}

/// Trains by the report's recipe: start N(0, 1)·0.1, batches of 64, softmax with cross-entropy summed over the batch.
pub fn run(settings: &Settings, recipe: &Recipe) -> Result<Classified> {
    let digits = digits::load(settings)?;
    let digits = if recipe.flat { digits.flat()? } else { digits };
    let column = if settings.quick { 2 } else { usize::from(!digits.is_mnist()) };
    let mut network = (recipe.network)(digits.side);
    initialise(&mut network, Init::REPORT, &Stream::new(settings.seed));
    let loss = CrossEntropyLoss::new().reduction(Reduction::Sum);
    let history = settings
        .trainer(recipe.rate, recipe.name)?
        .epochs(settings.epochs(recipe.epochs[column], recipe.epochs[2]))
        .batch_size(BATCH)
        .validation(&digits.watch)
        .fit(&mut network, &loss, &digits.train)?;
    let output = predict(&network as &dyn Module<f32>, &digits.test.inputs, &mut Engine::new(settings.threads))?;
    let predicted = classes(Decision::Argmax, &output);
    let truth = true_classes(Decision::Argmax, &digits.test.targets);
    let confusion = confusion(10, &truth, &predicted);
    let right: usize = (0..10).map(|digit| confusion[digit][digit]).sum();
    let value = right as f64 / truth.len() as f64;
    let runs = vec![Run { name: network.to_string(), history, value }];
    let judgement = Judgement { figure: "test accuracy", side: Side::AtLeast, target: recipe.targets[column] };
    let outcome = Outcome::new(recipe.name, digits.about.clone(), settings, judgement, runs, 0);
    Ok(Classified { outcome, network, digits, confusion })
}
