//! Arrays from files as inputs and targets: what their type says about the task, and what makes them fit each other.

use super::{ArrayPlace, Dataset, Inputs, Target};
use crate::model::nearest;
use crate::tensor::{dense, shape_text};
use crate::{Error, Result, Tensor};
use ndarray::{ArcArray, IxDyn};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The byte that a byte array's entries are divided by.
const WHITE: f32 = 255.0;
/// Whole numbers are classes when there are no more of them than this, or than the root of the number of samples.
const FEW_CLASSES: usize = 20;

/// An array of a file, row-major, its entries as they were stored or as the nearest type that loses nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyArray {
    /// False and true as 0 and 1.
    Bools(ArcArray<u8, IxDyn>),
    /// Bytes, such as pixels.
    Bytes(ArcArray<u8, IxDyn>),
    /// Other whole numbers.
    Integers(ArcArray<i64, IxDyn>),
    /// Numbers with a fraction.
    Reals(Tensor<f32>),
    /// The same of 8 bytes each: as inputs they become `f32`, as targets they are standardised first.
    Doubles(Tensor<f64>),
    /// Texts, such as names of classes.
    Texts(ArcArray<String, IxDyn>),
}

/// What the targets ask of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArrayTask {
    /// One of several classes.
    Classes,
    /// Numbers.
    Values,
}

impl AnyArray {
    /// The shape.
    pub fn shape(&self) -> &[usize] {
        match self {
            AnyArray::Bools(all) | AnyArray::Bytes(all) => all.shape(),
            AnyArray::Integers(all) => all.shape(),
            AnyArray::Reals(all) => all.shape(),
            AnyArray::Doubles(all) => all.shape(),
            AnyArray::Texts(all) => all.shape(),
        }
    }

    /// As inputs (n, …): bytes stay bytes that stand for b / 255, everything else becomes `f32`. With `channels_last` images
    /// (n, h, w, c) become (n, c, h, w).
    ///
    /// Errs for texts, for an array without an axis for the samples, and for the first number that is not finite, with its row.
    pub fn inputs(self, place: &ArrayPlace, channels_last: bool) -> Result<Inputs<f32>> {
        let wrong = |problem: String| Error::Data { path: place.file.clone(), problem: named(place, problem) };
        if self.shape().is_empty() || self.shape()[0] == 0 {
            let found = shape_text(self.shape());
            return Err(wrong(format!("wants inputs (n, …) of one sample or more, got {found}")));
        }
        if channels_last && self.shape().len() != 4 {
            let found = shape_text(self.shape());
            return Err(wrong(format!("wants images (n, h, w, c) for channels_last, got {found}")));
        }
        let real = |all: Tensor<f32>| Inputs::Real(channels_first(all, channels_last));
        Ok(match self {
            AnyArray::Bytes(all) => Inputs::Bytes { values: channels_first(all, channels_last), divisor: WHITE },
            AnyArray::Bools(all) => Inputs::Bytes { values: channels_first(all, channels_last), divisor: 1.0 },
            AnyArray::Integers(all) => real(all.mapv(|number| number as f32).into_shared()),
            AnyArray::Reals(all) => {
                if let Some((row, value)) = first_not_finite(&all) {
                    let problem = "and every input must be finite; fill such numbers in, or leave the samples out";
                    return Err(wrong(format!("row {row} holds {value}, {problem}")));
                }
                real(all)
            }
            AnyArray::Doubles(all) => return AnyArray::Reals(rounded(&all)).inputs(place, channels_last),
            AnyArray::Texts(_) => {
                return Err(wrong("holds text, and inputs are numbers; a CSV file can have columns of text".into()));
            }
        })
    }

    /// As inputs (n, …) of a model that was trained on bytes divided by `divisor`, or on numbers as they are: whatever type the
    /// numbers are stored in, they mean what they meant in training.
    ///
    /// Errs as [`AnyArray::inputs`] does, and for numbers that can be no such bytes: whole ones beyond 0 to 255, and others
    /// beyond 0 to 1.
    pub fn inputs_for(self, place: &ArrayPlace, channels_last: bool, divisor: Option<f32>) -> Result<Inputs<f32>> {
        let (reals, most, divisor) = match (self, divisor) {
            (all @ AnyArray::Bytes(_), own) => {
                let mut inputs = all.inputs(place, channels_last)?;
                if let Inputs::Bytes { divisor, .. } = &mut inputs {
                    *divisor = own.unwrap_or(1.0);
                }
                return Ok(inputs);
            }
            (AnyArray::Integers(all), Some(divisor)) => {
                (all.mapv(|b| b as f32 / divisor).into_shared(), WHITE / divisor, divisor)
            }
            (AnyArray::Reals(all), Some(divisor)) => (all, 1.0, divisor),
            (AnyArray::Doubles(all), Some(divisor)) => (rounded(&all), 1.0, divisor),
            (other, _) => return other.inputs(place, channels_last),
        };
        if let Some(at) = reals.iter().position(|x| !(0.0..=most).contains(x)) {
            let row = at / reals.shape().iter().skip(1).product::<usize>() + 1;
            let problem = format!(
                "row {row} does not hold what the model was trained on: bytes, 0 to 255, which were divided by {divisor}; save \
                 such bytes as uint8, or as numbers from 0 to 1"
            );
            return Err(Error::Data { path: place.file.clone(), problem: named(place, problem) });
        }
        AnyArray::Reals(reals).inputs(place, channels_last)
    }

    /// What such targets ask for: texts, bools, few whole numbers and one-hot rows are classes, other numbers values.
    pub fn task(&self) -> ArrayTask {
        let (rows, single) = (self.shape().first().copied().unwrap_or(0), is_column(self.shape()));
        let few = |distinct: usize| single && distinct <= FEW_CLASSES.max(rows.isqrt()) && 3 * distinct <= rows.max(6);
        let classes = match self {
            AnyArray::Texts(_) => single,
            AnyArray::Bools(all) => single || one_hot(all, 1),
            AnyArray::Bytes(all) => few(all.iter().collect::<BTreeSet<_>>().len()) || one_hot(all, 1),
            AnyArray::Integers(all) => few(all.iter().collect::<BTreeSet<_>>().len()) || one_hot(all, 1),
            AnyArray::Reals(all) => one_hot(all, 1.0),
            AnyArray::Doubles(all) => one_hot(all, 1.0),
        };
        if classes { ArrayTask::Classes } else { ArrayTask::Values }
    }

    /// The class of every sample by name: whole numbers as they are written, the place of the one in one-hot rows.
    fn class_names(&self) -> Option<Vec<String>> {
        let places = |columns: usize, ones: Vec<bool>| {
            let place = |row: &[bool]| row.iter().position(|&one| one).unwrap_or(0).to_string();
            ones.chunks(columns).map(place).collect()
        };
        match self {
            AnyArray::Reals(all) => AnyArray::Doubles(all.mapv(f64::from).into_shared()).class_names(),
            AnyArray::Doubles(all) if one_hot(all, 1.0) => {
                Some(places(all.shape()[1], all.iter().map(|&entry| entry == 1.0).collect()))
            }
            AnyArray::Bools(all) | AnyArray::Bytes(all) if one_hot(all, 1) => {
                Some(places(all.shape()[1], all.iter().map(|&entry| entry == 1).collect()))
            }
            AnyArray::Integers(all) if one_hot(all, 1) => {
                Some(places(all.shape()[1], all.iter().map(|&entry| entry == 1).collect()))
            }
            all if !is_column(all.shape()) => None,
            AnyArray::Bools(all) => Some(all.iter().map(|&yes| (yes != 0).to_string()).collect()),
            AnyArray::Bytes(all) => Some(all.iter().map(u8::to_string).collect()),
            AnyArray::Integers(all) => Some(all.iter().map(i64::to_string).collect()),
            AnyArray::Doubles(all) if all.iter().all(|number| number.fract() == 0.0) => {
                Some(all.iter().map(|&number| (number as i64).to_string()).collect())
            }
            AnyArray::Doubles(_) => None,
            AnyArray::Texts(all) => Some(all.iter().cloned().collect()),
        }
    }

    /// As values (n, k), a single column included, with all their digits; none for texts.
    pub fn values(self) -> Option<Tensor<f64>> {
        let all = match self {
            AnyArray::Bools(all) | AnyArray::Bytes(all) => all.mapv(f64::from).into_shared(),
            AnyArray::Integers(all) => all.mapv(|number| number as f64).into_shared(),
            AnyArray::Reals(all) => all.mapv(f64::from).into_shared(),
            AnyArray::Doubles(all) => all,
            AnyArray::Texts(_) => return None,
        };
        let rows = *all.shape().first()?;
        let columns: usize = all.shape()[1..].iter().product();
        dense(&all).into_shape_with_order(IxDyn(&[rows, columns])).ok()
    }
}

/// A data set of inputs and targets, with the names of its classes (none for values, which are rounded to `f32`;
/// [`AnyArray::values`] has all their digits).
///
/// `names` are those that the classes have already, for a test part: a class that is not among them is refused. Without them
/// the classes are those that occur, numbers in their order and texts in the alphabet's.
///
/// Errs when the parts do not fit each other, and for classes and values that the targets do not hold.
pub fn array_dataset(
    inputs: Inputs<f32>,
    (place, targets): (&ArrayPlace, AnyArray),
    task: ArrayTask,
    names: Option<&[String]>,
) -> Result<(Dataset<f32>, Vec<String>)> {
    let wrong = |problem: String| Error::Data { path: place.file.clone(), problem: named(place, problem) };
    let (wanted, found) = (inputs.len(), targets.shape().first().copied().unwrap_or(0));
    if targets.shape().is_empty() || wanted != found {
        let found = shape_text(targets.shape());
        return Err(wrong(format!("wants ({wanted}, …), one target for each of the {wanted} inputs, got {found}")));
    }
    let name = place.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if task == ArrayTask::Values {
        let text = "holds text, and values are numbers; task = \"classes\" takes it for names";
        let values = rounded(&targets.values().ok_or_else(|| wrong(text.into()))?);
        if let Some((row, value)) = first_not_finite(&values) {
            return Err(wrong(format!("row {row} holds {value}, and every target must be finite")));
        }
        return Ok((Dataset::new(name, inputs, Target::Values(values), 0)?, Vec::new()));
    }
    let shape = shape_text(targets.shape());
    let all = targets.class_names().ok_or_else(|| {
        wrong(format!("wants one class a sample: whole numbers or names (n,), or one-hot rows (n, k), got {shape}"))
    })?;
    let own: Vec<String>;
    let names = match names {
        Some(names) => names,
        None => {
            own = in_order(&all);
            if own.len() < 2 {
                return Err(wrong(format!("has one class, {}, and at least two are wanted", own.join(""))));
            }
            &own
        }
    };
    let numbers: BTreeMap<&str, i64> = names.iter().map(String::as_str).zip(0..).collect();
    let class = |(row, name): (usize, &String)| {
        numbers.get(name.as_str()).copied().ok_or_else(|| {
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            let close = nearest(name, &known).map_or(String::new(), |close| format!("; the nearest is {close}"));
            wrong(format!("row {} is of class {name}, which the training part has not{close}", row + 1))
        })
    };
    let labels = all.iter().enumerate().map(class).collect::<Result<Vec<i64>>>()?;
    let names = names.to_vec();
    Ok((Dataset::new(name, inputs, Target::classes(labels), names.len())?, names))
}

/// The distinct names: whole numbers by size, others by the alphabet.
fn in_order(all: &[String]) -> Vec<String> {
    let distinct: BTreeSet<&str> = all.iter().map(String::as_str).collect();
    let mut names: Vec<String> = distinct.into_iter().map(str::to_string).collect();
    if names.iter().all(|name| name.parse::<i64>().is_ok()) {
        names.sort_by_key(|name| name.parse::<i64>().ok());
    }
    names
}

/// Numbers as the network takes them.
fn rounded(all: &Tensor<f64>) -> Tensor<f32> {
    all.mapv(|number| number as f32).into_shared()
}

/// A problem with the array's name before it, where it has one.
fn named(place: &ArrayPlace, problem: String) -> String {
    place.array.as_ref().map_or_else(|| problem.clone(), |name| format!("array {name} {problem}"))
}

/// The row of the first number that is not finite, and the number.
fn first_not_finite(all: &Tensor<f32>) -> Option<(usize, f32)> {
    let size: usize = all.shape()[1..].iter().product();
    let (at, value) = all.iter().enumerate().find(|(_, number)| !number.is_finite())?;
    Some((at / size.max(1) + 1, *value))
}

/// Whether an array has one entry a sample: (n,) or (n, 1).
fn is_column(shape: &[usize]) -> bool {
    matches!(shape, [_] | [_, 1])
}

/// Whether every row of (n, k), k at least 2, is zeros and one `one`.
fn one_hot<A: PartialEq + Default>(all: &ArcArray<A, IxDyn>, one: A) -> bool {
    let zero = A::default();
    let is_hot = |row: ndarray::ArrayView<'_, A, IxDyn>| {
        let (ones, zeros) = row.iter().fold((0, 0), |(ones, zeros), entry| {
            (ones + usize::from(*entry == one), zeros + usize::from(*entry == zero))
        });
        ones == 1 && ones + zeros == row.len()
    };
    all.ndim() == 2 && all.shape()[1] >= 2 && !all.is_empty() && all.outer_iter().all(is_hot)
}

/// Images (n, h, w, c) as (n, c, h, w), row-major.
fn channels_first<A: Clone>(all: ArcArray<A, IxDyn>, channels_last: bool) -> ArcArray<A, IxDyn> {
    if !channels_last {
        return all;
    }
    let mut all = all;
    all.swap_axes(2, 3);
    all.swap_axes(1, 2);
    dense(&all)
}

#[cfg(test)]
#[path = "arrays_tests.rs"]
mod tests;
