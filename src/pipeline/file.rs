//! Pipelines on disk: a model file whose header says too what goes in and what comes out.

use super::{Meaning, Pipeline};
use crate::format::{load_with_meaning, save_with_meaning};
use crate::module::Module;
use crate::{Error, Result};
use std::path::Path;

impl Pipeline {
    /// Writes the whole pipeline as one safetensors file, which [`load`] reads, and PyTorch too.
    ///
    /// # Errors
    /// [`Error::Io`]; what stood at `path` before is untouched then.
    pub fn save(&self, path: &Path) -> Result<()> {
        save(&*self.network, &self.meaning, path)
    }
}

/// [`Pipeline::save`] of a network that is in other hands.
///
/// # Errors
/// [`Error::Io`]; what stood at `path` before is untouched then.
pub fn save(network: &dyn Module<f32>, meaning: &Meaning, path: &Path) -> Result<()> {
    save_with_meaning(network, meaning, path)
}

/// The pipeline of a run's folder or of a model file; one that says nothing of its inputs and outputs takes and gives numbers
/// as they are.
///
/// # Errors
/// [`Error::Io`]; [`Error::Data`] when the file is damaged, is no model of this library, or is of a newer version.
pub fn load(path: impl AsRef<Path>) -> Result<Pipeline> {
    let path = path.as_ref();
    let inside = path.join("model.safetensors");
    let file = if path.is_dir() { &inside } else { path };
    if path.is_dir() && !inside.is_file() {
        let problem = format!(
            "has no model.safetensors: it is no folder of a run, or the run is not finished and `limpide resume {}` goes on \
             with it",
            path.display()
        );
        return Err(Error::Data { path: path.into(), problem });
    }
    let (network, meaning) = load_with_meaning(file)?;
    let unsound = |error: Error| Error::Data { path: file.into(), problem: format!("its parts do not fit: {error}") };
    Pipeline::boxed(network, meaning.unwrap_or_default()).map_err(unsound)
}
