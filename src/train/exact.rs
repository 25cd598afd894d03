//! Numbers in JSON that may be none: JSON itself knows neither NaN nor infinity, which are written as words. For serde's `with`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Word(String),
}

impl Number {
    fn of(value: f64) -> Self {
        if value.is_finite() { Number::Finite(value) } else { Number::Word(value.to_string()) }
    }

    fn value<E: Error>(self) -> Result<f64, E> {
        match self {
            Number::Finite(value) => Ok(value),
            Number::Word(word) => word.parse().map_err(E::custom),
        }
    }
}

/// Writes a finite number as it is, others as `"NaN"`, `"inf"` or `"-inf"`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Number::of(*value).serialize(serializer)
}

/// Reads what [`serialize`] has written.
///
/// # Errors
/// When it is neither a number nor the word for one.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Number::deserialize(deserializer)?.value()
}

/// The same for a number that can be missing.
pub mod option {
    use super::{Deserialize, Deserializer, Number, Serialize, Serializer};

    /// [`super::serialize`], or `null`.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(Number::of).serialize(serializer)
    }

    /// Reads what [`serialize`] has written.
    ///
    /// # Errors
    /// When it is neither `null` nor a number nor the word for one.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Option::<Number>::deserialize(deserializer)?.map(Number::value).transpose()
    }
}
