//! A max-pool that no convolution has taken along.

use super::step::{Backward, Pass, Room, Step};
use crate::Real;
use crate::kernels::{Windows, max_pool, max_pool_backward};

/// The maximum of each window, plane by plane.
#[derive(Debug)]
pub(super) struct MaxPool {
    pub windows: Windows,
    pub channels: usize,
}

impl<T: Real> Step<T> for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool"
    }

    fn output_len(&self) -> usize {
        self.channels * self.windows.outputs()
    }

    fn forward(&self, _: &Pass<'_, T>, x: &[T], z: &mut [T], room: &mut Room<T>) {
        let (inputs, outputs) = (self.windows.inputs(), self.windows.outputs());
        room.indices.resize(z.len(), 0);
        let planes = z.chunks_exact_mut(outputs).zip(room.indices.chunks_exact_mut(outputs));
        for (x, (z, indices)) in x.chunks_exact(inputs).zip(planes) {
            max_pool(x, &self.windows, z, indices);
        }
    }

    fn backward(&self, _: &Pass<'_, T>, io: Backward<'_, T>, _: &mut [T], room: &mut Room<T>) {
        let Some(dx) = io.dx else { return };
        dx.fill(T::zero());
        let outputs = self.windows.outputs();
        let planes = io.dz.chunks_exact(outputs).zip(room.indices.chunks_exact(outputs));
        for (dx, (dz, indices)) in dx.chunks_exact_mut(self.windows.inputs()).zip(planes) {
            max_pool_backward(dz, indices, dx);
        }
    }
}
