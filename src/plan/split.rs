//! A dense layer as a stage of its own: each part of its outputs, with the weights that belong to it, is a task.
//!
//! It may take along a small dense layer behind it (`head`).
//!
//! A core then reads and writes its own part of the weights and of their gradient, step after step, and no gradients of
//! slices have to be added up, which for a layer with many weights costs more than the arithmetic. Where most of the
//! input is 0, as in pictures of digits, the zeros are left out: that depends on the batch's numbers alone.

use super::activation::Activation;
use super::head::{self, Head};
use super::train::Fill;
use crate::Real;
use crate::Tensor;
use crate::kernels::{Aligned, ByteRows, Matrix, MatrixMut, Nonzeros, Sparse, Workers};
use crate::layers::LinearOptions;
use crate::optim::Optimizer;
use crate::tensor::{values, values_mut};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Z = X·Wᵀ + b, divided by outputs; ∂L/∂X = δ·W, divided by inputs or summed over the outputs.
#[derive(Debug)]
pub(super) struct Split<T: Real> {
    pub options: LinearOptions,
    /// The layer, as a printed plan shows it.
    pub module: String,
    /// Its parameters among all of the network.
    pub parameters: Range<usize>,
    /// What is behind it and is divided with it.
    head: Option<Head<T>>,
    pub outputs: Vec<Range<usize>>,
    pub inputs: Vec<Range<usize>>,
    /// The parts of the outputs where most of the input is 0: as wide as sparse products can be, since each part reads all of
    /// the input's other entries; and half as wide, which takes more than half of the time, for cores that would have none.
    wide: Vec<Range<usize>>,
    narrow: Vec<Range<usize>>,
    /// Whether ∂L/∂X is never wanted.
    is_first: bool,
    nonzeros: Nonzeros,
    /// How the batch on its way is divided.
    way: Way,
    /// What the parts of the outputs work in: some rows of ∂L/∂W, or all of a part for sparse products; and its sum of ∂L/∂X.
    rooms: Vec<Mutex<Aligned<T>>>,
    sums: Vec<Mutex<Aligned<T>>>,
}

/// Whether zeros are left out, and how the outputs are divided then.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Dense,
    Sparse,
    Narrow,
}

/// X, and the bytes that it is stored as: of a sparse X there is nothing else then.
#[derive(Clone, Copy)]
pub(super) struct Input<'a, T> {
    pub x: &'a [T],
    pub bytes: Option<&'a ByteRows<'a, T>>,
}

impl<'a, T> Input<'a, T> {
    fn sparse(self) -> Sparse<'a, T> {
        self.bytes.map_or(Sparse::Numbers(self.x), Sparse::Bytes)
    }
}

/// What all parts of the outputs read on the way back.
pub(super) struct Back<'a, T> {
    pub input: Input<'a, T>,
    pub d: Delta<'a, T>,
    /// Where ∂L/∂X goes, if it is wanted; once all have begun, if it is summed over the parts.
    pub dx: Option<&'a mut [T]>,
}

/// ∂L/∂Z, or what it is made of in a head.
pub(super) enum Delta<'a, T> {
    Whole(Matrix<'a, T>),
    Head(head::Back<'a, T>),
}

/// The most parts, and the fewest columns of one.
const MOST_PARTS: usize = 8;
const LEAST_COLUMNS: usize = 16;
/// Numbers of ∂L/∂W that are moved by as soon as they are known, 100 KiB of `f32`, in rows of at least so many outputs.
const MOVED: usize = 25 * 1024;
const ROWS: usize = 32;
/// Numbers of ∂L/∂X that one task adds up.
const ADDED: usize = 1024;
/// Rows of the input that one task looks through.
const LOOKED_THROUGH: usize = 8;
/// Parts begin at multiples of this: whole registers, and whole cache lines of gradients.
const REGISTER: usize = 16;
/// Columns of the narrower parts of a sparse input, and of the terms that a head adds up, which thus do not depend on the width.
pub(super) const NARROW: usize = Nonzeros::WIDEST / 2;

/// Ranges of columns of one width, the last one maybe less wide.
pub(super) fn stripes(columns: Range<usize>, width: usize) -> impl Iterator<Item = Range<usize>> {
    columns.clone().step_by(width).map(move |start| start..columns.end.min(start + width))
}

/// Ranges of columns, as even as whole registers allow.
fn parts(columns: usize) -> Vec<Range<usize>> {
    let count = (columns / LEAST_COLUMNS).clamp(1, MOST_PARTS);
    let registers = columns.div_ceil(REGISTER);
    let at = |part: usize| (part * registers / count * REGISTER).min(columns);
    (0..count).map(|part| at(part)..if part + 1 == count { columns } else { at(part + 1) }).collect()
}

impl<T: Real> Split<T> {
    /// `is_first`: whether its input is the network's.
    pub fn new(options: LinearOptions, module: String, parameters: Range<usize>, is_first: bool) -> Self {
        let LinearOptions { in_features, out_features, .. } = options;
        let (outputs, inputs) = (parts(out_features), parts(in_features));
        let [wide, narrow] =
            [Nonzeros::WIDEST, NARROW].map(|width| stripes(0..out_features, width).collect::<Vec<_>>());
        let buffers = || (0..outputs.len().max(narrow.len())).map(|_| Mutex::default()).collect();
        let (rooms, sums) = (buffers(), buffers());
        Split {
            options,
            module,
            parameters,
            head: None,
            outputs,
            inputs,
            wide,
            narrow,
            is_first,
            nonzeros: Nonzeros::default(),
            way: Way::Dense,
            rooms,
            sums,
        }
    }

    /// Whether a layer has so many weights, beside its activations in a batch of so many samples, that dividing its outputs is
    /// the better way: with 784 inputs and 128 outputs it is for up to 440 samples, sparse or not.
    pub fn pays(options: &LinearOptions, rows: usize) -> bool {
        let weights = options.in_features * options.out_features;
        let activations = rows * (options.in_features + options.out_features);
        weights >= 32 * 1024 && 4 * weights > activations && options.out_features >= 2 * LEAST_COLUMNS
    }

    /// The same with a head behind it. Its input has to be the network's, since it gives no ∂L/∂X.
    pub fn with_head(mut self, activation: Activation, options: LinearOptions, modules: [String; 2]) -> Self {
        let parameters = self.parameters.end..self.parameters.end + 1 + usize::from(options.bias);
        self.head = Some(Head::new(activation, options, modules, parameters, self.rooms.len()));
        self
    }

    /// What is behind it and is divided with it.
    pub fn head(&self) -> Option<&Head<T>> {
        self.head.as_ref()
    }

    /// Numbers of one sample's output.
    pub fn output_len(&self) -> usize {
        self.head.as_ref().map_or(self.options.out_features, |head| head.options.out_features)
    }

    /// Its parameters and those of its head.
    pub fn all_parameters(&self) -> Range<usize> {
        self.parameters.start..self.head.as_ref().map_or(self.parameters.end, |head| head.parameters.end)
    }

    /// z ← X·Wᵀ + b, a part of the outputs at a time, or what a head makes of that; for all parameters.
    pub fn forward(&mut self, workers: &mut Workers, parameters: &[&[T]], input: Input<'_, T>, z: &mut [T]) {
        let rows = z.len() / self.output_len();
        let (own, behind) = parameters.split_at(self.parameters.len());
        let count = self.parts().len();
        let Some(head) = &self.head else {
            let blocks = columns(MatrixMut::new(z, rows, self.options.out_features), self.parts());
            return workers.run(count, &|part| {
                let mut z = blocks[part].lock().expect("no other task takes this part");
                self.forward_part(part, own, input, z.reborrow());
            });
        };
        workers.run(count, &|part| {
            let outputs = self.parts()[part].clone();
            head.forward(part, outputs, rows, behind[0], |z| self.forward_part(part, own, input, z));
        });
        head.add_up(self.parts(), behind.get(1).copied(), z);
    }

    /// z ← X·Wᵀ + b for a part of the outputs.
    fn forward_part(&self, part: usize, parameters: &[&[T]], input: Input<'_, T>, mut z: MatrixMut<'_, T>) {
        let LinearOptions { in_features, out_features, .. } = self.options;
        let outputs = self.parts()[part].clone();
        let bias = parameters.get(1).map(|bias| &bias[outputs.clone()]);
        if self.way != Way::Dense {
            let w = &parameters[0][outputs.start * in_features..outputs.end * in_features];
            return self.nonzeros.forward(input.sparse(), w, bias.unwrap_or_default(), z);
        }
        let x = Matrix::new(input.x, z.row_count(), in_features);
        let w = Matrix::new(parameters[0], out_features, in_features).rows(outputs);
        let beta = match bias {
            Some(bias) => {
                (0..z.row_count()).for_each(|row| z.row_mut(row).copy_from_slice(bias));
                T::one()
            }
            None => T::zero(),
        };
        T::gemm_into(T::one(), x, w.t(), beta, z);
    }

    /// Begins a pass: finds out whether x is sparse, and where its entries are. Gathers x before, if that is still to be done;
    /// after, and only if it is not sparse, where the bytes show what is 0.
    pub fn look_through(
        &mut self,
        workers: &mut Workers,
        x: &mut [T],
        fill: Option<&dyn Fill<T>>,
        bytes: Option<&ByteRows<'_, T>>,
    ) {
        let (in_features, len) = (self.options.in_features, x.len());
        let rows = self.nonzeros.begin(x.len() / in_features, in_features, LOOKED_THROUGH);
        let some: Vec<_> = x.chunks_mut(LOOKED_THROUGH * in_features).zip(rows).map(Mutex::new).collect();
        let count = AtomicUsize::new(0);
        let range = |task: usize, x: &[T]| task * LOOKED_THROUGH..task * LOOKED_THROUGH + x.len() / in_features;
        workers.run(some.len(), &|task| {
            let (x, words) = &mut *some[task].lock().expect("no other task takes these rows");
            let own = match (fill, bytes) {
                (Some(_), Some(bytes)) => Nonzeros::mark_bytes(bytes, task * LOOKED_THROUGH, words),
                (fill, _) => {
                    if let Some(fill) = fill {
                        fill.fill(range(task, x), x);
                    }
                    Nonzeros::mark(x, in_features, words)
                }
            };
            count.fetch_add(own, Relaxed);
        });
        self.way = match Nonzeros::pay(count.into_inner(), len) {
            true if self.is_first && self.wide.len() < workers.threads() => Way::Narrow,
            true => Way::Sparse,
            false => Way::Dense,
        };
        if let (Way::Dense, Some(fill), Some(_)) = (self.way, fill, bytes) {
            workers.run(some.len(), &|task| {
                let (x, _) = &mut *some[task].lock().expect("no other task takes these rows");
                fill.fill(range(task, x), x);
            });
        }
    }

    /// The parts of the outputs on the way back.
    fn parts(&self) -> &[Range<usize>] {
        match self.way {
            Way::Dense => &self.outputs,
            Way::Sparse => &self.wide,
            Way::Narrow => &self.narrow,
        }
    }

    /// Whether ∂L/∂X is summed over the parts of the outputs rather than divided by inputs: a core then reads only the rows of
    /// W that it moves, at the same time, but there is a sum for each part. They are to have at most two thirds as many numbers
    /// as W: with as many, a layer of 512 inputs and outputs took 1.06 times as long on one thread and gained nothing on two.
    fn sums_up(&self, rows: usize) -> bool {
        3 * self.parts().len() * rows <= 2 * self.options.out_features
    }

    /// What comes back to the parts: ∂L/∂z, or through a head, whose gradients follow the layer's own.
    pub fn delta<'a>(&self, dz: &'a [T], parameters: &[&'a [T]], gradients: &'a mut [Tensor<T>]) -> Delta<'a, T> {
        match &self.head {
            Some(head) => Delta::Head(head.begin(self.parts(), dz, parameters[head.parameters.start], gradients)),
            None => Delta::Whole(Matrix::new(dz, dz.len() / self.options.out_features, self.options.out_features)),
        }
    }

    /// gradients ← ∂L/∂W and ∂L/∂b; dx ← ∂L/∂X where it is wanted.
    pub fn gradients(&self, workers: &mut Workers, w: &[T], back: Back<'_, T>, gradients: &mut [Tensor<T>]) {
        let back = self.begin(workers, w, back);
        let (weight, bias) = gradients.split_at_mut(1);
        let weight = self.by_outputs(values_mut(&mut weight[0]), self.options.in_features);
        let own: Vec<_> = weight.into_iter().zip(self.bias_by_outputs(bias)).map(Mutex::new).collect();
        workers.run(own.len(), &|part| {
            let (weight, bias) = &mut *own[part].lock().expect("no other task takes this part");
            self.with_delta(part, &back, |d| {
                if back.dx.is_some() {
                    self.sum_up(part, d, &w[self.parts()[part].start * self.options.in_features..]);
                }
                self.gradient_of(back.input, d, weight, bias);
            });
        });
        self.end(workers, back);
    }

    /// bias ← ∂L/∂b; W is moved by its gradient some rows at a time, which are in a core's cache then and kept nowhere;
    /// dx ← ∂L/∂X of the W that was, where it is wanted.
    pub fn step(
        &self,
        workers: &mut Workers,
        back: Back<'_, T>,
        weight: &mut Tensor<T>,
        bias: &mut [Tensor<T>],
        optimizer: &mut Optimizer<T>,
    ) {
        let in_features = self.options.in_features;
        let back = self.begin(workers, values(weight), back);
        let lengths = self.parts().iter().map(|outputs| outputs.len() * in_features);
        let weight = optimizer.stretches(self.parameters.start, values_mut(weight), lengths);
        let own: Vec<_> = weight.into_iter().zip(self.bias_by_outputs(bias)).map(Mutex::new).collect();
        let most = if self.way == Way::Dense { ROWS.max(MOVED / in_features) } else { Nonzeros::WIDEST };
        workers.run(own.len(), &|part| {
            let (weight, bias) = &mut *own[part].lock().expect("no other task takes this part");
            let mut room = self.rooms[part].lock().expect("no other task takes this part");
            let count = self.parts()[part].len();
            let some = count.div_ceil(count.div_ceil(most));
            self.with_delta(part, &back, |d| {
                if back.dx.is_some() {
                    self.sum_up(part, d, weight.rest());
                }
                for first in (0..count).step_by(some) {
                    let outputs = first..count.min(first + some);
                    let gradient = room.take(outputs.len() * in_features);
                    let bias = bias.get_mut(outputs.clone()).unwrap_or_default();
                    self.gradient_of(back.input, d.columns(outputs), gradient, bias);
                    weight.step(gradient);
                }
            });
        });
        self.end(workers, back);
    }

    /// Begins the way back: dx ← ∂L/∂X = δ·W where it is wanted, a part of the inputs at a time, unless it is summed up.
    fn begin<'a>(&self, workers: &mut Workers, w: &[T], mut back: Back<'a, T>) -> Back<'a, T> {
        let LinearOptions { in_features, out_features, .. } = self.options;
        if let Delta::Whole(d) = back.d
            && let Some(dx) = back.dx.take_if(|_| !self.sums_up(d.row_count()))
        {
            let w = Matrix::new(w, out_features, in_features);
            let blocks = columns(MatrixMut::new(dx, d.row_count(), in_features), &self.inputs);
            workers.run(blocks.len(), &|part| {
                let mut dx = blocks[part].lock().expect("no other task takes this part");
                T::gemm_into(T::one(), d, w.columns(self.inputs[part].clone()), T::zero(), dx.reborrow());
            });
        }
        back
    }

    /// ∂L/∂Z of a part's outputs for `with`.
    fn with_delta(&self, part: usize, back: &Back<'_, T>, with: impl FnOnce(Matrix<'_, T>)) {
        let outputs = self.parts()[part].clone();
        match (&back.d, &self.head) {
            (Delta::Whole(d), _) => with(d.columns(outputs)),
            (Delta::Head(back), head) => {
                head.as_ref().expect("what came through it").backward(part, outputs, back, with)
            }
        }
    }

    /// A part's sum of ∂L/∂X, given its δ; `w` begins with its rows of W.
    fn sum_up(&self, part: usize, d: Matrix<'_, T>, w: &[T]) {
        let (in_features, outputs) = (self.options.in_features, self.parts()[part].clone());
        let w = Matrix::new(&w[..outputs.len() * in_features], outputs.len(), in_features);
        let mut sum = self.sums[part].lock().expect("no other task takes this part");
        T::gemm(T::one(), d, w, T::zero(), sum.take(d.row_count() * in_features));
    }

    /// Ends the way back: dx ← the sums of all parts in their order, where it is summed up.
    fn end(&self, workers: &mut Workers, back: Back<'_, T>) {
        let Some(dx) = back.dx else { return };
        let parts = &self.sums[..self.parts().len()];
        let parts: Vec<_> = parts.iter().map(|sum| sum.lock().expect("no task is left")).collect();
        let chunks: Vec<_> = dx.chunks_mut(ADDED).map(Mutex::new).collect();
        workers.run(chunks.len(), &|chunk| {
            let mut dx = chunks[chunk].lock().expect("no other task takes this chunk");
            dx.fill(T::zero());
            for part in &parts {
                dx.iter_mut().zip(&part[chunk * ADDED..]).for_each(|(dx, &sum)| *dx += sum);
            }
        });
    }

    /// The entries that belong to each part of the outputs, where each output has `width`.
    fn by_outputs<'a>(&self, mut entries: &'a mut [T], width: usize) -> Vec<&'a mut [T]> {
        let part = |outputs: &Range<usize>| entries.split_off_mut(..outputs.len() * width).unwrap_or_default();
        self.parts().iter().map(part).collect()
    }

    /// The parts of ∂L/∂b; empty for a layer without b.
    fn bias_by_outputs<'a>(&self, gradient: &'a mut [Tensor<T>]) -> Vec<&'a mut [T]> {
        self.by_outputs(gradient.first_mut().map(values_mut).unwrap_or_default(), 1)
    }

    /// The gradients that belong to the outputs whose δ is given: those of rows of W, and of entries of b if there is one.
    fn gradient_of(&self, input: Input<'_, T>, d: Matrix<'_, T>, weight: &mut [T], bias: &mut [T]) {
        // ∂L/∂W = δᵀ·X
        if self.way == Way::Dense {
            let x = Matrix::new(input.x, d.row_count(), self.options.in_features);
            T::gemm(T::one(), d.t(), x, T::zero(), weight);
        } else {
            self.nonzeros.gradient(input.sparse(), d, weight);
        }
        // ∂L/∂b = Σᵢ δᵢ
        bias.fill(T::zero());
        for row in 0..d.row_count() {
            bias.iter_mut().zip(d.row(row)).for_each(|(sum, &d)| *sum += d);
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
    use super::*;
    use crate::layers::Linear;

    #[test]
    fn an_input_is_sparse_up_to_two_entries_in_five() {
        let layer = Linear::<f32>::new(95, 400);
        let mut split = Split::new(layer.options, "0".into(), 0..2, true);
        let mut workers = Workers::new(1);
        let mut x = vec![0.0; 20 * 95];
        x[..20 * 38].fill(1.0);
        split.look_through(&mut workers, &mut x, None, None);
        assert_eq!(split.way, Way::Sparse);
        assert_eq!(split.parts().len(), 7);
        let fill = |rows: Range<usize>, x: &mut [f32]| x.fill(if rows.contains(&19) { 0.5 } else { 0.0 });
        split.look_through(&mut workers, &mut x, Some(&fill), None);
        assert_eq!(x.iter().filter(|&&x| x == 0.5).count(), 4 * 95);
        assert_eq!(split.way, Way::Sparse, "the rows of the last task alone are full");
        x.fill(0.0);
        x[..20 * 38 + 1].fill(1.0);
        split.look_through(&mut workers, &mut x, None, None);
        assert_eq!(split.way, Way::Dense);
    }

    /// 170 outputs are three parts as wide as can be, or six of 32: no core is to be idle, but the sum of ∂L/∂X depends on the parts.
    #[test]
    fn parts_are_half_as_wide_for_cores_that_would_have_none() {
        let layer = Linear::<f32>::new(95, 170);
        for (threads, is_first, last) in [(3, true, (3, 128..170)), (4, true, (6, 160..170)), (4, false, (3, 128..170))]
        {
            let mut split = Split::new(layer.options.clone(), "0".into(), 0..2, is_first);
            split.look_through(&mut Workers::new(threads), &mut [0.0; 95], None, None);
            let parts = split.parts();
            assert_eq!((parts.len(), parts[parts.len() - 1].clone()), last, "{threads} threads");
        }
    }

    #[test]
    fn numbers_are_gathered_only_where_bytes_are_not_sparse() {
        let layer = Linear::<f32>::new(95, 400);
        let mut split = Split::new(layer.options, "0".into(), 0..2, true);
        let mut workers = Workers::new(2);
        let fill = |rows: Range<usize>, x: &mut [f32]| x.fill(rows.start as f32);
        let rows: Vec<usize> = (0..20).collect();
        for (ones, sparse, last) in [(20 * 38, true, 7.0), (20 * 38 + 1, false, 16.0)] {
            let bytes = [vec![1; ones], vec![0; 20 * 95 - ones]].concat();
            let bytes = ByteRows::new(&bytes, &rows, 95, 1.0).unwrap();
            let mut x = vec![7.0; 20 * 95];
            split.look_through(&mut workers, &mut x, Some(&fill), Some(&bytes));
            assert_eq!((split.way == Way::Sparse, x[20 * 95 - 1]), (sparse, last));
        }
    }

    #[test]
    fn parts_cover_all_columns_once_and_begin_at_whole_registers() {
        for columns in [1, 10, 64, 100, 128, 500, 784, 2500] {
            let parts = parts(columns);
            assert_eq!(parts.iter().flat_map(Clone::clone).collect::<Vec<_>>(), (0..columns).collect::<Vec<_>>());
            assert!(parts.iter().all(|part| part.start % 16 == 0 && !part.is_empty()), "{parts:?}");
        }
    }
}
