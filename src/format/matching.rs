//! The tensors of a file held against those of a network, by name and shape: for loading what fits of another network.

use super::model_file::{set_state, shapes, state, weights_prefix};
use super::safetensors::Archive;
use crate::module::Module;
use crate::tensor::shape_text;
use crate::{Error, Real, Result};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

/// Tensors that a line about a file names; more are counted.
const NAMED: usize = 8;

/// How the tensors of a file stand to those of a network; `Display` says it in one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// Tensors of the file that have the name and shape of one of the network's.
    pub taken: Vec<String>,
    /// Tensors of the network that have another shape in the file.
    pub misshapen: Vec<Misshapen>,
    /// Tensors of the network, with their shapes, that the file has not.
    pub missing: Vec<(String, Vec<usize>)>,
    /// Tensors of the file, with their shapes, that the network has not.
    pub extra: Vec<(String, Vec<usize>)>,
}

/// A tensor that has another shape in a file than in the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misshapen {
    /// Its name.
    pub name: String,
    /// Its shape in the network.
    pub wanted: Vec<usize>,
    /// Its shape in the file.
    pub found: Vec<usize>,
}

impl Matching {
    /// Of the tensors that a network wants, and those that were found.
    pub(crate) fn of(wanted: &[(String, Vec<usize>)], found: &BTreeMap<String, Vec<usize>>) -> Self {
        let mut matching = Matching::default();
        for (name, shape) in wanted {
            let (name, wanted) = (name.clone(), shape.clone());
            match found.get(&name) {
                None => matching.missing.push((name, wanted)),
                Some(own) if *own == wanted => matching.taken.push(name),
                Some(own) => matching.misshapen.push(Misshapen { name, wanted, found: own.clone() }),
            }
        }
        let extra = found.iter().filter(|(name, _)| wanted.iter().all(|(own, _)| own != *name));
        matching.extra = extra.map(|(name, shape)| (name.clone(), shape.clone())).collect();
        matching
    }

    /// Whether every tensor of the network was found, and nothing else.
    pub fn is_exact(&self) -> bool {
        self.misshapen.is_empty() && self.missing.is_empty() && self.extra.is_empty()
    }

    /// What is missing, too many, or of another shape than wanted, in words.
    pub(crate) fn problems(&self) -> Vec<String> {
        let misshapen = self
            .misshapen
            .iter()
            .map(|own| format!("{} wants {}, got {}", own.name, shape_text(&own.wanted), shape_text(&own.found)));
        let alone = |list: &[(String, Vec<usize>)], what: &str| -> Vec<String> {
            list.iter().map(|(name, shape)| format!("{name} {} is {what}", shape_text(shape))).collect()
        };
        misshapen.chain(alone(&self.missing, "missing")).chain(alone(&self.extra, "extra")).collect()
    }
}

/// `4 of 6 tensors taken; 4.weight wants (2, 16), got (10, 16); 4.bias wants (2,), got (10,)`.
impl Display for Matching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let all = self.taken.len() + self.misshapen.len() + self.missing.len();
        let problems = self.problems();
        let named: String = problems.iter().take(NAMED).map(|problem| format!("; {problem}")).collect();
        let more = problems.len().saturating_sub(NAMED);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        write!(f, "{} of {all} tensors taken{named}{more}", self.taken.len())
    }
}

/// Loads those parameters and buffers of a safetensors file, ours or PyTorch's, or of a checkpoint, that have the name and shape of
/// one of the network's, and leaves the others as they are: PyTorch's `load_state_dict(strict=False)`, but that a tensor of another
/// shape is told of and not an error. It is how a trained network is given another head.
///
/// # Errors
/// [`Error::Io`]; [`Error::Data`] when the file is damaged, and when none of its tensors fits. The network is as it was then.
///
/// ```
/// use limpide::{Sequential, format, layers::{Linear, Tanh}};
/// let path = std::env::temp_dir().join("limpide-matching-example.safetensors");
/// let body = |seed| Sequential::<f32>::new().push(Linear::new(4, 3)).push(Tanh).seed(seed);
/// format::save(&body(7).push(Linear::new(3, 10)), &path)?;
/// let mut other = body(1).push(Linear::new(3, 2));
/// let matching = format::load_matching(&mut other, &path)?;
/// assert_eq!(matching.taken, ["0.weight", "0.bias"]);
/// let line = "2 of 4 tensors taken; 2.weight wants (2, 3), got (10, 3); 2.bias wants (2,), got (10,)";
/// assert_eq!(matching.to_string(), line);
/// # Ok::<(), limpide::Error>(())
/// ```
pub fn load_matching<T: Real>(model: &mut dyn Module<T>, path: &Path) -> Result<Matching> {
    let archive = Archive::read(path)?;
    let prefix = weights_prefix(&archive);
    let own = state(model);
    let matching = Matching::of(&shapes(&own), &archive.shapes_behind(prefix));
    if matching.taken.is_empty() {
        let problem = format!("has no tensor that fits this network: {matching}");
        return Err(Error::Data { path: path.into(), problem });
    }
    let tensors = own.iter().map(|(name, value)| match matching.taken.contains(name) {
        true => archive.tensor(&format!("{prefix}{name}")),
        false => Ok((*value).clone()),
    });
    let tensors = tensors.collect::<Result<Vec<_>>>()?;
    set_state(model, tensors);
    Ok(matching)
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
