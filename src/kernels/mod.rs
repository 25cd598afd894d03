//! The arithmetic on contiguous slices: matrix products and vectorised functions. The only room with `unsafe` code.
//!
//! Beside each fast kernel stands a plain twin (`*_naive`) that the tests hold it against.

mod conv;
pub mod dispatch;
mod gemm;
mod math;
mod pool;
mod tile;
mod window;
mod workers;

pub use conv::{col2im, each_product_naive, im2col, sum};
pub use dispatch::{Level, level};
pub use gemm::{Matrix, gemm_naive};
pub use pool::{
    avg_pool, avg_pool_backward, each_average_naive, max_pool, max_pool_backward, max_pool_naive, window_sizes,
};
pub use window::{Axis, Windows};
pub use workers::Workers;

/// What a scalar type must be able to do fast; implemented for `f32` and `f64`.
pub trait Kernels: Sized + Copy {
    /// C ← αAB + βC. See [`Matrix`] for the layout of the operands.
    fn gemm(alpha: Self, a: Matrix<'_, Self>, b: Matrix<'_, Self>, beta: Self, c: &mut [Self]);
    /// y ← eˣ, entry by entry. The slices have the same length, here and below.
    fn exp_slice(x: &[Self], y: &mut [Self]);
    /// y ← ln x.
    fn ln_slice(x: &[Self], y: &mut [Self]);
    /// y ← tanh x.
    fn tanh_slice(x: &[Self], y: &mut [Self]);
    /// y ← 1 / (1 + e⁻ˣ), without overflow.
    fn sigmoid_slice(x: &[Self], y: &mut [Self]);
}
