//! Where samples come from, as a run description says it: a built-in set by its name, or a file.

use super::files::{ArraySource, ImageSource};
use super::table::TableSource;
use serde::de::{DeserializeOwned, Deserializer, Error};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Value;

/// `name = "moons"` with the options of the set, `file = "x.csv"` with those of its format, `arrays = {…}`, or `images = "folder"`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Source {
    /// A set that comes with the program or is downloaded.
    BuiltIn(BuiltIn),
    /// Rows of columns.
    Table(TableSource),
    /// Arrays.
    Arrays(ArraySource),
    /// A folder of images.
    Images(ImageSource),
}

impl Source {
    /// Whether the samples come from files, which may change, and not from the description or the program alone.
    pub fn is_of_files(&self) -> bool {
        let Source::BuiltIn(own) = self else { return true };
        matches!(own, BuiltIn::Mnist {} | BuiltIn::FashionMnist {})
    }
}

/// A built-in set by its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case", rename_all_fields = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)] // the options are those of the generators
pub enum BuiltIn {
    Digits {},
    Mnist {},
    FashionMnist {},
    Moons {
        samples: usize,
        noise: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        seed: Option<u64>,
    },
    Circles {
        samples: usize,
        noise: f64,
        factor: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        seed: Option<u64>,
    },
    Spirals {
        samples: usize,
        noise: f64,
        arms: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        seed: Option<u64>,
    },
    Regression {
        samples: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        seed: Option<u64>,
    },
}

/// The most samples that are made up: more than a run needs, and few enough for their coordinates to fit into memory.
const MOST_SAMPLES: usize = 100_000_000;

impl BuiltIn {
    /// Whether so many samples can be made.
    ///
    /// # Errors
    /// [`Error::Option`].
    pub fn check(&self) -> limpide::Result<()> {
        match *self {
            BuiltIn::Digits {} | BuiltIn::Mnist {} | BuiltIn::FashionMnist {} => Ok(()),
            BuiltIn::Moons { samples, .. }
            | BuiltIn::Circles { samples, .. }
            | BuiltIn::Spirals { samples, .. }
            | BuiltIn::Regression { samples, .. } => match samples {
                1..=MOST_SAMPLES => Ok(()),
                _ => Err(limpide::Error::option("data.samples", format!("from 1 to {MOST_SAMPLES}"), samples)),
            },
        }
    }
}

/// The fields of which a source has exactly one.
const KEYS: [&str; 4] = ["name", "file", "arrays", "images"];

/// Told apart by the fields of [`KEYS`], so that an error is about the one that is meant.
impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = BTreeMap::<String, Value>::deserialize(deserializer)?;
        match KEYS.map(|key| fields.contains_key(key)) {
            [true, false, false, false] => read(fields).map(Source::BuiltIn),
            [false, true, false, false] => read(fields).map(Source::Table),
            [false, false, true, false] => read(fields).map(Source::Arrays),
            [false, false, false, true] => read(fields).map(Source::Images),
            [false, false, false, false] => {
                Err(D::Error::custom("wants the `name` of a built-in set, a `file`, `arrays` or a folder of `images`"))
            }
            found => {
                let found: Vec<_> =
                    KEYS.iter().zip(found).filter(|(_, has)| *has).map(|(key, _)| format!("`{key}`")).collect();
                Err(D::Error::custom(format!("has {}; keep one of them", found.join(" and "))))
            }
        }
    }
}

fn read<T: DeserializeOwned, E: Error>(fields: BTreeMap<String, Value>) -> Result<T, E> {
    Value::Table(fields.into_iter().collect()).try_into().map_err(|error| E::custom(error.message()))
}
