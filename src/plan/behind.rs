//! What follows a batch norm and is done while a plane is in a core's first cache: an activation, a max-pool or both.

use super::entrywise::Function;
use crate::Real;
use crate::kernels::{Aligned, Windows, max_pool};
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
    y: Aligned<T>,
    f: Aligned<T>,
}

impl<T: Real> Behind<T> {
    /// Entries of a plane that comes out, where `plane` go in.
    pub fn output(&self, plane: usize) -> usize {
        self.pool.map_or(plane, |windows| windows.outputs())
    }

    /// Whether anything follows at all.
    fn is_nothing(&self) -> bool {
        self.function.is_none() && self.pool.is_none()
    }

    /// z ← pool(f(y)) of y, x normalised; `maxima` ← where in the plane the maxima stand and x there.
    pub fn forward(
        &self,
        normal: &Channel<T>,
        x: &[T],
        z: &mut [T],
        (indices, maxima): (&mut [u32], &mut [T]),
        scratch: &mut Scratch<T>,
    ) {
        if self.is_nothing() {
            return normal.forward(x, z);
        }
        let Scratch { y, f } = scratch;
        let y = y.take(x.len());
        normal.forward(x, y);
        match (&self.function, &self.pool) {
            (Some(function), None) => function.apply(y, z),
            (Some(function), Some(windows)) => {
                let f = f.take(x.len());
                function.apply(y, f);
                max_pool(f, windows, z, indices);
            }
            (None, Some(windows)) => max_pool(y, windows, z, indices),
            (None, None) => {}
        }
        maxima.iter_mut().zip(indices).for_each(|(maximum, &mut at)| *maximum = x[at as usize]);
    }

    /// d ← ∂L/∂y from d = ∂L/∂z, where a δ comes in, which behind a pool is at the maxima; x and z there are given.
    pub fn backward(&self, normal: &Channel<T>, x: &[T], z: &[T], d: &mut [T], scratch: &mut Scratch<T>) {
        let Some(function) = &self.function else { return };
        let y = scratch.y.take(x.len());
        normal.forward(x, y);
        function.times_derivative(y, z, d);
    }

    /// [`Behind::forward`] of a sample with one entry a channel, behind which there is no pool.
    pub fn forward_row(&self, normals: &[Channel<T>], x: &[T], z: &mut [T], scratch: &mut Scratch<T>) {
        let Some(function) = &self.function else { return normalise(normals, x, z) };
        let y = scratch.y.take(x.len());
        normalise(normals, x, y);
        function.apply(y, z);
    }

    /// [`Behind::backward`] of a sample with one entry a channel.
    pub fn backward_row(&self, normals: &[Channel<T>], x: &[T], z: &[T], d: &mut [T], scratch: &mut Scratch<T>) {
        let Some(function) = &self.function else { return };
        let y = scratch.y.take(x.len());
        normalise(normals, x, y);
        function.times_derivative(y, z, d);
    }
}

/// y ← x normalised, each entry by its own channel.
fn normalise<T: Real>(normals: &[Channel<T>], x: &[T], y: &mut [T]) {
    y.iter_mut().zip(normals.iter().zip(x)).for_each(|(y, (normal, &x))| *y = normal.at(x));
}
