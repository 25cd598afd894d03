//! Derivatives measured from the forward pass, and the verdict on each entry.

use super::Options;
use super::report::{Entry, GradientReport, Verdict};
use crate::module::{Module, Tape};
use crate::tensor::{shape_text, values, values_mut};
use crate::{Stream, Tensor};

/// The steps of a second look, in units of ε: each leaves nearer kinks outside its window.
const STEPS: [f64; 4] = [1.0, 1.0 / 8.0, 1.0 / 64.0, 1.0 / 512.0];
/// A gradient below this part of the tensor's largest one is compared with this part of it.
const FLOOR: f64 = 1e-3;
/// At most this part of a tensor's entries may sit on a kink.
const KINK_SHARE: f64 = 0.1;

/// Puts numbers in the place of one entry of a parameter or of the input, and measures what they do to L.
pub(super) struct Probe<'a> {
    pub(super) module: &'a mut dyn Module<f64>,
    pub(super) input: Tensor<f64>,
    /// The parameter looked at, or the input.
    pub(super) place: Option<usize>,
    /// The tape of a pass; every pass of a check has the same random numbers.
    pub(super) tape: &'a dyn Fn() -> Tape<f64>,
    /// L(Z) − L(Z at the start).
    pub(super) difference: &'a dyn Fn(&Tensor<f64>) -> f64,
}

impl<'a> Probe<'a> {
    fn tensor(&mut self) -> &mut Tensor<f64> {
        match self.place {
            Some(place) => self.module.parameters_mut().swap_remove(place),
            None => &mut self.input,
        }
    }

    fn line(&mut self, index: usize) -> Line<'_, 'a> {
        let x = values_mut(self.tensor())[index];
        Line { probe: self, index, x, unit: x.abs().max(1.0).log2().floor().exp2() }
    }
}

/// L along one entry.
struct Line<'p, 'a> {
    probe: &'p mut Probe<'a>,
    index: usize,
    x: f64,
    /// max(1, |x|) rounded down to a power of two: the unit of the steps.
    unit: f64,
}

impl Line<'_, '_> {
    /// L(x + t) − L(x); x is back in its place afterwards, to the bit.
    fn rise(&mut self, t: f64) -> f64 {
        values_mut(self.probe.tensor())[self.index] = self.x + t;
        let output = self.probe.module.forward(&self.probe.input, &mut (self.probe.tape)());
        values_mut(self.probe.tensor())[self.index] = self.x;
        (self.probe.difference)(&output)
    }

    /// [8(L(ε) − L(−ε)) − (L(2ε) − L(−2ε))] / 12ε
    fn central(&mut self, epsilon: f64) -> f64 {
        let near = self.rise(epsilon) - self.rise(-epsilon);
        let far = self.rise(2.0 * epsilon) - self.rise(-2.0 * epsilon);
        (8.0 * near - far) / (12.0 * epsilon)
    }

    /// The slopes to the left and to the right.
    fn one_sided(&mut self, epsilon: f64) -> (f64, f64) {
        (-self.rise(-epsilon) / epsilon, self.rise(epsilon) / epsilon)
    }

    /// Whether the slope jumps at x (within the window of the smallest step) and `a` lies between its two sides.
    fn on_kink(&mut self, a: f64, scale: f64, epsilon: f64) -> bool {
        let (left, right) = self.one_sided(2.0 * epsilon);
        let gap = (right - left).abs();
        // Where L itself jumps, the gap doubles when the step is halved: that is no kink.
        let (inner_left, inner_right) = self.one_sided(epsilon);
        let continuous = (inner_right - inner_left).abs() <= 1.5 * gap;
        let slack = 1e-3 * gap;
        let between = a >= left.min(right) - slack && a <= left.max(right) + slack;
        // On a smooth curve the gap is 2ε·L″, far below a thousandth.
        gap > 1e-3 * left.abs().max(right.abs()).max(FLOOR * scale) && continuous && between
    }
}

/// The rules by which entries are judged.
pub(super) struct Slope<'a> {
    /// The error of a difference L(ε) − L(−ε) from rounding in the forward pass.
    pub(super) rounding: f64,
    pub(super) options: &'a Options,
}

impl Slope<'_> {
    /// Compares the tensor that the probe is set to with its analytic gradient.
    pub(super) fn compare(
        &self,
        report: &mut GradientReport,
        name: &(String, String),
        analytic: &Tensor<f64>,
        probe: &mut Probe,
    ) {
        let (module, tensor) = name;
        let shape = probe.tensor().shape().to_vec();
        if analytic.shape() != shape {
            let (got, wanted) = (shape_text(analytic.shape()), shape_text(&shape));
            report.problems.push(format!("{module} {tensor}: the gradient's shape is {got}, not {wanted}"));
            return;
        }
        let epsilon = self.options.epsilon;
        let chosen = self.entries_to_check(analytic.len(), probe.place);
        let slope_at = |&index: &usize| {
            let mut line = probe.line(index);
            line.central(epsilon * line.unit)
        };
        let first: Vec<f64> = chosen.iter().map(slope_at).collect();
        // The scale is measured, not claimed: a wrong gradient does not loosen its own check.
        let scale = first.iter().fold(0.0, |scale: f64, n| scale.max(n.abs()));
        let judged = |(&index, &numeric): (&usize, &f64)| {
            let analytic = values(analytic)[index];
            let (numeric, relative_error, verdict) = self.judge(&mut probe.line(index), analytic, numeric, scale);
            let index = position(&shape, index);
            Entry { module: module.clone(), tensor: tensor.clone(), index, analytic, numeric, relative_error, verdict }
        };
        let entries: Vec<Entry> = chosen.iter().zip(&first).map(judged).collect();
        report.problems.extend(self.blind_spots(&entries).map(|problem| format!("{module} {tensor}: {problem}")));
        report.entries.extend(entries);
    }

    /// Which entries of a tensor are checked: all, or a random sample of `max_entries`.
    fn entries_to_check(&self, len: usize, place: Option<usize>) -> Vec<usize> {
        let mut all: Vec<usize> = (0..len).collect();
        if len > self.options.max_entries {
            let key = place.map_or(0, |place| place as u64 + 1);
            Stream::new(self.options.seed).at(&[1, key]).shuffle(&mut all);
            all.truncate(self.options.max_entries);
            all.sort_unstable();
        }
        all
    }

    /// Why a tensor whose entries all pass may not count as checked.
    fn blind_spots(&self, entries: &[Entry]) -> impl Iterator<Item = String> + use<> {
        let count = entries.len();
        let largest = entries.iter().fold(0.0, |largest: f64, e| largest.max(e.analytic.abs()).max(e.numeric.abs()));
        let unseen = (largest <= self.resolution(self.options.epsilon))
            .then(|| format!("all {count} gradients are zero on both sides, so the check has seen nothing"));
        let kinks = entries.iter().filter(|entry| entry.verdict == Verdict::Kink).count();
        let kinked = (kinks as f64 > KINK_SHARE * count as f64).then(|| {
            format!("{kinks} of {count} entries are on a kink; at most a tenth may be: move the input off the kinks")
        });
        unseen.into_iter().chain(kinked)
    }

    /// The smallest gradient whose relative error rounding leaves below the tolerance.
    fn resolution(&self, epsilon: f64) -> f64 {
        self.rounding / epsilon / self.options.tolerance
    }

    fn relative_error(&self, a: f64, n: f64, scale: f64, epsilon: f64) -> f64 {
        let floor = (FLOOR * scale).max(self.resolution(epsilon));
        if a == n { 0.0 } else { (a - n).abs() / (a.abs() + n.abs()).max(floor) }
    }

    /// The numeric slope, its relative error and the verdict, given the slope measured with the largest step.
    fn judge(&self, line: &mut Line, a: f64, first: f64, scale: f64) -> (f64, f64, Verdict) {
        let mut best = (first, f64::INFINITY);
        for step in STEPS {
            let epsilon = step * self.options.epsilon * line.unit;
            let n = if step == 1.0 { first } else { line.central(epsilon) };
            let error = self.relative_error(a, n, scale, epsilon);
            if error <= self.options.tolerance {
                return (n, error, Verdict::Passed);
            }
            // NaN is never smaller, so a bad value stays visible as an infinite error.
            if error < best.1 {
                best = (n, error);
            }
        }
        let smallest = STEPS[STEPS.len() - 1] * self.options.epsilon * line.unit;
        let verdict = if line.on_kink(a, scale, smallest) { Verdict::Kink } else { Verdict::Failed };
        (best.0, best.1, verdict)
    }
}

/// The index on each axis of the entry at a place in row-major order.
fn position(shape: &[usize], mut place: usize) -> Vec<usize> {
    let mut position = vec![0; shape.len()];
    for (index, &size) in position.iter_mut().zip(shape).rev() {
        *index = place % size;
        place /= size;
    }
    position
}
