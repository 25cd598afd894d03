//! The two inner loops of a matrix product, written on arrays that the compiler keeps in vector registers.
//!
//! Both add up an entry of C in an order that depends on the inner size alone, never on where the entry stands, so a
//! row of C has the same bits whatever rows are computed beside it.

use super::{Level, level};
use ndarray::NdFloat;

/// A matrix without bounds: entry (i, j) lies `i * row_stride + j * column_stride` behind `at`.
#[derive(Clone, Copy)]
pub(super) struct Raw<T> {
    pub at: *const T,
    pub row_stride: usize,
    pub column_stride: usize,
}

/// C ← αAB + βC with C (m × n) of contiguous rows and A (m × k), B (k × n) readable throughout.
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
}

/// a·b + c, in one rounding where the machine has the instruction.
#[inline(always)]
fn multiply_add<T: NdFloat, const FUSED: bool>(a: T, b: T, c: T) -> T {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

impl<T: NdFloat> Product<T> {
    /// For a B whose rows are contiguous: tiles of MR × NR entries of C grow along k, a row of B times a column of A at
    /// a time. A rest of less than HALF columns goes through a
    /// padded copy of B.
    ///
    /// # Safety
    /// The operands must be readable, and C writable, in the sizes given; B's column stride must be 1.
    #[inline(always)]
    pub(super) unsafe fn by_rows<const FUSED: bool, const MR: usize, const NR: usize, const HALF: usize>(self) {
        let mut j = 0;
        // SAFETY: columns j to j + NR, then j to j + HALF, lie inside B and C.
        unsafe {
            while j + NR <= self.n {
                self.columns::<FUSED, MR, NR>(self.b.at.add(j), self.b.row_stride, j, NR);
                j += NR;
            }
            while j + HALF <= self.n {
                self.columns::<FUSED, MR, HALF>(self.b.at.add(j), self.b.row_stride, j, HALF);
                j += HALF;
            }
        }
        let rest = self.n - j;
        if rest == 0 {
            return;
        }
        let mut padded = vec![T::zero(); self.k * HALF];
        for (p, row) in padded.chunks_exact_mut(HALF).enumerate() {
            // SAFETY: row p of B has `rest` contiguous entries from column j on.
            let from = unsafe { std::slice::from_raw_parts(self.b.at.add(p * self.b.row_stride + j), rest) };
            row[..rest].copy_from_slice(from);
        }
        // SAFETY: `padded` holds k rows of HALF entries; only `rest` columns of C are written.
        unsafe { self.columns::<FUSED, MR, HALF>(padded.as_ptr(), HALF, j, rest) };
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
            let c = unsafe { std::slice::from_raw_parts_mut(self.c.add((i + r) * self.c_stride + j), used) };
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
        // Row by row without a loop: only constant places keep the sums in registers.
        let mut totals = [[T::zero(); COLUMNS]; ROWS];
        totals[0] = folded(sums[0]);
        if ROWS > 1 {
            totals[1 % ROWS] = folded(sums[1 % ROWS]);
        }
        if ROWS > 2 {
            totals[2 % ROWS] = folded(sums[2 % ROWS]);
            totals[3 % ROWS] = folded(sums[3 % ROWS]);
        }
        for p in whole..self.k {
            for (r, totals) in totals.iter_mut().enumerate() {
                for (s, total) in totals.iter_mut().enumerate() {
                    // SAFETY: as above, one entry at a time.
                    let (x, y) = unsafe {
                        (
                            *self.a.at.add((i + r) * self.a.row_stride + p),
                            *self.b.at.add((j + s) * self.b.column_stride + p),
                        )
                    };
                    *total = multiply_add::<T, FUSED>(x, y, *total);
                }
            }
        }
        for (r, totals) in totals.iter().enumerate() {
            // SAFETY: row i + r of C has COLUMNS entries from column j on; nothing else refers to them.
            let c = unsafe { std::slice::from_raw_parts_mut(self.c.add((i + r) * self.c_stride + j), COLUMNS) };
            self.store(c, totals);
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

/// The sum of the lanes of each column, halves added until one is left.
#[inline(always)]
fn folded<T: NdFloat, const COLUMNS: usize, const LANES: usize>(mut columns: [[T; LANES]; COLUMNS]) -> [T; COLUMNS] {
    let mut totals = [T::zero(); COLUMNS];
    for (total, lanes) in totals.iter_mut().zip(&mut columns) {
        let mut half = LANES / 2;
        while half > 0 {
            for lane in 0..half {
                let other = lanes[lane + half];
                lanes[lane] += other;
            }
            half /= 2;
        }
        *total = lanes[0];
    }
    totals
}

/// The two inner loops at the level of vector instructions that the machine has.
pub trait Tiles: Sized {
    /// [`Product::by_rows`].
    ///
    /// # Safety
    /// As there.
    #[allow(private_interfaces)]
    unsafe fn by_rows(p: Product<Self>);

    /// [`Product::by_inner_products`].
    ///
    /// # Safety
    /// As there.
    #[allow(private_interfaces)]
    unsafe fn by_inner_products(p: Product<Self>);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! The tiles compiled for instructions that not every machine has.

    use super::Product;
    use ndarray::NdFloat;

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) unsafe fn rows_avx512<T: NdFloat, const NR: usize, const HALF: usize>(p: Product<T>) {
        // SAFETY: as promised by the caller.
        unsafe { p.by_rows::<true, 8, NR, HALF>() }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) unsafe fn inner_avx512<T: NdFloat, const LANES: usize>(p: Product<T>) {
        // SAFETY: as promised by the caller.
        unsafe { p.by_inner_products::<true, 4, 4, LANES>() }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn rows_avx2<T: NdFloat, const NR: usize, const HALF: usize>(p: Product<T>) {
        // SAFETY: as promised by the caller.
        unsafe { p.by_rows::<true, 6, NR, HALF>() }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn inner_avx2<T: NdFloat, const LANES: usize>(p: Product<T>) {
        // SAFETY: as promised by the caller.
        unsafe { p.by_inner_products::<true, 2, 4, LANES>() }
    }
}

#[allow(private_interfaces)]
impl Tiles for f32 {
    unsafe fn by_rows(p: Product<f32>) {
        // SAFETY: as promised by the caller; `level` says that the instructions are there.
        unsafe {
            match level() {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => x86::rows_avx512::<f32, 32, 16>(p),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => x86::rows_avx2::<f32, 16, 8>(p),
                _ => p.by_rows::<false, 4, 8, 4>(),
            }
        }
    }

    unsafe fn by_inner_products(p: Product<f32>) {
        // SAFETY: as above.
        unsafe {
            match level() {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => x86::inner_avx512::<f32, 16>(p),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => x86::inner_avx2::<f32, 8>(p),
                _ => p.by_inner_products::<false, 2, 4, 4>(),
            }
        }
    }
}

#[allow(private_interfaces)]
impl Tiles for f64 {
    unsafe fn by_rows(p: Product<f64>) {
        // SAFETY: as for `f32`.
        unsafe {
            match level() {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => x86::rows_avx512::<f64, 16, 8>(p),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => x86::rows_avx2::<f64, 8, 4>(p),
                _ => p.by_rows::<false, 4, 4, 2>(),
            }
        }
    }

    unsafe fn by_inner_products(p: Product<f64>) {
        // SAFETY: as for `f32`.
        unsafe {
            match level() {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => x86::inner_avx512::<f64, 8>(p),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => x86::inner_avx2::<f64, 4>(p),
                _ => p.by_inner_products::<false, 2, 4, 2>(),
            }
        }
    }
}
