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
mod shapes;
mod size;
mod summary;

pub use crate::pipeline::load;
pub use description::{Halves, LayerDescription, Layers, TYPES};
pub use flops::{Flops, flops};
pub use modules::{build_chain, describe};
pub(crate) use shapes::check_shapes;
pub use size::{MAX_NUMBERS, numbers};
pub use summary::{Place, Row, Summary, places, summary};

/// Serde's message about a field `type` that is not in the table of `names`, with the nearest of them; others as they are.
pub(crate) fn with_nearest(error: &serde_json::Error, what: &str, names: &[&str]) -> String {
    let text = error.to_string();
    let Some(name) = unknown_type(&text, names[0]) else { return text };
    let close = nearest(name, names).map_or("; the".into(), |close| format!("; did you mean `{close}`? The"));
    let plural = if what.ends_with('s') { "es" } else { "s" };
    format!("there is no {what} `{name}`{close} {what}{plural} are {}", names.join(", "))
}

/// The name in serde's message about a `type` that is not in a table.
fn unknown_type<'a>(message: &'a str, first: &str) -> Option<&'a str> {
    let (name, wanted) = message.strip_prefix("unknown variant `")?.split_once('`')?;
    // An option can be an enum too; only the table begins with this name.
    wanted.starts_with(&format!(", expected one of `{first}`")).then_some(name)
}

/// The candidate that `name` was most likely meant to be, letter case aside: one that it is the beginning of, or part by part
/// (`val_loss` of `validation_loss`); else one within an edit for each three letters; else one that it is a part of. None where
/// there is no such candidate, and none for a name without letters.
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let name = name.trim().to_lowercase();
    if !name.chars().any(char::is_alphabetic) {
        return None;
    }
    let rank = |candidate: &str| {
        let edits = edits(&name, candidate);
        let length = name.chars().count().max(candidate.chars().count());
        let kind = match () {
            () if begins(&name, candidate) => 0,
            () if 3 * edits <= length.max(3) && edits < length => 1,
            () if name.len() >= 3 && candidate.contains(&name) => 2,
            () => return None,
        };
        Some((kind, edits))
    };
    let ranked = candidates.iter().filter_map(|candidate| Some((rank(&candidate.to_lowercase())?, *candidate)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, candidate)| candidate)
}

/// Whether a word begins with a name, or each part of it with the name's, as many as they are.
fn begins(name: &str, word: &str) -> bool {
    let (parts, of_word): (Vec<&str>, Vec<&str>) = (name.split(['_', '-']).collect(), word.split(['_', '-']).collect());
    let by_parts = parts.len() == of_word.len()
        && parts.iter().zip(of_word).all(|(part, own)| !part.is_empty() && own.starts_with(part));
    word.starts_with(name) || by_parts
}

/// How many letters must be inserted, removed, replaced or exchanged with the next one between two words (Levenshtein's distance
/// with exchanges, row by row).
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for i in 0..from.len() {
        let mut next = vec![i + 1];
        for j in 0..to.len() {
            let replaced = row[j] + usize::from(from[i] != to[j]);
            let mut least = replaced.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && from[i] == to[j - 1] && from[i - 1] == to[j] {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[to.len()]
}

#[cfg(test)]
mod tests;
