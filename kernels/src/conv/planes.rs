//! Where the pixels of an image lie once it is padded: each tap of a window then reads at a constant distance.
//!
//! A plane is copied between zeros, and with a stride s its columns (and rows) are dealt into s parts, as cards are, so
//! that the pixels that one tap sees from one output to the next are neighbours.

use super::super::window::{Axis, Windows};
use std::ops::Range;

/// One axis of a padded plane: entry u of part φ is the source's entry u·stride + φ − before, or 0 outside of it.
#[derive(Clone, Debug)]
struct Track {
    /// Entries of the source.
    source: usize,
    stride: usize,
    before: usize,
    /// The parts φ that some tap reads.
    parts: Vec<usize>,
    /// Entries of a part.
    length: usize,
}

impl Track {
    /// The input of a window: tap k of output o reads o·stride + k·dilation − padding.
    fn of_inputs(axis: &Axis) -> Track {
        let mut parts: Vec<_> = (0..axis.kernel).map(|k| k * axis.dilation % axis.stride).collect();
        parts.sort_unstable();
        parts.dedup();
        let length = axis.output + distance(axis, axis.kernel - 1);
        Track { source: axis.input, stride: axis.stride, before: axis.padding, parts, length }
    }

    /// The output of a window, read by the inputs: input i = v·stride + ρ − padding was seen by tap k of output
    /// v − (k·dilation − ρ)/stride.
    fn of_outputs(axis: &Axis) -> Track {
        let before = distance(axis, axis.kernel - 1);
        let length = before + axis.output.max((axis.input - 1 + axis.padding) / axis.stride + 1);
        Track { source: axis.output, stride: 1, before, parts: vec![0], length }
    }

    fn size(&self) -> usize {
        self.parts.len() * self.length
    }

    /// The entries of part φ that lie on the source.
    fn inside(&self, part: usize) -> Range<usize> {
        let start = self.before.saturating_sub(part).div_ceil(self.stride).min(self.length);
        let end = (self.source + self.before).saturating_sub(part).div_ceil(self.stride).min(self.length);
        start..end.max(start)
    }

    /// What each part has of the source.
    fn runs(&self) -> Vec<Run> {
        let run = |(place, &part): (usize, &usize)| {
            let inside = self.inside(part);
            let from = inside.start * self.stride + part;
            (!inside.is_empty()).then(|| Run {
                from: from - self.before,
                to: place * self.length + inside.start,
                count: inside.len(),
            })
        };
        self.parts.iter().enumerate().filter_map(run).collect()
    }
}

/// How many whole strides tap k lies behind tap 0.
fn distance(axis: &Axis, k: usize) -> usize {
    k * axis.dilation / axis.stride
}

/// The layout of one padded plane: rows before columns, each part after part.
#[derive(Clone, Debug)]
pub(super) struct Planes {
    h: Track,
    w: Track,
    /// Channels whose rows lie side by side.
    channels: usize,
    /// What is copied of the source, row by row and column by column.
    rows: Vec<Run>,
    columns: Vec<Run>,
}

/// Entries of a source, a stride apart, that become neighbours.
#[derive(Clone, Debug)]
struct Run {
    from: usize,
    to: usize,
    count: usize,
}

/// Pixels side by side whose sums are computed together: `from` in the padded planes, `to` in the result. Of the lanes,
/// those before `end` are pixels; those before `start` belong to the strip before as well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strip {
    pub from: usize,
    pub to: usize,
    pub start: usize,
    pub end: usize,
}

impl Planes {
    /// Planes of inputs, for sums that belong to outputs.
    pub(super) fn of_inputs(windows: &Windows, channels: usize) -> Planes {
        Planes::new(Track::of_inputs(&windows.h), Track::of_inputs(&windows.w), channels)
    }

    /// Planes of outputs, for sums that belong to inputs.
    pub(super) fn of_outputs(windows: &Windows, channels: usize) -> Planes {
        Planes::new(Track::of_outputs(&windows.h), Track::of_outputs(&windows.w), channels)
    }

    fn new(h: Track, w: Track, channels: usize) -> Planes {
        let (rows, columns) = (h.runs(), w.runs());
        Planes { h, w, channels, rows, columns }
    }

    /// Numbers in the padded planes of all channels that lie side by side.
    pub(super) fn size(&self) -> usize {
        self.h.size() * self.row()
    }

    /// Channels that lie side by side.
    pub(super) fn side_by_side(&self) -> usize {
        self.channels
    }

    /// From one channel to the next, where several lie side by side.
    pub(super) fn channel(&self) -> usize {
        self.w.size()
    }

    /// From one row of a part to the next.
    fn row(&self) -> usize {
        self.channels * self.w.size()
    }

    /// to ← the plane. Zeros around it are left as they are.
    pub(super) fn fill<T: Copy>(&self, plane: &[T], to: &mut [T]) {
        let (width, row) = (self.w.source, self.row());
        if self.h.stride == 1 && self.w.stride == 1 && row == width {
            for &Run { from, to: first, count } in &self.rows {
                to[first * row..][..count * row].copy_from_slice(&plane[from * width..][..count * width]);
            }
            return;
        }
        for rows in &self.rows {
            let from = plane[rows.from * width..].chunks_exact(width).step_by(self.h.stride);
            let pairs = from.zip(to[rows.to * row..].chunks_mut(row)).take(rows.count);
            match (self.w.stride, &self.columns[..]) {
                (1, [columns]) => pairs.for_each(|(from, to)| {
                    copy(&from[columns.from..], &mut to[columns.to..][..columns.count]);
                }),
                (2, [one, other]) => {
                    let [even, odd] = if one.from == 0 { [one, other] } else { [other, one] };
                    pairs.for_each(|(from, to)| {
                        let places = [even, odd].map(|run| run.to..run.to + run.count);
                        let [evens, odds] = to.get_disjoint_mut(places).expect("runs lie apart");
                        pull_apart(from, evens, odds);
                    });
                }
                (stride, runs) => {
                    for (from, to) in pairs {
                        for columns in runs {
                            let from = from[columns.from..].iter().step_by(stride);
                            to[columns.to..][..columns.count].iter_mut().zip(from).for_each(|(to, &from)| *to = from);
                        }
                    }
                }
            }
        }
    }

    /// For planes of inputs: how far behind an output's place each tap reads, in the order of the taps.
    pub(super) fn taps(&self, windows: &Windows) -> Vec<usize> {
        let along = |axis: &Axis, track: &Track, k: usize| {
            let part = k * axis.dilation % axis.stride;
            let place = track.parts.iter().position(|&other| other == part).expect("a part for every tap");
            (place, distance(axis, k))
        };
        let tap = |(ki, kj)| {
            let ((a, u), (b, v)) = (along(&windows.h, &self.h, ki), along(&windows.w, &self.w, kj));
            (a * self.h.length + u) * self.row() + b * self.w.length + v
        };
        windows.each_tap().map(tap).collect()
    }

    /// For planes of inputs: the strips of an image's outputs.
    pub(super) fn strips(&self, windows: &Windows, lanes: usize) -> Vec<Strip> {
        let whole = Stretch { places: 0..windows.w.output, first: 0, step: 1 };
        let rows = (0..windows.h.output).map(|i| (i * self.row(), i * windows.w.output));
        rows.flat_map(|(from, to)| whole.strips(from, to, lanes)).collect()
    }

    /// For planes of outputs: the inputs, in classes that are seen by the same taps.
    pub(super) fn classes(&self, windows: &Windows, lanes: usize) -> Vec<Class> {
        let columns: Vec<_> = Stretch::all(&windows.w).zip(Dealt::new(&windows.w).runs).collect();
        let pairs =
            Stretch::all(&windows.h).flat_map(|rows| columns.iter().map(move |columns| (rows.clone(), columns)));
        pairs.map(|(rows, (columns, run))| self.class(windows, lanes, rows, columns, run.from)).collect()
    }

    /// The inputs of some rows and columns; a row of the result has these columns together, from `first` on.
    fn class(&self, windows: &Windows, lanes: usize, rows: Stretch, columns: &Stretch, first: usize) -> Class {
        let row = self.row();
        let part = |stretch: &Stretch, axis: &Axis| (stretch.first + axis.padding) % axis.stride;
        let (i, j) = (part(&rows, &windows.h), part(columns, &windows.w));
        let columns = Stretch { first, step: 1, ..columns.clone() };
        let seen = windows.each_tap().enumerate().filter(|(_, (ki, kj))| {
            ki * windows.h.dilation % windows.h.stride == i && kj * windows.w.dilation % windows.w.stride == j
        });
        let distances = |(tap, (ki, kj))| {
            let (u, v) = (self.h.before - distance(&windows.h, ki), self.w.before - distance(&windows.w, kj));
            (tap, u * row + v)
        };
        let taps = seen.map(distances).collect();
        let strips = rows.places.clone().zip(0..).flat_map(|(place, index)| {
            let to = (rows.first + index * rows.step) * windows.w.input;
            columns.strips(place * row, to, lanes)
        });
        Class { taps, strips: strips.collect() }
    }
}

/// to ← the first entries of a row: so few that a loop takes less time than a call.
#[inline(always)]
fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
}

/// evens, odds ← the row's entries of even and of odd place, both at once, since vector registers are loaded with both.
#[inline(always)]
fn pull_apart<T: Copy>(row: &[T], evens: &mut [T], odds: &mut [T]) {
    let pairs = row.as_chunks::<2>().0;
    let both = pairs.len().min(evens.len()).min(odds.len());
    for ((even, odd), pair) in evens[..both].iter_mut().zip(&mut odds[..both]).zip(&pairs[..both]) {
        (*even, *odd) = (pair[0], pair[1]);
    }
    let rest = row[2 * both..].iter();
    evens[both..].iter_mut().zip(rest.clone().step_by(2)).for_each(|(even, &entry)| *even = entry);
    odds[both..].iter_mut().zip(rest.skip(1).step_by(2)).for_each(|(odd, &entry)| *odd = entry);
}

/// Inputs that are seen by the same taps.
pub(super) struct Class {
    /// The taps, each with how far behind an input's place the output is that sees it by this tap.
    pub taps: Vec<(usize, usize)>,
    /// The strips of an image's inputs, in rows that are dealt.
    pub strips: Vec<Strip>,
}

/// A row of inputs whose columns are dealt: those that the same taps see lie together, as sums are best written.
pub(super) struct Dealt {
    width: usize,
    stride: usize,
    /// Columns that lie together and their first place in the row.
    runs: Vec<Run>,
}

impl Dealt {
    pub(super) fn new(axis: &Axis) -> Dealt {
        let mut from = 0;
        let runs = Stretch::all(axis).map(|columns| {
            let run = Run { from, to: columns.first, count: columns.places.len() };
            from += run.count;
            run
        });
        Dealt { runs: runs.collect(), width: axis.input, stride: axis.stride }
    }

    /// Rows ← the same rows, dealt.
    pub(super) fn gather<T: Copy>(&self, dealt: &[T], rows: &mut [T]) {
        let pairs = rows.chunks_exact_mut(self.width).zip(dealt.chunks_exact(self.width));
        if let (2, [one, other]) = (self.stride, &self.runs[..]) {
            let [even, odd] =
                if one.to == 0 { [one, other] } else { [other, one] }.map(|run| run.from..run.from + run.count);
            return pairs.for_each(|(row, dealt)| interleave(&dealt[even.clone()], &dealt[odd.clone()], row));
        }
        for (row, dealt) in pairs {
            for &Run { from, to, count } in &self.runs {
                let to = row[to..].iter_mut().step_by(self.stride);
                to.zip(&dealt[from..][..count]).for_each(|(to, &from)| *to = from);
            }
        }
    }
}

/// to ← the entries of even place and those of odd place.
#[inline(always)]
fn interleave<T: Copy>(even: &[T], odd: &[T], to: &mut [T]) {
    let (pairs, last) = to.as_chunks_mut::<2>();
    last.iter_mut().zip(&even[pairs.len()..]).for_each(|(to, &even)| *to = even);
    pairs.iter_mut().zip(even.iter().zip(odd)).for_each(|(to, (&even, &odd))| *to = [even, odd]);
}

/// Entries of one axis of a result, `first`, `first + step`, …, at consecutive places of the padded source.
#[derive(Clone)]
struct Stretch {
    places: Range<usize>,
    first: usize,
    step: usize,
}

impl Stretch {
    /// The inputs of every part that has some.
    fn all(axis: &Axis) -> impl Iterator<Item = Stretch> {
        (0..axis.stride).filter_map(|part| Stretch::of(axis, part))
    }

    /// The inputs i with (i + padding) mod stride = part, or nothing.
    fn of(axis: &Axis, part: usize) -> Option<Stretch> {
        let start = axis.padding.saturating_sub(part).div_ceil(axis.stride);
        let end = (axis.input + axis.padding).saturating_sub(part).div_ceil(axis.stride);
        (start < end).then(|| Stretch {
            places: start..end,
            first: start * axis.stride + part - axis.padding,
            step: axis.stride,
        })
    }

    /// In strips of `lanes`. The last one starts earlier, where it would otherwise reach over the end: all are then whole,
    /// except for one that is longer than the stretch.
    fn strips(&self, from: usize, to: usize, lanes: usize) -> Vec<Strip> {
        let count = self.places.len();
        let strip = |place: usize| {
            let early = place.min(count.saturating_sub(lanes));
            let (from, to) = (from + self.places.start + early, to + self.first + early * self.step);
            Strip { from, to, start: place - early, end: lanes.min(count) }
        };
        (0..count).step_by(lanes).map(strip).collect()
    }
}

/// Strips of `count` numbers one after the other.
pub(super) fn strips(count: usize, lanes: usize) -> Vec<Strip> {
    Stretch { places: 0..count, first: 0, step: 1 }.strips(0, 0, lanes)
}
