//! exp, ln, tanh, sigmoid and erf over slices, 16 entries at a time, in the instructions of each [`Level`].
//!
//! An entry's value depends on nothing but the entry: not on its place in the slice nor on the slice's length.

mod formula;
mod lane;
mod naive;
mod reduce;
#[cfg(test)]
mod tests;

use super::Kernels;
use super::dispatch::{Level, best};
use formula::{Erf, Exp, Sigmoid, Tanh};
pub(super) use formula::{Formula, Ln};
pub use lane::Lane;
pub use naive::elementwise_naive;
pub(super) use reduce::sums;
pub use reduce::{max, sum};

/// The text of the files that compute one entry, which exported networks carry with them.
pub mod source {
    /// `Lane`.
    pub const LANE: &str = include_str!("lane.rs");
    /// `Formula`.
    pub const FORMULA: &str = include_str!("formula.rs");
    /// Sums and maximum.
    pub const REDUCE: &str = include_str!("reduce.rs");
}

/// Entries handled together: one AVX-512 vector of `f32`, two of `f64`.
const WIDTH: usize = 16;

/// A function that is applied to every entry of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// eˣ.
    Exp,
    /// ln x: −∞ at both zeros, NaN below.
    Ln,
    /// tanh x.
    Tanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// erf x = 2/√π ∫₀ˣ e^(−t²) dt.
    Erf,
}

impl Function {
    /// All of them.
    pub const ALL: [Function; 5] = [Function::Exp, Function::Ln, Function::Tanh, Function::Sigmoid, Function::Erf];

    /// y ← f(x), entry by entry, with the instructions of a given level.
    ///
    /// Panics when the lengths differ or the machine lacks the level.
    pub fn apply<T: Kernels>(self, level: Level, x: &[T], y: &mut [T]) {
        T::apply(self, level, x, y);
    }

    pub(crate) fn apply_here<T: Lane>(self, level: Level, x: &[T], y: &mut [T]) {
        match self {
            Function::Exp => apply::<T, Exp>(level, x, y),
            Function::Ln => apply::<T, Ln>(level, x, y),
            Function::Tanh => apply::<T, Tanh>(level, x, y),
            Function::Sigmoid => apply::<T, Sigmoid>(level, x, y),
            Function::Erf => apply::<T, Erf>(level, x, y),
        }
    }
}

fn apply<T: Lane, F: Formula>(level: Level, x: &[T], y: &mut [T]) {
    assert_eq!(x.len(), y.len(), "lengths of an elementwise function's input and output");
    assert!(level <= best(), "this machine lacks {}", level.name());
    match level {
        // SAFETY: `best` found the features of this level on the machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { apply_avx512::<T, F>(x, y) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { apply_avx2::<T, F>(x, y) },
        _ => blocks::<T, F, false>(x, y),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn apply_avx512<T: Lane, F: Formula>(x: &[T], y: &mut [T]) {
    blocks::<T, F, true>(x, y);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn apply_avx2<T: Lane, F: Formula>(x: &[T], y: &mut [T]) {
    blocks::<T, F, true>(x, y);
}

/// Whole blocks, then the last one once more from the end, or what is less than a block padded: a scalar loop for the rest would
/// take as long as ten blocks.
#[inline(always)]
fn blocks<T: Lane, F: Formula, const FUSED: bool>(x: &[T], y: &mut [T]) {
    let (x_blocks, x_rest) = x.as_chunks::<WIDTH>();
    for (x, y) in x_blocks.iter().zip(y.as_chunks_mut::<WIDTH>().0) {
        block::<T, F, FUSED>(x, y);
    }
    if x_rest.is_empty() {
        return;
    }
    match (x.last_chunk(), y.last_chunk_mut()) {
        (Some(x), Some(y)) => block::<T, F, FUSED>(x, y),
        _ => {
            let mut padded = [T::number(1.0); WIDTH];
            padded[..x.len()].copy_from_slice(x);
            let mut result = padded;
            block::<T, F, FUSED>(&padded, &mut result);
            y.copy_from_slice(&result[..x.len()]);
        }
    }
}

#[inline(always)]
fn block<T: Lane, F: Formula, const FUSED: bool>(x: &[T; WIDTH], y: &mut [T; WIDTH]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = F::at::<T, FUSED>(x);
    }
}
