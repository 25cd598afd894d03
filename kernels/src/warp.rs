//! Images seen through a map of the plane: where each pixel comes from, and bilinear interpolation there.

use super::dispatch::{Job, level, run};
use crate::Number;

/// Where the pixels of an image come from, and the memory that finding them out takes; to be used again and again.
#[derive(Clone, Debug, Default)]
pub struct Warp<T> {
    /// One channel with a border of zeros: one pixel before, two behind.
    bordered: Vec<T>,
    /// The place in `bordered` of the upper left of the four pixels around each source point.
    places: Vec<u32>,
    /// How far each source point is to the right of that pixel, and below it: from 0 to 1.
    right: Vec<f32>,
    down: Vec<f32>,
}

/// x′ = m₀x + m₁y + m₂, y′ = m₃x + m₄y + m₅: from a pixel of the new image to its source in the old one.
pub type PlaneMap = [f32; 6];

impl<T: Number> Warp<T> {
    /// Replaces every channel of an image (c, h, w) by what the map shows of it: the new pixel (x, y) is the old image at
    /// the map's value for (x + dx, y + dy), interpolated between four pixels; outside the image there is 0.
    ///
    /// `field` has the entries dx, row by row, and behind them dy; without it both are 0. Where the source is exactly a
    /// pixel the new pixel has its bits. Source points are computed in `f32` for all T, in operations that every level has,
    /// so that they are the same everywhere.
    ///
    /// Panics when the image or the field has not the size of the shape, or a side is 2²² pixels or longer.
    pub fn apply(&mut self, image: &mut [T], [c, h, w]: [usize; 3], map: PlaneMap, field: Option<&[f32]>) {
        assert_eq!(image.len(), c * h * w, "an image of {c} channels, {h}×{w}");
        assert!(field.is_none_or(|field| field.len() == 2 * h * w), "a field for {h}×{w} pixels");
        if image.is_empty() {
            return;
        }
        // Coordinates are exact in `f32`, places in `u32`.
        let fits = h.max(w) < 1 << 22 && ((h + 3) as u64 * (w + 3) as u64) < 1 << 32;
        assert!(fits, "an image of {h}×{w} pixels is too large to be moved");
        self.places.resize(h * w, 0);
        self.right.resize(h * w, 0.0);
        self.down.resize(h * w, 0.0);
        let width = w + 3;
        let still = if field.is_none() { vec![0.0; w] } else { Vec::new() };
        let rows =
            self.places.chunks_exact_mut(w).zip(self.right.chunks_exact_mut(w)).zip(self.down.chunks_exact_mut(w));
        for (y, ((places, right), down)) in rows.enumerate() {
            let row = y * w..(y + 1) * w;
            let (dx, dy) = match field {
                Some(field) => (&field[..h * w][row.clone()], &field[h * w..][row]),
                None => (&still[..], &still[..]),
            };
            run(level(), Sources { y, sizes: [h, w], map, dx, dy, places, right, down });
        }
        for channel in image.chunks_exact_mut(h * w) {
            self.bordered.clear();
            self.bordered.resize((h + 3) * width, T::zero());
            for (row, inside) in channel.chunks_exact(w).zip(self.bordered.chunks_exact_mut(width).skip(1)) {
                inside[1..=w].copy_from_slice(row);
            }
            let points = self.places.iter().zip(&self.right).zip(&self.down);
            for (pixel, ((&place, &right), &down)) in channel.iter_mut().zip(points) {
                let (upper, lower) = (place as usize, place as usize + width);
                let at = |place: usize| {
                    debug_assert!(place < self.bordered.len());
                    // SAFETY: `Sources` keeps a place within the first h + 2 rows and w + 2 columns of `bordered`, so that
                    // its neighbours to the right and below are in it too.
                    unsafe { *self.bordered.get_unchecked(place) }
                };
                let (right, down) = (T::from(right).expect("a fraction"), T::from(down).expect("a fraction"));
                let top = at(upper) + right * (at(upper + 1) - at(upper));
                let bottom = at(lower) + right * (at(lower + 1) - at(lower));
                *pixel = top + down * (bottom - top);
            }
        }
    }
}

/// Pixels of a row whose sources are found together.
const LANES: usize = 8;

/// The source points of one row of pixels.
struct Sources<'a> {
    y: usize,
    sizes: [usize; 2],
    map: PlaneMap,
    dx: &'a [f32],
    dy: &'a [f32],
    places: &'a mut [u32],
    right: &'a mut [f32],
    down: &'a mut [f32],
}

impl Job for Sources<'_> {
    type Output = ();
    #[inline(always)]
    fn run<const FUSED: bool>(mut self) {
        let w = self.places.len();
        if w < LANES {
            return (0..w).for_each(|at| self.block::<1>(at));
        }
        (0..w - LANES).step_by(LANES).for_each(|at| self.block::<LANES>(at));
        // The last block may do some pixels a second time.
        self.block::<LANES>(w - LANES);
    }
}

impl Sources<'_> {
    /// N pixels from `at`: read, worked out in registers, written.
    #[inline(always)]
    fn block<const N: usize>(&mut self, at: usize) {
        let ([h, w], m, part) = (self.sizes, self.map, at..at + N);
        let numbers = |from: &[f32]| -> [f32; N] { from[part.clone()].try_into().expect("N numbers") };
        let (dx, dy) = (numbers(self.dx), numbers(self.dy));
        let (mut places, mut right, mut down) = ([0; N], [0.0; N], [0.0; N]);
        for lane in 0..N {
            let (u, v) = ((at + lane) as i32 as f32 + dx[lane], self.y as f32 + dy[lane]);
            // In the coordinates of the bordered image. What is further out is as black as the border, from one pixel
            // before the image to one behind it.
            let x = (m[0] * u + m[1] * v + m[2] + 1.0).max(0.0).min((w + 1) as f32);
            let y = (m[3] * u + m[4] * v + m[5] + 1.0).max(0.0).min((h + 1) as f32);
            let (left, above) = (floor(x), floor(y));
            places[lane] = whole(above) * (w + 3) as u32 + whole(left);
            right[lane] = x - left;
            down[lane] = y - above;
        }
        self.places[part.clone()].copy_from_slice(&places);
        self.right[part.clone()].copy_from_slice(&right);
        self.down[part.clone()].copy_from_slice(&down);
    }
}

/// Adding this rounds to a whole number and leaves it in the lowest bits; conversions would not be vectorised.
const ROUNDER: f32 = (1u32 << 23) as f32;

/// The largest whole number that is not above x, for x from 0 to 2²².
#[inline(always)]
fn floor(x: f32) -> f32 {
    let nearest = (x + ROUNDER) - ROUNDER;
    if nearest > x { nearest - 1.0 } else { nearest }
}

/// A whole number from 0 to 2²² as an integer.
#[inline(always)]
fn whole(x: f32) -> u32 {
    (x + ROUNDER).to_bits() - ROUNDER.to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warped(image: &[f64], shape: [usize; 3], map: PlaneMap, field: Option<&[f32]>) -> Vec<f64> {
        let mut image = image.to_vec();
        Warp::default().apply(&mut image, shape, map, field);
        image
    }

    #[test]
    fn half_a_pixel_is_the_mean_of_neighbours() {
        let image = [1.0, 3.0, 5.0, 7.0];
        // To the right, down, and both; the border is 0.
        let shift = |x, y| warped(&image, [1, 2, 2], [1.0, 0.0, x, 0.0, 1.0, y], None);
        assert_eq!(shift(0.5, 0.0), [2.0, 1.5, 6.0, 3.5]);
        assert_eq!(shift(0.0, 0.5), [3.0, 5.0, 2.5, 3.5]);
        assert_eq!(shift(-0.5, -0.5), [0.25, 1.0, 1.5, 4.0]);
        assert_eq!(shift(1.0, 0.0), [3.0, 0.0, 7.0, 0.0]);
    }

    #[test]
    fn a_field_moves_each_pixel_before_the_map() {
        // Pixel (1, 0) looks one to the left, then the map exchanges x and y.
        let image = [1.0, 2.0, 3.0, 4.0, 10.0, 20.0, 30.0, 40.0];
        let field = [0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let got = warped(&image, [2, 2, 2], [0.0, 1.0, 0.0, 1.0, 0.0, 0.0], Some(&field));
        assert_eq!(got, [1.0, 1.0, 2.0, 4.0, 10.0, 10.0, 20.0, 40.0]);
    }

    #[test]
    fn far_away_and_nowhere_are_black() {
        for far in [1e9, -1e9, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 3.0, -3.0, 2.0, -1.0 - 1.0] {
            let got = warped(&[1.0; 4], [1, 2, 2], [1.0, 0.0, far, 0.0, 1.0, 0.0], None);
            assert_eq!(got, [0.0; 4], "a shift of {far}");
        }
    }

    #[test]
    fn source_points_are_the_same_at_every_level() {
        let mut stream = crate::Stream::new(3);
        let field: Vec<f32> = (0..2 * 19).map(|_| stream.uniform(-3.0, 3.0) as f32).collect();
        let map = [0.9, 0.3, -1.7, -0.2, 1.1, 0.4];
        let mut all = super::super::Level::available().map(|level| {
            let (mut places, mut right, mut down) = (vec![0; 19], vec![0.0; 19], vec![0.0; 19]);
            let (dx, dy) = field.split_at(19);
            let (places_mut, right_mut, down_mut) = (&mut places, &mut right, &mut down);
            let sizes = [7, 19];
            run(level, Sources { y: 3, sizes, map, dx, dy, places: places_mut, right: right_mut, down: down_mut });
            (places, right, down)
        });
        let first = all.next().expect("the portable level");
        assert!(all.all(|other| other == first));
    }
}
