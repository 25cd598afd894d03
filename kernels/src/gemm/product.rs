//! A product whose sizes have been checked, and the two ways round to compute it.

use crate::Number;

/// The most terms that are added up before they are added to C. Longer sums are sums of parts of equal length, which is
/// more precise, and lets a panel of B stay in the first-level cache.
pub(super) const DEPTH: usize = 256;

/// [`DEPTH`] of sums in lanes, for which no panel is copied: a few columns of B stay in the first-level cache.
pub(super) const LANES_DEPTH: usize = 1024;

/// A matrix without bounds: entry (i, j) lies `i * row_stride + j * column_stride` behind `at`.
#[derive(Clone, Copy)]
pub(super) struct Raw<T> {
    pub at: *const T,
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<T> Raw<T> {
    pub(super) fn t(self) -> Self {
        Raw { at: self.at, row_stride: self.column_stride, column_stride: self.row_stride }
    }

    /// Whether its columns are contiguous, and different ones.
    #[inline(always)]
    pub(super) fn stands_in_columns(&self) -> bool {
        self.row_stride == 1 && self.column_stride > 0
    }

    /// The same matrix without the rows before i and the columns before j. The place may lie behind the last entry, so
    /// only the caller knows whether it can be read.
    #[inline(always)]
    pub(super) fn from(self, i: usize, j: usize) -> Self {
        Raw { at: self.at.wrapping_add(i * self.row_stride + j * self.column_stride), ..self }
    }
}

/// C ← αAB + βC with A (m × k) and B (k × n) readable throughout, and C (m × n) writable.
///
/// C's rows are contiguous and `c_stride` apart; when `turned`, its columns are.
#[derive(Clone, Copy)]
pub(super) struct Product<T> {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub alpha: T,
    pub a: Raw<T>,
    pub b: Raw<T>,
    pub beta: T,
    pub c: *mut T,
    pub c_stride: usize,
    pub turned: bool,
    /// The most terms of a part of a sum.
    pub depth: usize,
}

impl<T: Number> Product<T> {
    /// Cᵀ ← αBᵀAᵀ + βCᵀ: the same sums, with the parts of A and B exchanged.
    pub(super) fn turn(self) -> Self {
        Product { m: self.n, n: self.m, a: self.b.t(), b: self.a.t(), turned: !self.turned, ..self }
    }

    /// The parts that the terms of each sum are added in: the first scales C by β, the others add to it.
    #[inline(always)]
    pub(super) fn parts(self) -> impl Iterator<Item = Self> {
        let depth = self.k.div_ceil(self.k.div_ceil(self.depth).max(1)).max(1);
        (0..self.k.max(1)).step_by(depth).map(move |from| {
            let beta = if from == 0 { self.beta } else { T::one() };
            let k = depth.min(self.k - from);
            Product { k, a: self.a.from(0, from), b: self.b.from(from, 0), beta, ..self }
        })
    }

    /// The part of the product that computes some rows of C.
    pub(super) fn rows_from(self, i: usize, count: usize) -> Self {
        let c = if self.turned { i } else { i * self.c_stride };
        Product { m: count, a: self.a.from(i, 0), c: self.c.wrapping_add(c), ..self }
    }
}
