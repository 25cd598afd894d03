//! Patches as columns: what turns a convolution into a matrix product ([`im2col`]), and back ([`col2im`]).

use super::window::Windows;
use crate::Real;

/// col ← the patches of an image: row (c, ki, kj), column (oi, oj) is the pixel of channel c under tap (ki, kj) of output
/// pixel (oi, oj), and 0 on padding.
pub fn im2col<T: Real>(image: &[T], windows: &Windows, col: &mut [T]) {
    let rows = col.chunks_exact_mut(windows.taps() * windows.outputs());
    for (plane, rows) in image.chunks_exact(windows.inputs()).zip(rows) {
        for (row, tap) in rows.chunks_exact_mut(windows.outputs()).zip(windows.each_tap()) {
            if windows.is_shift() { shift(plane, windows, tap, row) } else { gather(plane, windows, tap, row) }
        }
    }
}

/// The transpose of [`im2col`]: image += every entry of col at the pixel it came from. Entries of col on padding have no
/// pixel; they are cleared on the way.
pub fn col2im<T: Real>(col: &mut [T], windows: &Windows, image: &mut [T]) {
    let rows = col.chunks_exact_mut(windows.taps() * windows.outputs());
    for (plane, rows) in image.chunks_exact_mut(windows.inputs()).zip(rows) {
        for (row, tap) in rows.chunks_exact_mut(windows.outputs()).zip(windows.each_tap()) {
            if windows.is_shift() { unshift(row, windows, tap, plane) } else { scatter(row, windows, tap, plane) }
        }
    }
}

/// One row of col when output rows are as long as input rows: the whole plane moved by a constant distance, then zeros
/// where that wrapped from one row to the next.
fn shift<T: Real>(plane: &[T], windows: &Windows, (ki, kj): (usize, usize), row: &mut [T]) {
    match span(windows, ki, kj) {
        Some((first, last, from)) => {
            row[..first].fill(T::zero());
            row[first..last].copy_from_slice(&plane[from..from + last - first]);
            row[last..].fill(T::zero());
            clear_sides(windows, kj, row);
        }
        None => row.fill(T::zero()),
    }
}

/// The transpose of [`shift`].
fn unshift<T: Real>(row: &mut [T], windows: &Windows, (ki, kj): (usize, usize), plane: &mut [T]) {
    if let Some((first, last, to)) = span(windows, ki, kj) {
        clear_sides(windows, kj, row);
        add(&row[first..last], &mut plane[to..to + last - first]);
    }
}

/// From the first to behind the last output pixel that a tap serves, and the input pixel under the first.
fn span(windows: &Windows, ki: usize, kj: usize) -> Option<(usize, usize, usize)> {
    let (i, j, width) = (windows.h.outputs(ki), windows.w.outputs(kj), windows.w.output);
    if i.is_empty() || j.is_empty() {
        return None;
    }
    let input = windows.h.at(i.start, ki) * windows.w.input + windows.w.at(j.start, kj);
    Some((i.start * width + j.start, (i.end - 1) * width + j.end, input))
}

/// Zeros in the columns of every output row whose tap lies on padding.
fn clear_sides<T: Real>(windows: &Windows, kj: usize, row: &mut [T]) {
    let j = windows.w.outputs(kj);
    if j.len() < windows.w.output {
        for line in row.chunks_exact_mut(windows.w.output) {
            line[..j.start].fill(T::zero());
            line[j.end..].fill(T::zero());
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

/// Σ x, in eight interleaved sums that a processor can add at once.
pub fn sum<T: Real>(x: &[T]) -> T {
    let mut lanes = [T::zero(); 8];
    let chunks = x.chunks_exact(lanes.len());
    let rest = chunks.remainder();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane += x);
    }
    lanes.iter().chain(rest).copied().sum()
}

/// The plain twin of the whole convolution: calls `visit(z, w, x)` for every product Z[z] += W[w]·X[x] of one image, by the
/// definition. `channels` is (in, out, groups).
pub fn each_product_naive(
    windows: &Windows,
    (inputs, outputs, groups): (usize, usize, usize),
    mut visit: impl FnMut(usize, usize, usize),
) {
    let (inputs, outputs) = (inputs / groups, outputs / groups);
    for o in 0..groups * outputs {
        for c in 0..inputs {
            for oi in 0..windows.h.output {
                for oj in 0..windows.w.output {
                    for (ki, kj) in windows.each_tap() {
                        if let Some(pixel) = windows.pixel_naive([oi, oj], [ki, kj]) {
                            let z = (o * windows.h.output + oi) * windows.w.output + oj;
                            let w = ((o * inputs + c) * windows.h.kernel + ki) * windows.w.kernel + kj;
                            visit(z, w, (o / outputs * inputs + c) * windows.inputs() + pixel);
                        }
                    }
                }
            }
        }
    }
}
