//! The roots of the generic code, compiled here once for `f32` and once for `f64`.
//!
//! Rust compiles generic code in the crate that asks for it; through these functions a program that uses the library, and
//! each of its tests, links to what is here instead of compiling the layers, losses, rules and passes again.

use crate::data::{Dataset, Inputs};
use crate::format::model_file::load_archive_here;
use crate::format::safetensors::Archive;
use crate::kernels::Workers;
use crate::loss::{Loss, LossDescription};
use crate::model::LayerDescription;
use crate::optim::{Optimizer, OptimizerState, Rule, RuleDescription};
use crate::plan::{Batch, Plan, Shared, Way};
use crate::train::score::{evaluate_here, predict_here};
use crate::train::{BatchScore, Engine, History, Score, Trainer};
use crate::{Gradients, Module, Real, Result, Tape, Tensor};

/// A type of numbers that the library has code for.
#[allow(private_interfaces, missing_docs)] // each is the method of the same name, which says what it does
pub trait Compiled: Sized {
    fn module(description: &LayerDescription) -> Result<Box<dyn Module<Self>>>
    where
        Self: Real;
    fn loss(description: &LossDescription) -> Result<Box<dyn Loss<Self>>>
    where
        Self: Real;
    fn rule(description: RuleDescription) -> Box<dyn Rule<Self>>
    where
        Self: Real;
    fn gradients(
        plan: &mut Plan<Self>,
        workers: &mut Workers,
        network: &dyn Module<Self>,
        loss: &dyn Loss<Self>,
        batch: &Batch<'_, Self>,
        tape: &Tape<Self>,
        gradients: &mut Gradients<Self>,
    ) -> Result<BatchScore<Self>>
    where
        Self: Real;
    #[allow(clippy::too_many_arguments)] // as many as the method has
    fn planned_step(
        plan: &mut Plan<Self>,
        workers: &mut Workers,
        network: &mut dyn Module<Self>,
        loss: &dyn Loss<Self>,
        batch: &Batch<'_, Self>,
        tape: &Tape<Self>,
        gradients: &mut Gradients<Self>,
        optimizer: &mut Optimizer<Self>,
    ) -> Result<BatchScore<Self>>
    where
        Self: Real;
    fn run_way(way: &mut Way<Self>, plan: &Plan<Self>, shared: &Shared<'_, Self>, rows: usize, z: &mut [Self])
    where
        Self: Real;
    fn plan(network: &dyn Module<Self>, input: &[usize]) -> Result<Plan<Self>>
    where
        Self: Real;
    fn evaluate(
        network: &dyn Module<Self>,
        loss: &dyn Loss<Self>,
        data: &Dataset<Self>,
        engine: &mut Engine<Self>,
    ) -> Result<Score>
    where
        Self: Real;
    fn predict(network: &dyn Module<Self>, inputs: &Inputs<Self>, engine: &mut Engine<Self>) -> Result<Tensor<Self>>
    where
        Self: Real;
    fn check(
        trainer: &Trainer<'_, Self>,
        network: &dyn Module<Self>,
        loss: &dyn Loss<Self>,
        train: &Dataset<Self>,
    ) -> Result<()>
    where
        Self: Real;
    fn load(archive: &Archive) -> Result<Box<dyn Module<Self>>>
    where
        Self: Real;
    fn gather(inputs: &Inputs<Self>, indices: &[usize], out: &mut [Self])
    where
        Self: Real;
    fn select(inputs: &Inputs<Self>, indices: &[usize]) -> Inputs<Self>
    where
        Self: Real;
    fn load_state(
        optimizer: &mut Optimizer<Self>,
        network: &dyn Module<Self>,
        state: &OptimizerState<Self>,
    ) -> Result<()>
    where
        Self: Real;
    fn fit(
        trainer: Trainer<'_, Self>,
        network: &mut dyn Module<Self>,
        loss: &dyn Loss<Self>,
        train: &Dataset<Self>,
    ) -> Result<History>
    where
        Self: Real;
    fn step(
        optimizer: &mut Optimizer<Self>,
        network: &mut dyn Module<Self>,
        gradients: &Gradients<Self>,
        workers: &mut Workers,
    ) -> Result<()>
    where
        Self: Real;
}

macro_rules! compile {
    ($number:ty) => {
        #[allow(private_interfaces)]
        impl Compiled for $number {
            fn module(description: &LayerDescription) -> Result<Box<dyn Module<Self>>> {
                description.build_here()
            }
            fn loss(description: &LossDescription) -> Result<Box<dyn Loss<Self>>> {
                description.build_here()
            }
            fn rule(description: RuleDescription) -> Box<dyn Rule<Self>> {
                description.boxed_here()
            }
            fn gradients(
                plan: &mut Plan<Self>,
                workers: &mut Workers,
                network: &dyn Module<Self>,
                loss: &dyn Loss<Self>,
                batch: &Batch<'_, Self>,
                tape: &Tape<Self>,
                gradients: &mut Gradients<Self>,
            ) -> Result<BatchScore<Self>> {
                plan.gradients_here(workers, network, loss, batch, tape, gradients)
            }
            fn planned_step(
                plan: &mut Plan<Self>,
                workers: &mut Workers,
                network: &mut dyn Module<Self>,
                loss: &dyn Loss<Self>,
                batch: &Batch<'_, Self>,
                tape: &Tape<Self>,
                gradients: &mut Gradients<Self>,
                optimizer: &mut Optimizer<Self>,
            ) -> Result<BatchScore<Self>> {
                plan.step(workers, network, loss, batch, tape, gradients, optimizer)
            }
            fn run_way(way: &mut Way<Self>, plan: &Plan<Self>, shared: &Shared<'_, Self>, rows: usize, z: &mut [Self]) {
                way.run_here(plan, shared, rows, z)
            }
            fn plan(network: &dyn Module<Self>, input: &[usize]) -> Result<Plan<Self>> {
                Plan::new_here(network, input)
            }
            fn evaluate(
                network: &dyn Module<Self>,
                loss: &dyn Loss<Self>,
                data: &Dataset<Self>,
                engine: &mut Engine<Self>,
            ) -> Result<Score> {
                evaluate_here(network, loss, data, engine)
            }
            fn predict(
                network: &dyn Module<Self>,
                inputs: &Inputs<Self>,
                engine: &mut Engine<Self>,
            ) -> Result<Tensor<Self>> {
                predict_here(network, inputs, engine)
            }
            fn check(
                trainer: &Trainer<'_, Self>,
                network: &dyn Module<Self>,
                loss: &dyn Loss<Self>,
                train: &Dataset<Self>,
            ) -> Result<()> {
                trainer.check_here(network, loss, train)
            }
            fn load(archive: &Archive) -> Result<Box<dyn Module<Self>>> {
                load_archive_here(archive)
            }
            fn gather(inputs: &Inputs<Self>, indices: &[usize], out: &mut [Self]) {
                inputs.gather_into_here(indices, out)
            }
            fn select(inputs: &Inputs<Self>, indices: &[usize]) -> Inputs<Self> {
                inputs.select_here(indices)
            }
            fn load_state(
                optimizer: &mut Optimizer<Self>,
                network: &dyn Module<Self>,
                state: &OptimizerState<Self>,
            ) -> Result<()> {
                optimizer.load_state_here(network, state)
            }
            fn fit(
                trainer: Trainer<'_, Self>,
                network: &mut dyn Module<Self>,
                loss: &dyn Loss<Self>,
                train: &Dataset<Self>,
            ) -> Result<History> {
                trainer.fit_here(network, loss, train)
            }
            fn step(
                optimizer: &mut Optimizer<Self>,
                network: &mut dyn Module<Self>,
                gradients: &Gradients<Self>,
                workers: &mut Workers,
            ) -> Result<()> {
                optimizer.step_here(network, gradients, workers)
            }
        }
    };
}

compile!(f32);
compile!(f64);
