//! Files that other programs read too: models in safetensors and ONNX, logs for TensorBoard.

mod matching;
pub(crate) mod model_file;
#[cfg(feature = "onnx")]
pub mod onnx;
pub mod rust_source;
pub mod safetensors;
pub mod tensorboard;

use crate::data::{Fit, Standardization};
use crate::pipeline::Output;
pub use matching::{Matching, Misshapen, load_matching};
pub(crate) use model_file::{
    CHECKPOINT, NOTE, WEIGHTS, check_names, load_with_meaning, read_note, save_with_meaning, set_state, shapes, state,
};
pub use model_file::{load, load_archive, load_into, save};

/// What goes into an exported file beside the network; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Export {
    /// What the inputs are standardised by before the network sees them.
    pub standardization: Option<Standardization>,
    /// Whether the file takes f64 and standardises in it, as is done with the columns of a table.
    pub wide: bool,
    /// What the numbers of a sample are, in their order, where they have names.
    pub inputs: Vec<String>,
    /// What those names leave open, a line each: see [`Table::notes`](crate::table::Table::notes).
    pub notes: Vec<String>,
    /// What bytes are divided by before they go in, where the network was trained on such.
    pub divisor: Option<f32>,
    /// How image files are brought to the shape of a sample.
    pub fit: Option<Fit>,
    /// What the outputs mean: they become probabilities of classes, or values in their own units.
    pub output: Output,
}

#[cfg(test)]
#[path = "../../tests/networks/mod.rs"]
mod networks;
