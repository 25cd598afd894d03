//! Matrices over slices: what a product reads ([`Matrix`]) and where it writes ([`MatrixMut`]), whole or a block of a
//! larger matrix.

use std::marker::PhantomData;
use std::ops::Range;

/// A matrix over a slice: entry (i, j) is `values[i * row_stride + j * column_stride]`.
///
/// ```
/// use limpide_kernels::{Kernels, Matrix, MatrixMut};
/// let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// // The last two columns of x (2×3) times the transpose of its first row's first two entries.
/// let (a, b) = (Matrix::new(&x, 2, 3).columns(1..3), Matrix::new(&x[..2], 1, 2).t());
/// let mut c = [0.0; 4];
/// f32::gemm_into(1.0, a, b, 0.0, MatrixMut::new(&mut c, 2, 2).columns(1..2));
/// assert_eq!(c, [0.0, 2.0 + 2.0 * 3.0, 0.0, 5.0 + 2.0 * 6.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T> {
    pub(super) values: &'a [T],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_stride: usize,
    pub(super) column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// A row-major matrix.
    ///
    /// Panics when the slice does not hold `rows · columns` values.
    pub fn new(values: &'a [T], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a {rows}×{columns} matrix over {} values", values.len());
        Matrix { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// A matrix with any strides. Entries may lie in several places of it: a stride may be 0.
    ///
    /// Panics when an entry lies behind the slice.
    pub fn with_strides(values: &'a [T], rows: usize, columns: usize, row_stride: usize, column_stride: usize) -> Self {
        assert!(
            span(rows, columns, row_stride, column_stride).is_some_and(|span| span <= values.len()),
            "a {rows}×{columns} matrix with strides {row_stride} and {column_stride} over {} values",
            values.len()
        );
        Matrix { values, rows, columns, row_stride, column_stride }
    }

    /// How many rows it has.
    pub fn row_count(&self) -> usize {
        self.rows
    }

    /// How many columns it has.
    pub fn column_count(&self) -> usize {
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

    /// The entries of one row.
    ///
    /// Panics when there is no such row, or its entries do not lie side by side.
    pub fn row(&self, row: usize) -> &'a [T] {
        assert!(row < self.rows && self.column_stride == 1, "row {row} of {} without gaps", self.rows);
        &self.values[row * self.row_stride..][..self.columns]
    }

    /// A block of rows.
    ///
    /// Panics when the range reaches behind the last row.
    pub fn rows(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.rows, "rows {range:?} of {}", self.rows);
        Matrix { values: behind(self.values, range.start * self.row_stride), rows: range.len(), ..self }
    }

    /// A block of columns.
    ///
    /// Panics when the range reaches behind the last column.
    pub fn columns(self, range: Range<usize>) -> Self {
        self.t().rows(range).t()
    }
}

/// The length of the slice that a matrix reaches over.
fn span(rows: usize, columns: usize, row_stride: usize, column_stride: usize) -> Option<usize> {
    if rows == 0 || columns == 0 {
        return Some(0);
    }
    let last = (rows - 1).checked_mul(row_stride)?.checked_add((columns - 1).checked_mul(column_stride)?)?;
    last.checked_add(1)
}

/// The values from a place on; none when an empty block begins behind the last one.
fn behind<T>(values: &[T], start: usize) -> &[T] {
    values.get(start..).unwrap_or(&[])
}

/// A matrix to write to: row i is the `columns` values from `i * row_stride` on.
///
/// Blocks of columns of one matrix lie interleaved in memory, so this holds a pointer: [`MatrixMut::split_at_column`]
/// gives two that can be written at the same time.
#[derive(Debug)]
pub struct MatrixMut<'a, T> {
    pub(super) at: *mut T,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_stride: usize,
    borrowed: PhantomData<&'a mut [T]>,
}

// SAFETY: it is an exclusive borrow of its entries, like `&mut [T]`: no two of them share an entry.
unsafe impl<T: Send> Send for MatrixMut<'_, T> {}

impl<'a, T> MatrixMut<'a, T> {
    /// A row-major matrix.
    ///
    /// Panics when the slice does not hold `rows · columns` values.
    pub fn new(values: &'a mut [T], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a {rows}×{columns} matrix over {} values", values.len());
        MatrixMut::with_row_stride(values, rows, columns, columns)
    }

    /// A matrix whose rows begin `row_stride` values apart.
    ///
    /// Panics when rows overlap or an entry lies behind the slice.
    pub fn with_row_stride(values: &'a mut [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        assert!(
            columns <= row_stride && span(rows, columns, row_stride, 1).is_some_and(|span| span <= values.len()),
            "a {rows}×{columns} matrix with rows {row_stride} apart over {} values",
            values.len()
        );
        MatrixMut { at: values.as_mut_ptr(), rows, columns, row_stride, borrowed: PhantomData }
    }

    /// How many rows it has.
    pub fn row_count(&self) -> usize {
        self.rows
    }

    /// How many columns it has.
    pub fn column_count(&self) -> usize {
        self.columns
    }

    /// The same matrix, borrowed for a shorter time.
    pub fn reborrow(&mut self) -> MatrixMut<'_, T> {
        MatrixMut { borrowed: PhantomData, ..*self }
    }

    /// The entries of one row.
    ///
    /// Panics when there is no such row.
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        // SAFETY: row `row` is `columns` values of the slice that this matrix borrows exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.at.add(row * self.row_stride), self.columns) }
    }

    /// A block of rows.
    ///
    /// Panics when the range reaches behind the last row.
    pub fn rows(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.rows, "rows {range:?} of {}", self.rows);
        // `wrapping`: an empty block may begin behind the slice.
        MatrixMut { at: self.at.wrapping_add(range.start * self.row_stride), rows: range.len(), ..self }
    }

    /// A block of columns.
    ///
    /// Panics when the range reaches behind the last column.
    pub fn columns(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.columns, "columns {range:?} of {}", self.columns);
        MatrixMut { at: self.at.wrapping_add(range.start), columns: range.len(), ..self }
    }

    /// The rows before the given one, and the others.
    ///
    /// Panics when there are fewer rows.
    pub fn split_at_row(mut self, row: usize) -> (Self, Self) {
        let (rows, other) = (self.rows, self.twin());
        (self.rows(0..row), other.rows(row..rows))
    }

    /// The columns before the given one, and the others.
    ///
    /// Panics when there are fewer columns.
    pub fn split_at_column(mut self, column: usize) -> (Self, Self) {
        let (columns, other) = (self.columns, self.twin());
        (self.columns(0..column), other.columns(column..columns))
    }

    /// A second view of all entries; the caller narrows both to blocks that share none.
    fn twin(&mut self) -> Self {
        MatrixMut { ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kernels;

    /// What `matrix` holds, read through a product with the unit matrix.
    fn entries(matrix: Matrix<'_, f32>) -> Vec<f32> {
        let n = matrix.column_count();
        let unit: Vec<f32> = (0..n * n).map(|i| if i % (n + 1) == 0 { 1.0 } else { 0.0 }).collect();
        let mut result = vec![0.0; matrix.row_count() * n];
        f32::gemm(1.0, matrix, Matrix::new(&unit, n, n), 0.0, &mut result);
        result
    }

    #[test]
    fn blocks_and_strides_pick_their_entries() {
        let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let whole = Matrix::new(&values, 3, 4);
        assert_eq!(entries(whole.rows(1..3)), [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        assert_eq!(entries(whole.columns(1..3)), [1.0, 2.0, 5.0, 6.0, 9.0, 10.0]);
        assert_eq!(entries(whole.columns(1..3).rows(2..3).t()), [9.0, 10.0]);
        assert_eq!(entries(Matrix::with_strides(&values[1..], 2, 2, 5, 3)), [1.0, 4.0, 6.0, 9.0]);
        assert_eq!(entries(Matrix::with_strides(&values[3..4], 2, 3, 0, 0)), [3.0; 6]);
        assert!(entries(whole.rows(3..3)).is_empty());
        assert_eq!(whole.columns(4..4).column_count(), 0);
    }

    #[test]
    #[should_panic(expected = "rows 2..4 of 3")]
    fn a_block_behind_the_last_row_is_refused() {
        let _ = Matrix::new(&[0.0; 12], 3, 4).rows(2..4);
    }

    #[test]
    #[should_panic(expected = "a 2×2 matrix with strides 5 and 3 over 8 values")]
    fn strides_that_lead_behind_the_slice_are_refused() {
        let _ = Matrix::with_strides(&[0.0; 8], 2, 2, 5, 3);
    }

    #[test]
    #[should_panic(expected = "a 2×3 matrix with rows 2 apart over 9 values")]
    fn overlapping_rows_are_refused() {
        let _ = MatrixMut::with_row_stride(&mut [0.0; 9], 2, 3, 2);
    }

    /// C of 2×4 written in blocks: columns 0 and 1 twice A's product, columns 2 and 3 row by row.
    #[test]
    fn blocks_are_written_where_they_stand() {
        let (a, b) = ([1.0, 2.0], [3.0, 5.0]);
        let (a, b) = (Matrix::new(&a, 2, 1), Matrix::new(&b, 1, 2));
        let mut c = [1.0_f32; 12];
        let (left, right) = MatrixMut::with_row_stride(&mut c, 2, 4, 6).split_at_column(2);
        let (upper, lower) = right.split_at_row(1);
        std::thread::scope(|scope| {
            scope.spawn(move || f32::gemm_into(2.0, a, b, 0.0, left));
            scope.spawn(move || f32::gemm_into(1.0, a.rows(0..1), b, 1.0, upper));
            f32::gemm_into(1.0, a.rows(1..2), b, -1.0, lower);
        });
        assert_eq!(c, [6.0, 10.0, 4.0, 6.0, 1.0, 1.0, 12.0, 20.0, 5.0, 9.0, 1.0, 1.0]);
    }
}
