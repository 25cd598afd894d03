//! Normalisation of rows of contiguous entries, each by its own mean and variance: what [`LayerNorm`](super::LayerNorm) and
//! [`GroupNorm`](super::GroupNorm) share.

use super::{inverse_deviation, mean_and_variance};
use crate::kernels::{level, totals};
use crate::module::Tape;
use crate::tensor::{values, values_mut};
use crate::{Real, Tensor, tensor, zeros};

/// Rows of `length` entries; every `per_sample` rows in turn meet the same γ and β, which are written out entry by entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    pub length: usize,
    pub per_sample: usize,
    pub eps: f64,
}

impl Rows {
    fn of<'a, T>(&self, values: &'a [T]) -> std::slice::ChunksExact<'a, T> {
        values.chunks_exact(self.length)
    }

    /// The part of a γ or β that belongs to a row.
    fn part<'a, T>(&self, row: usize, affine: Option<&'a [T]>) -> Option<&'a [T]> {
        let start = row % self.per_sample * self.length;
        affine.map(|values| &values[start..start + self.length])
    }

    /// γ·X̂ + β. Leaves `mean` and `variance` of every row on the tape.
    pub fn forward<T: Real>(
        &self,
        x: &Tensor<T>,
        weight: Option<&[T]>,
        bias: Option<&[T]>,
        tape: &mut Tape<T>,
    ) -> Tensor<T> {
        let mut z = zeros(x.shape());
        let count = x.len() / self.length;
        let (mut means, mut variances) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (row, (x, z)) in self.of(values(x)).zip(values_mut(&mut z).chunks_exact_mut(self.length)).enumerate() {
            let (mean, variance) = mean_and_variance(std::iter::once(x), self.length);
            let inverse = inverse_deviation(variance, self.eps);
            z.iter_mut().zip(x).for_each(|(z, &x)| *z = (x - mean) * inverse);
            if let Some(weight) = self.part(row, weight) {
                z.iter_mut().zip(weight).for_each(|(z, &w)| *z *= w);
            }
            if let Some(bias) = self.part(row, bias) {
                z.iter_mut().zip(bias).for_each(|(z, &b)| *z += b);
            }
            means.push(mean);
            variances.push(variance);
        }
        tape.keep("mean", tensor(&[count], means));
        tape.keep("variance", tensor(&[count], variances));
        z
    }

    /// μ and 1/√(v + ε) of every row.
    fn moments<'a, T: Real>(&'a self, tape: &'a Tape<T>) -> impl Iterator<Item = (T, T)> + 'a {
        let kept = |name| values(tape.kept(name).expect("backward needs the tape of a forward pass"));
        let (means, variances) = (kept("mean"), kept("variance"));
        means.iter().zip(variances).map(|(&mean, &variance)| (mean, inverse_deviation(variance, self.eps)))
    }

    /// weight += Σδ·X̂ and bias += Σδ over the samples, entry by entry.
    pub fn add_gradients<T: Real>(&self, tape: &Tape<T>, delta: &[T], weight: &mut [T], bias: Option<&mut [T]>) {
        let size = self.length * self.per_sample;
        let rows = self.of(values(tape.input())).zip(self.of(delta)).zip(self.moments(tape));
        for (row, ((x, d), (mean, inverse))) in rows.enumerate() {
            let start = row % self.per_sample * self.length;
            let weight = &mut weight[start..start + self.length];
            weight.iter_mut().zip(x.iter().zip(d)).for_each(|(w, (&x, &d))| *w += d * ((x - mean) * inverse));
        }
        if let Some(bias) = bias {
            for d in delta.chunks_exact(size) {
                bias.iter_mut().zip(d).for_each(|(b, &d)| *b += d);
            }
        }
    }

    /// ∂L/∂X = (g − Σg/k − X̂·Σg·X̂/k)/√(v + ε) with g = γ·δ and the sums over a row of k entries.
    pub fn delta<T: Real>(&self, tape: &Tape<T>, delta: &[T], weight: Option<&[T]>) -> Tensor<T> {
        let x = tape.input();
        let mut result = zeros(x.shape());
        let k = T::of(self.length as f64);
        let results = values_mut(&mut result).chunks_exact_mut(self.length);
        let rows = self.of(values(x)).zip(self.of(delta)).zip(self.moments(tape)).zip(results);
        for (row, (((x, d), (mean, inverse)), g)) in rows.enumerate() {
            match self.part(row, weight) {
                Some(weight) => g.iter_mut().zip(d.iter().zip(weight)).for_each(|(g, (&d, &w))| *g = d * w),
                None => g.copy_from_slice(d),
            }
            let [sum, product] = totals(level(), [x, g], |[x, g]| [g, (x - mean) * g]);
            let (average, slope) = (sum / k, product / k * (inverse * inverse));
            g.iter_mut().zip(x).for_each(|(g, &x)| *g = inverse * (*g - average - (x - mean) * slope));
        }
        result
    }
}
