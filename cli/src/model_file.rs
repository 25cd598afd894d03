//! A trained network from wherever it is: the folder of a run, a model file, an ONNX file.

use limpide::data::Standardization;
use limpide::format::onnx;
use limpide::layers::Linear;
use limpide::pipeline::{Input, Pipeline};
use limpide::table::{Encoding, Table};
use limpide::{Error, Result, model};
use std::any::Any;
use std::path::Path;

/// Whether a file is one of ONNX, by its name.
pub fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// The network of a run's folder, a model file or an ONNX file, with what stands around it.
///
/// # Errors
/// A file that is not there, is damaged, or is none of these.
pub fn read(path: &Path) -> Result<Pipeline> {
    if !is_onnx(path) {
        return model::load(path);
    }
    let onnx::Imported { network, sample, standardization, output } = onnx::import(path)?;
    Pipeline::new(network, Input::Tensor { shape: Some(sample), standardization, fit: None }, output)
}

/// The shape of a sample as it goes into the network: as asked for, as the file says, or as a first `Linear` wants it.
///
/// # Errors
/// When none of these says it.
pub fn sample(pipeline: &Pipeline, asked: Option<&[usize]>) -> Result<Vec<usize>> {
    if let Some(shape) = asked {
        return Ok(shape.to_vec());
    }
    match pipeline.input() {
        Input::Tensor { shape: Some(shape), .. } => return Ok(shape.clone()),
        Input::Table(table) => return Ok(vec![table.width()]),
        Input::Tensor { shape: None, .. } => {}
    }
    let mut first = pipeline.network();
    while let Some((_, child)) = first.children().into_iter().next() {
        first = child;
    }
    let any: &dyn Any = first;
    match any.downcast_ref::<Linear<f32>>() {
        Some(linear) => Ok(vec![linear.options.in_features]),
        None => Err(Error::option(
            "--input",
            "given, as 1,28,28, since the file does not say what shape a sample has",
            first.to_string(),
        )),
    }
}

/// What the numbers that go in are standardised by, where that can be said with a mean and a deviation for each.
pub fn standardization(pipeline: &Pipeline) -> Option<Standardization> {
    match pipeline.input() {
        Input::Tensor { standardization, .. } => standardization.clone(),
        Input::Table(table) => of_table(table),
    }
}

/// Numbers by their mean and deviation; what is one or zero stays as it is. None for dates, which become several numbers.
fn of_table(table: &Table) -> Option<Standardization> {
    let (mut means, mut stds) = (Vec::new(), Vec::new());
    for column in table.used() {
        if let Encoding::Number { mean, std, .. } = column.encoding {
            means.push(mean);
            stds.push(std);
        } else if !matches!(column.encoding, Encoding::Category { .. }) {
            return None;
        }
        // Whether a number is missing, and which category a cell is.
        let rest = column.encoding.width() - usize::from(matches!(column.encoding, Encoding::Number { .. }));
        means.extend(vec![0.0; rest]);
        stds.extend(vec![1.0; rest]);
    }
    Standardization::new(means, stds, 1).ok()
}
