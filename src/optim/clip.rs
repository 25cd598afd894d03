//! Gradient clipping: by the norm of all gradients together, or entry by entry.

use crate::kernels::Workers;
use crate::tensor::{values, values_mut};
use crate::{Real, Tensor};
use std::sync::Mutex;

/// Entries that one task sums or scales, and that one partial sum covers.
const CHUNK: usize = 16 * 1024;
/// Partial sums that run side by side, as the entries of vectors.
const LANES: usize = 16;

/// **g ← g·min(1, c/(‖g‖ + 10⁻⁶))**, with ‖g‖² = Σ g² over the entries of all tensors; gives ‖g‖ from before.
///
/// The squares are added in double precision in an order that depends on the shapes alone. An entry that is NaN
/// makes every gradient so; an infinite one makes the factor 0, and so itself NaN and the others 0, as in PyTorch's
/// `clip_grad_norm_`.
///
/// Panics when c is NaN or below 0, which would turn the gradients round.
///
/// Source: Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural networks*, 2013, algorithm 1.
///
/// ```
/// use limpide::{kernels::Workers, optim::clip_grad_norm, tensor};
/// let mut gradients = [tensor(&[1], vec![3.0]), tensor(&[2], vec![4.0, 0.0])];
/// assert_eq!(clip_grad_norm(&mut gradients, 1.0, &mut Workers::new(1)), 5.0);
/// assert!((gradients[1][[0]] - 0.8f64).abs() < 1e-6);
/// ```
pub fn clip_grad_norm<T: Real>(gradients: &mut [Tensor<T>], max_norm: f64, workers: &mut Workers) -> f64 {
    assert!(max_norm >= 0.0, "clip_grad_norm wants a largest norm of 0 or more, got {max_norm}");
    let norm = total_norm(gradients, workers);
    let factor = max_norm / (norm + 1e-6);
    // A norm that is no number is to be seen in the gradients.
    if factor < 1.0 || factor.is_nan() {
        let factor = T::of(factor);
        each_chunk(gradients, workers, |chunk| chunk.iter_mut().for_each(|g| *g *= factor));
    }
    norm
}

/// **g ← max(−c, min(c, g))**, entry by entry; NaN stays.
///
/// Panics when c is NaN or below 0.
///
/// ```
/// use limpide::{kernels::Workers, optim::clip_grad_value, tensor};
/// let mut gradients = [tensor(&[3], vec![0.25, 3.0, -3.0])];
/// clip_grad_value(&mut gradients, 0.5, &mut Workers::new(1));
/// assert_eq!(gradients[0], tensor(&[3], vec![0.25, 0.5, -0.5]));
/// ```
pub fn clip_grad_value<T: Real>(gradients: &mut [Tensor<T>], clip_value: f64, workers: &mut Workers) {
    assert!(clip_value >= 0.0, "clip_grad_value wants a largest magnitude of 0 or more, got {clip_value}");
    let limit = T::of(clip_value);
    each_chunk(gradients, workers, |chunk| chunk.iter_mut().for_each(|g| *g = g.clamp(-limit, limit)));
}

/// ‖g‖ of all tensors together.
///
/// Panics when a tensor is not in row-major order, as gradients always are.
pub fn total_norm<T: Real>(gradients: &[Tensor<T>], workers: &mut Workers) -> f64 {
    let chunks: Vec<&[T]> = gradients.iter().flat_map(|gradient| values(gradient).chunks(CHUNK)).collect();
    let sums: Vec<Mutex<f64>> = chunks.iter().map(|_| Mutex::new(0.0)).collect();
    workers.run(chunks.len(), &|chunk| {
        *sums[chunk].lock().expect("no other task writes here") = sum_of_squares(chunks[chunk]);
    });
    sums.into_iter().map(|sum| sum.into_inner().expect("no task panicked")).sum::<f64>().sqrt()
}

fn sum_of_squares<T: Real>(x: &[T]) -> f64 {
    let mut sums = [0.0; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    let mut add = |block: &[T]| {
        for (sum, x) in sums.iter_mut().zip(block) {
            let x = Real::to_f64(*x);
            *sum += x * x;
        }
    };
    blocks.iter().for_each(|block| add(block));
    add(rest);
    sums.iter().sum()
}

fn each_chunk<T: Real>(tensors: &mut [Tensor<T>], workers: &mut Workers, change: impl Fn(&mut [T]) + Sync) {
    let slices = tensors.iter_mut().map(|tensor| values_mut(tensor));
    let chunks: Vec<Mutex<&mut [T]>> = slices.flat_map(|slice| slice.chunks_mut(CHUNK)).map(Mutex::new).collect();
    workers.run(chunks.len(), &|chunk| change(&mut chunks[chunk].lock().expect("no other task takes this chunk")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor;

    #[test]
    #[should_panic(expected = "clip_grad_norm wants a largest norm of 0 or more, got -1")]
    fn a_negative_norm_is_refused() {
        clip_grad_norm(&mut [tensor(&[1], vec![1.0f32])], -1.0, &mut Workers::new(1));
    }

    #[test]
    #[should_panic(expected = "clip_grad_value wants a largest magnitude of 0 or more, got NaN")]
    fn a_magnitude_that_is_no_number_is_refused() {
        clip_grad_value(&mut [tensor(&[1], vec![1.0f32])], f64::NAN, &mut Workers::new(1));
    }
}
