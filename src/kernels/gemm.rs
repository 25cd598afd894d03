//! Matrix products: `C ← αAB + βC` over strided views, by the `matrixmultiply` crate.

use super::Kernels;
use super::math::slice_functions;

/// A matrix over a slice: entry (i, j) is `values[i * row_stride + j * column_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T> {
    values: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// A row-major matrix.
    ///
    /// Panics when the slice does not hold `rows · columns` values.
    pub fn new(values: &'a [T], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a {rows}×{columns} matrix over {} values", values.len());
        Matrix { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The transpose, by exchanging the strides.
    pub fn t(self) -> Self {
        Matrix {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// The plain twin of [`Kernels::gemm`]: three loops.
pub fn gemm_naive<T: crate::Real>(alpha: T, a: Matrix<'_, T>, b: Matrix<'_, T>, beta: T, c: &mut [T]) {
    for i in 0..a.rows {
        for j in 0..b.columns {
            let sum: T = (0..a.columns)
                .map(|k| {
                    a.values[i * a.row_stride + k * a.column_stride] * b.values[k * b.row_stride + j * b.column_stride]
                })
                .sum();
            let c = &mut c[i * b.columns + j];
            *c = alpha * sum + if beta == T::zero() { T::zero() } else { beta * *c };
        }
    }
}

macro_rules! implement {
    ($t:ty, $product:path) => {
        impl Kernels for $t {
            fn gemm(alpha: Self, a: Matrix<'_, Self>, b: Matrix<'_, Self>, beta: Self, c: &mut [Self]) {
                assert_eq!(a.columns, b.rows, "inner sizes of a matrix product");
                assert_eq!(c.len(), a.rows * b.columns, "size of a matrix product");
                // SAFETY: `Matrix` is only built over rows · columns values, so every entry that the strides reach lies in
                // its slice; `c` holds rows · columns values and, being borrowed mutably, overlaps neither operand.
                unsafe {
                    $product(
                        a.rows,
                        a.columns,
                        b.columns,
                        alpha,
                        a.values.as_ptr(),
                        a.row_stride as isize,
                        a.column_stride as isize,
                        b.values.as_ptr(),
                        b.row_stride as isize,
                        b.column_stride as isize,
                        beta,
                        c.as_mut_ptr(),
                        b.columns as isize,
                        1,
                    )
                }
            }
            slice_functions!();
        }
    };
}
implement!(f32, matrixmultiply::sgemm);
implement!(f64, matrixmultiply::dgemm);
