//! Images in another size: every new pixel is a weighted mean of the old ones that it covers.

use super::Picture;
use crate::data::Fit;

/// Bits behind the point of a weight.
const BITS: u32 = 22;

/// The image in the size (height, width), channel after channel: (c, h, w).
///
/// Each new pixel is a mean of old ones with the weights of a triangle as wide as the pixel (or as an old pixel, when the image
/// grows), columns first, rounded to bytes between: Pillow's `resize(…, BILINEAR, box=…)` to the bit.
pub fn fitted(picture: &Picture, [height, width]: [usize; 2], fit: Fit) -> Vec<u8> {
    let Picture { height: rows, width: columns, channels, pixels } = picture;
    let (mut down, mut across) = ((0.0, *rows as f64), (0.0, *columns as f64));
    if fit == Fit::Crop {
        // The sides in proportion: which one is too long?
        let (wide, high) = (columns * height, rows * width);
        if wide > high {
            across = middle(*columns as f64, high as f64 / height as f64);
        } else if high > wide {
            down = middle(*rows as f64, wide as f64 / width as f64);
        }
    }
    let mut out = vec![0; channels * height * width];
    let narrow = weights(*columns, across, width);
    let low = weights(*rows, down, height);
    let mut between = vec![0u8; rows * width];
    for (channel, out) in out.chunks_exact_mut((height * width).max(1)).enumerate() {
        for (row, to) in between.chunks_exact_mut(width.max(1)).enumerate() {
            let from = &pixels[row * columns * channels..(row + 1) * columns * channels];
            for (to, (first, weights)) in to.iter_mut().zip(&narrow) {
                *to = mean(weights, |at| from[(first + at) * channels + channel]);
            }
        }
        for (to, (first, weights)) in out.chunks_exact_mut(width.max(1)).zip(&low) {
            for (column, to) in to.iter_mut().enumerate() {
                *to = mean(weights, |at| between[(first + at) * width + column]);
            }
        }
    }
    out
}

/// The part of that length in the middle.
fn middle(all: f64, length: f64) -> (f64, f64) {
    let start = (all - length) / 2.0;
    (start, start + length)
}

/// For each of `count` new pixels the first old one of `size` that it covers, and the weights from there on.
fn weights(size: usize, (start, end): (f64, f64), count: usize) -> Vec<(usize, Vec<i64>)> {
    let scale = (end - start) / count as f64;
    let support = scale.max(1.0);
    let of = |new: usize| {
        let center = start + (new as f64 + 0.5) * scale;
        let first = (center - support + 0.5).max(0.0) as usize;
        let last = ((center + support + 0.5) as usize).min(size);
        let narrower = 1.0 / support;
        let triangle = |old: usize| (1.0 - ((old as f64 - center + 0.5) * narrower).abs()).max(0.0);
        let raw: Vec<f64> = (first..last).map(triangle).collect();
        let share = 1.0 / raw.iter().sum::<f64>();
        let fixed = |weight: &f64| (0.5 + weight * share * f64::from(1 << BITS)) as i64;
        (first, raw.iter().map(fixed).collect())
    };
    (0..count).map(of).collect()
}

fn mean(weights: &[i64], pixel: impl Fn(usize) -> u8) -> u8 {
    let half = 1 << (BITS - 1);
    let sum = weights.iter().enumerate().fold(half, |sum, (at, weight)| sum + weight * i64::from(pixel(at)));
    (sum >> BITS).clamp(0, 255) as u8
}
