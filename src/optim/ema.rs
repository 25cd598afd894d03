//! The exponential moving average of a network's parameters, which often predicts better than the parameters themselves.

use super::rule;
use super::state::OptimizerState;
use crate::kernels::{level, update};
use crate::module::Module;
use crate::tensor::{dense, values, values_mut};
use crate::{Error, Real, Result, Tensor};
use std::collections::BTreeMap;

/// **φ ← d·φ + (1 − d)·θ** after every step; φ starts as θ after the first.
///
/// The average reaches back about 1/(1 − d) steps. Buffers (the running statistics of a batch norm) are not averaged.
///
/// Source: Polyak and Juditsky, *Acceleration of stochastic approximation by averaging*, 1992, for the mean over all steps; as
/// in PyTorch's `AveragedModel` with `get_ema_multi_avg_fn(d)`.
///
/// ```
/// use limpide::{layers::Linear, optim::Ema, tensor};
/// let mut layer = Linear::from_values(tensor(&[1, 1], vec![8.0]), None)?;
/// let mut average = Ema::new(0.75)?;
/// average.update(&layer);
/// layer.weight[[0, 0]] = 4.0;
/// average.update(&layer);
/// average.swap(&mut layer);
/// assert_eq!(layer.weight[[0, 0]], 0.75 * 8.0 + 0.25 * 4.0);
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ema<T> {
    decay: f64,
    updates: u64,
    averages: Vec<Tensor<T>>,
}

impl<T: Real> Ema<T> {
    /// An average with the decay d.
    ///
    /// # Errors
    /// [`Error::Option`] when d is not from 0 to below 1.
    pub fn new(decay: f64) -> Result<Self> {
        rule::below_1("EMA: decay", decay, "at 1 the average never moves")?;
        Ok(Ema { decay, updates: 0, averages: Vec::new() })
    }

    /// Takes the parameters as they are into the average.
    ///
    /// Panics when an earlier network had other parameters.
    pub fn update(&mut self, network: &dyn Module<T>) {
        let fresh = T::of(1.0 - self.decay);
        let (first, mut place) = (self.updates == 0, 0);
        network.each_parameter(&mut |parameter| {
            if first {
                self.averages.push(dense(parameter));
            } else {
                let average = values_mut(&mut self.averages[place]);
                update(level(), average, values(parameter), [], |a, p, []| (a + fresh * (p - a), []));
            }
            place += 1;
        });
        self.updates += 1;
    }

    /// Puts the averages into the network and keeps its parameters in their place, until the next swap. Nothing happens
    /// before the first update.
    pub fn swap(&mut self, network: &mut dyn Module<T>) {
        for (parameter, average) in network.parameters_mut().into_iter().zip(&mut self.averages) {
            std::mem::swap(parameter, average);
        }
    }

    /// The averages by the names of the parameters, with the number of updates as the clock.
    pub fn state(&self, network: &dyn Module<T>) -> OptimizerState<T> {
        let names = network.parameters().into_iter().map(|(name, _)| name);
        let tensors = names.zip(self.averages.iter().cloned()).collect();
        OptimizerState { clock: self.updates, numbers: BTreeMap::new(), tensors }
    }

    /// Goes on from a state of the same network.
    ///
    /// # Errors
    /// [`Error::State`] with every name and shape that differs; nothing has changed then.
    pub fn load_state(&mut self, network: &dyn Module<T>, state: &OptimizerState<T>) -> Result<()> {
        let parameters = network.parameters();
        let wanted: Vec<_> = parameters.iter().map(|(name, value)| (name.clone(), value.shape())).collect();
        state
            .expect(&BTreeMap::new(), &wanted)
            .map_err(|differences| Error::State { of: format!("Ema({})", self.decay), differences })?;
        let find = |name: &String| state.tensors.iter().find(|(own, _)| own == name).map(|(_, tensor)| dense(tensor));
        self.averages = wanted.iter().filter_map(|(name, _)| find(name)).collect();
        self.updates = state.clock;
        Ok(())
    }
}
