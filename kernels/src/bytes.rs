//! Bytes that stand for numbers, such as pixels: p / d, rounded once, about as fast as the numbers can be written.

use super::Kernels;
use super::dispatch::{Job, Level, level, run};
use super::math::Lane;
use super::prefetch::prefetch_one;

/// y ← p / d for every byte p, each quotient rounded once.
///
/// Where the machine fuses, the division becomes three faster operations: with r the rounded 1 / d and q the rounded p·r,
/// the remainder p − q·d is exact and q + (p − q·d)·r rounds to the quotient (Markstein, *Computation of elementary
/// functions on the IBM RISC System/6000 processor*, 1990). That is tried for all 256 bytes first; a divisor that one of
/// them contradicts is divided by.
///
/// ```
/// let mut numbers = [0.0f32; 3];
/// limpide_kernels::Quotients::new(255.0).of(&[0, 51, 255], &mut numbers);
/// assert_eq!(numbers, [0.0, 0.2, 1.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Quotients<T> {
    level: Level,
    divisor: T,
    reciprocal: Option<T>,
}

impl<T: Kernels> Quotients<T> {
    /// Quotients by `divisor`.
    pub fn new(divisor: T) -> Self {
        T::quotients(level(), divisor)
    }

    pub(crate) fn new_here(level: Level, divisor: T) -> Self {
        let reciprocal = T::number(1.0) / divisor;
        let reciprocal = run(level, Trial { divisor, reciprocal }).then_some(reciprocal);
        Quotients { level, divisor, reciprocal }
    }

    /// numbers ← bytes / divisor.
    ///
    /// Panics when the lengths differ.
    pub fn of(&self, bytes: &[u8], numbers: &mut [T]) {
        assert_eq!(bytes.len(), numbers.len(), "lengths of bytes and of the numbers that they become");
        T::divide(self, bytes, numbers);
    }

    pub(crate) fn of_here(&self, bytes: &[u8], numbers: &mut [T]) {
        run(self.level, Division { quotients: self, bytes, numbers });
    }
}

/// Whether the reciprocal gives the quotient of every byte.
struct Trial<T> {
    divisor: T,
    reciprocal: T,
}

impl<T: Lane> Job for Trial<T> {
    type Output = bool;
    #[inline(always)]
    fn run<const FUSED: bool>(self) -> bool {
        let same = |byte| by_reciprocal(byte, self.divisor, self.reciprocal) == number::<T>(byte) / self.divisor;
        // All of them, as a loop that ends early is not vectorised.
        FUSED && (0..=255).map(same).fold(true, |all, same| all & same)
    }
}

/// The rows of a matrix as bytes that stand for numbers, wherever each of them lies.
#[derive(Clone, Copy, Debug)]
pub struct ByteRows<'a, T> {
    bytes: &'a [u8],
    rows: &'a [usize],
    /// Rows that another product will soon want.
    next: &'a [usize],
    columns: usize,
    numbers: [T; 256],
}

impl<'a, T: Kernels> ByteRows<'a, T> {
    /// The rows with the given numbers among `bytes`, which lie `columns` by `columns`; a byte p stands for p / divisor. None
    /// where another byte than 0 stands for 0, or 0 does not: then bytes do not show which numbers are 0.
    ///
    /// Panics when a row is not among the bytes.
    pub fn new(bytes: &'a [u8], rows: &'a [usize], columns: usize, divisor: T) -> Option<Self> {
        check(rows, bytes, columns);
        let mut numbers = [T::zero(); 256];
        Quotients::new(divisor).of(&std::array::from_fn::<u8, 256, _>(|byte| byte as u8), &mut numbers);
        let shown = (0..).zip(&numbers).all(|(byte, &number)| (byte == 0) == (number == T::zero()));
        shown.then_some(ByteRows { bytes, rows, next: &[], columns, numbers })
    }

    /// (rows, columns).
    pub fn shape(&self) -> (usize, usize) {
        (self.rows.len(), self.columns)
    }

    /// A row's bytes.
    #[inline(always)]
    pub fn row(&self, row: usize) -> &'a [u8] {
        &self.bytes[self.rows[row] * self.columns..][..self.columns]
    }

    /// The same, for products that bring the given rows from memory as they go: those of the next batch.
    ///
    /// Panics when a row is not among the bytes.
    pub fn before(self, next: &'a [usize]) -> Self {
        check(next, self.bytes, self.columns);
        ByteRows { next, ..self }
    }

    /// Asks for a column of the row that comes next at the place of `row`.
    #[inline(always)]
    pub(crate) fn ahead(&self, row: usize, column: usize) {
        if let Some(&next) = self.next.get(row) {
            prefetch_one(self.bytes, next * self.columns + column);
        }
    }

    /// What a byte stands for.
    #[inline(always)]
    pub fn number(&self, byte: u8) -> T {
        self.numbers[usize::from(byte)]
    }
}

fn check(rows: &[usize], bytes: &[u8], columns: usize) {
    let count = bytes.len().checked_div(columns).unwrap_or(0);
    assert!(rows.iter().all(|&row| row < count), "rows among {count}");
}

struct Division<'a, T> {
    quotients: &'a Quotients<T>,
    bytes: &'a [u8],
    numbers: &'a mut [T],
}

impl<T: Lane> Job for Division<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let pairs = self.numbers.iter_mut().zip(self.bytes);
        let divisor = self.quotients.divisor;
        match self.quotients.reciprocal {
            Some(reciprocal) => pairs.for_each(|(y, &byte)| *y = by_reciprocal(byte, divisor, reciprocal)),
            None => pairs.for_each(|(y, &byte)| *y = number::<T>(byte) / divisor),
        }
    }
}

#[inline(always)]
fn by_reciprocal<T: Lane>(byte: u8, divisor: T, reciprocal: T) -> T {
    let p = number::<T>(byte);
    let q = p * reciprocal;
    (-q).fused(divisor, p).fused(reciprocal, q)
}

#[inline(always)]
fn number<T: Lane>(byte: u8) -> T {
    T::number(f64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree<T: Kernels + std::fmt::Debug>(divisor: T) {
        // Every byte at every place of a vector and of the rest.
        let bytes: Vec<u8> = (0..=255).cycle().take(256 * 3 + 5).collect();
        let want: Vec<T> = bytes.iter().map(|&byte| T::number(f64::from(byte)) / divisor).collect();
        for level in Level::available() {
            let mut got = vec![T::number(-1.0); bytes.len()];
            T::quotients(level, divisor).of(&bytes, &mut got);
            assert_eq!(got, want, "divisor {divisor:?} with {}", level.name());
        }
    }

    #[test]
    fn every_quotient_is_rounded_once_at_every_level() {
        for divisor in (1..=1000).map(f64::from).chain([0.1, 1.0 / 3.0, 1e-30, 3e38, std::f64::consts::PI, -255.0]) {
            agree(divisor);
            agree(divisor as f32);
        }
        // All significands at one exponent would take minutes; these are the last ones, the worst for a reciprocal.
        for last in 0..1000 {
            agree(f32::from_bits(2f32.to_bits() - 1 - last));
            agree(f64::from_bits(2f64.to_bits() - 1 - u64::from(last)));
        }
        // Where the remainder underflows only the division is right.
        agree(f32::MAX);
        agree(f32::MIN_POSITIVE);
        agree(f64::MAX);
    }
}
