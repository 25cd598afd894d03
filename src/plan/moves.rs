//! The training pass and the optimiser's step in one: weights of wide dense layers move in the middle of the pass.
//!
//! Their gradients are the largest numbers of a small network. Kept nowhere, they leave the caches to the weights.

use super::Plan;
use super::split::Split;
use super::stage::Stage;
use super::train::Batch;
use crate::kernels::Workers;
use crate::loss::Loss;
use crate::module::{Gradients, Module, Tape};
use crate::optim::Optimizer;
use crate::tensor::{values, values_mut};
use crate::train::BatchScore;
use crate::{Real, Result, Tensor};

/// The optimiser that moves weights in the middle of a pass, and those weights, which the network lends meanwhile.
pub(super) struct Moves<'a, T: Real> {
    pub optimizer: &'a mut Optimizer<T>,
    /// Their places among the network's parameters.
    places: Vec<usize>,
    weights: Vec<Tensor<T>>,
}

impl<T: Real> Moves<'_, T> {
    /// Takes the weights from the network, or gives them back.
    fn exchange(&mut self, network: &mut dyn Module<T>) {
        if self.places.is_empty() {
            return;
        }
        let mut parameters = network.parameters_mut();
        for (&place, weight) in self.places.iter().zip(&mut self.weights) {
            std::mem::swap(parameters[place], weight);
        }
    }

    /// Where the weight of a divided layer is among those lent.
    fn place(&self, split: &Split<T>) -> Option<usize> {
        self.places.iter().position(|&place| place == split.parameters.start)
    }

    /// The weight of a divided layer.
    pub fn weight(&self, split: &Split<T>) -> Option<&Tensor<T>> {
        Some(&self.weights[self.place(split)?])
    }

    /// The weight of a divided layer, and what moves it.
    pub fn of_split(&mut self, split: &Split<T>) -> Option<(&mut Tensor<T>, &mut Optimizer<T>)> {
        let place = self.place(split)?;
        Some((&mut self.weights[place], self.optimizer))
    }
}

impl<T: Real> Plan<T> {
    /// [`Plan::gradients`] and the optimiser's step, unless the loss is not finite. The same bits as one after the other, but
    /// weights of wide dense layers move as soon as their gradients are known, which are not kept: for them `gradients` is
    /// left as it was.
    ///
    /// # Errors
    /// Those of [`Plan::gradients`]; those of [`Optimizer::prepare`] in the first step. Nothing has moved then.
    #[allow(clippy::too_many_arguments)] // a pass and what moves
    pub(crate) fn step(
        &mut self,
        workers: &mut Workers,
        network: &mut dyn Module<T>,
        loss: &dyn Loss<T>,
        batch: &Batch<'_, T>,
        tape: &Tape<T>,
        gradients: &mut Gradients<T>,
        optimizer: &mut Optimizer<T>,
    ) -> Result<BatchScore<T>> {
        optimizer.ready(network)?;
        let places: Vec<usize> = self.stages.iter().filter_map(Stage::moved_early).collect();
        let mut moves = Moves { weights: vec![crate::zeros(&[0]); places.len()], places, optimizer };
        moves.exchange(network);
        let score = self.pass(workers, network, loss, batch, tape, gradients, Some(&mut moves));
        moves.exchange(network);
        let score = score?;
        if score.sum.is_finite() {
            let parameters = network.parameters_mut().into_iter().zip(&**gradients);
            let parameters = parameters.map(|(parameter, gradient)| (values_mut(parameter), values(gradient)));
            moves.optimizer.move_slices(parameters, |place| moves.places.contains(&place), workers);
        }
        Ok(score)
    }
}

impl<T: Real> Stage<T> {
    /// The place of the weight that a step moves before the other parameters, if there is one.
    fn moved_early(&self) -> Option<usize> {
        match self {
            Stage::Split(split) => Some(split.parameters.start),
            _ => None,
        }
    }
}
