//! The numbers of a case: a shape and values, whatever type they are stored in.

use limpide::data::Target;
use limpide::tensor::{dense, shape_text, values};
use limpide::{Real, Tensor, tensor};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// What the values mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub enum Kind {
    /// Real numbers.
    F64,
    /// Class numbers and indices.
    I64,
    /// Masks.
    U8,
}

/// An array, read from a case or computed for it. Whole numbers are kept as `f64` too; those of cases are small.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// What the values mean.
    pub kind: Kind,
    /// The shape; `[]` for a single number.
    pub shape: Vec<usize>,
    /// The values in row-major order.
    pub values: Vec<f64>,
}

impl Numbers {
    /// Real numbers in a shape.
    pub fn new(shape: &[usize], values: Vec<f64>) -> Self {
        Numbers { kind: Kind::F64, shape: shape.to_vec(), values }
    }

    /// A computed tensor, without rounding.
    pub fn of<T: Real>(tensor: &Tensor<T>) -> Self {
        Numbers::new(tensor.shape(), values(&dense(tensor)).iter().map(|&value| Real::to_f64(value)).collect())
    }

    /// A stored tensor, or why it is none of ours.
    pub fn read(view: &TensorView) -> Result<Self, String> {
        let (kind, values) = match view.dtype() {
            Dtype::F64 => (Kind::F64, eights(view).map(f64::from_le_bytes).collect()),
            Dtype::I64 => (Kind::I64, eights(view).map(|bytes| i64::from_le_bytes(bytes) as f64).collect()),
            Dtype::U8 => (Kind::U8, view.data().iter().map(|&byte| byte as f64).collect()),
            other => return Err(format!("wants F64, I64 or U8, got {other:?}")),
        };
        Ok(Numbers { kind, shape: view.shape().to_vec(), values })
    }

    /// As a tensor, each value rounded to the nearest `T`.
    pub fn tensor<T: Real>(&self) -> Tensor<T> {
        tensor(&self.shape, self.values.iter().map(|&value| T::of(value)).collect())
    }

    /// As the target of a loss: whole numbers are classes.
    pub fn target<T: Real>(&self) -> Target<T> {
        match self.kind {
            Kind::I64 => Target::Classes(tensor(&self.shape, self.values.iter().map(|&value| value as i64).collect())),
            Kind::F64 | Kind::U8 => Target::Values(self.tensor()),
        }
    }

    /// As indices; errs when a value is not a whole number from 0.
    pub fn indices(&self) -> Result<Vec<usize>, String> {
        let index = |&value: &f64| {
            let whole = value >= 0.0 && value.fract() == 0.0;
            whole.then_some(value as usize).ok_or_else(|| format!("wants whole numbers from 0, got {value}"))
        };
        self.values.iter().map(index).collect()
    }

    /// The `index`-th part along the first axis; errs when there is none.
    pub fn part(&self, index: usize) -> Result<Numbers, String> {
        let missing = || format!("wants a part {index} along the first axis, got shape {}", shape_text(&self.shape));
        let (&count, shape) = self.shape.split_first().ok_or_else(missing)?;
        let size: usize = shape.iter().product();
        let values = (index < count).then(|| self.values[index * size..(index + 1) * size].to_vec());
        Ok(Numbers { kind: self.kind, shape: shape.to_vec(), values: values.ok_or_else(missing)? })
    }
}

fn eights<'a>(view: &'a TensorView) -> impl Iterator<Item = [u8; 8]> + 'a {
    view.data().as_chunks::<8>().0.iter().copied()
}
