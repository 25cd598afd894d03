//! Products with a matrix X most of whose entries are 0: pixels of ink on paper, counts of words, activations behind a ReLU.
//!
//! Z = X·Wᵀ + b and ∂L/∂W = δᵀ·X without the zeros. Each entry of X that is not 0 finds as many outputs as registers hold
//! side by side: forward in some columns of W that were turned (transposed), and in δ on the way back, whose sums are
//! turned afterwards.
//!
//! Each sum is a chain in the order of X's columns, on the way back one for every 64 rows, whatever the division of the
//! outputs. A zero of X adds nothing, not even where W is infinite or NaN.

mod forward;
mod gradient;
#[cfg(test)]
mod tests;

use super::simd::{Comparable, Kernel};
use super::{ByteRows, Matrix, MatrixMut};
use crate::Kernels;

/// The most outputs of one product: with AVX2 eight registers of `f32`, as many sums as keep the multiply-add units busy.
const WIDEST: usize = 64;
/// Columns of X that one word has a bit for.
const WORD: usize = 64;

/// The matrix X of a sparse product.
#[derive(Clone, Copy, Debug)]
pub enum Sparse<'a, T> {
    /// Its entries, row by row.
    Numbers(&'a [T]),
    /// Bytes that stand for them: a quarter of the memory to go through, and nothing to be written down first.
    Bytes(&'a ByteRows<'a, T>),
}

/// Where the entries of a matrix stand that are not 0: a bit for every entry, row by row in whole words.
#[derive(Debug, Default)]
pub struct Nonzeros {
    rows: usize,
    columns: usize,
    words: Vec<u64>,
}

impl Nonzeros {
    /// The most outputs of one product.
    pub const WIDEST: usize = WIDEST;

    /// Begins anew with a matrix of that size, none of which is marked yet: the words of `some` rows at a time, for
    /// [`Nonzeros::mark`].
    pub fn begin(&mut self, rows: usize, columns: usize, some: usize) -> impl Iterator<Item = &mut [u64]> {
        let words = columns.div_ceil(WORD);
        (self.rows, self.columns) = (rows, columns);
        self.words.resize(rows * words, 0);
        self.words.chunks_mut((some * words).max(1))
    }

    /// Marks the entries of some rows; how many there are.
    pub fn mark<T: Kernels>(x: &[T], columns: usize, words: &mut [u64]) -> usize {
        T::mark(x, columns, words)
    }

    /// [`Nonzeros::mark`] for rows whose entries are bytes: those from row `first` on.
    pub fn mark_bytes<T: Kernels>(x: &ByteRows<'_, T>, first: usize, words: &mut [u64]) -> usize {
        T::mark_bytes(x, first, words)
    }

    pub(crate) fn mark_bytes_here<T: Kernels>(x: &ByteRows<'_, T>, first: usize, words: &mut [u64]) -> usize {
        let mut count = 0;
        T::vectorised(MarkBytes { x, first, words, count: &mut count });
        count
    }

    pub(crate) fn mark_here<T: Kernels>(x: &[T], columns: usize, words: &mut [u64]) -> usize {
        let rows = x.chunks_exact(columns);
        assert_eq!(words.len(), rows.len() * columns.div_ceil(WORD), "words for rows of a sparse matrix");
        let mut count = 0;
        T::vectorised(Mark { rows, words, count: &mut count });
        count
    }

    /// Whether products with that many entries that are not 0, of so many, are the faster ones: with two in five they take
    /// 0.8 to 0.95 of the time of dense products on AVX2, with one in two 0.95 to 1.1 (`cargo bench -p limpide-benches --
    /// products`).
    pub fn pay(count: usize, of: usize) -> bool {
        5 * count <= 2 * of
    }

    /// Z ← X·Wᵀ + b for some rows of W, at most [`Nonzeros::WIDEST`]; b may be empty.
    ///
    /// Panics when the sizes do not fit.
    pub fn forward<T: Kernels>(&self, x: Sparse<'_, T>, w: &[T], bias: &[T], z: MatrixMut<'_, T>) {
        let outputs = z.column_count();
        self.check(x, z.row_count());
        assert_eq!(w.len(), outputs * self.columns, "rows of weights");
        assert!(outputs <= WIDEST && (bias.is_empty() || bias.len() == outputs), "outputs of a sparse product");
        T::sparse_forward(self, x, w, bias, z);
    }

    pub(crate) fn forward_here<T: Kernels>(&self, x: Sparse<'_, T>, w: &[T], bias: &[T], z: MatrixMut<'_, T>) {
        match x {
            Sparse::Numbers(x) => {
                let x = Numbers { x, columns: self.columns };
                T::vectorised(forward::Forward { nonzeros: self, x, w, bias, z });
            }
            Sparse::Bytes(x) => T::vectorised(forward::Forward { nonzeros: self, x, w, bias, z }),
        }
    }

    /// ∂L/∂W ← δᵀ·X for the outputs whose columns of δ are given, at most [`Nonzeros::WIDEST`].
    ///
    /// Panics when the sizes do not fit.
    pub fn gradient<T: Kernels>(&self, x: Sparse<'_, T>, delta: Matrix<'_, T>, gradient: &mut [T]) {
        let outputs = delta.column_count();
        self.check(x, delta.row_count());
        assert_eq!(gradient.len(), outputs * self.columns, "a gradient of weights");
        assert!(outputs <= WIDEST, "outputs of a sparse product");
        T::sparse_gradient(self, x, delta, gradient);
    }

    pub(crate) fn gradient_here<T: Kernels>(&self, x: Sparse<'_, T>, delta: Matrix<'_, T>, gradient: &mut [T]) {
        match x {
            Sparse::Numbers(x) => {
                let x = Numbers { x, columns: self.columns };
                T::vectorised(gradient::Gradient { nonzeros: self, x, delta, gradient });
            }
            Sparse::Bytes(x) => T::vectorised(gradient::Gradient { nonzeros: self, x, delta, gradient }),
        }
    }

    /// Panics where X has another size than what was marked, or another number of rows.
    fn check<T: Kernels>(&self, x: Sparse<'_, T>, rows: usize) {
        let fits = match x {
            Sparse::Numbers(x) => x.len() == self.rows * self.columns,
            Sparse::Bytes(x) => x.shape() == (self.rows, self.columns),
        };
        assert!(fits && rows == self.rows, "a sparse matrix of {}×{}, and {rows} rows", self.rows, self.columns);
    }

    /// The word of a row that begins at a column.
    #[inline(always)]
    fn word(&self, row: usize, column: usize) -> u64 {
        self.words[row * self.columns.div_ceil(WORD) + column / WORD]
    }
}

/// X in a product: what its rows have stored, and which numbers that means.
trait Rows<'a, T>: Copy {
    type Stored: Copy + Default + 'a;
    fn row(&self, row: usize) -> &'a [Self::Stored];
    fn number(&self, stored: Self::Stored) -> T;
    /// Asks for the column of a row in the X that comes next, where that is known.
    #[inline(always)]
    fn ahead(&self, _row: usize, _column: usize) {}
    /// Some columns of some rows of an X, few of them at the end: where the first entry is, and how far the next row's is behind
    /// it. Rows that lie anywhere are brought together.
    fn columns(rows: &[&[Self::Stored]], column: usize, room: &mut Block<Self::Stored>)
    -> (*const Self::Stored, usize);
}

/// Room for some columns of some rows.
type Block<S> = [[S; gradient::COLUMNS]; gradient::ROWS];

/// [`Sparse::Numbers`].
#[derive(Clone, Copy)]
struct Numbers<'a, T> {
    x: &'a [T],
    columns: usize,
}

impl<'a, T: Kernels> Rows<'a, T> for Numbers<'a, T> {
    type Stored = T;
    #[inline(always)]
    fn row(&self, row: usize) -> &'a [T] {
        &self.x[row * self.columns..][..self.columns]
    }
    #[inline(always)]
    fn number(&self, stored: T) -> T {
        stored
    }
    #[inline(always)]
    fn columns(rows: &[&[T]], column: usize, _: &mut Block<T>) -> (*const T, usize) {
        (rows[0][column..].as_ptr(), rows[0].len())
    }
}

impl<'a, T: Kernels> Rows<'a, T> for &ByteRows<'a, T> {
    type Stored = u8;
    #[inline(always)]
    fn row(&self, row: usize) -> &'a [u8] {
        ByteRows::row(self, row)
    }
    #[inline(always)]
    fn number(&self, stored: u8) -> T {
        ByteRows::number(self, stored)
    }
    #[inline(always)]
    fn ahead(&self, row: usize, column: usize) {
        ByteRows::ahead(self, row, column);
    }
    #[inline(always)]
    fn columns(rows: &[&[u8]], column: usize, room: &mut Block<u8>) -> (*const u8, usize) {
        let few = room[0].len().min(rows[0].len() - column);
        if few < room[0].len() {
            rows.iter().zip(&mut *room).for_each(|(row, to)| to[..few].copy_from_slice(&row[column..][..few]));
        } else {
            for (row, to) in rows.iter().zip(&mut *room) {
                // SAFETY: so many columns are there. A length that is known makes the copy a register.
                *to = unsafe { row.as_ptr().add(column).cast::<[u8; gradient::COLUMNS]>().read() };
            }
        }
        (room.as_ptr().cast(), room[0].len())
    }
}

/// Rows of [`WIDEST`] numbers that begin at cache lines.
#[repr(align(64))]
struct Lines<T, const ROWS: usize>([[T; WIDEST]; ROWS]);

/// [`Nonzeros::mark`].
struct Mark<'a, T> {
    rows: std::slice::ChunksExact<'a, T>,
    words: &'a mut [u64],
    count: &'a mut usize,
}

impl<T: Kernels> Kernel<T> for Mark<'_, T> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = T>>(self) {
        for (x, word) in self.rows.flat_map(|row| row.chunks(WORD)).zip(&mut *self.words) {
            // SAFETY: as promised by the caller; a whole word has that many entries.
            *word = unsafe {
                match x.len() {
                    WORD => bits::<V>(x.as_ptr(), WORD),
                    few => {
                        let whole = few / V::LANES * V::LANES;
                        let rest = x[whole..].iter().rev().fold(0, |word, &x| word << 1 | u64::from(x != T::zero()));
                        bits::<V>(x.as_ptr(), whole) | if whole < few { rest << whole } else { 0 }
                    }
                }
            };
        }
        *self.count += ones(self.words);
    }
}

/// How many bits are set. A loop of its own is vectorised.
#[inline(always)]
fn ones(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}

/// Bit i says that entry i is not 0, for whole registers of entries.
#[inline(always)]
unsafe fn bits<V: Comparable>(x: *const V::Scalar, count: usize) -> u64 {
    // SAFETY: as promised by the caller.
    let register = |first: usize| unsafe { u64::from(V::load(x.add(first)).nonzero()) << first };
    (0..count).step_by(V::LANES).fold(0, |word, first| word | register(first))
}

/// [`Nonzeros::mark_bytes`].
struct MarkBytes<'a, T> {
    x: &'a ByteRows<'a, T>,
    first: usize,
    words: &'a mut [u64],
    count: &'a mut usize,
}

impl<T: Kernels> Kernel<T> for MarkBytes<'_, T> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = T>>(self) {
        let width = self.x.shape().1.div_ceil(WORD);
        for (row, words) in self.words.chunks_exact_mut(width.max(1)).enumerate() {
            for (bytes, word) in self.x.row(self.first + row).chunks(WORD).zip(words) {
                *word = match bytes.first_chunk::<WORD>() {
                    Some(bytes) => bits_of_bytes(bytes),
                    None => {
                        let mut few = [0; WORD];
                        few[..bytes.len()].copy_from_slice(bytes);
                        bits_of_bytes(&few)
                    }
                };
            }
        }
        *self.count += ones(self.words);
    }
}

/// Bit i says that byte i is not 0.
#[inline(always)]
#[cfg(target_arch = "x86_64")]
fn bits_of_bytes(bytes: &[u8; WORD]) -> u64 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_setzero_si128};
    // SAFETY: 16 bytes from each place on are readable, and there is no x86-64 without SSE2.
    let zeros = |first: usize| unsafe {
        let bytes = _mm_loadu_si128(bytes.as_ptr().add(first).cast());
        (_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())) as u64) << first
    };
    !(zeros(0) | zeros(16) | zeros(32) | zeros(48))
}

#[inline(always)]
#[cfg(not(target_arch = "x86_64"))]
fn bits_of_bytes(bytes: &[u8; WORD]) -> u64 {
    bytes.iter().rev().fold(0, |word, &byte| word << 1 | u64::from(byte != 0))
}

/// The places of a word's bits, ascending.
#[inline(always)]
fn places(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = word.trailing_zeros() as usize;
        (word != 0).then(|| {
            word &= word - 1;
            place
        })
    })
}

/// The plain twin of [`Nonzeros::mark`], for a whole matrix: row and column of every entry that is not 0.
pub fn nonzeros_naive<T: Kernels>(x: &[T], columns: usize) -> Vec<(usize, usize)> {
    (0..x.len()).filter(|&at| x[at] != T::zero()).map(|at| (at / columns, at % columns)).collect()
}
