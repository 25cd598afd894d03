//! The way back through a block: each delta goes to the patch of its maximum alone.

use super::{ConvBlock, Route};
use crate::Real;
use crate::kernels::simd::{Comparable, Kernel};

/// One image on its way back through a [`ConvBlock`].
pub struct Backward<'a, T> {
    /// The padded image.
    pub padded: &'a [T],
    /// What [`ConvBlock::pack`] wrote.
    pub packed: &'a [T],
    /// ∂L/∂z.
    pub delta: &'a [T],
    /// What [`ConvBlock::forward`] wrote.
    pub at: &'a [u8],
    /// Added to.
    pub gradient: &'a mut [T],
    /// Added to.
    pub bias: Option<&'a mut [T]>,
    /// Added to, padded.
    pub dx: Option<&'a mut [T]>,
}

/// [`ConvBlock::backward`].
pub(super) struct BackwardKernel<'a, 'b, T> {
    pub block: &'b ConvBlock,
    pub image: Backward<'a, T>,
    pub routes: &'b mut [Route<T>],
}

impl<T: Real> Kernel<T> for BackwardKernel<'_, '_, T> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = T>>(mut self) {
        let block = self.block;
        let registers = block.patch_len() / V::LANES;
        for channel in 0..block.outputs {
            let count = block.route(channel, self.image.delta, self.image.at, self.routes);
            if let Some(bias) = &mut self.image.bias {
                bias[channel] += self.routes[..count].iter().map(|route| route.delta).sum();
            }
            let mut register = 0;
            // SAFETY: the registers named lie within a patch.
            unsafe {
                while register + 6 <= registers {
                    self.registers::<V, 6>(channel, count, register);
                    register += 6;
                }
                while register + 3 <= registers {
                    self.registers::<V, 3>(channel, count, register);
                    register += 3;
                }
                while register < registers {
                    self.registers::<V, 1>(channel, count, register);
                    register += 1;
                }
            }
        }
    }
}

impl<T: Real> BackwardKernel<'_, '_, T> {
    /// N registers of one filter: its gradient, kept in registers over all routes; and the image's, added to along them.
    #[inline(always)]
    unsafe fn registers<V: Comparable<Scalar = T>, const N: usize>(
        &mut self,
        channel: usize,
        count: usize,
        register: usize,
    ) {
        let block = self.block;
        let routes = &self.routes[..count];
        let of_filter = channel * block.patch_len() + register * V::LANES;
        // From a patch's start to each register: registers of a row lie side by side, rows lie a line of the image apart.
        let steps: [usize; N] = std::array::from_fn(|n| {
            let number = (register + n) * V::LANES;
            number / block.whole_row * block.line + number % block.whole_row
        });
        // SAFETY: routes lead to patches within the padded image, behind which there is room for a register; the gradient
        // and the filters at the end of the packed weights have `patch_len` numbers a filter.
        unsafe {
            let gradient = self.image.gradient.as_mut_ptr().add(of_filter);
            let from = self.image.padded.as_ptr();
            let mut sums = [[V::splat(T::zero()); N]; 2];
            let (pairs, rest) = routes.as_chunks::<2>();
            for pair in pairs {
                // Two sets of sums, so that no addition waits for the one before.
                for (sums, route) in sums.iter_mut().zip(pair) {
                    let (delta, from) = (V::splat(route.delta), from.add(route.patch as usize));
                    for (sum, step) in sums.iter_mut().zip(steps) {
                        *sum = delta.times_plus(V::load(from.add(step)), *sum);
                    }
                }
            }
            for route in rest {
                let (delta, from) = (V::splat(route.delta), from.add(route.patch as usize));
                for (sum, step) in sums[0].iter_mut().zip(steps) {
                    *sum = delta.times_plus(V::load(from.add(step)), *sum);
                }
            }
            for (n, (&a, &b)) in sums[0].iter().zip(&sums[1]).enumerate() {
                let to = gradient.add(n * V::LANES);
                V::load(to).plus(a.plus(b)).store(to);
            }
            let Some(dx) = &mut self.image.dx else { return };
            let filters = self.image.packed.as_ptr().add(block.padded_outputs() * (block.size() + 1));
            let w: [V; N] = std::array::from_fn(|n| V::load(filters.add(of_filter + n * V::LANES)));
            for route in routes {
                let (delta, to) = (V::splat(route.delta), dx.as_mut_ptr().add(route.patch as usize));
                for (w, step) in w.iter().zip(steps) {
                    let to = to.add(step);
                    delta.times_plus(*w, V::load(to)).store(to);
                }
            }
        }
    }
}
