//! Experiment 4: two interleaved half circles, told apart by one network with three kinds of output.

use super::{Measure, Outcome, Run, Settings};
use limpide::data::{self, Dataset, Split, Target};
use limpide::layers::{Linear, LogSoftmax, Sigmoid, Softmax, Tanh};
use limpide::loss::{BceLoss, CrossEntropyOnProbabilities, Loss, NllLoss};
use limpide::train::{Engine, evaluate};
use limpide::{Module, Result, Sequential, Tape};

/// Half of them to test on: with fewer, chance moves the accuracy by more than a percent.
const SAMPLES: usize = 4_000;
const NOISE: f64 = 0.2;
/// In a full and in a quick run.
const EPOCHS: [usize; 2] = [500, 100];
/// The least test accuracy, in a full and in a quick run.
const TARGETS: [f64; 2] = [0.95, 0.9];

/// The outcome, with the worst output as its headline, and what the figures need.
pub struct Moons {
    /// Runs in the order of the outputs.
    pub outcome: Outcome,
    /// The trained networks, in the same order.
    pub classifiers: Vec<Classifier>,
    /// The test points with class numbers.
    pub test: Dataset<f32>,
}

/// A trained network with what its output means.
pub struct Classifier {
    /// A name for legends and files.
    pub short: &'static str,
    network: Sequential<f32>,
    class_1: fn(&[f32]) -> f32,
}

impl Classifier {
    /// The probability of class 1 at each point.
    pub fn probabilities(&self, points: &[(f64, f64)]) -> Vec<f64> {
        let x = points.iter().flat_map(|&(x1, x2)| [x1 as f32, x2 as f32]).collect();
        let output = self.network.forward(&limpide::tensor(&[points.len(), 2], x), &mut Tape::off());
        output.outer_iter().map(|row| f64::from((self.class_1)(&row.iter().copied().collect::<Vec<_>>()))).collect()
    }
}

/// One of the three outputs.
struct Output {
    name: &'static str,
    short: &'static str,
    rate: f64,
    loss: Box<dyn Loss<f32>>,
    head: fn(Sequential<f32>) -> Sequential<f32>,
    target: fn(&Dataset<f32>) -> Result<Target<f32>>,
    /// The probability of class 1 in one sample's output.
    class_1: fn(&[f32]) -> f32,
}

fn outputs() -> [Output; 3] {
    let one_hot = |data: &Dataset<f32>| data.targets.given().expect("moons have class numbers").one_hot(2);
    // A sigmoid gives one number: the probability of class 1.
    let one_number = |data: &Dataset<f32>| {
        let labels = data.targets.labels().expect("moons have class numbers");
        let values: Vec<f32> = labels.iter().map(|&label| label as f32).collect();
        Ok(Target::Values(limpide::tensor(&[values.len(), 1], values)))
    };
    [
        Output {
            name: "sigmoid, binary cross-entropy",
            short: "sigmoid",
            rate: 0.1,
            loss: Box::new(BceLoss::new()),
            head: |body| body.push(Linear::new(16, 1)).push(Sigmoid),
            target: one_number,
            class_1: |output| output[0],
        },
        Output {
            name: "softmax, cross-entropy",
            short: "softmax",
            rate: 0.05,
            loss: Box::new(CrossEntropyOnProbabilities::new()),
            head: |body| body.push(Linear::new(16, 2)).push(Softmax::new()),
            target: one_hot,
            class_1: |output| output[1],
        },
        Output {
            name: "log-softmax, negative log-likelihood",
            short: "log-softmax",
            rate: 0.05,
            loss: Box::new(NllLoss::new()),
            head: |body| body.push(Linear::new(16, 2)).push(LogSoftmax::new()),
            target: one_hot,
            class_1: |output| output[1].exp(),
        },
    ]
}

/// Trains the three outputs on one split.
pub fn run(settings: &Settings) -> Result<Moons> {
    let all = data::moons::<f32>(SAMPLES, NOISE, settings.seed)?;
    let split = Split::new(&all, 0.15, 0.5, settings.seed)?;
    let [train, validation, test] = [&split.train, &split.validation, &split.test].map(|part| all.select(part));
    let (mut runs, mut classifiers) = (Vec::new(), Vec::new());
    for Output { name, short, rate, loss, head, target, class_1 } in outputs() {
        let with_target = |data: &Dataset<f32>| Dataset::new(&data.name, data.inputs.clone(), target(data)?, 0);
        let mut network = head(Sequential::new().push(Linear::new(2, 16)).push(Tanh)).seed(settings.seed);
        let validation = with_target(&validation)?;
        let history = settings
            .trainer(rate, &format!("moons, {name}"))?
            .epochs(settings.epochs(EPOCHS[0], EPOCHS[1]))
            .batch_size(32)
            .validation(&validation)
            .fit(&mut network, &*loss, &with_target(&train)?)?;
        let score = evaluate(&network, &*loss, &with_target(&test)?, &mut Engine::new(settings.threads))?;
        let accuracy = score.accuracy.expect("a loss about classes");
        let run = Run::new(name, history, Measure::TestAccuracy, accuracy);
        runs.push(run.judged(settings, TARGETS[usize::from(settings.quick)]).reported("over 90 %"));
        classifiers.push(Classifier { short, network, class_1 });
    }
    let worst = (0..runs.len()).min_by(|&a, &b| runs[a].value.total_cmp(&runs[b].value)).expect("three outputs");
    let dataset = format!(
        "{}: {} to train, {} to validate, {} to test",
        all.name,
        train.len(),
        split.validation.len(),
        test.len()
    );
    Ok(Moons { outcome: Outcome::new("moons", dataset, settings, runs, worst), classifiers, test })
}
