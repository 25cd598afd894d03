//! A dense layer as a stage of its own: each part of its outputs, with the weights that belong to it, is a task.
//!
//! A core then reads and writes its own part of the weights and of their gradient, step after step, and no gradients of
//! slices have to be added up, which for a layer with more weights than activations costs more than the arithmetic.

use crate::Real;
use crate::Tensor;
use crate::kernels::{Matrix, MatrixMut, Workers};
use crate::layers::LinearOptions;
use crate::tensor::values_mut;
use std::ops::Range;
use std::sync::Mutex;

/// Z = X·Wᵀ + b, divided by outputs; ∂L/∂X = δ·W, divided by inputs.
#[derive(Debug)]
pub(super) struct Split {
    pub options: LinearOptions,
    /// The layer, as a printed plan shows it.
    pub module: String,
    /// Its parameters among all of the network.
    pub parameters: Range<usize>,
    pub outputs: Vec<Range<usize>>,
    pub inputs: Vec<Range<usize>>,
}

/// The most parts, and the fewest columns of one.
const MOST_PARTS: usize = 8;
const LEAST_COLUMNS: usize = 32;
/// Parts begin at multiples of this: whole registers, and whole cache lines of gradients.
const REGISTER: usize = 16;

/// Ranges of columns, as even as whole registers allow.
fn parts(columns: usize) -> Vec<Range<usize>> {
    let count = (columns / LEAST_COLUMNS).clamp(1, MOST_PARTS);
    let registers = columns.div_ceil(REGISTER);
    let at = |part: usize| (part * registers / count * REGISTER).min(columns);
    (0..count).map(|part| at(part)..if part + 1 == count { columns } else { at(part + 1) }).collect()
}

impl Split {
    pub fn new(options: LinearOptions, module: String, parameters: Range<usize>) -> Self {
        let (outputs, inputs) = (parts(options.out_features), parts(options.in_features));
        Split { options, module, parameters, outputs, inputs }
    }

    /// Whether a layer's weights outweigh its activations in a batch of so many samples.
    pub fn pays(options: &LinearOptions, rows: usize) -> bool {
        let weights = options.in_features * options.out_features;
        let activations = rows * (options.in_features + options.out_features);
        weights >= 32 * 1024 && weights > activations && options.out_features >= 2 * LEAST_COLUMNS
    }

    /// z ← X·Wᵀ + b, a part of the outputs at a time.
    pub fn forward<T: Real>(&self, workers: &mut Workers, parameters: &[&[T]], x: &[T], z: &mut [T]) {
        let LinearOptions { in_features, out_features, bias } = self.options;
        let rows = x.len() / in_features;
        let (x, w) = (Matrix::new(x, rows, in_features), Matrix::new(parameters[0], out_features, in_features));
        let blocks = columns(MatrixMut::new(z, rows, out_features), &self.outputs);
        workers.run(blocks.len(), &|part| {
            let mut z = blocks[part].lock().expect("no other task takes this part");
            let outputs = self.outputs[part].clone();
            let beta = if bias {
                (0..rows).for_each(|row| z.row_mut(row).copy_from_slice(&parameters[1][outputs.clone()]));
                T::one()
            } else {
                T::zero()
            };
            T::gemm_into(T::one(), x, w.rows(outputs).t(), beta, z.reborrow());
        });
    }

    /// gradients ← ∂L/∂W and ∂L/∂b, dx ← ∂L/∂X where it is wanted.
    pub fn backward<T: Real>(
        &self,
        workers: &mut Workers,
        parameters: &[&[T]],
        x: &[T],
        delta: &[T],
        dx: Option<&mut [T]>,
        gradients: &mut [Tensor<T>],
    ) {
        let LinearOptions { in_features, out_features, .. } = self.options;
        let rows = x.len() / in_features;
        let (x, w) = (Matrix::new(x, rows, in_features), Matrix::new(parameters[0], out_features, in_features));
        let d = Matrix::new(delta, rows, out_features);
        let (weight, bias) = gradients.split_at_mut(1);
        // Rows of ∂L/∂W belong to outputs.
        let mut weight = values_mut(&mut weight[0]);
        let mut bias = bias.first_mut().map(values_mut);
        let mut own = Vec::with_capacity(self.outputs.len());
        for outputs in &self.outputs {
            let (w, rest) = weight.split_at_mut(outputs.len() * in_features);
            weight = rest;
            let b = bias.take().map(|all| {
                let (b, rest) = all.split_at_mut(outputs.len());
                bias = Some(rest);
                b
            });
            own.push(Mutex::new((w, b)));
        }
        let dx = dx.map(|dx| columns(MatrixMut::new(dx, rows, in_features), &self.inputs));
        // The two kinds of parts in turn, so that a thread's share holds as much of both.
        let count = self.outputs.len().max(dx.as_ref().map_or(0, Vec::len));
        workers.run(count, &|part| {
            if let Some(own) = own.get(part) {
                let (weight, bias) = &mut *own.lock().expect("no other task takes this part");
                let outputs = self.outputs[part].clone();
                // ∂L/∂W = δᵀ·X
                T::gemm(T::one(), d.columns(outputs.clone()).t(), x, T::zero(), weight);
                // ∂L/∂b = Σᵢ δᵢ
                if let Some(bias) = bias {
                    bias.fill(T::zero());
                    for row in delta.chunks_exact(out_features) {
                        bias.iter_mut().zip(&row[outputs.clone()]).for_each(|(sum, &d)| *sum += d);
                    }
                }
            }
            if let Some(dx) = dx.as_ref().and_then(|dx| dx.get(part)) {
                // ∂L/∂X = δ·W
                let mut dx = dx.lock().expect("no other task takes this part");
                T::gemm_into(T::one(), d, w.columns(self.inputs[part].clone()), T::zero(), dx.reborrow());
            }
        });
    }
}

/// Blocks of columns, to be written at the same time.
fn columns<'a, T>(matrix: MatrixMut<'a, T>, ranges: &[Range<usize>]) -> Vec<Mutex<MatrixMut<'a, T>>> {
    let mut blocks = Vec::with_capacity(ranges.len());
    let mut rest = matrix;
    for range in ranges {
        let (block, behind) = rest.split_at_column(range.len());
        blocks.push(Mutex::new(block));
        rest = behind;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn parts_cover_all_columns_once_and_begin_at_whole_registers() {
        for columns in [1, 10, 64, 100, 128, 500, 784, 2500] {
            let parts = parts(columns);
            assert_eq!(parts.iter().flat_map(Clone::clone).collect::<Vec<_>>(), (0..columns).collect::<Vec<_>>());
            assert!(parts.iter().all(|part| part.start % 16 == 0 && !part.is_empty()), "{parts:?}");
        }
    }
}
