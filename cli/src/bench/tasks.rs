//! What the training workloads train: network, loss and data of each.

use super::{Settings, images};
use crate::experiments::{autoencoder as coder, classify};
use limpide::data::{self, Dataset, Target};
use limpide::init::{Init, initialise};
use limpide::layers::{BatchNorm2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, Silu, Tanh};
use limpide::loss::{BceWithLogitsLoss, CrossEntropyLoss, Loss, LossDescription, MseLoss, Reduction};
use limpide::model::describe;
use limpide::{Module, Real, Result, Sequential, Stream};

/// A training workload, before it is run.
pub struct Task<T: Real> {
    /// Its name on the command line.
    pub name: &'static str,
    /// With its start values.
    pub network: Box<dyn Module<T>>,
    /// What it minimises.
    pub loss: Box<dyn Loss<T>>,
    /// What it learns from.
    pub train: Dataset<T>,
    /// η of plain gradient descent.
    pub rate: f64,
    /// Samples a step, unless the command line says otherwise.
    pub batch: usize,
}

/// The report's dense network by its recipe.
pub fn dense<T: Real>(settings: &Settings) -> Result<Task<T>> {
    let train = images::load(settings)?.0.reshape_samples(&[28 * 28])?;
    classifier("dense", classify::dense(28), train, 0.01)
}

/// The report's convolutional network, at a rate that does not throw it far off in its first epoch.
pub fn cnn<T: Real>(settings: &Settings) -> Result<Task<T>> {
    classifier("cnn", classify::cnn(28), images::load(settings)?.0, 0.001)
}

/// Two blocks of convolution, batch norm, SiLU and max-pool, as `limpide train` builds for such images.
pub fn normed<T: Real>(settings: &Settings) -> Result<Task<T>> {
    let mut network = Sequential::new();
    for (inputs, outputs) in [(1, 16), (16, 32)] {
        let convolution = Conv2d::new(inputs, outputs, 3).padding(1).without_bias();
        network = network.push(convolution).push(BatchNorm2d::new(outputs)).push(Silu).push(MaxPool2d::new(2));
    }
    let network = network.push(Flatten::new()).push(Linear::new(32 * 7 * 7, 128)).push(Silu).push(Dropout::new(0.2));
    classifier("normed", network.push(Linear::new(128, 10)), images::load(settings)?.0, 0.001)
}

fn classifier<T: Real>(
    name: &'static str,
    mut network: Sequential<T>,
    train: Dataset<T>,
    rate: f64,
) -> Result<Task<T>> {
    initialise(&mut network, Init::REPORT, &Stream::new(1));
    let loss = LossDescription::CrossEntropy(CrossEntropyLoss::new().reduction(Reduction::Sum)).build()?;
    Ok(Task { name, network: built(&network)?, loss, train, rate, batch: 64 })
}

/// The same network built from its description, as `train` builds its own: what is typed here is compiled here, for size.
///
/// # Errors
/// None for the layers of the library.
pub fn built<T: Real>(network: &dyn Module<T>) -> Result<Box<dyn Module<T>>> {
    let mut own = describe(network).expect("layers of the library").build()?;
    own.parameters_mut().into_iter().zip(network.parameters()).for_each(|(own, (_, start))| *own = start.clone());
    Ok(own)
}

/// The report's autoencoder with a code of 32 numbers.
pub fn autoencoder<T: Real>(settings: &Settings) -> Result<Task<T>> {
    let train = images::load(settings)?.0.reshape_samples(&[28 * 28])?.autoencoding();
    let network = built(&coder::network(28 * 28, 32).seed(1))?;
    let loss = LossDescription::Mse(MseLoss::new().reduction(Reduction::Sum)).build()?;
    Ok(Task { name: "autoencoder", network, loss, train, rate: 0.02 / 64.0, batch: 64 })
}

/// Points of two moons, enough that an epoch has 1,000 steps.
const POINTS: usize = 32_000;

/// A network so small that a step is little but overhead.
pub fn moons<T: Real>() -> Result<Task<T>> {
    let moons = data::moons::<T>(POINTS, 0.2, 1)?;
    let labels = moons.targets.labels().expect("moons have class numbers");
    let labels = labels.into_iter().map(|label| T::of(label as f64)).collect();
    let targets = Target::Values(limpide::tensor(&[POINTS, 1], labels));
    let train = Dataset::new(moons.name, moons.inputs, targets, 0)?;
    let network = Sequential::new().push(Linear::new(2, 16)).push(Tanh).push(Linear::new(16, 1)).seed(1);
    let loss = LossDescription::BceWithLogits(BceWithLogitsLoss::new()).build()?;
    Ok(Task { name: "moons", network: built(&network)?, loss, train, rate: 0.1, batch: 32 })
}
