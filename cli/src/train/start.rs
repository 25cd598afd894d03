//! Start values from a trained network: `start_from` of a description.

use super::folder::Folder;
use crate::model_file::place;
use limpide::format::load_matching;
use limpide::{Error, Result, Sequential};
use std::path::Path;

/// Puts the weights of the folder of a run, a model file or a checkpoint in the place of the start values, where their names and
/// shapes fit, and says what was taken and what was not, in one line.
///
/// # Errors
/// A path that leads to none of these, a run that is not finished, and a file of which nothing fits.
pub fn take(network: &mut Sequential<f32>, from: &Path) -> Result<String> {
    if !from.exists() {
        let wanted = "the folder of a run, a model file or a checkpoint that is there";
        return Err(Error::option("start_from", wanted, from.display()));
    }
    let file = place(from);
    if from.is_dir() && !file.is_file() {
        return Err(Folder::open(from)?.unfinished(file));
    }
    Ok(format!("start from {}: {}", from.display(), load_matching(network, &file)?))
}
