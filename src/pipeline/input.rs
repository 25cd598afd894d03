//! What goes into a network: tensors as they were measured, or rows of a table.

use crate::data::Standardization;
use crate::table::{Encoding, Table};
use crate::tensor::{dense, values, values_mut};
use crate::{Error, Result, Tensor};
use serde::{Deserialize, Serialize};

/// What goes into a network, and what is done to it first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Input {
    /// Numbers in the shape of a sample.
    Tensor {
        /// Without the axis of the samples; whatever the network takes, when it is not known.
        shape: Option<Vec<usize>>,
        /// What is taken off and divided by.
        standardization: Option<Standardization>,
    },
    /// Rows of named columns.
    Table(Table),
}

impl Default for Input {
    /// Whatever the network takes, as it is.
    fn default() -> Self {
        Input::Tensor { shape: None, standardization: None }
    }
}

impl Input {
    /// The shape of a sample as the network sees it, when it is known.
    pub(super) fn sample_shape(&self) -> Result<Option<Vec<usize>>> {
        match self {
            Input::Tensor { shape, standardization } => {
                if let (Some(shape), Some(standardization)) = (shape, standardization) {
                    standardization.check(&[&[1], shape.as_slice()].concat())?;
                }
                Ok(shape.clone())
            }
            Input::Table(table) => table.check().map(|()| Some(vec![table.width()])),
        }
    }

    /// Samples as the network sees them.
    pub(super) fn prepare(&self, x: &Tensor<f32>) -> Result<Tensor<f32>> {
        if x.ndim() == 0 {
            return Err(Error::shape("the model", "samples (n, …)", x.shape()));
        }
        match self {
            Input::Tensor { shape, standardization } => {
                let mut x = match shape {
                    Some(shape) if x.shape()[1..] != shape[..] => reshaped(x, shape)?,
                    _ => x.clone(),
                };
                if let Some(standardization) = standardization {
                    standardization.check(x.shape())?;
                    x = dense(&x);
                    standardization.apply_to(values_mut(&mut x));
                }
                Ok(dense(&x))
            }
            Input::Table(table) => prepare_table(table, &dense(x)),
        }
    }
}

/// Samples in another shape of the same size, such as (n, 784) seen as (n, 1, 28, 28).
fn reshaped(x: &Tensor<f32>, shape: &[usize]) -> Result<Tensor<f32>> {
    let wanted = [&x.shape()[..1], shape].concat();
    let fits = wanted.iter().product::<usize>() == x.len();
    if !fits {
        let letters = crate::tensor::shape_text(&wanted);
        return Err(Error::shape("the model", letters, x.shape()));
    }
    Ok(crate::tensor(&wanted, values(&dense(x)).to_vec()))
}

/// A table's columns of numbers, (n, columns), as the network sees them; NaN is a missing value.
fn prepare_table(table: &Table, x: &Tensor<f32>) -> Result<Tensor<f32>> {
    if let Some(column) = table.used().find(|column| !matches!(column.encoding, Encoding::Number { .. })) {
        let wanted = "for a model of number columns; use `predict_rows`";
        return Err(Error::option("a tensor", wanted, format!("the column `{}`", column.name)));
    }
    let used = table.used().count();
    if x.ndim() != 2 || x.shape()[1] != used {
        return Err(Error::shape("the model", format!("(n, {used}): the columns {}", table.used_names()), x.shape()));
    }
    if let Some(place) = x.iter().position(|x| x.is_infinite()) {
        let name = format!("row {}, column {} of the input", place / used + 1, place % used + 1);
        return Err(Error::option(name, "finite, or NaN where it is missing", values(x)[place]));
    }
    Ok(crate::tensor(&[x.shape()[0], table.width()], table.encode_numbers(values(x))))
}
