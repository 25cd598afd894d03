//! Experiment 4: two interleaved half circles, told apart by one network with three kinds of output.

use super::{Judgement, Outcome, Run, Settings, Side};
use limpide::data::{self, Dataset, Split, Target};
use limpide::layers::{LogSoftmax, Linear, Sigmoid, Softmax, Tanh};
use limpide::loss::{BceLoss, CrossEntropyOnProbabilities, Loss, NllLoss};
use limpide::train::{Engine, evaluate};
use limpide::{Result, Sequential};

const SAMPLES: usize = 2_000;
const NOISE: f64 = 0.2;
const EPOCHS: usize = 300;

/// The outcome (judged by the worst output) with what the figures need.
pub struct Moons {
    /// Runs in the order of the outputs.
    pub outcome: Outcome,
    /// The trained networks, in the same order.
    pub networks: Vec<Sequential<f32>>,
    /// The test points with class numbers.
    pub test: Dataset<f32>,
}

/// One of the three outputs.
struct Output {
    name: &'static str,
    rate: f64,
    loss: Box<dyn Loss<f32>>,
    head: fn(Sequential<f32>) -> Sequential<f32>,
    target: fn(&Dataset<f32>) -> Result<Target<f32>>,
}

fn outputs() -> [Output; 3] {
    let one_hot = |data: &Dataset<f32>| data.targets.one_hot(2);
    // A sigmoid gives one number: the probability of class 1.
    let one_number = |data: &Dataset<f32>| {
        let labels = data.targets.labels().expect("moons have class numbers");
        let values: Vec<f32> = labels.iter().map(|&label| label as f32).collect();
        Ok(Target::Values(limpide::tensor(&[values.len(), 1], values)))
    };
    [
        Output {
            name: "sigmoid, binary cross-entropy",
            rate: 0.1,
            loss: Box::new(BceLoss::new()),
            head: |body| body.push(Linear::new(16, 1)).push(Sigmoid),
            target: one_number,
        },
        Output {
            name: "softmax, cross-entropy",
            rate: 0.05,
            loss: Box::new(CrossEntropyOnProbabilities::new()),
            head: |body| body.push(Linear::new(16, 2)).push(Softmax::new()),
            target: one_hot,
        },
        Output {
            name: "log-softmax, negative log-likelihood",
            rate: 0.05,
            loss: Box::new(NllLoss::new()),
            head: |body| body.push(Linear::new(16, 2)).push(LogSoftmax::new()),
            target: one_hot,
        },
    ]
}

/// Trains the three outputs on one split.
pub fn run(settings: &Settings) -> Result<Moons> {
    let all = data::moons::<f32>(SAMPLES, NOISE, settings.seed)?;
    let split = Split::new(&all, 0.2, 0.2, settings.seed)?;
    let [train, validation, test] = [&split.train, &split.validation, &split.test].map(|part| all.select(part));
    let (mut runs, mut networks) = (Vec::new(), Vec::new());
    for Output { name, rate, loss, head, target } in outputs() {
        let with_target = |data: &Dataset<f32>| Dataset::new(&data.name, data.inputs.clone(), target(data)?, 0);
        let mut network = head(Sequential::new().push(Linear::new(2, 16)).push(Tanh)).seed(settings.seed);
        let validation = with_target(&validation)?;
        let history = settings
            .trainer(rate, &format!("moons, {name}"))?
            .epochs(settings.epochs(EPOCHS, EPOCHS / 3))
            .batch_size(32)
            .validation(&validation)
            .fit(&mut network, &*loss, &with_target(&train)?)?;
        let score = evaluate(&network, &*loss, &with_target(&test)?, &mut Engine::new(settings.threads))?;
        runs.push(Run { name: name.into(), history, value: score.accuracy.expect("a loss about classes") });
        networks.push(network);
    }
    let judgement = Judgement { figure: "test accuracy of the worst output", side: Side::AtLeast, target: 0.95 };
    let worst = (0..runs.len()).min_by(|&a, &b| runs[a].value.total_cmp(&runs[b].value)).expect("three outputs");
    let dataset = format!("{}: {} to train, {} to validate, {} to test", all.name, train.len(), split.validation.len(), test.len());
    Ok(Moons { outcome: Outcome::new("moons", dataset, settings, judgement, runs, worst), networks, test })
}
