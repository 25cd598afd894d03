//! A model as data: the one table of layers, from which modules are built and to which they are described.
//!
//! The same description is a model file's list of layers, a checkpoint's header and the root of the summary. Names and
//! options are PyTorch's. In TOML a layer is one table:
//!
//! ```toml
//! [[layers]]
//! type = "Linear"
//! in_features = 784
//! out_features = 10
//! ```

mod description;
mod flops;
mod modules;
mod size;
mod summary;

pub use crate::pipeline::load;
pub use description::{Halves, LayerDescription, Layers, TYPES};
pub use flops::{Flops, flops};
pub use modules::{build_chain, describe};
pub use size::{MAX_NUMBERS, numbers};
pub use summary::{Place, Row, Summary, places, summary};

/// Serde's message about a field `type` that is not in the table of `names`, with the nearest of them; others as they are.
pub(crate) fn with_nearest(error: &serde_json::Error, what: &str, names: &[&str]) -> String {
    let text = error.to_string();
    let Some(name) = unknown_type(&text, names[0]) else { return text };
    format!(
        "there is no {what} `{name}`; did you mean `{}`? The {what}{} are {}",
        nearest(name, names),
        if what.ends_with('s') { "es" } else { "s" },
        names.join(", ")
    )
}

/// The name in serde's message about a `type` that is not in a table.
fn unknown_type<'a>(message: &'a str, first: &str) -> Option<&'a str> {
    let (name, wanted) = message.strip_prefix("unknown variant `")?.split_once('`')?;
    // An option can be an enum too; only the table begins with this name.
    wanted.starts_with(&format!(", expected one of `{first}`")).then_some(name)
}

/// The candidate with the fewest edits to `name`, letter case aside; one that `name` is the beginning of comes first.
///
/// Panics when there is no candidate.
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> &'a str {
    let name = name.to_lowercase();
    let distance = |candidate: &str| (!candidate.starts_with(&name), edits(&name, candidate));
    candidates.iter().min_by_key(|candidate| distance(&candidate.to_lowercase())).expect("at least one candidate")
}

/// How many letters must be inserted, removed or replaced between two words (Levenshtein's distance, row by row).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests;
