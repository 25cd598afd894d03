//! Where samples come from, as a run description says it: a built-in set by its name, or a file.

use super::table::TableSource;
use serde::de::{DeserializeOwned, Deserializer, Error};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Value;

/// `name = "moons"` with the options of the set, or `file = "x.csv"` with those of its format.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Source {
    /// A set that comes with the program or is downloaded.
    BuiltIn(BuiltIn),
    /// Rows of columns.
    Table(TableSource),
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

/// Told apart by the fields `name` and `file`, so that an error is about the one that is meant.
impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = BTreeMap::<String, Value>::deserialize(deserializer)?;
        match (fields.contains_key("name"), fields.contains_key("file")) {
            (true, false) => read(fields).map(Source::BuiltIn),
            (false, true) => read(fields).map(Source::Table),
            (true, true) => Err(D::Error::custom("has both `name` and `file`; keep one of them")),
            (false, false) => Err(D::Error::custom("wants the `name` of a built-in set or a `file`")),
        }
    }
}

fn read<T: DeserializeOwned, E: Error>(fields: BTreeMap<String, Value>) -> Result<T, E> {
    Value::Table(fields.into_iter().collect()).try_into().map_err(|error| E::custom(error.message()))
}
