//! What happens to images of other proportions than the network's.

use serde::{Deserialize, Serialize};

/// How an image is brought to a size of other proportions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// The largest middle part of the wanted proportions; what lies outside is cut off.
    #[default]
    Crop,
    /// All of it, made narrower or wider.
    Stretch,
}
