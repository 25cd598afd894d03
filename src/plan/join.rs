//! Where a way around some stages comes back: a residual block that holds a batch norm, and so is more than a step of slices.

use crate::Real;
use crate::kernels::Workers;
use std::sync::Mutex;

/// Z = X + f(X), where the stages since `from` are f.
#[derive(Debug)]
pub(super) struct Join {
    /// The first stage of f: X is its input.
    pub from: usize,
    /// Numbers of a sample.
    pub len: usize,
    /// The module, as a printed plan shows it.
    pub module: String,
}

/// Numbers that one task adds.
const ADDED: usize = 16 * 1024;

impl Join {
    /// z ← x + f(x).
    pub fn forward<T: Real>(workers: &mut Workers, x: &[T], fx: &[T], z: &mut [T]) {
        in_chunks(workers, z, |at, z| {
            let both = x[at..].iter().zip(&fx[at..]);
            z.iter_mut().zip(both).for_each(|(z, (&x, &fx))| *z = x + fx);
        });
    }

    /// ∂L/∂f(x) ← ∂L/∂z.
    pub fn backward<T: Real>(workers: &mut Workers, dz: &[T], dfx: &mut [T]) {
        in_chunks(workers, dfx, |at, dfx| dfx.copy_from_slice(&dz[at..at + dfx.len()]));
    }

    /// ∂L/∂x ← ∂L/∂z + what came through f.
    pub fn end<T: Real>(workers: &mut Workers, dz: &[T], dx: &mut [T]) {
        in_chunks(workers, dx, |at, dx| dx.iter_mut().zip(&dz[at..]).for_each(|(dx, &dz)| *dx = dz + *dx));
    }
}

/// Calls `job(start, part)` for parts of some numbers at the same time.
fn in_chunks<T: Real>(workers: &mut Workers, numbers: &mut [T], job: impl Fn(usize, &mut [T]) + Sync) {
    let chunks: Vec<_> = numbers.chunks_mut(ADDED).map(Mutex::new).collect();
    workers.run(chunks.len(), &|chunk| {
        job(chunk * ADDED, &mut chunks[chunk].lock().expect("no other task takes this chunk"));
    });
}
