//! Numbers and arrays: the scalar trait [`Real`] (f32 or f64) and [`Tensor`], an ndarray array that clones in O(1).

use crate::compiled::Compiled;
use crate::kernels::Kernels;
use ndarray::{ArcArray, IxDyn, NdFloat};

/// A real number that networks compute with: `f32` trains, `f64` checks gradients.
#[allow(private_bounds)] // how the library is compiled is its own affair
pub trait Real: NdFloat + Kernels + Compiled + std::iter::Sum + Default {
    /// `"f32"` or `"f64"`.
    const NAME: &'static str;
    /// The nearest value to an `f64`.
    fn of(value: f64) -> Self;
    /// The value as `f64`, exactly.
    fn to_f64(self) -> f64;
}

impl Real for f32 {
    const NAME: &'static str = "f32";
    fn of(value: f64) -> Self {
        value as f32
    }
    fn to_f64(self) -> f64 {
        self as f64
    }
}

impl Real for f64 {
    const NAME: &'static str = "f64";
    fn of(value: f64) -> Self {
        value
    }
    fn to_f64(self) -> f64 {
        self
    }
}

/// An n-dimensional array of numbers: ndarray's `ArcArray`, so a clone shares the data and writing to a shared one
/// copies it first. Images are NCHW; the first axis is the batch.
pub type Tensor<T> = ArcArray<T, IxDyn>;

/// A tensor of the given shape from values in row-major order.
///
/// Panics when the number of values is not the product of the shape.
///
/// ```
/// let x = limpide::tensor(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// assert_eq!(x[[1, 0]], 4.0);
/// ```
pub fn tensor<T>(shape: &[usize], values: Vec<T>) -> Tensor<T> {
    let count = values.len();
    match Tensor::from_shape_vec(IxDyn(shape), values) {
        Ok(tensor) => tensor,
        Err(_) => panic!("a tensor of shape {} does not hold {count} values", shape_text(shape)),
    }
}

/// The entries of an array of that shape when an array of it, with entries of `width` bytes, can exist at all.
pub(crate) fn entries(shape: &[usize], width: usize) -> Option<usize> {
    // An axis of 0 must not hide that the others overflow: ndarray refuses such a shape too.
    let all = shape.iter().filter(|&&size| size > 0).try_fold(width, |all, &size| all.checked_mul(size));
    all.filter(|&all| isize::try_from(all).is_ok())?;
    Some(shape.iter().product())
}

/// A tensor of zeros.
pub fn zeros<T: Real>(shape: &[usize]) -> Tensor<T> {
    Tensor::zeros(IxDyn(shape))
}

/// The same values in row-major order without gaps; free when they already are.
pub fn dense<T: Clone>(x: &Tensor<T>) -> Tensor<T> {
    if x.is_standard_layout() { x.clone() } else { x.as_standard_layout().into_owned().into_shared() }
}

/// The values of a [`dense`] tensor as one slice.
///
/// Panics when the tensor is not in row-major order.
pub fn values<T>(x: &Tensor<T>) -> &[T] {
    x.as_slice().expect("a dense tensor: pass it through `dense` first")
}

/// The values of a tensor as one mutable slice; copies first when the data is shared or not dense.
pub fn values_mut<T: Clone>(x: &mut Tensor<T>) -> &mut [T] {
    if !x.is_standard_layout() {
        *x = dense(x);
    }
    x.as_slice_mut().expect("a dense tensor has one slice")
}

/// The axis that `dim` names among so many, where negative counts from the end.
pub(crate) fn axis_of(dim: isize, axes: usize) -> Option<usize> {
    let axis = if dim < 0 { dim.checked_add_unsigned(axes)? } else { dim };
    usize::try_from(axis).ok().filter(|&axis| axis < axes)
}

/// A shape as people write it: `(64, 784)`.
pub fn shape_text(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    match sizes.as_slice() {
        [one] => format!("({one},)"),
        many => format!("({})", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_counts_from_the_start_or_from_the_end() {
        assert_eq!([-4, -3, -1, 0, 2, 3].map(|dim| axis_of(dim, 3)), [None, Some(0), Some(2), Some(0), Some(2), None]);
        assert_eq!([isize::MIN, isize::MAX, 0].map(|dim| axis_of(dim, 0)), [None; 3]);
    }

    #[test]
    fn a_shape_counts_only_when_an_array_of_it_can_exist() {
        assert_eq!(entries(&[], 8), Some(1));
        assert_eq!(entries(&[2, 3], 8), Some(6));
        assert_eq!(entries(&[0, 7], 8), Some(0));
        assert_eq!(entries(&[usize::MAX, 2], 1), None);
        assert_eq!(entries(&[1 << 61], 8), None);
        assert_eq!(entries(&[0, 1 << 40, 1 << 40], 1), None);
    }
}
