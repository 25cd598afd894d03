//! Files that other programs read too: models in safetensors, logs for TensorBoard.

mod model_file;
pub mod safetensors;
pub mod tensorboard;

pub(crate) use model_file::{NOTE, load_with_meaning, read_note, save_with_meaning, set_state, shapes, state};
pub use model_file::{load, load_archive, load_into, save};
