//! Matrices written out turned.

use crate::Kernels;
use std::array::from_fn;

/// to ← xᵀ, for a row-major x with rows of `columns` entries.
pub fn transpose<T: Kernels>(x: &[T], columns: usize, to: &mut [T]) {
    const SIDE: usize = 4;
    let rows = x.len() / columns;
    let (whole_rows, whole_columns) = (rows / SIDE * SIDE, columns / SIDE * SIDE);
    // Square blocks of constant size, which the compiler turns in vector registers; then what is left over.
    for j in (0..whole_columns).step_by(SIDE) {
        for i in (0..whole_rows).step_by(SIDE) {
            let block: [[T; SIDE]; SIDE] = from_fn(|r| from_fn(|c| x[(i + r) * columns + j..][..SIDE][c]));
            for c in 0..SIDE {
                to[(j + c) * rows + i..][..SIDE].copy_from_slice(&from_fn::<T, SIDE, _>(|r| block[r][c]));
            }
        }
    }
    for i in 0..rows {
        for j in if i < whole_rows { whole_columns } else { 0 }..columns {
            to[j * rows + i] = x[i * columns + j];
        }
    }
}
