//! The heart of a product: tiles of C that grow in registers, a row of B times a column of A at a time.

use super::panel::Panel;
use super::product::Product;
use crate::Number;
use crate::vector::{Task, Turn, Vector};
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// The most vectors that the sums of a tile fill.
const MOST: usize = 24;
/// Terms that are added in one round of the inner loop, where there are at least so many. A round has 1.8 instructions for each
/// multiply-add rather than 2.3, which counts when another thread shares the core.
const UNROLLED: usize = 4;
const LONG: usize = 24;
/// The most rows of A to which there is a register each.
const POINTERS: usize = 6;

/// Where the sums of a tile wait that cannot be written to C as they are. Behind them is room for one vector more, so
/// that one can be read from any lane on.
type Waiting<V> = MaybeUninit<[V; MOST + 1]>;

/// Tiles one below the other: `count` of them, of ROWS rows each, from C's row i on, in the columns of a panel of B that is
/// VECTORS vectors wide. The rows and columns must lie inside C.
pub(super) struct Tiles<'a, V: Vector, const ROWS: usize, const VECTORS: usize> {
    pub product: &'a Product<V::Scalar>,
    pub panel: &'a Panel<V::Scalar>,
    pub i: usize,
    pub count: usize,
    pub vector: PhantomData<V>,
}

impl<V: Vector, const ROWS: usize, const VECTORS: usize> Task for Tiles<'_, V, ROWS, VECTORS> {
    type Result = ();

    #[inline(always)]
    unsafe fn go(self) {
        for tile in 0..self.count {
            // SAFETY: as the type promises.
            unsafe { self.product.tile::<V, ROWS, VECTORS>(self.i + tile * ROWS, self.panel) };
        }
    }
}

impl<T: Number> Product<T> {
    /// One tile.
    #[inline(always)]
    unsafe fn tile<V: Vector<Scalar = T>, const ROWS: usize, const VECTORS: usize>(&self, i: usize, panel: &Panel<T>) {
        // SAFETY: as promised by the caller.
        unsafe {
            let sums = self.sums::<V, ROWS, VECTORS>(i, panel);
            let alpha = V::splat(self.alpha);
            if panel.partial || self.turned {
                let mut waiting = Waiting::<V>::uninit();
                let room = waiting.as_mut_ptr().cast::<V>();
                for (r, sums) in sums.iter().enumerate() {
                    for (v, sum) in sums.iter().enumerate() {
                        room.add(r * VECTORS + v).write(alpha.times(*sum));
                    }
                }
                let (product, width) = (self, VECTORS * V::LANES);
                V::run(Place::<V> { product, panel, i, rows: ROWS, width, sums: &waiting });
            } else {
                for (r, sums) in sums.iter().enumerate() {
                    let c = self.c.add((i + r) * self.c_stride + panel.column);
                    for (v, sum) in sums.iter().enumerate() {
                        self.write(alpha.times(*sum), c.add(v * V::LANES));
                    }
                }
            }
        }
    }

    /// The sums of a tile, each in the order of its terms.
    #[inline(always)]
    unsafe fn sums<V: Vector<Scalar = T>, const ROWS: usize, const VECTORS: usize>(
        &self,
        i: usize,
        panel: &Panel<T>,
    ) -> [[V; VECTORS]; ROWS] {
        let (mut a, mut b) = (self.a.from(i, 0).at, panel.at);
        let (a_step, b_step) = (self.a.column_stride, panel.stride);
        let row_stride = self.a.row_stride;
        let mut terms = self.k;
        // SAFETY: A has ROWS rows from i on and k columns; the panel has k rows of VECTORS vectors.
        unsafe {
            let mut sums = [[V::zero(); VECTORS]; ROWS];
            let rounds = if terms < LONG { 0 } else { terms / UNROLLED };
            // Two layouts of A in which the compiler can do all but the arithmetic once for several terms.
            if row_stride == 1 {
                for _ in 0..rounds {
                    for term in 0..UNROLLED {
                        let a = a.wrapping_add(term * a_step);
                        add_term(&mut sums, |r| *a.add(r), b.wrapping_add(term * b_step));
                    }
                    a = a.wrapping_add(UNROLLED * a_step);
                    b = b.wrapping_add(UNROLLED * b_step);
                }
                terms -= rounds * UNROLLED;
            } else if a_step == 1 && ROWS <= POINTERS {
                let rows: [*const T; ROWS] = std::array::from_fn(|r| a.wrapping_add(r * row_stride));
                for p in (0..rounds * UNROLLED).step_by(UNROLLED) {
                    for term in 0..UNROLLED {
                        add_term(&mut sums, |r| *rows[r].add(p + term), b.wrapping_add(term * b_step));
                    }
                    b = b.wrapping_add(UNROLLED * b_step);
                }
                a = a.wrapping_add(rounds * UNROLLED);
                terms -= rounds * UNROLLED;
            }
            for _ in 0..terms {
                add_term(&mut sums, |r| *a.add(r * row_stride), b);
                a = a.wrapping_add(a_step);
                b = b.wrapping_add(b_step);
            }
            sums
        }
    }

    /// c ← scaled sums + β·c, lane by lane.
    #[inline(always)]
    pub(super) unsafe fn write<V: Vector<Scalar = T>>(&self, scaled: V, c: *mut T) {
        // SAFETY: as promised by the caller, c can be read and written for a whole vector.
        unsafe {
            if self.beta == T::zero() {
                scaled.store(c);
            } else {
                V::splat(self.beta).times_plus(V::load(c), scaled).store(c);
            }
        }
    }

    /// [`Product::write`] for the first lanes of a vector.
    #[inline(always)]
    unsafe fn write_first<V: Vector<Scalar = T>>(&self, scaled: V, c: *mut T, lanes: usize) {
        // SAFETY: as promised by the caller, c can be read and written for that many lanes; the buffer holds a vector.
        unsafe {
            if lanes >= V::LANES {
                return self.write(scaled, c);
            }
            let mut buffer = MaybeUninit::<V>::uninit();
            buffer.write(scaled);
            self.write_few::<V>(buffer.as_ptr().cast(), c, lanes);
        }
    }

    /// [`Product::write`] for fewer than 16 sums in memory: pieces of eight, four, two and one, which is faster than a loop.
    #[inline(always)]
    pub(super) unsafe fn write_few<V: Vector<Scalar = T>>(&self, scaled: *const T, c: *mut T, count: usize) {
        let (mut from, mut to) = (scaled, c);
        // SAFETY: as promised by the caller, both can be followed for `count` entries.
        unsafe {
            if count & 8 != 0 {
                self.write_piece::<V, 8>(&mut from, &mut to);
            }
            if count & 4 != 0 {
                self.write_piece::<V, 4>(&mut from, &mut to);
            }
            if count & 2 != 0 {
                self.write_piece::<V, 2>(&mut from, &mut to);
            }
            if count & 1 != 0 {
                self.write_piece::<V, 1>(&mut from, &mut to);
            }
        }
    }

    /// [`Product::write`] for `N` entries in memory, and a step behind them.
    #[inline(always)]
    unsafe fn write_piece<V: Vector<Scalar = T>, const N: usize>(&self, from: &mut *const T, to: &mut *mut T) {
        // SAFETY: as promised by the caller.
        unsafe {
            let mut piece = from.cast::<[T; N]>().read_unaligned();
            let at = to.cast::<[T; N]>();
            if self.beta != T::zero() {
                for (sum, c) in piece.iter_mut().zip(at.read_unaligned()) {
                    *sum = V::scalar_times_plus(self.beta, c, *sum);
                }
            }
            at.write_unaligned(piece);
            (*from, *to) = (from.add(N), to.add(N));
        }
    }
}

/// Adds one term to each sum of a tile: an entry of each row of A times a row of B.
#[inline(always)]
unsafe fn add_term<V: Vector, const ROWS: usize, const VECTORS: usize>(
    sums: &mut [[V; VECTORS]; ROWS],
    a: impl Fn(usize) -> V::Scalar,
    b: *const V::Scalar,
) {
    // SAFETY: as promised by the caller.
    unsafe {
        let row: [V; VECTORS] = std::array::from_fn(|v| V::load(b.add(v * V::LANES)));
        for (r, sums) in sums.iter_mut().enumerate() {
            let x = V::splat(a(r));
            for (sum, &y) in sums.iter_mut().zip(&row) {
                *sum = x.times_plus(y, *sum);
            }
        }
    }
}

/// Sums that wait, `rows` rows of `width` entries, to be written to their part of C: C's rows from i on in a panel's
/// columns.
struct Place<'a, V: Vector> {
    product: &'a Product<V::Scalar>,
    panel: &'a Panel<V::Scalar>,
    i: usize,
    rows: usize,
    width: usize,
    sums: &'a Waiting<V>,
}

impl<V: Vector> Task for Place<'_, V> {
    type Result = ();

    #[inline(always)]
    unsafe fn go(self) {
        let Place { product, panel, i, rows, width, .. } = self;
        let sums = self.sums.as_ptr().cast::<V::Scalar>();
        let lanes = <V::Turner as Vector>::LANES;
        // SAFETY: the rows and the panel's columns from `first` to `last` lie inside C; a vector that is read from behind the
        // last row lies inside the room.
        unsafe {
            if product.turned {
                for lane in (0..width).step_by(lanes) {
                    for r in (0..rows).step_by(lanes) {
                        let block = V::Turner::turned(sums.add(r * width + lane), width, rows - r);
                        for (lane, column) in (lane..panel.last).zip(block.as_ref()) {
                            if lane >= panel.first {
                                let c = product.c.add((panel.column + lane) * product.c_stride + i + r);
                                product.write_first(*column, c, rows - r);
                            }
                        }
                    }
                }
            } else {
                for r in 0..rows {
                    let c = product.c.wrapping_add((i + r) * product.c_stride + panel.column);
                    for lane in (panel.first..panel.last).step_by(V::LANES) {
                        let sums = V::load(sums.add(r * width + lane));
                        product.write_first(sums, c.wrapping_add(lane), panel.last - lane);
                    }
                }
            }
        }
    }
}

/// Copies fewer than 16 values: eight, four, two and one, which is faster than a loop.
#[inline(always)]
pub(super) unsafe fn copy_few<T: Copy>(mut from: *const T, mut to: *mut T, count: usize) {
    // SAFETY: as promised by the caller, both can be followed for `count` values.
    unsafe {
        if count & 8 != 0 {
            to.cast::<[T; 8]>().write_unaligned(from.cast::<[T; 8]>().read_unaligned());
            (from, to) = (from.add(8), to.add(8));
        }
        if count & 4 != 0 {
            to.cast::<[T; 4]>().write_unaligned(from.cast::<[T; 4]>().read_unaligned());
            (from, to) = (from.add(4), to.add(4));
        }
        if count & 2 != 0 {
            to.cast::<[T; 2]>().write_unaligned(from.cast::<[T; 2]>().read_unaligned());
            (from, to) = (from.add(2), to.add(2));
        }
        if count & 1 != 0 {
            to.write(*from);
        }
    }
}
