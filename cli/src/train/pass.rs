//! One sample on its way through a network and back, with every tensor.

use super::Common;
use super::data::fingerprint;
use super::folder::Folder;
use super::part::Part;
use super::read::Setting;
use limpide::data::Target;
use limpide::diagnose::{self, Names};
use limpide::model::{Row, summary};
use limpide::module::Gradients;
use limpide::tensor::{dense, values};
use limpide::{Error, Module, Result, Tape, Tensor, format};
use std::path::Path;

/// A forward and a backward pass.
pub struct Pass {
    /// Whose weights, which sample, what is right for it and how far off the network is.
    pub about: String,
    /// The loss.
    pub loss: f64,
    /// What the pass left in its order, `0.input`, `0.output`, `0.delta` (∂L/∂output) and what layers keep; then ∂L/∂input as
    /// `input.delta` and the gradients, `0.weight.gradient`.
    pub tensors: Vec<(String, Tensor<f32>)>,
    /// The layers by name, `0`, and of what type they are.
    layers: Vec<(String, String)>,
}

impl Pass {
    /// The type of the layer that a tensor belongs to; of the whole network's tensors nothing.
    pub fn layer(&self, tensor: &str) -> &str {
        let own = |(name, _): &&(String, String)| {
            tensor.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        self.layers.iter().filter(own).max_by_key(|(name, _)| name.len()).map_or("", |(_, layer)| layer)
    }
}

/// The pass of one sample, counted from 1 in its part, as the network predicts: with the weights of a finished run, else with
/// the start values of its description.
///
/// # Errors
/// Those of reading run and data; a part or a sample that is not there.
pub fn pass(run: &Path, settings: &[Setting], common: &Common, part: Part, sample: usize) -> Result<Pass> {
    let folder = run.is_dir().then(|| Folder::open(run)).transpose()?;
    let file = folder.as_ref().map_or(run.to_path_buf(), Folder::description);
    let mut session = common.session(&file, settings)?;
    let trained = folder.filter(|folder| folder.model().is_file());
    match &trained {
        Some(folder) => {
            fingerprint::check(folder, &session)?;
            format::load_into(&mut session.network, &folder.model())?;
        }
        None => session.take_start()?,
    }
    let data = part.of(&session.parts)?;
    if !(1..=data.len()).contains(&sample) {
        let wanted = format!("from 1 to {}, the samples of the {} part", data.len(), part.name());
        return Err(Error::option("--sample", wanted, sample));
    }
    let (x, target) = data.gather(&[sample - 1]);
    let (network, loss) = (&session.network, &*session.loss);
    let (mut tape, mut gradients) = (Tape::evaluating(), Gradients::zeros_for(network));
    let output = network.forward(&x, &mut tape);
    loss.check_output(values(&dense(&output)))?;
    let delta = network.backward(&mut tape, &loss.backward(&output, &target), &mut gradients);
    let terms = loss.forward(&output, &target);
    let loss = values(&terms).iter().map(|&term| f64::from(term)).sum();
    let mut tensors = tape.tensors(network);
    tensors.push(("input.delta".into(), delta));
    tensors.extend(gradients.named().map(|(name, gradient)| (format!("{name}.gradient"), gradient.clone())));
    let weights = if trained.is_some() { "the weights of the run" } else { "the start values" };
    let found = match part {
        Part::Train => format!(" ({})", session.parts.sample(diagnose::Part::Train, sample - 1)),
        Part::Validation => format!(" ({})", session.parts.sample(diagnose::Part::Validation, sample - 1)),
        Part::Test => String::new(),
    };
    let right = match &target {
        Target::Classes(labels) if labels.len() == 1 => {
            format!(", class {}", session.parts.class(labels[[0]] as usize))
        }
        _ => String::new(),
    };
    let typed = |row: Row| (row.name, row.module.split('(').next().unwrap_or_default().to_string());
    let layers = summary(network, x.shape())?.rows.into_iter().map(typed).collect();
    let about = format!("{weights}; sample {sample} of the {} part{found}{right}: loss {loss:.6}", part.name());
    Ok(Pass { about, loss, tensors, layers })
}
