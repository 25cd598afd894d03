//! Patches as columns: what turns a convolution into a matrix product ([`im2col`]), and back ([`col2im`]).

use super::super::window::Windows;
use crate::Real;
use std::array::from_fn;
use std::ops::Range;

/// col ← the patches of an image: row (c, ki, kj), column (oi, oj) is the pixel of channel c under tap (ki, kj) of output
/// pixel (oi, oj), and 0 on padding.
pub fn im2col<T: Real>(image: &[T], windows: &Windows, col: &mut [T]) {
    let (taps, pixels) = (windows.taps(), windows.outputs());
    // Taps outside, channels inside: where a tap lies is worked out once.
    for (row, tap) in windows.each_tap().enumerate() {
        let span = windows.is_shift().then(|| Span::of(windows, tap));
        let rows = col.chunks_exact_mut(pixels).skip(row).step_by(taps);
        for (plane, row) in image.chunks_exact(windows.inputs()).zip(rows) {
            match &span {
                Some(span) => span.shift(plane, row),
                None => gather(plane, windows, tap, row),
            }
        }
    }
}

/// The transpose of [`im2col`]: image += every entry of col at the pixel it came from. Entries of col on padding have no
/// pixel; they are cleared on the way.
pub fn col2im<T: Real>(col: &mut [T], windows: &Windows, image: &mut [T]) {
    let (taps, pixels) = (windows.taps(), windows.outputs());
    for (row, tap) in windows.each_tap().enumerate() {
        let span = windows.is_shift().then(|| Span::of(windows, tap));
        let rows = col.chunks_exact_mut(pixels).skip(row).step_by(taps);
        for (plane, row) in image.chunks_exact_mut(windows.inputs()).zip(rows) {
            match &span {
                Some(span) => span.unshift(row, plane),
                None => scatter(row, windows, tap, plane),
            }
        }
    }
}

/// What one tap sees when output rows are as long as input rows: the whole plane moved by a constant distance, except
/// for the columns where that wraps from one row to the next.
struct Span {
    /// From the first to behind the last output pixel that the tap serves.
    outputs: Range<usize>,
    /// The input pixels under them.
    inputs: Range<usize>,
    /// The columns of an output row whose tap lies on the input.
    columns: Range<usize>,
    /// The length of a row.
    width: usize,
}

impl Span {
    fn of(windows: &Windows, (ki, kj): (usize, usize)) -> Span {
        let (i, j, width) = (windows.h.outputs(ki), windows.w.outputs(kj), windows.w.output);
        if i.is_empty() || j.is_empty() {
            return Span { outputs: 0..0, inputs: 0..0, columns: 0..0, width };
        }
        let outputs = i.start * width + j.start..(i.end - 1) * width + j.end;
        let first = windows.h.at(i.start, ki) * width + windows.w.at(j.start, kj);
        Span { inputs: first..first + outputs.len(), outputs, columns: j, width }
    }

    /// A row of col.
    fn shift<T: Real>(&self, plane: &[T], row: &mut [T]) {
        row[..self.outputs.start].fill(T::zero());
        row[self.outputs.end..].fill(T::zero());
        row[self.outputs.clone()].copy_from_slice(&plane[self.inputs.clone()]);
        self.clear_sides(row);
    }

    /// The transpose of [`Span::shift`].
    fn unshift<T: Real>(&self, row: &mut [T], plane: &mut [T]) {
        self.clear_sides(row);
        add(&row[self.outputs.clone()], &mut plane[self.inputs.clone()]);
    }

    fn clear_sides<T: Real>(&self, row: &mut [T]) {
        for column in (0..self.columns.start).chain(self.columns.end..self.width) {
            row[column..].iter_mut().step_by(self.width).for_each(|entry| *entry = T::zero());
        }
    }
}

/// One row of col, line by line.
fn gather<T: Real>(plane: &[T], windows: &Windows, (ki, kj): (usize, usize), row: &mut [T]) {
    let (i, j) = (windows.h.outputs(ki), windows.w.outputs(kj));
    for (oi, to) in row.chunks_exact_mut(windows.w.output).enumerate() {
        if !i.contains(&oi) || j.is_empty() {
            to.fill(T::zero());
            continue;
        }
        let from = &plane[windows.h.at(oi, ki) * windows.w.input..][windows.w.at(j.start, kj)..];
        to[..j.start].fill(T::zero());
        to[j.end..].fill(T::zero());
        match windows.w.stride {
            1 => to[j.clone()].copy_from_slice(&from[..j.len()]),
            stride => to[j.clone()].iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, &from)| *to = from),
        }
    }
}

/// The transpose of [`gather`].
fn scatter<T: Real>(row: &[T], windows: &Windows, (ki, kj): (usize, usize), plane: &mut [T]) {
    let (i, j) = (windows.h.outputs(ki), windows.w.outputs(kj));
    if j.is_empty() {
        return;
    }
    for oi in i {
        let from = &row[oi * windows.w.output..][j.clone()];
        let to = &mut plane[windows.h.at(oi, ki) * windows.w.input..][windows.w.at(j.start, kj)..];
        match windows.w.stride {
            1 => add(from, &mut to[..from.len()]),
            stride => to.iter_mut().step_by(stride).zip(from).for_each(|(to, &from)| *to += from),
        }
    }
}

fn add<T: Real>(from: &[T], to: &mut [T]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
}

/// to ← xᵀ, for a row-major x with rows of `columns` entries.
pub fn transpose<T: Real>(x: &[T], columns: usize, to: &mut [T]) {
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
