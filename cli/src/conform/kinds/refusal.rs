//! Calls that must be refused: construction with an error, computation with an error and a panic that says the same.

use super::layer::description;
use super::{Case, Operation, Stop, loss, optimizer};
use limpide::caught::caught;
use limpide::data::Target;
use limpide::optim::OPTIMIZERS;
use limpide::{Real, Tape, zeros};

#[derive(serde::Deserialize)]
struct Entry {
    what: String,
    spec: Spec,
}

#[derive(serde::Deserialize)]
struct Spec {
    #[serde(flatten)]
    operation: Operation,
    #[serde(default)]
    input_shape: Vec<usize>,
    #[serde(default)]
    target: Vec<i64>,
}

pub(super) fn run<T: Real>(case: &Case) -> Result<(), Stop> {
    let Entry { what, spec } = case.entry()?;
    match what.as_str() {
        "construct" => construct::<T>(&spec.operation),
        "forward" => forward::<T>(&spec),
        "loss" => measure::<T>(&spec),
        other => Err(Stop::Unsupported(vec![format!("error in {other}")])),
    }
}

fn construct<T: Real>(operation: &Operation) -> Result<(), Stop> {
    let built = match operation.op.as_str() {
        op if OPTIMIZERS.contains(&op) => optimizer::build::<T>(operation).map(|_| ()),
        _ => description(operation)?.build::<T>().map(|_| ()).map_err(Stop::from),
    };
    match built {
        Ok(()) => Err(Stop::Failed("is constructed, should be refused".to_string())),
        Err(Stop::Failed(_)) => Ok(()),
        Err(other) => Err(other),
    }
}

fn forward<T: Real>(spec: &Spec) -> Result<(), Stop> {
    let layer = description(&spec.operation)?.build::<T>()?;
    let error = layer.output_shape(&spec.input_shape).map(|shape| format!("{shape:?}"));
    let panic = caught(|| layer.forward(&zeros(&spec.input_shape), &mut Tape::new()));
    refused(error.map_err(|error| error.to_string()), panic.map(|output| format!("{:?}", output.shape())))
}

fn measure<T: Real>(spec: &Spec) -> Result<(), Stop> {
    let loss = loss::build::<T>(&spec.operation)?;
    let (output, target) = (zeros(&spec.input_shape), Target::classes(spec.target.clone()));
    let error = loss.check(&spec.input_shape, &target).map(|()| "no error".to_string());
    let panic = caught(|| loss.forward(&output, &target));
    refused(error.map_err(|error| error.to_string()), panic.map(|value| value.to_string()))
}

/// Holds when the check errs and the computation panics with the same message.
fn refused(error: Result<String, String>, panic: Result<String, String>) -> Result<(), Stop> {
    match (error, panic) {
        (Err(error), Err(panic)) if error == panic => Ok(()),
        (Err(error), Err(panic)) => Err(Stop::Failed(format!("errs with `{error}` but panics with `{panic}`"))),
        (Ok(value), _) => Err(Stop::Failed(format!("the check gives {value}, should err"))),
        (_, Ok(value)) => Err(Stop::Failed(format!("computes {value}, should be refused"))),
    }
}
