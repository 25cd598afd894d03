//! Model files: parameters and buffers by PyTorch's names in safetensors, with the model's description in the header.

use super::matching::Matching;
use super::safetensors::{Archive, encode};
use crate::files::write_atomically;
use crate::model::{LayerDescription, describe, numbers};
use crate::module::Module;
use crate::pipeline::Meaning;
use crate::{Error, Real, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// The note that holds what this library says about a file.
pub(crate) const NOTE: &str = "limpide";
/// The kind of file that a checkpoint is, and what stands before the names of the network's tensors in it.
pub(crate) const CHECKPOINT: &str = "checkpoint";
pub(crate) const WEIGHTS: &str = "model/";
/// The newest version of model files.
const VERSION: u32 = 1;

/// What the note of a model file says.
#[derive(Serialize, Deserialize)]
struct ModelNote {
    kind: String,
    version: u32,
    /// None for a model with modules that this library does not know.
    model: Option<LayerDescription>,
    /// What goes in and comes out, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pipeline: Option<Meaning>,
}

/// The part of a note that every version of every kind has.
#[derive(Deserialize)]
struct NoteHead {
    kind: String,
    version: u32,
}

/// The note of a file of this kind, or why it is none.
pub(crate) fn read_note<'a, N: Deserialize<'a>>(archive: &'a Archive, kind: &str, newest: u32) -> Result<N> {
    let wrong = |problem: String| Error::Data { path: archive.path().into(), problem };
    let text = archive.note(NOTE).ok_or_else(|| {
        wrong(format!("wants a {kind} of limpide, got a safetensors file without the note `{NOTE}` in its header"))
    })?;
    let damaged = |error: serde_json::Error| wrong(format!("the note `{NOTE}` in its header is damaged: {error}"));
    let head: NoteHead = serde_json::from_str(text).map_err(damaged)?;
    if head.kind != kind {
        return Err(wrong(format!("wants a {kind}, got a {}", head.kind)));
    }
    if head.version > newest {
        let found = head.version;
        return Err(wrong(format!("is a {kind} of version {found}, and this limpide reads up to {newest}; update it")));
    }
    serde_json::from_str(text).map_err(damaged)
}

/// Writes a model: parameters and buffers under PyTorch's names and layouts, and its description, so that [`load`] builds it anew.
/// PyTorch reads the file with `safetensors.torch.load_file` and `load_state_dict`.
///
/// # Errors
/// [`Error::Io`]; [`Error::Option`] when two tensors have one name, of which a file holds one. What stood at `path` before is
/// untouched then.
///
/// ```
/// use limpide::{Module, Sequential, format, layers::{Linear, Tanh}};
/// let path = std::env::temp_dir().join("limpide-example.safetensors");
/// let network = Sequential::<f32>::new().push(Linear::new(4, 3)).push(Tanh).seed(7);
/// format::save(&network, &path)?;
/// let same = format::load::<f32>(&path)?;
/// assert_eq!(same.to_string(), "Sequential(Linear(4, 3), Tanh)");
/// assert_eq!(same.parameters(), network.parameters());
/// # Ok::<(), limpide::Error>(())
/// ```
pub fn save<T: Real>(model: &dyn Module<T>, path: &Path) -> Result<()> {
    write(model, None, path)
}

/// [`save`] of a model with what stands around it.
pub(crate) fn save_with_meaning(model: &dyn Module<f32>, meaning: &Meaning, path: &Path) -> Result<()> {
    write(model, Some(meaning.clone()), path)
}

fn write<T: Real>(model: &dyn Module<T>, pipeline: Option<Meaning>, path: &Path) -> Result<()> {
    check_names(model)?;
    let note = ModelNote { kind: "model".into(), version: VERSION, model: describe(model), pipeline };
    let note = serde_json::to_string(&note).expect("a description is plain data");
    write_atomically(path, &encode(state(model), [(NOTE, note.as_str())]))
}

/// Builds the model of a file that [`save`] has written.
///
/// # Errors
/// [`Error::Io`]; [`Error::Data`] when the file is damaged, is no model of this library, or is of a newer version.
pub fn load<T: Real>(path: &Path) -> Result<Box<dyn Module<T>>> {
    load_archive(&Archive::read(path)?)
}

/// [`load`] of a model with what stands around it.
pub(crate) fn load_with_meaning(path: &Path) -> Result<(Box<dyn Module<f32>>, Option<Meaning>)> {
    read(&Archive::read(path)?)
}

/// [`load`] of an opened file.
///
/// # Errors
/// Those of [`load`].
pub fn load_archive<T: Real>(archive: &Archive) -> Result<Box<dyn Module<T>>> {
    T::load(archive)
}

pub(crate) fn load_archive_here<T: Real>(archive: &Archive) -> Result<Box<dyn Module<T>>> {
    read(archive).map(|(model, _)| model)
}

fn read<T: Real>(archive: &Archive) -> Result<(Box<dyn Module<T>>, Option<Meaning>)> {
    let note: ModelNote = read_note(archive, "model", VERSION)?;
    let description = note.model.ok_or_else(|| Error::Data {
        path: archive.path().into(),
        problem: "holds modules that this library cannot build; build the network yourself and use `load_into`".into(),
    })?;
    // A description is a claim: it must not take more memory than the file has numbers for.
    let (wanted, held) = (numbers(std::slice::from_ref(&description))?, archive.numbers());
    // A batch norm's count of batches may be missing.
    if wanted > held.saturating_mul(2) {
        let problem = format!("describes a network of {wanted} numbers and holds {held}; take another copy");
        return Err(Error::Data { path: archive.path().into(), problem });
    }
    let mut model = description.build()?;
    fill(&mut *model, archive)?;
    Ok((model, note.pipeline))
}

/// Loads the parameters and buffers of a safetensors file, ours or PyTorch's, or of a checkpoint, into a network of the same
/// architecture. Of a checkpoint they are the weights as they stood then, not the averages or the best ones that it may keep too.
///
/// # Errors
/// [`Error::Io`]; [`Error::Data`] when the file is damaged, and when its tensors are not exactly the network's: the
/// message lists every missing, extra and misshapen tensor. The network is as it was then. [`load_matching`](super::load_matching)
/// takes what fits.
pub fn load_into<T: Real>(model: &mut dyn Module<T>, path: &Path) -> Result<()> {
    fill(model, &Archive::read(path)?)
}

fn fill<T: Real>(model: &mut dyn Module<T>, archive: &Archive) -> Result<()> {
    let wanted = shapes(&state(model));
    let prefix = weights_prefix(archive);
    let problems = Matching::of(&wanted, &archive.shapes_behind(prefix)).problems();
    if !problems.is_empty() {
        let problem = format!("is not of this network: {}", problems.join("; "));
        return Err(Error::Data { path: archive.path().into(), problem });
    }
    let tensors = wanted.iter().map(|(name, _)| archive.tensor(&format!("{prefix}{name}")));
    let tensors = tensors.collect::<Result<Vec<_>>>()?;
    set_state(model, tensors);
    Ok(())
}

/// What stands before the names of a network's tensors in a file: those of a checkpoint lie beside other things.
pub(super) fn weights_prefix(archive: &Archive) -> &'static str {
    let head = archive.note(NOTE).and_then(|text| serde_json::from_str::<NoteHead>(text).ok());
    if head.is_some_and(|head| head.kind == CHECKPOINT) { WEIGHTS } else { "" }
}

/// All tensors that make a model what it is, parameters and buffers, by PyTorch's names.
pub(crate) fn state<T: Real>(model: &dyn Module<T>) -> Vec<(String, &Tensor<T>)> {
    model.parameters().into_iter().chain(model.buffers()).collect()
}

/// Errs when two of the tensors of [`state`] have one name: by it they are saved and loaded.
pub(crate) fn check_names<T: Real>(model: &dyn Module<T>) -> Result<()> {
    let mut names = BTreeSet::new();
    match state(model).into_iter().find(|(name, _)| !names.insert(name.clone())) {
        None => Ok(()),
        Some((name, _)) => {
            let name = format!("{name} twice");
            Err(Error::option("the names of a network's parameters and buffers", "different from each other", name))
        }
    }
}

/// Replaces the tensors of [`state`], which these must be in number, order and shape.
pub(crate) fn set_state<T: Real>(model: &mut dyn Module<T>, tensors: Vec<Tensor<T>>) {
    let mut tensors = tensors.into_iter();
    model.parameters_mut().into_iter().zip(&mut tensors).for_each(|(own, tensor)| *own = tensor);
    model.buffers_mut().into_iter().zip(&mut tensors).for_each(|(own, tensor)| *own = tensor);
}

/// Names with shapes.
pub(crate) fn shapes<T: Real>(tensors: &[(String, &Tensor<T>)]) -> Vec<(String, Vec<usize>)> {
    tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shape().to_vec())).collect()
}

#[cfg(test)]
#[path = "model_file_tests.rs"]
mod tests;
