//! The roots of the generic code, compiled here once for `f32` and once for `f64`.
//!
//! Rust compiles generic code in the crate that asks for it; through these functions a program that uses the library, and
//! each of its tests, links to what is here instead of compiling the layers, losses, rules and passes again.

use crate::data::Dataset;
use crate::kernels::Workers;
use crate::loss::{Loss, LossDescription};
use crate::model::LayerDescription;
use crate::optim::{Optimizer, Rule, RuleDescription};
use crate::plan::{Batch, Plan, Shared, Way};
use crate::train::{BatchScore, History, Trainer};
use crate::{Gradients, Module, Real, Result, Tape};

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
