//! What a run has left in its folder: settings, figures by epoch, result.

use crate::train::{FAILED, Folder, Outcome, value_text};
use limpide::train::History;
use limpide::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;
use toml::{Table, Value};

/// A run on disk.
pub struct Kept {
    /// What it is called beside the others.
    pub name: String,
    /// Its folder.
    pub folder: Folder,
    /// Every field of its description by its path, `optimizer.lr`, as TOML writes the value.
    pub settings: BTreeMap<String, String>,
    /// Its epochs, with the bits that were measured.
    pub history: History,
    /// Its result, when it is finished.
    pub outcome: Option<Outcome>,
}

impl Kept {
    /// Reads the folder of a run that has begun.
    ///
    /// # Errors
    /// A folder that is none of a run, or has no checkpoint yet; files that are damaged.
    pub fn read(path: &Path) -> Result<Self> {
        let folder = Folder::open(path)?;
        let wrong = |path: &Path, problem: String| Error::Data { path: path.into(), problem };
        let description = folder.description();
        let text =
            std::fs::read_to_string(&description).map_err(|source| Error::Io { path: description.clone(), source })?;
        let table: Table =
            toml::from_str(&text).map_err(|error| wrong(&description, error.message().replace('\n', ", ")))?;
        let checkpoint = folder.checkpoint()?.ok_or_else(|| {
            // What failed is no use to wait for.
            if folder.file(FAILED).is_file() {
                return folder.unfinished(folder.checkpoints());
            }
            let problem = "has no checkpoint yet, so there are no figures; wait, or `limpide resume` it";
            wrong(path, problem.into())
        })?;
        let history = checkpoint.history().clone();
        let outcome = folder.file("result.json").is_file().then(|| Outcome::read(&folder)).transpose()?;
        let mut settings = BTreeMap::new();
        flatten(String::new(), &Value::Table(table), &mut settings);
        Ok(Kept { name: folder.name(), folder, settings, history, outcome })
    }
}

/// The leaves of a table by their paths. A list of plain values is one leaf.
pub fn flatten(path: String, value: &Value, leaves: &mut BTreeMap<String, String>) {
    let below = |name: &str| if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
    match value {
        Value::Table(table) => table.iter().for_each(|(name, value)| flatten(below(name), value, leaves)),
        Value::Array(list) if list.iter().any(Value::is_table) => {
            list.iter().enumerate().for_each(|(place, value)| flatten(below(&place.to_string()), value, leaves));
        }
        other => drop(leaves.insert(path, value_text(other))),
    }
}

/// The settings in which runs differ: the path, and the value of each run that has one. No figure depends on `threads`.
pub fn differences(runs: &[Kept]) -> Vec<(String, Vec<Option<String>>)> {
    let mut paths: Vec<&String> = runs.iter().flat_map(|run| run.settings.keys()).collect();
    paths.sort();
    paths.dedup();
    paths.retain(|path| *path != "threads");
    let values = |path: &String| runs.iter().map(|run| run.settings.get(path).cloned()).collect::<Vec<_>>();
    let rows = paths.into_iter().map(|path| (path.clone(), values(path)));
    rows.filter(|(_, values)| values.iter().any(|value| *value != values[0])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_becomes_paths_and_values() {
        let text = "seed = 1\nshape = [1, 8]\n[optimizer]\ntype = 'SGD'\nlr = 0.1\n[[layers]]\nout = 3\n[[layers]]\n";
        let mut leaves = BTreeMap::new();
        flatten(String::new(), &Value::Table(toml::from_str(text).unwrap()), &mut leaves);
        let pairs = [
            ("layers.0.out", "3"),
            ("optimizer.lr", "0.1"),
            ("optimizer.type", "SGD"),
            ("seed", "1"),
            ("shape", "[1, 8]"),
        ];
        assert_eq!(leaves, pairs.map(|(path, value)| (path.to_string(), value.to_string())).into());
    }
}
