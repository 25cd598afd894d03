//! Rows that `eval` cannot score: without a target, or of a class that the model does not know.

use crate::text::{counted, label};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Names of classes that are told; more are counted.
const TOLD: usize = 5;

/// How many rows are left out, and the first of them.
#[derive(Debug, Default)]
pub struct LeftOut {
    missing: Option<(usize, usize)>,
    unknown: BTreeMap<String, (usize, usize)>,
}

impl LeftOut {
    /// A row without a target.
    pub fn missing(&mut self, row: usize) {
        self.missing.get_or_insert((row, 0)).1 += 1;
    }

    /// A row of a class that the model does not know.
    pub fn unknown(&mut self, row: usize, class: &str) {
        self.unknown.entry(class.into()).or_insert((row, 0)).1 += 1;
    }

    /// How many of each kind, as fields for JSON.
    pub fn json(&self) -> Value {
        let classes: BTreeMap<&String, usize> = self.unknown.iter().map(|(name, &(_, count))| (name, count)).collect();
        json!({"without_target": self.missing.map_or(0, |(_, count)| count), "unknown_classes": classes})
    }

    /// The same in words, with the first row, on stderr.
    pub fn tell(&self, target: &str) {
        if let Some((row, count)) = self.missing {
            let rows = counted(count, "row");
            eprintln!("limpide: left out {rows} without `{}`; the first is row {row}", label(target));
        }
        let Some(first) = self.unknown.values().map(|(row, _)| row).min() else { return };
        let count = self.unknown.values().map(|(_, count)| count).sum::<usize>();
        let names: Vec<String> = self.unknown.keys().take(TOLD).map(|name| format!("`{}`", label(name))).collect();
        let more = if self.unknown.len() > TOLD { ", …" } else { "" };
        eprintln!(
            "limpide: left out {} of classes that the model does not know, none of which it could tell: {}{more}; the first is \
             row {first}",
            counted(count, "row"),
            names.join(", ")
        );
    }
}
