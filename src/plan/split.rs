//! A dense layer as a stage of its own: each part of its outputs, with the weights that belong to it, is a task.
//!
//! A core then reads and writes its own part of the weights and of their gradient, step after step, and no gradients of
//! slices have to be added up, which for a layer with more weights than activations costs more than the arithmetic.

use super::step::Numbers;
use crate::Real;
use crate::Tensor;
use crate::kernels::{Matrix, MatrixMut, Workers};
use crate::layers::LinearOptions;
use crate::optim::Optimizer;
use crate::tensor::values_mut;
use std::ops::Range;
use std::sync::Mutex;

/// Z = X·Wᵀ + b, divided by outputs; ∂L/∂X = δ·W, divided by inputs.
#[derive(Debug)]
pub(super) struct Split<T: Real> {
    pub options: LinearOptions,
    /// The layer, as a printed plan shows it.
    pub module: String,
    /// Its parameters among all of the network.
    pub parameters: Range<usize>,
    pub outputs: Vec<Range<usize>>,
    pub inputs: Vec<Range<usize>>,
    /// Room for some rows of ∂L/∂W for each part of the outputs.
    rows: Vec<Mutex<Numbers<T>>>,
}

/// The most parts, and the fewest columns of one.
const MOST_PARTS: usize = 8;
const LEAST_COLUMNS: usize = 16;
/// Rows of ∂L/∂W that are moved by as soon as they are known; of 784 numbers each they take 100 KiB.
const ROWS: usize = 32;
/// Parts begin at multiples of this: whole registers, and whole cache lines of gradients.
const REGISTER: usize = 16;

/// Ranges of columns, as even as whole registers allow.
fn parts(columns: usize) -> Vec<Range<usize>> {
    let count = (columns / LEAST_COLUMNS).clamp(1, MOST_PARTS);
    let registers = columns.div_ceil(REGISTER);
    let at = |part: usize| (part * registers / count * REGISTER).min(columns);
    (0..count).map(|part| at(part)..if part + 1 == count { columns } else { at(part + 1) }).collect()
}

impl<T: Real> Split<T> {
    pub fn new(options: LinearOptions, module: String, parameters: Range<usize>) -> Self {
        let (outputs, inputs) = (parts(options.out_features), parts(options.in_features));
        let rows = outputs.iter().map(|_| Mutex::default()).collect();
        Split { options, module, parameters, outputs, inputs, rows }
    }

    /// Whether a layer's weights outweigh its activations in a batch of so many samples.
    pub fn pays(options: &LinearOptions, rows: usize) -> bool {
        let weights = options.in_features * options.out_features;
        let activations = rows * (options.in_features + options.out_features);
        weights >= 32 * 1024 && weights > activations && options.out_features >= 2 * LEAST_COLUMNS
    }

    /// z ← X·Wᵀ + b, a part of the outputs at a time.
    pub fn forward(&self, workers: &mut Workers, parameters: &[&[T]], x: &[T], z: &mut [T]) {
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

    /// dx ← ∂L/∂X = δ·W, a part of the inputs at a time.
    pub fn backward_delta(&self, workers: &mut Workers, parameters: &[&[T]], delta: &[T], dx: &mut [T]) {
        let LinearOptions { in_features, out_features, .. } = self.options;
        let rows = delta.len() / out_features;
        let w = Matrix::new(parameters[0], out_features, in_features);
        let d = Matrix::new(delta, rows, out_features);
        let blocks = columns(MatrixMut::new(dx, rows, in_features), &self.inputs);
        workers.run(blocks.len(), &|part| {
            let mut dx = blocks[part].lock().expect("no other task takes this part");
            T::gemm_into(T::one(), d, w.columns(self.inputs[part].clone()), T::zero(), dx.reborrow());
        });
    }

    /// gradients ← ∂L/∂W and ∂L/∂b, a part of the outputs at a time.
    pub fn gradients(&self, workers: &mut Workers, x: &[T], delta: &[T], gradients: &mut [Tensor<T>]) {
        let (weight, bias) = gradients.split_at_mut(1);
        let weight = self.by_outputs(values_mut(&mut weight[0]), self.options.in_features);
        let own: Vec<_> = weight.into_iter().zip(self.bias_by_outputs(bias)).map(Mutex::new).collect();
        workers.run(own.len(), &|part| {
            let (weight, bias) = &mut *own[part].lock().expect("no other task takes this part");
            self.gradient_of(self.outputs[part].clone(), x, delta, weight, bias);
        });
    }

    /// bias ← ∂L/∂b; W is moved by its gradient some rows at a time, which are in a core's cache then and kept nowhere.
    pub fn step(
        &self,
        workers: &mut Workers,
        x: &[T],
        delta: &[T],
        weight: &mut Tensor<T>,
        bias: &mut [Tensor<T>],
        optimizer: &mut Optimizer<T>,
    ) {
        let in_features = self.options.in_features;
        let lengths = self.outputs.iter().map(|outputs| outputs.len() * in_features);
        let weight = optimizer.stretches(self.parameters.start, values_mut(weight), lengths);
        let own: Vec<_> = weight.into_iter().zip(self.bias_by_outputs(bias)).map(Mutex::new).collect();
        workers.run(own.len(), &|part| {
            let (weight, bias) = &mut *own[part].lock().expect("no other task takes this part");
            let Range { start, end } = self.outputs[part];
            let mut rows = self.rows[part].lock().expect("no other task takes this part");
            for first in (start..end).step_by(ROWS) {
                let outputs = first..end.min(first + ROWS);
                let gradient = rows.take(outputs.len() * in_features);
                let bias = bias.get_mut(outputs.start - start..outputs.end - start).unwrap_or_default();
                self.gradient_of(outputs, x, delta, gradient, bias);
                weight.step(gradient);
            }
        });
    }

    /// The entries that belong to each part of the outputs, where each output has `width`.
    fn by_outputs<'a>(&self, mut entries: &'a mut [T], width: usize) -> Vec<&'a mut [T]> {
        let part = |outputs: &Range<usize>| entries.split_off_mut(..outputs.len() * width).unwrap_or_default();
        self.outputs.iter().map(part).collect()
    }

    /// The parts of ∂L/∂b; empty for a layer without b.
    fn bias_by_outputs<'a>(&self, gradient: &'a mut [Tensor<T>]) -> Vec<&'a mut [T]> {
        self.by_outputs(gradient.first_mut().map(values_mut).unwrap_or_default(), 1)
    }

    /// The gradients that belong to some outputs: those of rows of W, and of entries of b if there is one.
    fn gradient_of(&self, outputs: Range<usize>, x: &[T], delta: &[T], weight: &mut [T], bias: &mut [T]) {
        let LinearOptions { in_features, out_features, .. } = self.options;
        let rows = delta.len() / out_features;
        let (x, d) = (Matrix::new(x, rows, in_features), Matrix::new(delta, rows, out_features));
        // ∂L/∂W = δᵀ·X
        T::gemm(T::one(), d.columns(outputs.clone()).t(), x, T::zero(), weight);
        // ∂L/∂b = Σᵢ δᵢ
        bias.fill(T::zero());
        for row in delta.chunks_exact(out_features) {
            bias.iter_mut().zip(&row[outputs.clone()]).for_each(|(sum, &d)| *sum += d);
        }
    }
}

/// Blocks of columns, to be written at the same time.
pub(super) fn columns<'a, T>(matrix: MatrixMut<'a, T>, ranges: &[Range<usize>]) -> Vec<Mutex<MatrixMut<'a, T>>> {
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
