//! The learning-rate range test: a short training run over growing rates, which shows from where to where a rate works.

use super::run::culprit_of;
use crate::data::{Batches, Dataset};
use crate::format::{set_state, state};
use crate::loss::Loss;
use crate::module::Module;
use crate::optim::{Optim, Optimizer};
use crate::plan::Batch;
use crate::{Error, Real, Result, Stream};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The test is over when the smoothed loss has risen above its least value by so many times that value, whatever its sign.
const DIVERGED: f64 = 3.0;

/// The settings of a range test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RangeTestOptions {
    /// The first rate.
    pub min_lr: f64,
    /// The last rate.
    pub max_lr: f64,
    /// Steps from one to the other, each with the same factor.
    pub steps: usize,
    /// Samples a step.
    pub batch_size: usize,
    /// β of the smoothing: how much of the running mean stays from step to step.
    pub smoothing: f64,
    /// The seed of the orders.
    pub seed: u64,
    /// Threads that work; the result does not depend on their number.
    pub threads: usize,
}

/// From 1e-6 to 10 in 100 steps of 32 samples, β = 0.9.
impl Default for RangeTestOptions {
    fn default() -> Self {
        let (min_lr, max_lr, steps, batch_size) = (1e-6, 10.0, 100, 32);
        RangeTestOptions { min_lr, max_lr, steps, batch_size, smoothing: 0.9, seed: 0, threads: 1 }
    }
}

/// What a range test found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RangeTest {
    /// Rate and smoothed loss of every step, up to where the loss ran away.
    pub points: Vec<(f64, f64)>,
    /// The rate at which the smoothed loss falls fastest over the logarithm of the rate; none when it never falls.
    pub suggestion: Option<f64>,
}

/// Trains over exponentially growing rates ηₖ = η₀·(η₁/η₀)^(k/(n−1)) and leaves the network as it was.
///
/// The loss of a batch, before its update, is smoothed as s ← βs + (1−β)L, divided by 1−βᵏ⁺¹, which takes the start at 0 out.
/// The optimiser's own rate does not matter.
///
/// Source: Smith, *Cyclical learning rates for training neural networks*, 2017, section 3.3.
///
/// # Errors
/// A shape error when network, loss and data do not fit together, [`Error::Option`] for settings out of range,
/// [`Error::NotFinite`] when the loss is no number at the first rate already.
///
/// ```
/// use limpide::{Sequential, data, layers::{Linear, Tanh}, loss::MseLoss, optim::Sgd, train::{RangeTestOptions, range_test}};
/// let data = data::regression::<f32>(256, -1.0..1.0, 1)?;
/// let mut network = Sequential::new().push(Linear::new(2, 16)).push(Tanh).push(Linear::new(16, 1));
/// let options = RangeTestOptions { min_lr: 1e-4, ..RangeTestOptions::default() };
/// let found = range_test(&mut network, &MseLoss::new(), &data, Sgd::new(0.0)?, &options)?;
/// let rate = found.suggestion.expect("the loss falls");
/// assert!((0.005..2.0).contains(&rate), "{rate}");
/// # Ok::<(), limpide::Error>(())
/// ```
pub fn range_test<T: Real>(
    network: &mut dyn Module<T>,
    loss: &dyn Loss<T>,
    data: &Dataset<T>,
    optimizer: impl Into<Optimizer<T>>,
    options: &RangeTestOptions,
) -> Result<RangeTest> {
    options.check(data.len())?;
    super::score::check(network, loss, data)?;
    let before: Vec<_> = state(network).into_iter().map(|(_, tensor)| tensor.clone()).collect();
    let points = options.points(network, loss, data, optimizer.into());
    set_state(network, before);
    let points = points?;
    // A fall from one point to the next is mostly the luck of two batches: the slope is that of as many as the mean holds.
    let window = (0.5 / (1.0 - options.smoothing)).round() as usize;
    let suggestion = steepest(&points, window.max(1));
    Ok(RangeTest { points, suggestion })
}

impl RangeTestOptions {
    fn check(&self, samples: usize) -> Result<()> {
        for (name, size) in [("threads", self.threads), ("samples", samples)] {
            if size == 0 {
                return Err(Error::option(format!("RangeTest: {name}"), "at least 1", size));
            }
        }
        if self.steps < 3 {
            return Err(Error::option(
                "RangeTest: steps",
                "at least 3 (a slope has a point on either side)",
                self.steps,
            ));
        }
        if !(self.min_lr > 0.0 && self.max_lr.is_finite() && self.min_lr < self.max_lr) {
            let found = format!("{} to {}", self.min_lr, self.max_lr);
            return Err(Error::option("RangeTest: min_lr to max_lr", "rising, from above 0", found));
        }
        if !(0.0..1.0).contains(&self.smoothing) {
            let wanted = "from 0 to below 1 (at 1 the mean never moves)";
            return Err(Error::option("RangeTest: smoothing", wanted, self.smoothing));
        }
        Ok(())
    }

    fn points<T: Real>(
        &self,
        network: &mut dyn Module<T>,
        loss: &dyn Loss<T>,
        data: &Dataset<T>,
        optimizer: Optimizer<T>,
    ) -> Result<Vec<(f64, f64)>> {
        let mut batches = Batches::new((0..data.len()).collect(), self.batch_size, self.seed)?.shuffle(true);
        let mut optim = Optim::new(network, loss, optimizer, self.threads);
        let stream = Stream::new(self.seed).at(&[u64::from_be_bytes(*b"lr range")]);
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(self.steps);
        let (mut mean, mut least) = (0.0, f64::INFINITY);
        for epoch in 1.. {
            optim.set_random(stream.at(&[epoch]), 0);
            for indices in batches.epoch(epoch) {
                let done = points.len() as f64 / (self.steps - 1) as f64;
                let rate = self.min_lr * (self.max_lr / self.min_lr).powf(done);
                optim.set_learning_rate(rate)?;
                let mut target = data.target_room(indices.len());
                data.gather_targets_into(indices, target.rows_mut());
                let fill = |range: Range<usize>, to: &mut [T]| data.inputs.gather_into(&indices[range], to);
                let batch = Batch { rows: indices.len(), fill: &fill, target: &target };
                let score = optim.step_batch(data.sample_shape(), &batch)?;
                mean = self.smoothing * mean + (1.0 - self.smoothing) * score.sum.to_f64() / score.denominator.to_f64();
                let smoothed = mean / (1.0 - self.smoothing.powf((points.len() + 1) as f64));
                if points.is_empty() && !smoothed.is_finite() {
                    let culprit = culprit_of(optim.network(), loss, &data.inputs.gather(indices));
                    return Err(Error::NotFinite { value: smoothed, epoch: 1, step: 1, culprit });
                }
                if !smoothed.is_finite() || smoothed - least > DIVERGED * least.abs() {
                    return Ok(points);
                }
                least = least.min(smoothed);
                points.push((rate, smoothed));
                if points.len() == self.steps {
                    return Ok(points);
                }
            }
        }
        unreachable!("an epoch has a batch, and a batch a point")
    }
}

/// The rate of the steepest fall before the least loss: where the line of least squares through the loss over the logarithm of
/// the rate, from `window` points before to `window` points behind, falls fastest.
fn steepest(points: &[(f64, f64)], window: usize) -> Option<f64> {
    let least = (0..points.len()).min_by(|&a, &b| points[a].1.total_cmp(&points[b].1))?;
    let last = least.min(points.len().saturating_sub(window));
    let falls = (window..last).map(|k| (k, slope(&points[k - window..=k + window]))).filter(|(_, slope)| *slope < 0.0);
    falls.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(k, _)| points[k].0)
}

/// The slope of the line of least squares through (ln rate, loss).
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let middle = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (middle(|point| point.0.ln()), middle(|point| point.1));
    let products = |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|p| of(p.0.ln() - x, p.1 - y)).sum::<f64>();
    products(&|dx, dy| dx * dy) / products(&|dx, _| dx * dx)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sequential;
    use crate::layers::{Linear, Tanh};
    use crate::loss::MseLoss;
    use crate::optim::Sgd;

    #[test]
    fn the_suggestion_is_where_the_loss_falls_fastest() {
        // ln rate 0, 1, 2 …: falls by 1, by 4, by 2, then rises.
        let losses = [10.0, 9.0, 5.0, 3.0, 4.0, 8.0];
        let points: Vec<_> = losses.iter().enumerate().map(|(k, &loss)| ((k as f64).exp(), loss)).collect();
        // Central slopes −2.5 at 1 and −3 at 2.
        assert_eq!(steepest(&points, 1), Some(2f64.exp()));
        // One jump between neighbours is less than a fall over five points.
        let losses = [10.0, 10.0, 10.0, 7.0, 10.0, 10.0, 9.0, 7.5, 6.0, 4.5, 3.0, 3.0, 3.0, 2.9];
        let points: Vec<_> = losses.iter().enumerate().map(|(k, &loss)| ((k as f64).exp(), loss)).collect();
        assert_eq!(steepest(&points, 2), Some(8f64.exp()));
        assert_eq!(steepest(&[(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)], 1), None);
        assert_eq!(steepest(&[], 1), None);
    }

    fn found(threads: usize, network: &mut Sequential<f64>) -> RangeTest {
        let data = crate::data::regression::<f64>(100, -1.0..1.0, 3).unwrap();
        let options = RangeTestOptions { min_lr: 1e-3, max_lr: 1e3, steps: 60, threads, ..Default::default() };
        range_test(network, &MseLoss::new(), &data, Sgd::new(0.0).unwrap(), &options).unwrap()
    }

    #[test]
    fn the_network_is_left_as_it_was_and_a_loss_that_runs_away_ends_the_test() {
        let mut network = Sequential::new().push(Linear::new(2, 8)).push(Tanh).push(Linear::new(8, 1)).seed(1);
        let before: Vec<_> = network.parameters().into_iter().map(|(_, p)| p.clone()).collect();
        let first = found(1, &mut network);
        let after: Vec<_> = network.parameters().into_iter().map(|(_, p)| p.clone()).collect();
        assert_eq!(before, after);
        assert!(first.points.len() < 60 && first.points.len() > 20, "{}", first.points.len());
        // The same factor from rate to rate.
        let factor = first.points[1].0 / first.points[0].0;
        assert!(first.points.windows(2).all(|two| (two[1].0 / two[0].0 / factor - 1.0).abs() < 1e-12));
        assert!((factor - 1e6f64.powf(1.0 / 59.0)).abs() < 1e-12);
        assert_eq!(found(2, &mut network), first);
    }

    /// A likelihood of values can be above 1, and its loss below 0.
    #[test]
    fn a_loss_below_0_that_falls_does_not_end_the_test() {
        let inputs = crate::data::Inputs::Real(crate::Tensor::ones(vec![8, 2]));
        let data = Dataset::new("ones", inputs, crate::data::Target::classes(vec![1; 8]), 2).unwrap();
        let mut network = Sequential::<f64>::new().push(Linear::new(2, 2));
        network.parameters_mut()[1].fill(1.0);
        let options = RangeTestOptions { min_lr: 1e-3, max_lr: 1e-2, steps: 9, ..Default::default() };
        let loss = crate::loss::NllLoss::new();
        let found = range_test(&mut network, &loss, &data, Sgd::new(0.0).unwrap(), &options).unwrap();
        assert!(found.points[0].1 < 0.0 && found.points[8].1 < found.points[0].1, "{found:?}");
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let refusal = |options: RangeTestOptions| options.check(10).unwrap_err().to_string();
        for (options, wanted) in [
            (RangeTestOptions { steps: 2, ..Default::default() }, "steps must be at least 3"),
            (RangeTestOptions { min_lr: 0.0, ..Default::default() }, "min_lr to max_lr must be rising"),
            (RangeTestOptions { max_lr: f64::NAN, ..Default::default() }, "min_lr to max_lr must be rising"),
            (RangeTestOptions { smoothing: 1.0, ..Default::default() }, "smoothing must be from 0 to below 1"),
            (RangeTestOptions { threads: 0, ..Default::default() }, "threads must be at least 1"),
        ] {
            assert!(refusal(options.clone()).contains(wanted), "{options:?}");
        }
    }
}
