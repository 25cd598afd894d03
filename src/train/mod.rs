//! Training: batches through the [`Engine`], epochs by the [`Trainer`], figures in the [`History`].

mod engine;
mod history;
mod score;
mod trainer;

pub use engine::{BatchScore, Engine};
pub use history::{Epoch, History};
pub use score::{Score, evaluate, predict};
pub use trainer::{Flow, Progress, Trainer, sgd};
