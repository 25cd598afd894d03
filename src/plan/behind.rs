//! What follows a batch norm and is done while a plane is in a core's first cache: an activation, a max-pool or both.

use super::entrywise::Function;
use crate::Real;
use crate::kernels::{NOWHERE, Windows, max_pool, max_pool_backward};
use crate::layers::Channel;

/// Z = pool(f(Y)), where Y is a normalised plane.
#[derive(Debug)]
pub(super) struct Behind<T> {
    pub function: Option<Box<dyn Function<T>>>,
    /// Windows that share no pixel, so that a δ reaches each pixel once at most.
    pub pool: Option<Windows>,
}

/// Room for planes on their way.
#[derive(Debug, Default)]
pub(super) struct Scratch<T> {
    y: Vec<T>,
    f: Vec<T>,
}

impl<T: Real> Behind<T> {
    /// Entries of a plane that comes out, where `plane` go in.
    pub fn output(&self, plane: usize) -> usize {
        self.pool.map_or(plane, |windows| windows.outputs())
    }

    /// Whether anything follows at all.
    pub fn is_nothing(&self) -> bool {
        self.function.is_none() && self.pool.is_none()
    }

    /// z ← pool(f(y)) of y, x normalised; `indices` ← where the maxima stand.
    pub fn forward(&self, normal: &Channel<T>, x: &[T], z: &mut [T], indices: &mut [u32], scratch: &mut Scratch<T>) {
        if self.is_nothing() {
            return normal.forward(x, z);
        }
        let Scratch { y, f } = scratch;
        y.resize(x.len(), T::zero());
        normal.forward(x, y);
        match (&self.function, &self.pool) {
            (Some(function), None) => function.apply(y, z),
            (Some(function), Some(windows)) => {
                f.resize(x.len(), T::zero());
                function.apply(y, f);
                max_pool(f, windows, z, indices);
            }
            (None, Some(windows)) => max_pool(y, windows, z, indices),
            (None, None) => {}
        }
    }

    /// d ← ∂L/∂y from ∂L/∂z and what [`Behind::forward`] was given and gave.
    pub fn backward(
        &self,
        normal: &Channel<T>,
        (x, z): (&[T], &[T]),
        indices: &[u32],
        dz: &[T],
        d: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        let Scratch { y, f } = scratch;
        let Some(function) = &self.function else {
            d.fill(T::zero());
            return max_pool_backward(dz, indices, d);
        };
        y.resize(dz.len(), T::zero());
        if self.pool.is_none() {
            normal.forward(x, y);
            d.copy_from_slice(dz);
            return function.times_derivative(y, z, d);
        }
        // At the maxima alone: elsewhere the product with δ is 0.
        f.clear();
        f.extend(indices.iter().map(|&at| if at == NOWHERE { T::zero() } else { x[at as usize] }));
        normal.forward(f, y);
        f.copy_from_slice(dz);
        function.times_derivative(y, z, f);
        d.fill(T::zero());
        max_pool_backward(f, indices, d);
    }
}
