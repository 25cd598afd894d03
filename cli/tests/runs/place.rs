//! A folder for runs and descriptions, and the smallest run.

use crate::shell::{Ran, limpide_with};
use std::fs;

/// A linear network on two moons, with a validation part.
pub const SMALL: &str = r#"epochs = 3

[data]
name = "moons"
samples = 60
noise = 0.1

[split]
validation = 0.2

[loss]
name = "CrossEntropyLoss"

[optimizer]
type = "SGD"
lr = 0.1

[[layers]]
type = "Linear"
in_features = 2
out_features = 2
"#;

pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_string()
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// `limpide WORDS`, where `@name` is the path of a file or folder here.
    pub fn run(&self, words: &str) -> Ran {
        let words: Vec<String> = words
            .split_whitespace()
            .map(|word| word.strip_prefix('@').map_or_else(|| word.to_string(), |name| self.path(name)))
            .collect();
        limpide_with(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Trains a description as a run of this name.
    pub fn train(&self, name: &str, text: &str, words: &str) -> Ran {
        self.file(&format!("{name}.toml"), text);
        let ran = self.run(&format!("train @{name}.toml --out @{name} {words}"));
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        ran
    }
}
