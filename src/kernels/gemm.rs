//! Matrix products: `C ← αAB + βC` over strided views.
//!
//! Networks multiply matrices that fit a core's second-level cache, where packing copies cost more than they save: these go
//! through the tiles of `tile`. Large ones go through the packing `matrixmultiply` crate.

use super::tile::{Product, Raw};
use super::{Kernels, Level, level};

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

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
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

    fn raw(&self) -> Raw<T> {
        Raw { at: self.values.as_ptr(), row_stride: self.row_stride, column_stride: self.column_stride }
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

/// From this many multiply-adds on, packing pays.
const LARGE: usize = 512 * 512 * 512;

/// The checked sizes of a product.
fn product<T: Copy>(alpha: T, a: Matrix<'_, T>, b: Matrix<'_, T>, beta: T, c: &mut [T]) -> Product<T> {
    assert_eq!(a.columns, b.rows, "inner sizes of a matrix product");
    assert_eq!(c.len(), a.rows * b.columns, "size of a matrix product");
    Product { m: a.rows, n: b.columns, k: a.columns, alpha, a: a.raw(), b: b.raw(), beta, c: c.as_mut_ptr() }
}

/// Whether the tiles take a product, and by which of the two forms.
enum Form {
    Rows,
    InnerProducts,
    Packed,
}

fn form<T>(p: &Product<T>) -> Form {
    if p.m * p.n * p.k >= LARGE {
        Form::Packed
    } else if p.b.column_stride == 1 {
        Form::Rows
    } else if p.a.column_stride == 1 && p.b.row_stride == 1 {
        Form::InnerProducts
    } else {
        Form::Packed
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! The tiles compiled for instructions that not every machine has.

    use super::Product;
    use ndarray::NdFloat;

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) fn rows_avx512<T: NdFloat, const NR: usize, const HALF: usize>(p: Product<T>) {
        // SAFETY: `product` and `form` have checked sizes and strides.
        unsafe { p.by_rows::<true, 8, NR, HALF>() }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) fn inner_avx512<T: NdFloat, const LANES: usize>(p: Product<T>) {
        // SAFETY: as above.
        unsafe { p.by_inner_products::<true, 4, 4, LANES>() }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn rows_avx2<T: NdFloat, const NR: usize, const HALF: usize>(p: Product<T>) {
        // SAFETY: as above.
        unsafe { p.by_rows::<true, 6, NR, HALF>() }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn inner_avx2<T: NdFloat, const LANES: usize>(p: Product<T>) {
        // SAFETY: as above.
        unsafe { p.by_inner_products::<true, 2, 4, LANES>() }
    }
}

impl Kernels for f32 {
    super::math::slice_functions!();
    fn gemm(alpha: f32, a: Matrix<'_, f32>, b: Matrix<'_, f32>, beta: f32, c: &mut [f32]) {
        let p = product(alpha, a, b, beta, c);
        // SAFETY: `product` has checked the sizes, `form` the strides, and `level` that the instructions are there.
        unsafe {
            match (form(&p), level()) {
                #[cfg(target_arch = "x86_64")]
                (Form::Rows, Level::Avx512) => x86::rows_avx512::<f32, 32, 16>(p),
                #[cfg(target_arch = "x86_64")]
                (Form::Rows, Level::Avx2) => x86::rows_avx2::<f32, 16, 8>(p),
                #[cfg(target_arch = "x86_64")]
                (Form::InnerProducts, Level::Avx512) => x86::inner_avx512::<f32, 16>(p),
                #[cfg(target_arch = "x86_64")]
                (Form::InnerProducts, Level::Avx2) => x86::inner_avx2::<f32, 8>(p),
                (Form::Rows, _) => p.by_rows::<false, 4, 8, 4>(),
                (Form::InnerProducts, _) => p.by_inner_products::<false, 2, 4, 4>(),
                (Form::Packed, _) => matrixmultiply::sgemm(
                    p.m,
                    p.k,
                    p.n,
                    p.alpha,
                    p.a.at,
                    p.a.row_stride as isize,
                    p.a.column_stride as isize,
                    p.b.at,
                    p.b.row_stride as isize,
                    p.b.column_stride as isize,
                    p.beta,
                    p.c,
                    p.n as isize,
                    1,
                ),
            }
        }
    }
}

impl Kernels for f64 {
    super::math::slice_functions!();
    fn gemm(alpha: f64, a: Matrix<'_, f64>, b: Matrix<'_, f64>, beta: f64, c: &mut [f64]) {
        let p = product(alpha, a, b, beta, c);
        // SAFETY: as for `f32`.
        unsafe {
            match (form(&p), level()) {
                #[cfg(target_arch = "x86_64")]
                (Form::Rows, Level::Avx512) => x86::rows_avx512::<f64, 16, 8>(p),
                #[cfg(target_arch = "x86_64")]
                (Form::Rows, Level::Avx2) => x86::rows_avx2::<f64, 8, 4>(p),
                #[cfg(target_arch = "x86_64")]
                (Form::InnerProducts, Level::Avx512) => x86::inner_avx512::<f64, 8>(p),
                #[cfg(target_arch = "x86_64")]
                (Form::InnerProducts, Level::Avx2) => x86::inner_avx2::<f64, 4>(p),
                (Form::Rows, _) => p.by_rows::<false, 4, 4, 2>(),
                (Form::InnerProducts, _) => p.by_inner_products::<false, 2, 4, 2>(),
                (Form::Packed, _) => matrixmultiply::dgemm(
                    p.m,
                    p.k,
                    p.n,
                    p.alpha,
                    p.a.at,
                    p.a.row_stride as isize,
                    p.a.column_stride as isize,
                    p.b.at,
                    p.b.row_stride as isize,
                    p.b.column_stride as isize,
                    p.beta,
                    p.c,
                    p.n as isize,
                    1,
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use crate::tensor::Real;

    fn random<T: Real>(count: usize, stream: &mut Stream) -> Vec<T> {
        (0..count).map(|_| T::of(stream.uniform(-1.0, 1.0))).collect()
    }

    /// Every layout of the operands and every rest of rows, columns and inner terms, against the plain twin.
    fn agrees_with_the_plain_twin<T: Real>(tolerance: f64) {
        let mut stream = Stream::new(5);
        for (m, n, k) in [(1, 1, 1), (8, 32, 16), (13, 37, 21), (3, 50, 784), (17, 10, 64), (9, 70, 1), (5, 3, 0)] {
            for (turn_a, turn_b) in [(false, false), (true, false), (false, true), (true, true)] {
                for beta in [T::zero(), T::one(), T::of(0.5)] {
                    let (x, y) = (random::<T>(m * k, &mut stream), random::<T>(k * n, &mut stream));
                    let a = if turn_a { Matrix::new(&x, k, m).t() } else { Matrix::new(&x, m, k) };
                    let b = if turn_b { Matrix::new(&y, n, k).t() } else { Matrix::new(&y, k, n) };
                    let start = random::<T>(m * n, &mut stream);
                    let (mut got, mut wanted) = (start.clone(), start);
                    T::gemm(T::of(1.5), a, b, beta, &mut got);
                    gemm_naive(T::of(1.5), a, b, beta, &mut wanted);
                    for (got, wanted) in got.iter().zip(&wanted) {
                        let error = (*got - *wanted).to_f64().abs();
                        assert!(error <= tolerance * (k as f64 + 1.0), "{m}×{k}×{n} {turn_a} {turn_b}: {got} {wanted}");
                    }
                }
            }
        }
    }

    #[test]
    fn f32_products_agree_with_the_plain_twin() {
        agrees_with_the_plain_twin::<f32>(1e-6);
    }

    #[test]
    fn f64_products_agree_with_the_plain_twin() {
        agrees_with_the_plain_twin::<f64>(1e-15);
    }

    #[test]
    fn a_row_has_the_same_bits_alone_and_among_others() {
        let mut stream = Stream::new(6);
        let (m, n, k) = (23, 45, 131);
        let (x, y) = (random::<f32>(m * k, &mut stream), random::<f32>(k * n, &mut stream));
        for b in [Matrix::new(&y, k, n), Matrix::new(&y, n, k).t()] {
            let mut all = vec![0.0; m * n];
            f32::gemm(1.0, Matrix::new(&x, m, k), b, 0.0, &mut all);
            for i in 0..m {
                let mut row = vec![0.0; n];
                f32::gemm(1.0, Matrix::new(&x[i * k..(i + 1) * k], 1, k), b, 0.0, &mut row);
                assert_eq!(row, all[i * n..(i + 1) * n]);
            }
        }
    }
}
