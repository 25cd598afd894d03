//! What goes into a network: tensors as they were measured, or rows of a table.

use crate::data::{Fit, Standardization};
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
        /// What bytes were divided by before they trained the network: 255 for pixels, which then go from 0 to 1. None for
        /// numbers that are taken as they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        divisor: Option<f32>,
        /// For images: how a file is brought to the shape.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fit: Option<Fit>,
    },
    /// Rows of named columns.
    Table(Table),
}

impl Default for Input {
    /// Whatever the network takes, as it is.
    fn default() -> Self {
        Input::Tensor { shape: None, standardization: None, divisor: None, fit: None }
    }
}

impl Input {
    /// The shape of a sample as the network sees it, when it is known.
    pub(super) fn sample_shape(&self) -> Result<Option<Vec<usize>>> {
        match self {
            Input::Tensor { shape, standardization, .. } => {
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
        let prepared = self.scaled(x)?;
        let names = match self {
            Input::Table(table) => table.features(),
            Input::Tensor { .. } => Vec::new(),
        };
        finite(&prepared, |row, place| match names.get(place) {
            Some(name) => format!("row {}, column `{name}` of the input", row + 1),
            None => format!("row {}, number {} of the input", row + 1, place + 1),
        })?;
        Ok(prepared)
    }

    fn scaled(&self, x: &Tensor<f32>) -> Result<Tensor<f32>> {
        match self {
            Input::Tensor { shape, standardization, .. } => {
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

/// Whether all numbers that the network is to see are finite; `name` calls the one by its sample and place that is not.
fn finite(prepared: &Tensor<f32>, name: impl Fn(usize, usize) -> String) -> Result<()> {
    let each = prepared.len() / prepared.shape()[0].max(1);
    match values(prepared).iter().position(|x| !x.is_finite()) {
        Some(place) => {
            let found = values(prepared)[place];
            Err(Error::option(name(place / each, place % each), "a finite number, scaled too", found))
        }
        None => Ok(()),
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
    Ok(crate::tensor(&[x.shape()[0], table.width()], table.encode_numbers(values(x))))
}
