//! The two inner loops of a matrix product, written on arrays that the compiler keeps in vector registers.
//!
//! Both add up an entry of C in an order that depends on the inner size alone, never on where the entry stands, so a
//! row of C has the same bits whatever rows are computed beside it.

use ndarray::NdFloat;

/// A matrix without bounds: entry (i, j) lies `i * row_stride + j * column_stride` behind `at`.
#[derive(Clone, Copy)]
pub(super) struct Raw<T> {
    pub at: *const T,
    pub row_stride: usize,
    pub column_stride: usize,
}

/// C ← αAB + βC with C row-major (m × n) and A (m × k), B (k × n) readable throughout.
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
}

/// a·b + c, in one rounding where the machine has the instruction.
#[inline(always)]
fn multiply_add<T: NdFloat, const FUSED: bool>(a: T, b: T, c: T) -> T {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

impl<T: NdFloat> Product<T> {
    /// For a B whose rows are contiguous: tiles of MR × NR entries of C grow along k, a row of B times a column of A at
    /// a time. A rest of columns goes through a padded copy of B, HALF or NR wide.
    ///
    /// # Safety
    /// The operands must be readable, and C writable, in the sizes given; B's column stride must be 1.
    #[inline(always)]
    pub(super) unsafe fn by_rows<const FUSED: bool, const MR: usize, const NR: usize, const HALF: usize>(self) {
        let whole = self.n / NR * NR;
        for j in (0..whole).step_by(NR) {
            // SAFETY: columns j to j + NR lie inside B and C.
            unsafe { self.columns::<FUSED, MR, NR>(self.b.at.add(j), self.b.row_stride, j, NR) };
        }
        let rest = self.n - whole;
        if rest == 0 {
            return;
        }
        let width = if rest <= HALF { HALF } else { NR };
        let mut padded = vec![T::zero(); self.k * width];
        for (row, p) in padded.chunks_exact_mut(width).zip(0..self.k) {
            // SAFETY: row p of B has `rest` contiguous entries from column `whole` on.
            let from = unsafe { std::slice::from_raw_parts(self.b.at.add(p * self.b.row_stride + whole), rest) };
            row[..rest].copy_from_slice(from);
        }
        // SAFETY: `padded` holds k rows of `width`; only `rest` columns of C are written.
        unsafe {
            if width == HALF {
                self.columns::<FUSED, MR, HALF>(padded.as_ptr(), width, whole, rest);
            } else {
                self.columns::<FUSED, MR, NR>(padded.as_ptr(), width, whole, rest);
            }
        }
    }

    /// All rows of the `used` columns of C from `j` on, from k rows of WIDTH entries at `b`.
    #[inline(always)]
    unsafe fn columns<const FUSED: bool, const MR: usize, const WIDTH: usize>(
        &self,
        b: *const T,
        b_stride: usize,
        j: usize,
        used: usize,
    ) {
        let mut i = 0;
        // SAFETY: each call covers rows i to i + its number of rows, all below m.
        unsafe {
            while i + MR <= self.m {
                self.tile::<FUSED, MR, WIDTH>(b, b_stride, i, j, used);
                i += MR;
            }
            while i + 4 <= self.m {
                self.tile::<FUSED, 4, WIDTH>(b, b_stride, i, j, used);
                i += 4;
            }
            while i < self.m {
                self.tile::<FUSED, 1, WIDTH>(b, b_stride, i, j, used);
                i += 1;
            }
        }
    }

    /// One tile of C: ROWS × WIDTH sums in registers.
    #[inline(always)]
    unsafe fn tile<const FUSED: bool, const ROWS: usize, const WIDTH: usize>(
        &self,
        b: *const T,
        b_stride: usize,
        i: usize,
        j: usize,
        used: usize,
    ) {
        let mut sums = [[T::zero(); WIDTH]; ROWS];
        for p in 0..self.k {
            // SAFETY: row p of B (or of its padded copy) has WIDTH entries; A is readable at (i + r, p).
            let row = unsafe { b.add(p * b_stride).cast::<[T; WIDTH]>().read_unaligned() };
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = unsafe { *self.a.at.add((i + r) * self.a.row_stride + p * self.a.column_stride) };
                for (sum, &y) in sums.iter_mut().zip(&row) {
                    *sum = multiply_add::<T, FUSED>(x, y, *sum);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            // SAFETY: row i + r of C has `used` entries from column j on; nothing else refers to them.
            let c = unsafe { std::slice::from_raw_parts_mut(self.c.add((i + r) * self.n + j), used) };
            // A whole tile has a constant width, so that its stores are whole vectors.
            if used == WIDTH {
                self.store(&mut c[..WIDTH], sums);
            } else {
                self.store(c, &sums[..used]);
            }
        }
    }

    /// For A and B whose inner axis is contiguous (B is a transpose): tiles of MR × NR inner products, LANES terms at a
    /// time.
    ///
    /// # Safety
    /// The operands must be readable, and C writable, in the sizes given; A's column stride and B's row stride must be 1.
    #[inline(always)]
    pub(super) unsafe fn by_inner_products<const FUSED: bool, const MR: usize, const NR: usize, const LANES: usize>(
        self,
    ) {
        let (whole_m, whole_n) = (self.m / MR * MR, self.n / NR * NR);
        // SAFETY: every call covers rows below m and columns below n.
        unsafe {
            for j in (0..whole_n).step_by(NR) {
                for i in (0..whole_m).step_by(MR) {
                    self.inner::<FUSED, MR, NR, LANES>(i, j);
                }
                for i in whole_m..self.m {
                    self.inner::<FUSED, 1, NR, LANES>(i, j);
                }
            }
            for j in whole_n..self.n {
                for i in (0..whole_m).step_by(MR) {
                    self.inner::<FUSED, MR, 1, LANES>(i, j);
                }
                for i in whole_m..self.m {
                    self.inner::<FUSED, 1, 1, LANES>(i, j);
                }
            }
        }
    }

    /// ROWS × COLUMNS inner products of rows of A and columns of B.
    #[inline(always)]
    unsafe fn inner<const FUSED: bool, const ROWS: usize, const COLUMNS: usize, const LANES: usize>(
        &self,
        i: usize,
        j: usize,
    ) {
        let mut sums = [[[T::zero(); LANES]; COLUMNS]; ROWS];
        let whole = self.k / LANES * LANES;
        for p in (0..whole).step_by(LANES) {
            let mut y = [[T::zero(); LANES]; COLUMNS];
            for (s, y) in y.iter_mut().enumerate() {
                // SAFETY: column j + s of B has LANES contiguous entries from row p on; likewise row i + r of A.
                *y = unsafe { self.b.at.add((j + s) * self.b.column_stride + p).cast::<[T; LANES]>().read_unaligned() };
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = unsafe { self.a.at.add((i + r) * self.a.row_stride + p).cast::<[T; LANES]>().read_unaligned() };
                for (sums, y) in sums.iter_mut().zip(&y) {
                    for ((sum, &x), &y) in sums.iter_mut().zip(&x).zip(y) {
                        *sum = multiply_add::<T, FUSED>(x, y, *sum);
                    }
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (s, lanes) in sums.iter().enumerate() {
                let mut sum = halved(lanes);
                for p in whole..self.k {
                    // SAFETY: as above, one entry at a time.
                    let (x, y) = unsafe {
                        (
                            *self.a.at.add((i + r) * self.a.row_stride + p),
                            *self.b.at.add((j + s) * self.b.column_stride + p),
                        )
                    };
                    sum = multiply_add::<T, FUSED>(x, y, sum);
                }
                // SAFETY: row i + r and column j + s lie inside C; nothing else refers to the entry.
                let c = unsafe { std::slice::from_raw_parts_mut(self.c.add((i + r) * self.n + j + s), 1) };
                self.store(c, &[sum]);
            }
        }
    }

    /// c ← α·sums + β·c.
    #[inline(always)]
    fn store(&self, c: &mut [T], sums: &[T]) {
        if self.beta == T::zero() {
            c.iter_mut().zip(sums).for_each(|(c, &sum)| *c = self.alpha * sum);
        } else {
            c.iter_mut().zip(sums).for_each(|(c, &sum)| *c = self.alpha * sum + self.beta * *c);
        }
    }
}

/// The sum of some lanes, halves added until one is left.
#[inline(always)]
fn halved<T: NdFloat, const LANES: usize>(lanes: &[T; LANES]) -> T {
    let mut lanes = *lanes;
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            let other = lanes[lane + half];
            lanes[lane] += other;
        }
        half /= 2;
    }
    lanes[0]
}
