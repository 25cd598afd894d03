//! Matrix products: `C ← αAB + βC` over strided views.
//!
//! Every entry of C is a sum whose terms are added in an order that k and the layouts alone decide (`product`: parts of a length,
//! each in one chain or several), whatever the numbers of rows and columns and the place of the entry. So a row has the same bits alone and in a batch, and the way that is fastest
//! for a shape can be taken freely.
//!
//! | file | what it does |
//! | --- | --- |
//! | `product` | the operands as the inner loops see them |
//! | `tile` | a tile of C in registers |
//! | `panel` | some columns of B, made ready for tiles |
//! | `lanes` | rows times contiguous columns over many terms, no panels |
//! | `row` | one row times a matrix whose columns are contiguous |
//! | `blocks` | the loops around |

mod blocks;
mod lanes;
mod panel;
mod product;
mod row;
mod tile;

use super::dispatch::best;
use super::{Kernels, Level, Matrix, MatrixMut, level};
use product::{Product, Raw};

/// The plain twin of [`Kernels::gemm`]: three loops.
pub fn gemm_naive<T: Kernels>(alpha: T, a: Matrix<'_, T>, b: Matrix<'_, T>, beta: T, c: &mut [T]) {
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

/// The checked sizes of a product.
fn product<T: Copy>(alpha: T, a: Matrix<'_, T>, b: Matrix<'_, T>, beta: T, c: MatrixMut<'_, T>) -> Product<T> {
    assert_eq!(a.columns, b.rows, "inner sizes of a matrix product");
    assert_eq!((c.rows, c.columns), (a.rows, b.columns), "size of a matrix product");
    let (m, n, k) = (a.rows, b.columns, a.columns);
    Product {
        m,
        n,
        k,
        alpha,
        a: raw(a),
        b: raw(b),
        beta,
        c: c.at,
        c_stride: c.row_stride,
        turned: false,
        depth: product::DEPTH,
    }
}

fn raw<T>(matrix: Matrix<'_, T>) -> Raw<T> {
    Raw { at: matrix.values.as_ptr(), row_stride: matrix.row_stride, column_stride: matrix.column_stride }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! The loops compiled for instructions that not every machine has.

    use super::{Product, blocks};
    use crate::vector::Vector;

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) unsafe fn avx512<V: Vector>(p: Product<V::Scalar>) {
        // SAFETY: as promised by the caller.
        unsafe { blocks::multiply::<V, 12>(p) }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn avx2<V: Vector>(p: Product<V::Scalar>) {
        // SAFETY: as promised by the caller.
        unsafe { blocks::multiply::<V, 6>(p) }
    }
}

/// C ← AB + βC with the instructions of a level, for `f32`.
///
/// Panics when the machine lacks the level.
pub(super) fn gemm_at(level: Level, a: Matrix<'_, f32>, b: Matrix<'_, f32>, beta: f32, c: MatrixMut<'_, f32>) {
    assert!(level <= best(), "this machine lacks {}", level.name());
    multiply(level, product(1.0, a, b, beta, c));
}

fn multiply(level: Level, p: Product<f32>) {
    // SAFETY: `product` has checked the sizes, and the views their slices; C is borrowed mutably, so it overlaps neither
    // operand. The callers know that the machine has the level.
    unsafe {
        match level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => x86::avx512::<std::arch::x86_64::__m512>(p),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => x86::avx2::<std::arch::x86_64::__m256>(p),
            _ => blocks::multiply::<[f32; 4], 4>(p),
        }
    }
}

impl Kernels for f32 {
    fn gemm_into(alpha: f32, a: Matrix<'_, f32>, b: Matrix<'_, f32>, beta: f32, c: MatrixMut<'_, f32>) {
        multiply(level(), product(alpha, a, b, beta, c));
    }
}

impl Kernels for f64 {
    fn gemm_into(alpha: f64, a: Matrix<'_, f64>, b: Matrix<'_, f64>, beta: f64, c: MatrixMut<'_, f64>) {
        let p = product(alpha, a, b, beta, c);
        // SAFETY: as for `f32`.
        unsafe {
            match level() {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => x86::avx512::<std::arch::x86_64::__m512d>(p),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => x86::avx2::<std::arch::x86_64::__m256d>(p),
                _ => blocks::multiply::<[f64; 2], 4>(p),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    fn random<T: Kernels>(count: usize, stream: &mut Stream) -> Vec<T> {
        (0..count).map(|_| T::number(stream.uniform(-1.0, 1.0))).collect()
    }

    /// Every layout of the operands and every rest of rows, columns and inner terms, against the plain twin.
    fn agrees_with_the_plain_twin<T: Kernels>(tolerance: f64) {
        let mut stream = Stream::new(5);
        for (m, n, k) in [
            (1, 1, 1),
            (8, 32, 16),
            (13, 37, 21),
            (3, 50, 784),
            (17, 10, 64),
            (9, 70, 1),
            (5, 150, 1),
            (5, 3, 0),
            (97, 9, 301),
            (5, 6, 1100),
        ] {
            for (turn_a, turn_b) in [(false, false), (true, false), (false, true), (true, true)] {
                for beta in [T::zero(), T::one(), T::number(0.5)] {
                    let (x, y) = (random::<T>(m * k, &mut stream), random::<T>(k * n, &mut stream));
                    let a = if turn_a { Matrix::new(&x, k, m).t() } else { Matrix::new(&x, m, k) };
                    let b = if turn_b { Matrix::new(&y, n, k).t() } else { Matrix::new(&y, k, n) };
                    let start = random::<T>(m * n, &mut stream);
                    let (mut got, mut wanted) = (start.clone(), start);
                    T::gemm(T::number(1.5), a, b, beta, &mut got);
                    gemm_naive(T::number(1.5), a, b, beta, &mut wanted);
                    for (got, wanted) in got.iter().zip(&wanted) {
                        let error = (*got - *wanted).wide().abs();
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
        // The longer sums are added up in lanes, the last one in two parts too; both have a rest.
        for (m, n, k) in [(23, 45, 131), (23, 45, 301), (98, 9, 1101)] {
            let (x, y) = (random::<f32>(m * k, &mut stream), random::<f32>(k * n, &mut stream));
            for b in [Matrix::new(&y, k, n), Matrix::new(&y, n, k).t()] {
                let mut all = vec![0.0; m * n];
                f32::gemm(1.0, Matrix::new(&x, m, k), b, 0.0, &mut all);
                for i in 0..m {
                    let mut row = vec![0.0; n];
                    f32::gemm(1.0, Matrix::new(&x[i * k..(i + 1) * k], 1, k), b, 0.0, &mut row);
                    assert_eq!(row, all[i * n..(i + 1) * n], "row {i} of {m}×{k}×{n}");
                }
            }
        }
    }

    #[test]
    fn a_part_of_a_gradient_has_the_bits_of_the_whole() {
        let mut stream = Stream::new(7);
        // δᵀ·X for some of many outputs: the columns of δ lie far apart, and the longer sum has two parts.
        for samples in [64, 301] {
            let (outputs, inputs) = (96, 150);
            let delta = random::<f32>(samples * outputs, &mut stream);
            let x = random::<f32>(samples * inputs, &mut stream);
            let (d, x) = (Matrix::new(&delta, samples, outputs), Matrix::new(&x, samples, inputs));
            let mut whole = vec![0.0; outputs * inputs];
            f32::gemm(1.0, d.t(), x, 0.0, &mut whole);
            for part in [0..16, 16..48, 48..59, 59..96] {
                let mut own = vec![0.0; part.len() * inputs];
                f32::gemm(1.0, d.columns(part.clone()).t(), x, 0.0, &mut own);
                assert_eq!(own, whole[part.start * inputs..part.end * inputs], "outputs {part:?} of {samples} samples");
            }
        }
    }
}
