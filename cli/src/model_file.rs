//! A trained network from wherever it is: the folder of a run, a model file, an ONNX file.

use limpide::data::Standardization;
use limpide::format::{Export, onnx};
use limpide::layers::Linear;
use limpide::pipeline::{Input, Meaning, Pipeline};
use limpide::table::{Column, Encoding, Table};
use limpide::{Error, Result, Sequential, model};
use std::any::Any;
use std::path::{Path, PathBuf};

/// Whether a file is one of ONNX, by its name.
pub fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// The file itself: a run's folder has its model by this name.
pub fn place(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("model.safetensors") } else { path.to_path_buf() }
}

/// The network of a run's folder, a model file or an ONNX file, with what stands around it.
///
/// # Errors
/// A file that is not there, is damaged, or is none of these.
pub fn read(path: &Path) -> Result<Pipeline> {
    if !is_onnx(path) {
        return model::load(path);
    }
    let (network, Meaning { input, output }) = of_onnx(path)?;
    Pipeline::new(network, input, output)
}

/// The network of an ONNX file, with what stands around it. What it takes in f64 are columns of a table, since tensors are of f32.
///
/// # Errors
/// Those of [`onnx::import`].
pub fn of_onnx(path: &Path) -> Result<(Sequential<f32>, Meaning)> {
    let onnx::Imported { network, sample, wide, inputs, standardization, divisor, fit, output } = onnx::import(path)?;
    let input = match sample.as_slice() {
        &[width] if wide => Input::Table(columns(width, inputs, standardization)),
        _ => Input::Tensor { shape: Some(sample), standardization, divisor, fit },
    };
    Ok((network, Meaning { input, output }))
}

/// So many columns of numbers, by number where they have no names.
fn columns(width: usize, names: Vec<String>, standardization: Option<Standardization>) -> Table {
    let column = |place: usize| {
        let of = |numbers: &[f64]| numbers[place * numbers.len() / width];
        let (mean, std) = standardization.as_ref().map_or((0.0, 1.0), |own| (of(own.mean()), of(own.std())));
        let name = names.get(place).cloned().unwrap_or_else(|| format!("column {}", place + 1));
        Column { name, encoding: Encoding::Number { mean, std, missing: false } }
    };
    Table { columns: (0..width).map(column).collect(), header: true }
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

/// What goes into an exported file beside the network: all that a pipeline does before it and behind it. The places of a date
/// in year, week and day go in as they are.
pub fn export(pipeline: &Pipeline) -> Export {
    let output = pipeline.output().clone();
    match pipeline.input() {
        Input::Tensor { standardization, divisor, fit, .. } => Export {
            standardization: standardization.clone(),
            divisor: *divisor,
            fit: *fit,
            output,
            ..Export::default()
        },
        Input::Table(table) => {
            let standardization = of_table(table);
            Export {
                standardization,
                wide: true,
                inputs: table.features(),
                notes: table.notes(),
                output,
                ..Export::default()
            }
        }
    }
}

/// Numbers and dates by their mean and deviation; what is one or zero, or a place on a circle, stays as it is.
fn of_table(table: &Table) -> Option<Standardization> {
    let (mut means, mut stds) = (Vec::new(), Vec::new());
    for column in table.used() {
        let first = match column.encoding {
            Encoding::Number { mean, std, .. } | Encoding::Date { mean, std, .. } => Some((mean, std)),
            _ => None,
        };
        let rest = column.encoding.width() - usize::from(first.is_some());
        means.extend(first.map(|(mean, _)| mean).into_iter().chain(vec![0.0; rest]));
        stds.extend(first.map(|(_, std)| std).into_iter().chain(vec![1.0; rest]));
    }
    Standardization::new(means, stds, 1).ok()
}
