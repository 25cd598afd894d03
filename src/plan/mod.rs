//! A network compiled for speed: neighbours fused into steps, activations laid out beforehand, work divided between cores.
//!
//! A plan computes what the network's own verbs compute; they stay the reference that it is held against
//! (`tests/plan/`) and the glass box to look into. Nothing in [`crate::layers`] knows of it.
//!
//! The batch runs through *stages*. Most are chains of steps that a slice of the batch takes from end to end while its
//! activations are in a core's cache; the slices depend on the batch alone, never on the threads. Where a dense layer's weights are
//! larger than its activations, the layer is a stage of its own and its outputs are divided instead, so that each core
//! keeps its part of the weights; the first layer takes along an activation and a small dense layer behind it. A batch norm
//! ends a chain, since it wants to know of the whole batch before the next one begins.

mod activation;
mod behind;
mod compile;
mod convolution;
mod dense;
mod direct;
mod entrywise;
mod head;
mod join;
mod layout;
mod moves;
mod norm;
mod phases;
mod plain;
mod pool;
mod predict;
mod print;
mod split;
mod stage;
mod step;
mod train;
mod whole;

pub use predict::Predictor;
pub(crate) use predict::Way;
pub use print::Line;
pub(crate) use train::Shared;
pub use train::{Batch, Fill};

use crate::Real;
use crate::kernels::Aligned;
use crate::module::Module;
use stage::{Boundary, Stage};

/// A network's steps for batches of up to a number of samples, with the buffers that they use again and again.
///
/// It belongs to the network that it was compiled from, or one of the same modules: parameters are read from the network
/// in every pass.
#[derive(Debug)]
pub struct Plan<T: Real> {
    /// The last stage is a chain: the loss belongs to it.
    stages: Vec<Stage<T>>,
    /// What lies before each stage, and behind the last.
    boundaries: Vec<Boundary<T>>,
    /// Shapes of one sample.
    input: Vec<usize>,
    output: Vec<usize>,
    /// The most samples of a batch.
    rows: usize,
    x: Aligned<T>,
}

impl<T: Real> Plan<T> {
    /// Whether the plan is for so many samples of this shape.
    pub fn takes(&self, sample: &[usize], rows: usize) -> bool {
        self.input == sample && rows <= self.rows
    }

    /// Moves the network's buffers by what the last training pass left.
    pub fn update_buffers(&self, network: &mut dyn Module<T>) {
        for stage in &self.stages {
            match stage {
                Stage::Norm(norm) => norm.update_buffers(network),
                Stage::Whole(whole) => whole.update_buffers(network),
                Stage::Chain(_) | Stage::Split(_) | Stage::Join(_) => {}
            }
        }
    }

    /// The places of the modules in each step that runs a convolution channels last, the convolution first. Its sums go
    /// through a patch row by row with the channels innermost, and its pool comes before its activation.
    pub(crate) fn channels_last(&self) -> Vec<Vec<String>> {
        let chains = self.stages.iter().filter_map(|stage| match stage {
            Stage::Chain(chain) => Some(&chain.steps),
            _ => None,
        });
        chains
            .flatten()
            .filter(|planned| planned.step.name() == "convolution" && planned.step.layout() == "channels last")
            .map(|planned| planned.places.clone())
            .collect()
    }

    /// Of each way around some stages: the first of them, and the one where it ends. Inner ones come first.
    fn ways_around(&self) -> impl Iterator<Item = (usize, usize)> {
        let stages = self.stages.iter().enumerate();
        stages.filter_map(|(place, stage)| if let Stage::Join(join) = stage { Some((join.from, place)) } else { None })
    }

    /// Numbers of one sample.
    fn input_len(&self) -> usize {
        self.input.iter().product()
    }

    /// Numbers of one sample's output.
    fn output_len(&self) -> usize {
        self.output.iter().product()
    }
}
