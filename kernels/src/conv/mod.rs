//! Convolutions of whole batches, in all three directions, without copying patches: images are padded once, and each tap is
//! then a shifted read.

mod pixels;
mod planes;
mod taps;
mod tiles;

use super::aligned::Aligned;
use super::dispatch::{Level, level};
use super::window::Windows;
use crate::Kernels;
use pixels::OverPixels;
use planes::{Dealt, Planes, Strip};
use std::ops::Range;
use taps::{OverTaps, Weights, Writes};
use tiles::{Reads, Shape};

/// The sizes of a convolution: Z = W ⋆ X with X (images, inputs, …), W (outputs, inputs/groups, …) and
/// Z (images, outputs, …), all in row-major order.
#[derive(Clone, Copy, Debug)]
pub struct Convolution {
    /// Where the window stands.
    pub windows: Windows,
    /// Images of the batch.
    pub images: usize,
    /// Channels of X.
    pub inputs: usize,
    /// Channels of Z.
    pub outputs: usize,
    /// Parts of the channels that see only each other.
    pub groups: usize,
}

/// Numbers of padded images that are computed together, for sums over taps: they should stay in the second-level cache.
const FEW: usize = 96 << 10;
/// The same for sums over pixels, which go through the images of one channel at a time.
const MANY: usize = 512 << 10;

/// At most so many strips of pixels, and at least so many outputs, are few pixels.
const PIXELS: usize = 24;
const CHANNELS: usize = 16;

/// A distance of at least this many numbers that puts neighbours into different sets of a cache: an odd number of lines.
pub(crate) fn odd_lines(count: usize) -> usize {
    const LINE: usize = 16;
    (count.div_ceil(LINE) | 1) * LINE
}

impl Convolution {
    /// Z ← W ⋆ X + b.
    pub fn forward<T: Kernels>(&self, weight: &[T], bias: Option<&[T]>, x: &[T], z: &mut [T]) {
        T::conv_forward(self, level(), weight, bias, x, z);
    }

    /// ∂L/∂W += Σ over images and pixels of δ·X under each tap.
    pub fn update_gradient<T: Kernels>(&self, x: &[T], delta: &[T], gradient: &mut [T]) {
        T::conv_gradient(self, level(), x, delta, gradient);
    }

    /// ∂L/∂X ← every δ at all the pixels that it came from, times W; plus b, a number for each channel of X, where a transposed
    /// convolution computes its output so.
    pub fn delta<T: Kernels>(&self, weight: &[T], bias: Option<&[T]>, delta: &[T], result: &mut [T]) {
        T::conv_delta(self, level(), weight, bias, delta, result);
    }

    pub(crate) fn forward_here<T: Kernels>(
        &self,
        level: Level,
        weight: &[T],
        bias: Option<&[T]>,
        x: &[T],
        z: &mut [T],
    ) {
        let Convolution { windows, outputs, groups, .. } = *self;
        let zero = vec![T::zero(); outputs];
        let bias = bias.unwrap_or(&zero);
        let shape = Shape::new::<T>(level, windows.w.output);
        let pixels = windows.outputs();
        let x = Images { values: x, channels: self.inputs, pixels: windows.inputs() };
        let mut room = Room::new(Planes::of_inputs(&windows, self.inputs / groups), self, x, shape.lanes, FEW);
        let offsets = room.offsets(&room.planes.taps(&windows));
        let strips = room.strips(&room.planes.strips(&windows, shape.lanes), outputs * pixels);
        let rows = outputs / groups;
        let places: Vec<_> = (0..offsets.len()).collect();
        let pack = |group| Weights::pack(shape, part(weight, groups, group), rows, offsets.len(), &places);
        let weights: Vec<_> = (0..groups).map(pack).collect();
        let some = self.some(windows.taps());
        for images in room.parts(self.images) {
            let strips = &strips[..images.len() * strips.len() / room.images];
            for (group, weights) in weights.iter().enumerate() {
                room.fill(images.clone(), group);
                let reads = Reads { source: &room.values, offsets: &offsets, strips, shape };
                let first = (images.start * outputs + group * rows) * pixels;
                let to = Writes { values: &mut z[first..], plane: pixels };
                let bias = Some(part(bias, groups, group));
                T::vectorised_at(level, OverTaps { reads, weights, some, bias, to });
            }
        }
    }

    pub(crate) fn update_gradient_here<T: Kernels>(&self, level: Level, x: &[T], delta: &[T], gradient: &mut [T]) {
        let Convolution { windows, outputs, groups, .. } = *self;
        let shape = Shape::new::<T>(level, windows.w.output);
        let pixels = windows.outputs();
        let x = Images { values: x, channels: self.inputs, pixels: windows.inputs() };
        let mut room = Room::new(Planes::of_inputs(&windows, 1), self, x, shape.lanes, MANY);
        let offsets = room.offsets(&room.planes.taps(&windows));
        let strips = room.strips(&room.planes.strips(&windows, shape.lanes), outputs * pixels);
        let rows = outputs / groups;
        let mut packed = Aligned::zeros(0);
        for images in room.parts(self.images) {
            let strips = &strips[..images.len() * strips.len() / room.images];
            for group in 0..groups {
                room.fill(images.clone(), group);
                let reads = Reads { source: &room.values, offsets: &offsets, strips, shape };
                let delta = &delta[(images.start * outputs + group * rows) * pixels..];
                let size = gradient.len() / groups;
                let gradient = &mut gradient[group * size..][..size];
                if strips.len() <= PIXELS && rows >= CHANNELS {
                    self.few_pixels(level, reads, delta, gradient);
                    continue;
                }
                T::vectorised_at(level, OverPixels { reads, delta, plane: pixels, gradient, packed: &mut packed });
            }
        }
    }

    /// ∂L/∂W += δ·P(X)ᵀ from patches written out pixel after pixel, so that the lanes are taps: for few pixels, where lanes
    /// that are pixels would take longer to add up than to compute.
    fn few_pixels<T: Kernels>(&self, level: Level, reads: Reads<T>, delta: &[T], gradient: &mut [T]) {
        let count = reads.offsets.len();
        let shape = Shape::new::<T>(level, count);
        let pixels = reads
            .strips
            .iter()
            .flat_map(|strip| (strip.start..strip.end).map(|lane| (strip.from + lane, strip.to + lane)));
        let (from, to): (Vec<_>, Vec<_>) = pixels.unzip();
        let row = odd_lines(count);
        let mut patches = Aligned::zeros(from.len() * row + shape.lanes);
        for (patch, &from) in patches.chunks_exact_mut(row).zip(&from) {
            patch.iter_mut().zip(reads.offsets).for_each(|(entry, offset)| *entry = reads.source[from + offset]);
        }
        let rows = self.outputs / self.groups;
        let weights = Weights::pack(shape, delta, rows, self.windows.outputs(), &to);
        let offsets: Vec<_> = (0..from.len()).map(|pixel| pixel * row).collect();
        let reads = Reads { source: &patches, offsets: &offsets, strips: &planes::strips(count, shape.lanes), shape };
        let to = Writes { values: gradient, plane: count };
        T::vectorised_at(level, OverTaps { reads, weights: &weights, some: from.len(), bias: None, to });
    }

    pub(crate) fn delta_here<T: Kernels>(
        &self,
        level: Level,
        weight: &[T],
        bias: Option<&[T]>,
        delta: &[T],
        result: &mut [T],
    ) {
        let Convolution { windows, inputs, groups, .. } = *self;
        let shape = Shape::new::<T>(level, windows.w.input.div_ceil(windows.w.stride));
        let pixels = windows.inputs();
        let delta = Images { values: delta, channels: self.outputs, pixels: windows.outputs() };
        let rows = inputs / groups;
        // With a stride, sums are written to rows that are dealt, and gathered from there.
        let dealt = (windows.w.stride > 1).then(|| Dealt::new(&windows.w));
        let (budget, size) = if dealt.is_some() { (FEW / 2, rows * pixels) } else { (FEW, inputs * pixels) };
        let mut room = Room::new(Planes::of_outputs(&windows, self.outputs / groups), self, delta, shape.lanes, budget);
        let mut sums = Aligned::zeros(if dealt.is_some() { room.images * size } else { 0 });
        let zero = vec![T::zero(); inputs];
        let bias = bias.unwrap_or(&zero);
        let classes = room.planes.classes(&windows, shape.lanes).into_iter().map(|class| {
            let (taps, shifts): (Vec<_>, Vec<_>) = class.taps.into_iter().unzip();
            let of_output = |o| taps.iter().map(move |tap| o * rows * windows.taps() + tap);
            let places: Vec<_> = (0..self.outputs / groups).flat_map(of_output).collect();
            let pack = |group| Weights::pack(shape, part(weight, groups, group), rows, windows.taps(), &places);
            let weights: Vec<_> = (0..groups).map(pack).collect();
            (room.offsets(&shifts), room.strips(&class.strips, size), weights, self.some(taps.len()))
        });
        let classes: Vec<_> = classes.collect();
        for images in room.parts(self.images) {
            for group in 0..groups {
                room.fill(images.clone(), group);
                let first = (images.start * inputs + group * rows) * pixels;
                let to = if dealt.is_some() { &mut sums[..] } else { &mut result[first..] };
                for (offsets, strips, weights, some) in &classes {
                    let strips = &strips[..images.len() * strips.len() / room.images];
                    let reads = Reads { source: &room.values, offsets, strips, shape };
                    let (weights, some, bias) = (&weights[group], *some, Some(part(bias, groups, group)));
                    let to = Writes { values: &mut *to, plane: pixels };
                    T::vectorised_at(level, OverTaps { reads, weights, some, bias, to });
                }
                if let Some(dealt) = &dealt {
                    let images =
                        sums[..images.len() * size].chunks_exact(size).zip(result[first..].chunks_mut(inputs * pixels));
                    images.for_each(|(sums, image)| dealt.gather(sums, &mut image[..size]));
                }
            }
        }
    }

    /// How many offsets to go through at a time when each channel has `taps`: as many as read this many rows.
    fn some(&self, taps: usize) -> usize {
        const ROWS: usize = 72;
        (ROWS / self.windows.h.kernel).max(1) * taps.max(1)
    }
}

/// The part of each group.
fn part<T>(whole: &[T], groups: usize, group: usize) -> &[T] {
    let size = whole.len() / groups;
    &whole[group * size..][..size]
}

/// A batch of images, (n, channels, pixels).
#[derive(Clone, Copy)]
struct Images<'a, T> {
    values: &'a [T],
    channels: usize,
    pixels: usize,
}

/// Padded planes of one group of channels, for as many images as are computed together: channel after channel.
struct Room<'a, T> {
    planes: Planes,
    from: Images<'a, T>,
    /// Channels of one group.
    channels: usize,
    /// Images together.
    images: usize,
    /// From one channel to the next.
    channel: usize,
    values: Aligned<T>,
}

impl<'a, T: Kernels> Room<'a, T> {
    fn new(planes: Planes, sizes: &Convolution, from: Images<'a, T>, lanes: usize, budget: usize) -> Self {
        let channels = from.channels / sizes.groups;
        let apart = channels / planes.side_by_side();
        let images = (budget / (planes.size() * apart)).clamp(1, sizes.images.max(1));
        let channel = match apart {
            1 => planes.channel(),
            _ => images * planes.size(),
        };
        let values = Aligned::zeros(apart * images * planes.size() + lanes);
        Room { planes, from, channels, images, channel, values }
    }

    /// How far behind a strip each channel's taps read.
    fn offsets(&self, taps: &[usize]) -> Vec<usize> {
        (0..self.channels).flat_map(|c| taps.iter().map(move |tap| c * self.channel + tap)).collect()
    }

    /// The strips of all images; `result` is from one image to the next in the result.
    fn strips(&self, strips: &[Strip], result: usize) -> Vec<Strip> {
        let moved = |image: usize| {
            let moved = move |strip: &Strip| Strip {
                from: strip.from + image * self.planes.size(),
                to: strip.to + image * result,
                ..*strip
            };
            strips.iter().map(moved)
        };
        (0..self.images).flat_map(moved).collect()
    }

    /// The images of each turn.
    fn parts(&self, images: usize) -> impl Iterator<Item = Range<usize>> + use<T> {
        let size = self.images;
        (0..images).step_by(size).map(move |first| first..images.min(first + size))
    }

    /// Copies images of one group into the planes.
    fn fill(&mut self, images: Range<usize>, group: usize) {
        let Images { values, channels, pixels } = self.from;
        for (index, image) in images.enumerate() {
            let first = image * channels + group * self.channels;
            for c in 0..self.channels {
                let plane = &values[(first + c) * pixels..][..pixels];
                let to = &mut self.values[c * self.channel + index * self.planes.size()..];
                self.planes.fill(plane, to);
            }
        }
    }
}

/// The plain twin of the whole convolution: calls `visit(z, w, x)` for every product `Z[z] += W[w]·X[x]` of one image, by the
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

#[cfg(test)]
mod tests;
