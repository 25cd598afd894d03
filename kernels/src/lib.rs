//! The arithmetic of Limpide on contiguous slices: matrix products, convolutions, vectorised functions; the threads that share it
//! out, and random numbers. The only crate with `unsafe` code.
//!
//! Beside each fast kernel stands a plain twin (`*_naive`) that the tests hold it against.

mod aligned;
mod bytes;
mod compiled;
mod conv;
mod conv_block;
pub mod dispatch;
mod entries;
mod gemm;
mod math;
mod matrix;
mod normal;
mod peak;
mod philox;
mod pool;
mod prefetch;
pub mod random;
mod simd;
mod sparse;
mod transpose;
mod vector;
mod warp;
mod window;
mod winograd;
mod workers;

pub use aligned::Aligned;
pub use bytes::{ByteRows, Quotients};
pub use conv::{Convolution, each_product_naive};
pub use conv_block::{Backward, ConvBlock};
pub use dispatch::{Level, level};
pub use entries::{map, totals, update};
pub use gemm::gemm_naive;
pub use math::{Function, elementwise_naive, max, source as math_source, sum};
pub use matrix::{Matrix, MatrixMut};
pub use normal::normal_quantiles;
pub use peak::peak;
pub use philox::{philox, philox_blocks};
pub use pool::{
    NOWHERE, avg_pool, avg_pool_backward, each_average_naive, max_pool, max_pool_backward, max_pool_naive, window_sizes,
};
pub use prefetch::prefetch;
pub use random::Stream;
pub use sparse::{Nonzeros, Sparse, nonzeros_naive};
pub use transpose::transpose;
pub use warp::{PlaneMap, Warp};
pub use window::{Axis, Windows};
pub use workers::{Workers, cores};

/// A floating-point type of which nothing is known but its arithmetic.
pub trait Number:
    num_traits::Float + num_traits::NumAssign + Default + std::fmt::Debug + std::fmt::Display + Send + Sync + 'static
{
}

impl<T> Number for T where
    T: num_traits::Float
        + num_traits::NumAssign
        + Default
        + std::fmt::Debug
        + std::fmt::Display
        + Send
        + Sync
        + 'static
{
}

/// What a scalar type must be able to do fast; implemented for `f32` and `f64`.
///
/// The functions on slices want slices of the same length. For `f32` they are within 2 units in the last place of the
/// exact result for every input, subnormal ones and results too (`examples/exhaustive_math.rs` tries them all); for
/// `f64` no sample was off by more than 1.6. NaN gives NaN.
#[allow(private_bounds)] // the registers are this room's own
pub trait Kernels: Number + math::Lane + simd::Vectors + compiled::Compiled + std::iter::Sum + Default {
    /// C ← αAB + βC. A C that is multiplied by 0 is not read. See [`Matrix`] for the layouts.
    ///
    /// Panics when the sizes do not fit.
    fn gemm_into(alpha: Self, a: Matrix<'_, Self>, b: Matrix<'_, Self>, beta: Self, c: MatrixMut<'_, Self>);
    /// [`Kernels::gemm_into`] a row-major C without gaps.
    fn gemm(alpha: Self, a: Matrix<'_, Self>, b: Matrix<'_, Self>, beta: Self, c: &mut [Self]) {
        Self::gemm_into(alpha, a, b, beta, MatrixMut::new(c, a.row_count(), b.column_count()));
    }
    /// y ← eˣ, entry by entry.
    fn exp_slice(x: &[Self], y: &mut [Self]) {
        Function::Exp.apply(level(), x, y);
    }
    /// y ← ln x: −∞ at both zeros, NaN below.
    fn ln_slice(x: &[Self], y: &mut [Self]) {
        Function::Ln.apply(level(), x, y);
    }
    /// y ← tanh x. The sign of a zero is kept.
    fn tanh_slice(x: &[Self], y: &mut [Self]) {
        Function::Tanh.apply(level(), x, y);
    }
    /// y ← 1 / (1 + e⁻ˣ), without overflow.
    fn sigmoid_slice(x: &[Self], y: &mut [Self]) {
        Function::Sigmoid.apply(level(), x, y);
    }
    /// y ← erf x = 2/√π ∫₀ˣ e^(−t²) dt. The sign of a zero is kept.
    fn erf_slice(x: &[Self], y: &mut [Self]) {
        Function::Erf.apply(level(), x, y);
    }
}
