//! How each kind of case is run: one file a kind.

mod gradclip;
mod init;
mod layer;
mod loss;
mod mnist;
mod network;
mod optimizer;
mod refusal;
mod scheduler;
mod train;

use super::manifest::Case;
use super::numbers::Numbers;
use limpide::Real;
use mnist::Images;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// What a case gave, by slot; empty for kinds that check properties themselves.
pub type Results = BTreeMap<String, Numbers>;

/// Why a case gave no results, or wrong ones.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// The library does not have these features.
    Unsupported(Vec<String>),
    /// Something outside the library is missing.
    Skipped(String),
    /// The library errs where it should not, or does not where it should.
    Failed(String),
}

impl From<limpide::Error> for Stop {
    fn from(error: limpide::Error) -> Self {
        Stop::Failed(error.to_string())
    }
}

/// A message about a case that cannot be run as its manifest says.
impl From<String> for Stop {
    fn from(problem: String) -> Self {
        Stop::Failed(problem)
    }
}

/// What cases may need besides their numbers.
#[derive(Debug)]
pub struct Means {
    images: Images,
}

impl Means {
    /// With the folder where MNIST is looked for first.
    pub fn new(data: Option<&Path>) -> Self {
        Means { images: Images::new(data) }
    }
}

/// An operation and its options, by PyTorch's names.
#[derive(Clone, Debug, serde::Deserialize)]
struct Operation {
    op: String,
    #[serde(default)]
    config: Map<String, Value>,
}

impl Operation {
    /// As a description whose field `tag` names the operation.
    fn tagged(&self, tag: &str) -> Value {
        let mut object = self.config.clone();
        object.insert(tag.to_string(), Value::String(self.op.clone()));
        Value::Object(object)
    }
}

/// Runs a case in `T`.
pub fn run<T: Real>(case: &Case, means: &Means) -> Result<Results, Stop> {
    match case.kind.as_str() {
        "layer" => layer::run::<T>(case),
        "dropout_mask" => layer::masked::<T>(case),
        "loss" => loss::run::<T>(case),
        "network" => network::run::<T>(case),
        "train" => train::run::<T>(case, &means.images),
        "optimizer" | "optimizer_step" => optimizer::run::<T>(case),
        "gradclip" => gradclip::run::<T>(case),
        "scheduler" => scheduler::run::<T>(case),
        "init" => init::run::<T>(case).map(|()| Results::new()),
        "error" => refusal::run::<T>(case).map(|()| Results::new()),
        other => Err(unsupported_kind(case, other)),
    }
}

/// A kind without a file here, named with its operation: `dropout_mask Dropout`.
fn unsupported_kind(case: &Case, kind: &str) -> Stop {
    match case.entry::<Operation>() {
        Ok(Operation { op, .. }) => Stop::Unsupported(vec![format!("{kind} {op}")]),
        Err(_) => Stop::Unsupported(vec![kind.to_string()]),
    }
}
