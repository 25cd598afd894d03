//! One vector register as a value: what a kernel needs of it, for every set of instructions.
//!
//! Kernels are written once over [`Vector`] and compiled inside a function that has the instructions enabled. Arrays stand
//! in for the register where nothing is known of the machine.

#[cfg(target_arch = "x86_64")]
mod x86;

use crate::Number;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Work for [`Vector::run`].
pub(super) trait Task {
    type Result;
    /// Does it; `#[inline(always)]`, so that it is compiled for the instructions of the function around it.
    unsafe fn go(self) -> Self::Result;
}

/// The entries of one register.
///
/// # Safety
/// Every function may use the instructions of its type: the caller must be compiled for them, on a machine that has them.
/// Pointers must be good for the entries that are read or written; they need no alignment.
pub(super) trait Vector: Copy {
    /// The type of an entry.
    type Scalar: Number;
    /// How many entries there are.
    const LANES: usize;
    /// The vector that blocks are turned in, on which the cost of a turn depends most.
    type Turner: Turn<Scalar = Self::Scalar>;

    /// Runs a task in a function of its own, compiled for V's instructions.
    ///
    /// A function by itself is what makes the compiler keep a loop's vectors in registers: inside a large one it does
    /// not.
    unsafe fn run<K: Task>(task: K) -> K::Result;
    /// 0 in every lane.
    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: as promised by the caller.
        unsafe { Self::splat(zero()) }
    }
    /// x in every lane.
    unsafe fn splat(x: Self::Scalar) -> Self;
    /// The entries from `at` on.
    unsafe fn load(at: *const Self::Scalar) -> Self;
    /// Writes the entries from `at` on.
    unsafe fn store(self, at: *mut Self::Scalar);
    /// Writes some lanes to their places from `at` on. Only they need be writable.
    #[inline(always)]
    unsafe fn store_lanes(self, at: *mut Self::Scalar, lanes: Range<usize>) {
        let buffer = MaybeUninit::new(self);
        // SAFETY: as promised by the caller; the buffer holds a vector.
        unsafe {
            let from = buffer.as_ptr().cast::<Self::Scalar>().add(lanes.start);
            from.copy_to_nonoverlapping(at.wrapping_add(lanes.start), lanes.len());
        }
    }
    /// Half of the entries from `low` on, the others from `high` on.
    #[inline(always)]
    unsafe fn load_halves(low: *const Self::Scalar, high: *const Self::Scalar) -> Self {
        let mut buffer = MaybeUninit::<Self>::uninit();
        let to = buffer.as_mut_ptr().cast::<Self::Scalar>();
        // SAFETY: as promised by the caller; the buffer holds a vector.
        unsafe {
            low.copy_to_nonoverlapping(to, Self::LANES / 2);
            high.copy_to_nonoverlapping(to.add(Self::LANES / 2), Self::LANES / 2);
            buffer.assume_init()
        }
    }
    /// [`Vector::store_lanes`] of each half.
    #[inline(always)]
    unsafe fn store_halves(self, at: [*mut Self::Scalar; 2], lanes: [Range<usize>; 2]) {
        let buffer = MaybeUninit::new(self);
        for (half, (at, lanes)) in at.into_iter().zip(lanes).enumerate() {
            // SAFETY: as promised by the caller; the buffer holds a vector.
            unsafe {
                let from = buffer.as_ptr().cast::<Self::Scalar>().add(half * Self::LANES / 2 + lanes.start);
                from.copy_to_nonoverlapping(at.wrapping_add(lanes.start), lanes.len());
            }
        }
    }
    /// self + b, lane by lane.
    unsafe fn plus(self, b: Self) -> Self;
    /// self − b, lane by lane.
    unsafe fn minus(self, b: Self) -> Self;
    /// self · b, lane by lane.
    unsafe fn times(self, b: Self) -> Self;
    /// Lane q is the sum of the lanes of the vector that is q-th from `at` on: as many vectors as lanes are read. The order of
    /// the additions is the same for all; exported source (`format/rust_source/runtime.rs`) follows it.
    unsafe fn lane_sums(at: *const Self::Scalar) -> Self;
    /// self · b + c, lane by lane; rounded once, but by arrays twice.
    unsafe fn times_plus(self, b: Self, c: Self) -> Self;
    /// a · b + c, rounded as often as [`Vector::times_plus`] does.
    #[inline(always)]
    fn scalar_times_plus(a: Self::Scalar, b: Self::Scalar, c: Self::Scalar) -> Self::Scalar {
        fused(a, b, c)
    }
}

/// A vector in which a square block of entries can be turned (transposed).
pub(super) trait Turn: Vector {
    /// As many vectors as a vector has lanes.
    type Block: AsRef<[Self]>;

    /// Vector q of the result holds entry q of each row: the block of `rows` rows, `stride` apart, turned. When there are fewer
    /// rows than lanes, the other lanes repeat the last row. `stride` must not be 0.
    unsafe fn turned(at: *const Self::Scalar, stride: usize, rows: usize) -> Self::Block;
}

/// A row of a block, or the last one.
#[inline(always)]
fn row<T>(at: *const T, stride: usize, rows: usize, index: usize) -> *const T {
    at.wrapping_add(index.min(rows - 1) * stride)
}

#[inline(always)]
fn fused<T: Number>(a: T, b: T, c: T) -> T {
    a.mul_add(b, c)
}

/// Spelt out, because traits of an associated type's bound are not in scope.
#[inline(always)]
fn zero<T: Number>() -> T {
    T::zero()
}

impl<T: Number, const L: usize> Vector for [T; L] {
    type Scalar = T;
    const LANES: usize = L;
    type Turner = Self;

    #[inline(never)]
    unsafe fn run<K: Task>(task: K) -> K::Result {
        // SAFETY: as promised by the caller.
        unsafe { task.go() }
    }

    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        [x; L]
    }

    #[inline(always)]
    unsafe fn load(at: *const T) -> Self {
        // SAFETY: as promised by the caller.
        unsafe { at.cast::<[T; L]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(self, at: *mut T) {
        // SAFETY: as promised by the caller.
        unsafe { at.cast::<[T; L]>().write_unaligned(self) }
    }

    #[inline(always)]
    unsafe fn plus(mut self, b: Self) -> Self {
        for (a, b) in self.iter_mut().zip(b) {
            *a += b;
        }
        self
    }

    #[inline(always)]
    unsafe fn minus(mut self, b: Self) -> Self {
        for (a, b) in self.iter_mut().zip(b) {
            *a -= b;
        }
        self
    }

    #[inline(always)]
    unsafe fn times(mut self, b: Self) -> Self {
        for (a, b) in self.iter_mut().zip(b) {
            *a *= b;
        }
        self
    }

    #[inline(always)]
    unsafe fn times_plus(self, b: Self, mut c: Self) -> Self {
        for ((c, a), b) in c.iter_mut().zip(self).zip(b) {
            *c += a * b;
        }
        c
    }

    #[inline(always)]
    unsafe fn lane_sums(at: *const T) -> Self {
        std::array::from_fn(|q| {
            // SAFETY: as promised by the caller.
            let mut lanes = unsafe { Self::load(at.add(q * L)) };
            let mut half = L / 2;
            while half > 0 {
                (0..half).for_each(|lane| lanes[lane] += lanes[half + lane]);
                half /= 2;
            }
            lanes[0]
        })
    }

    #[inline(always)]
    fn scalar_times_plus(a: T, b: T, c: T) -> T {
        a * b + c
    }
}

impl<T: Number, const L: usize> Turn for [T; L] {
    type Block = [Self; L];

    #[inline(always)]
    unsafe fn turned(at: *const T, stride: usize, rows: usize) -> [Self; L] {
        let mut block = [[T::zero(); L]; L];
        for lane in 0..L {
            let row = row(at, stride, rows, lane);
            for (q, vector) in block.iter_mut().enumerate() {
                // SAFETY: as promised by the caller.
                vector[lane] = unsafe { *row.add(q) };
            }
        }
        block
    }
}
