//! The engine: the threads that work, and one pass over a batch, by a plan or module by module.

use crate::data::Target;
use crate::kernels::Workers;
use crate::loss::Loss;
use crate::module::{Gradients, Module, Tape};
use crate::optim::Optimizer;
use crate::plan::{Batch, Plan};
use crate::tensor::{dense, values};
use crate::{Real, Result, Stream, Tensor};

/// What a pass over a batch measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchScore<T> {
    /// Σ terms.
    pub sum: T,
    /// What the mean divides by; see [`Loss::denominator`].
    pub denominator: T,
    /// Samples predicted right; see [`Loss::correct`].
    pub correct: Option<usize>,
    /// Samples in the batch.
    pub samples: usize,
    /// Those of them that `correct` counts: all but the ones of an ignored class.
    pub counted: usize,
}

/// Threads that work, and the tape of the next pass.
#[derive(Debug)]
pub struct Engine<T: Real> {
    workers: Workers,
    /// What a pass without a plan records on; with a plan it carries the random key alone.
    tape: Tape<T>,
}

impl<T: Real> Engine<T> {
    /// An engine on that many threads.
    pub fn new(threads: usize) -> Self {
        Engine { workers: Workers::new(threads), tape: Tape::new() }
    }

    /// The threads, for work beside the passes.
    pub fn workers(&mut self) -> &mut Workers {
        &mut self.workers
    }

    /// Keys the random numbers of the next pass (what a dropout drops) by the stream of (seed, epoch, step).
    pub fn set_random(&mut self, step: Stream) {
        self.tape.set_random(&step, 0);
    }

    /// One forward and backward pass by the network's own verbs, the whole batch at once: sets `gradients` to ∂L/∂θ and
    /// gives the loss. This is the plain twin of [`Plan::gradients`], and leaves every tensor on [`Engine::tape`].
    ///
    /// # Errors
    /// A shape error when the network does not take `x`, or the loss does not take the output with `target`; [`Loss::check_output`].
    pub fn gradients(
        &mut self,
        network: &dyn Module<T>,
        loss: &dyn Loss<T>,
        x: &Tensor<T>,
        target: &Target<T>,
        gradients: &mut Gradients<T>,
    ) -> Result<BatchScore<T>> {
        let shape = network.training_shape(x.shape())?;
        loss.check(&shape, target)?;
        let denominator = loss.denominator(&shape, target);
        network.zero_grad(gradients);
        let output = network.forward(x, &mut self.tape);
        loss.check_output(values(&dense(&output)))?;
        let (terms, mut delta) = loss.terms_and_slope(&output, target);
        let scale = loss.gradient_scale(denominator);
        delta.mapv_inplace(|d| d * scale);
        network.backward_update_gradient(&mut self.tape, &delta, gradients);
        let target = target.dense();
        let correct = loss.correct(values(&dense(&output)), &shape, target.as_slice());
        let counted = loss.counted(&shape, target.as_slice());
        Ok(BatchScore { sum: terms.sum(), denominator, correct, samples: x.shape()[0], counted })
    }

    /// The tensors of the last pass without a plan.
    pub fn tape(&self) -> &Tape<T> {
        &self.tape
    }

    /// [`Plan::gradients`] on this engine's threads, with its random key.
    ///
    /// # Errors
    /// Those of [`Plan::gradients`].
    pub fn planned_gradients(
        &mut self,
        plan: &mut Plan<T>,
        network: &dyn Module<T>,
        loss: &dyn Loss<T>,
        batch: &Batch<'_, T>,
        gradients: &mut Gradients<T>,
    ) -> Result<BatchScore<T>> {
        plan.gradients(&mut self.workers, network, loss, batch, &self.tape, gradients)
    }

    /// [`Engine::planned_gradients`] and the optimiser's step, unless the loss is not finite. The same bits as one after the
    /// other, but weights of wide dense layers move as soon as their gradients are known, which are not kept: for them
    /// `gradients` is left as it was.
    ///
    /// # Errors
    /// Those of [`Plan::gradients`], and of [`Optimizer::prepare`] in the first step. Nothing has moved then.
    pub fn planned_step(
        &mut self,
        plan: &mut Plan<T>,
        network: &mut dyn Module<T>,
        loss: &dyn Loss<T>,
        batch: &Batch<'_, T>,
        gradients: &mut Gradients<T>,
        optimizer: &mut Optimizer<T>,
    ) -> Result<BatchScore<T>> {
        T::planned_step(plan, &mut self.workers, network, loss, batch, &self.tape, gradients, optimizer)
    }
}
