//! Limpide: a neural-network workshop in Rust in which nothing is a black box.
//!
//! Every layer's forward pass, backward pass and update is written out by hand, formula beside code; every tensor and
//! gradient of a pass is yours to read; and a run gives the same bits for any number of threads.
//!
//! # In sixty seconds
//!
//! ```
//! use limpide::data::{self, Split};
//! use limpide::layers::{Linear, Tanh};
//! use limpide::loss::CrossEntropyLoss;
//! use limpide::optim::Sgd;
//! use limpide::train::{Engine, Trainer, evaluate};
//! use limpide::{Module, Sequential, Tape};
//!
//! // 1,797 real images of digits come with the crate.
//! let digits = data::digits::<f32>().reshape_samples(&[64])?;
//! let split = Split::new(&digits, 0.1, 0.2, 1)?;
//! let (train, test) = (digits.select(&split.train), digits.select(&split.test));
//!
//! // A network, a loss, an optimiser, a trainer.
//! let mut network = Sequential::new().push(Linear::new(64, 32)).push(Tanh).push(Linear::new(32, 10)).seed(1);
//! let loss = CrossEntropyLoss::new();
//! let history = Trainer::new(Sgd::new(0.5)?).epochs(10).fit(&mut network, &loss, &train)?;
//! assert!(history.train_losses()[9] < 0.2);
//!
//! // How good it is on images that it has not seen.
//! let score = evaluate(&network, &loss, &test, &mut Engine::new(2))?;
//! assert!(score.accuracy > Some(0.9));
//!
//! // The glass box: every tensor of a pass, by name.
//! let mut tape = Tape::new();
//! network.forward(&test.gather(&[0]).0, &mut tape);
//! let names: Vec<String> = tape.tensors(&network).into_iter().map(|(name, _)| name).collect();
//! assert!(names.contains(&"1.output".to_string())); // what tanh gave
//! # Ok::<(), limpide::Error>(())
//! ```
//!
//! # Features
//!
//! All are off by default: `onnx` (networks from and to ONNX files, `format::onnx`), `images` (PNG and JPEG files and folders of them,
//! `data::images`), `parquet` (tables in Parquet files). A [`Tensor`] is an array of [`ndarray`], whose names are here too:
//! `limpide::ndarray::s!` cuts one.
//!
//! # Where things are
//!
//! | room | what it holds |
//! | --- | --- |
//! | [`mod@tensor`], [`error`], [`random`] | the ground: numbers, messages, randomness without a hidden generator |
//! | [`kernels`] | the arithmetic on slices, a crate of its own; the only `unsafe` code |
//! | [`module`] | the contract: five verbs, the tape, the gradients |
//! | [`layers`], [`loss`], [`container`] | one file a layer, a loss, a container |
//! | [`init`], [`optim`], [`train`] | start values, optimisers, slices and threads, the training loop |
//! | [`data`], [`metrics`] | data sets, splits, batches; accuracy, precision, ROC-AUC, calibration and more |
//! | [`diagnose`] | what is wrong with a set-up or a run, one line each with advice |
//! | [`gradcheck`] | analytic gradients against numeric ones |
//! | [`model`] | a model as data: description, summary |
//! | [`table`], [`pipeline`] | rows of a CSV file as numbers; a network with its preprocessing and what its outputs mean, in one file |
//! | [`mod@format`], [`files`] | models and logs on disk: safetensors, TensorBoard; files whole or not at all |

#![forbid(unsafe_code)]

// So that tests can take up what is written for the library's users.
#[cfg(test)]
extern crate self as limpide;

pub mod caught;
mod compiled;
pub mod container;
pub mod data;
pub mod diagnose;
pub mod error;
pub mod files;
pub mod format;
pub mod gradcheck;
pub mod init;
pub mod layers;
pub mod loss;
pub mod metrics;
pub mod model;
pub mod module;
pub mod optim;
pub mod pipeline;
pub mod plan;
pub mod table;
pub mod tensor;
pub mod train;

pub use limpide_kernels as kernels;
pub use limpide_kernels::{Stream, random};

pub use container::{AutoEncoder, Residual, Sequential};
pub use error::{Error, Result};
pub use module::{Gradients, Module, Tape};
pub use ndarray;
pub use pipeline::Pipeline;
pub use tensor::{Real, Tensor, tensor, zeros};
