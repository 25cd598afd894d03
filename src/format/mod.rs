//! Files that other programs read too: models in safetensors and ONNX, logs for TensorBoard.

mod model_file;
#[cfg(feature = "onnx")]
pub mod onnx;
pub mod rust_source;
pub mod safetensors;
pub mod tensorboard;

pub(crate) use model_file::{NOTE, load_with_meaning, read_note, save_with_meaning, set_state, shapes, state};
pub use model_file::{load, load_into, save};

#[cfg(test)]
#[path = "../../tests/networks/mod.rs"]
mod networks;
