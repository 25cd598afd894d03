//! What a divided layer at the beginning of a network takes along: the activation behind it and a dense layer of few outputs.
//!
//! Each part of the divided layer activates its own outputs and adds up their terms of the few sums behind them. Cores then hand
//! over those and their deltas alone, and not all that lies between the two layers.

use super::activation::Activation;
use super::dense::{bias_gradient, product};
use super::split::{NARROW, columns, stripes};
use super::stage::Slot;
use super::train::Shared;
use crate::Real;
use crate::Tensor;
use crate::kernels::{Aligned, Matrix, MatrixMut};
use crate::layers::LinearOptions;
use crate::tensor::values_mut;
use std::ops::Range;
use std::sync::Mutex;

/// The most outputs: for more, what the parts hand over is no longer clearly less than what lies between the layers.
const MOST_OUTPUTS: usize = 32;

/// Z = f(A)·Wᵀ + b for the outputs A of a divided layer.
#[derive(Debug)]
pub(super) struct Head<T: Real> {
    pub activation: Activation,
    pub options: LinearOptions,
    /// Both modules, as a printed plan shows them.
    pub modules: [String; 2],
    /// The dense layer's parameters among all of the network.
    pub parameters: Range<usize>,
    /// What each part works in.
    rooms: Vec<Mutex<Room<T>>>,
}

/// A part's own numbers: its outputs A, f(A), its terms of Z, and ∂L/∂A.
#[derive(Debug, Default)]
struct Room<T> {
    sums: Aligned<T>,
    activated: Aligned<T>,
    terms: Aligned<T>,
    delta: Aligned<T>,
}

/// What all parts read on the way back, and the columns of ∂L/∂W that each one writes.
pub(super) struct Back<'a, T> {
    dz: Matrix<'a, T>,
    w: Matrix<'a, T>,
    gradient: Vec<Mutex<MatrixMut<'a, T>>>,
}

impl<T: Real> Head<T> {
    /// A head for so many parts at most.
    pub fn new(
        activation: Activation,
        options: LinearOptions,
        modules: [String; 2],
        parameters: Range<usize>,
        parts: usize,
    ) -> Self {
        Head { activation, options, modules, parameters, rooms: (0..parts).map(|_| Mutex::default()).collect() }
    }

    /// Whether a dense layer has so few outputs that it is worth taking along.
    pub fn pays(options: &LinearOptions) -> bool {
        options.out_features <= MOST_OUTPUTS
    }

    fn weights<'a>(&self, w: &'a [T]) -> Matrix<'a, T> {
        Matrix::new(w, self.options.out_features, self.options.in_features)
    }

    /// A part's terms of Z, some columns at a time, whose outputs A `sums` writes.
    pub fn forward(
        &self,
        part: usize,
        outputs: Range<usize>,
        rows: usize,
        w: &[T],
        sums: impl FnOnce(MatrixMut<'_, T>),
    ) {
        let mut room = self.rooms[part].lock().expect("no other task takes this part");
        let Room { sums: a, activated, terms, .. } = &mut *room;
        let (a, activated) = (a.take(rows * outputs.len()), activated.take(rows * outputs.len()));
        sums(MatrixMut::new(a, rows, outputs.len()));
        self.activation.apply(a, activated);
        let activated = Matrix::new(activated, rows, outputs.len());
        let len = rows * self.options.out_features;
        let terms = terms.take(stripes(outputs.clone(), NARROW).count() * len);
        for (terms, some) in terms.chunks_exact_mut(len.max(1)).zip(stripes(outputs.clone(), NARROW)) {
            let own = activated.columns(some.start - outputs.start..some.end - outputs.start);
            T::gemm(T::one(), own, self.weights(w).columns(some).t(), T::zero(), terms);
        }
    }

    /// z ← b + the terms of these parts, in their order.
    pub fn add_up(&self, parts: &[Range<usize>], bias: Option<&[T]>, z: &mut [T]) {
        match bias {
            Some(bias) => z.chunks_exact_mut(bias.len()).for_each(|row| row.copy_from_slice(bias)),
            None => z.fill(T::zero()),
        }
        for (room, outputs) in self.rooms.iter().zip(parts) {
            let terms = &room.lock().expect("no task is left").terms;
            for terms in terms.chunks_exact(z.len().max(1)).take(stripes(outputs.clone(), NARROW).count()) {
                z.iter_mut().zip(terms).for_each(|(z, &term)| *z += term);
            }
        }
    }

    /// The output for some samples' A in prediction, in a slot of two steps.
    pub fn predict<'a>(&self, shared: &Shared<'_, T>, a: &[T], slot: &'a mut Slot<T>) -> &'a [T] {
        let [activated, z] = &mut slot.z[..] else { unreachable!("a slot of two steps") };
        let LinearOptions { in_features, out_features, .. } = self.options;
        let activated = activated.take(a.len());
        self.activation.apply(a, activated);
        let z = z.take(a.len() / in_features * out_features);
        product(&self.options, &shared.parameters[self.parameters.clone()], activated, z);
        z
    }

    /// Begins the way back: ∂L/∂b, and what the parts want to have.
    pub fn begin<'a>(
        &self,
        parts: &[Range<usize>],
        dz: &'a [T],
        w: &'a [T],
        gradients: &'a mut [Tensor<T>],
    ) -> Back<'a, T> {
        let LinearOptions { in_features, out_features, .. } = self.options;
        let (weight, bias) = gradients.split_at_mut(1);
        bias_gradient(dz, bias.first_mut().map(values_mut).unwrap_or_default());
        let gradient = columns(MatrixMut::new(values_mut(&mut weight[0]), out_features, in_features), parts);
        Back { dz: Matrix::new(dz, dz.len() / out_features, out_features), w: self.weights(w), gradient }
    }

    /// A part's columns of ∂L/∂W, and ∂L/∂A for `with`.
    pub fn backward(&self, part: usize, outputs: Range<usize>, back: &Back<'_, T>, with: impl FnOnce(Matrix<'_, T>)) {
        let mut room = self.rooms[part].lock().expect("no other task takes this part");
        let Room { activated, delta, .. } = &mut *room;
        let (rows, width) = (back.dz.row_count(), outputs.len());
        let (activated, delta) = (&activated[..rows * width], delta.take(rows * width));
        // ∂L/∂W = δᵀ·f(A)
        let mut gradient = back.gradient[part].lock().expect("no other task takes this part");
        T::gemm_into(T::one(), back.dz.t(), Matrix::new(activated, rows, width), T::zero(), gradient.reborrow());
        // ∂L/∂A = δ·W ⊙ f′
        T::gemm(T::one(), back.dz, back.w.columns(outputs), T::zero(), delta);
        self.activation.backward(activated, delta);
        with(Matrix::new(delta, rows, width));
    }
}
