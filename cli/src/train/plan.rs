//! The network of a run on paper: its layers, and the plan that trains it.

use super::Common;
use super::folder::Folder;
use super::read::Setting;
use limpide::model::{Summary, flops, summary};
use limpide::plan::Plan;
use limpide::{Module, Result};
use std::path::Path;

/// What can be said of a run before it is trained.
pub struct Paper {
    /// The layers for a batch.
    pub summary: Summary,
    /// FLOPs of a step, forward and back.
    pub flops: u64,
    /// The plan, where it is asked for.
    pub plan: Option<Plan<f32>>,
}

/// The network of a description, or of the folder of a run, on paper.
///
/// # Errors
/// Those of reading the description, and of a network that does not take the data.
pub fn paper(run: &Path, settings: &[Setting], common: &Common, plan: bool) -> Result<Paper> {
    let file = if run.is_dir() { Folder::open(run)?.description() } else { run.to_path_buf() };
    let session = common.session(&file, settings)?;
    let samples = &session.parts.train;
    let batch = session.description.batch_size.min(samples.len());
    let input = [&[batch], samples.sample_shape()].concat();
    let network: &dyn Module<f32> = &session.network;
    let plan = plan.then(|| Plan::new(network, &input)).transpose()?;
    Ok(Paper { summary: summary(network, &input)?, flops: flops(network, &input)?.step(), plan })
}
