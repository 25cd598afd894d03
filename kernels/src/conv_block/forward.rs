//! The way forward through a block: the pixels of a window side by side in registers, of which the largest is kept.

use super::{ConvBlock, WIDEST};
use crate::Kernels;
use crate::simd::{Comparable, Kernel};

/// [`ConvBlock::forward`].
pub(super) struct Forward<'a, T> {
    pub block: &'a ConvBlock,
    pub padded: &'a [T],
    pub packed: &'a [T],
    pub z: &'a mut [T],
    pub at: &'a mut [u8],
}

impl<T: Kernels> Kernel<T> for Forward<'_, T> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = T>>(mut self) {
        let registers = self.block.padded_outputs() / V::LANES;
        let mut register = 0;
        // SAFETY: as promised by the caller; the registers named lie within the padded outputs.
        unsafe {
            while register + 2 <= registers {
                self.registers::<V, 2, 4>(register);
                register += 2;
            }
            if register < registers {
                self.registers::<V, 1, 8>(register);
            }
        }
    }
}

impl<T: Kernels> Forward<'_, T> {
    /// All cells, for N registers of output channels: P pixels side by side, window after window, whose sums fill half the
    /// registers of AVX2.
    #[inline(always)]
    unsafe fn registers<V: Comparable<Scalar = T>, const N: usize, const P: usize>(&mut self, register: usize) {
        let block = self.block;
        let (cells, places) = (block.cells(), block.places());
        let (mut cell, mut place) = (0, 0);
        // SAFETY: within a kernel.
        let nothing = unsafe { ([V::splat(T::neg_infinity()); N], [V::zero(); N]) };
        let (mut best, mut at) = nothing;
        while cell < cells {
            let mut ahead = (cell, place);
            let patches = std::array::from_fn(|_| {
                // Where pixels are missing, the last window's are computed again and not used.
                let patch = block.starts[ahead.0] + block.within[ahead.1];
                ahead.1 += 1;
                if ahead.1 == places {
                    ahead = (cells.min(ahead.0 + 2) - 1, 0);
                }
                patch as usize
            });
            // SAFETY: every patch named lies within the padded image.
            let sums = unsafe { self.sums::<V, N, P>(register, patches) };
            for sums in &sums {
                // SAFETY: within a kernel; the cell is one.
                unsafe {
                    (best, at) = keep_larger(sums, place, best, at);
                    place += 1;
                    if place == places {
                        self.write(cell, register, &best, &at);
                        (best, at) = nothing;
                        (cell, place) = (cell + 1, 0);
                        if cell == cells {
                            return;
                        }
                    }
                }
            }
        }
    }

    /// b + W·patch for P patches and N registers of output channels.
    #[inline(always)]
    unsafe fn sums<V: Comparable<Scalar = T>, const N: usize, const P: usize>(
        &self,
        register: usize,
        patches: [usize; P],
    ) -> [[V; N]; P] {
        let block = self.block;
        let size = block.size();
        // SAFETY: the packed weights hold, for each register, LANES numbers a place of the patch, and behind them the biases;
        // a patch has `rows` rows of `row` numbers, `line` apart, within the padded image.
        unsafe {
            let weights = self.packed.as_ptr().add(register * size * V::LANES);
            let bias = self.packed.as_ptr().add(block.padded_outputs() * size + register * V::LANES);
            let mut sums = [[V::splat(T::zero()); N]; P];
            for (n, bias) in (0..N).map(|n| (n, V::load(bias.add(n * V::LANES)))) {
                sums.iter_mut().for_each(|sums| sums[n] = bias);
            }
            for row in 0..block.rows() {
                let weights = weights.add(row * block.row * V::LANES);
                let from: [*const T; P] =
                    std::array::from_fn(|p| self.padded.as_ptr().add(patches[p] + row * block.line));
                for k in 0..block.row {
                    let w: [V; N] = std::array::from_fn(|n| V::load(weights.add((n * size + k) * V::LANES)));
                    for (sums, from) in sums.iter_mut().zip(&from) {
                        let x = V::splat(*from.add(k));
                        for (sum, &w) in sums.iter_mut().zip(&w) {
                            *sum = x.times_plus(w, *sum);
                        }
                    }
                }
            }
            sums
        }
    }

    /// Writes one cell's registers; the last register may be wider than the channels that are left.
    #[inline(always)]
    unsafe fn write<V: Comparable<Scalar = T>, const N: usize>(
        &mut self,
        cell: usize,
        register: usize,
        best: &[V; N],
        at: &[V; N],
    ) {
        for n in 0..N {
            let channel = (register + n) * V::LANES;
            let start = cell * self.block.outputs + channel;
            let used = V::LANES.min(self.block.outputs - channel);
            // SAFETY: `used` numbers from `start` on belong to this cell; whole registers are written only where they fit.
            unsafe {
                if used == V::LANES {
                    best[n].store(self.z.as_mut_ptr().add(start));
                    at[n].store_bytes(self.at.as_mut_ptr().add(start));
                } else {
                    let (mut numbers, mut bytes) = ([T::zero(); WIDEST], [0; WIDEST]);
                    best[n].store(numbers.as_mut_ptr());
                    at[n].store_bytes(bytes.as_mut_ptr());
                    self.z[start..start + used].copy_from_slice(&numbers[..used]);
                    self.at[start..start + used].copy_from_slice(&bytes[..used]);
                }
            }
        }
    }
}

/// The larger of best and the sums, and the place where it stands.
#[inline(always)]
unsafe fn keep_larger<T: Kernels, V: Comparable<Scalar = T>, const N: usize>(
    sums: &[V; N],
    place: usize,
    mut best: [V; N],
    mut at: [V; N],
) -> ([V; N], [V; N]) {
    for n in 0..N {
        // SAFETY: within a kernel, as the caller is.
        (best[n], at[n]) = unsafe { sums[n].keep_larger(best[n], V::splat(T::number(place as f64)), at[n]) };
    }
    (best, at)
}
