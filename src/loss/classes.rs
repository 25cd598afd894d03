//! What the losses over classes share: how much each class counts in a target, and −Σ q·(log-probability) with its slope.

use super::{check_values, check_weights};
use crate::data::Target;
use crate::tensor::{dense, shape_text, values, values_mut};
use crate::{Error, Real, Result, Tensor, zeros};
use ndarray::Dimension;
use std::fmt::{self, Display};

/// The class number that is ignored unless another is named, PyTorch's choice.
pub(super) const IGNORED: i64 = -100;

/// The options that decide how much each class counts.
pub(super) struct ClassRule<'a> {
    /// w, one number a class; all 1 when absent.
    pub weight: Option<&'a [f64]>,
    /// e: the part of each target that is spread evenly over all classes.
    pub label_smoothing: f64,
    /// Targets with this class number do not count.
    pub ignore_index: i64,
}

impl Default for ClassRule<'_> {
    fn default() -> Self {
        ClassRule { weight: None, label_smoothing: 0.0, ignore_index: IGNORED }
    }
}

impl ClassRule<'_> {
    pub fn check_options(&self, loss: &impl Display) -> Result<()> {
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            return Err(Error::option(format!("{loss}: label_smoothing"), "from 0 to 1", self.label_smoothing));
        }
        check_weights(loss, "weight of class", self.weight.unwrap_or_default())
    }

    pub fn check<T: Real>(&self, loss: &impl Display, output: &[usize], target: &Target<T>) -> Result<()> {
        self.check_options(loss)?;
        if output.len() < 2 || output[1] == 0 {
            return Err(Error::shape(loss, "an output (n, classes) or (n, classes, d…)", output));
        }
        let (classes, output_text) = (output[1], shape_text(output));
        if let Some(weight) = self.weight.filter(|weight| weight.len() != classes) {
            let wanted = format!("{classes} in number, one a class of the output {output_text}");
            return Err(Error::option(format!("{loss}: class weights"), wanted, weight.len()));
        }
        let labels = match target {
            Target::Classes(labels) => labels,
            Target::Values(_) if self.ignore_index >= 0 => {
                let wanted = "negative with target values, which have no class number to ignore";
                return Err(Error::option(format!("{loss}: ignore_index"), wanted, self.ignore_index));
            }
            Target::Values(_) => return check_values(loss, output, target),
        };
        if labels.ndim() + 1 != output.len() || labels.shape()[0] != output[0] || labels.shape()[1..] != output[2..] {
            let wanted = format!("classes {} for an output {output_text}", shape_text(&without_class_axis(output)));
            return Err(Error::shape(loss, wanted, labels.shape()));
        }
        let inside = |label| (0..classes as i64).contains(&label) || label == self.ignore_index;
        match labels.indexed_iter().find(|(_, label)| !inside(**label)) {
            None => Ok(()),
            Some((at, label)) => {
                let place = if labels.ndim() == 1 { at[0].to_string() } else { shape_text(at.slice()) };
                let wanted = format!("from 0 to {}, or {} to be ignored", classes - 1, self.ignore_index);
                Err(Error::option(format!("{loss}: class of sample {place}"), wanted, label))
            }
        }
    }

    /// The options that are not the default, as their builder calls.
    pub fn fmt_options(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(weight) = self.weight {
            write!(f, ".class_weights(&{weight:?})")?;
        }
        if self.label_smoothing != 0.0 {
            write!(f, ".label_smoothing({})", self.label_smoothing)?;
        }
        if self.ignore_index != IGNORED {
            write!(f, ".ignore_index({})", self.ignore_index)?;
        }
        Ok(())
    }

    /// Σ w of the classes that are not ignored; the number of terms when the target has no class numbers.
    pub fn denominator<T: Real>(&self, output: &[usize], target: &Target<T>) -> T {
        match target {
            Target::Values(_) => T::of(without_class_axis(output).iter().product::<usize>() as f64),
            Target::Classes(labels) => {
                let counted = labels.iter().filter(|&&label| label != self.ignore_index);
                T::of(match self.weight {
                    None => counted.count() as f64,
                    Some(weight) => counted.map(|&label| weight[label as usize]).sum(),
                })
            }
        }
    }

    /// The terms −Σ_c q_c·log_c along axis 1 and their slope −q_c·derivative_c, where q_c = w_c·((1−e)·y_c + e/C) and
    /// derivative(i) is ∂logᵢ/∂outputᵢ for the entry i. The target has passed the check.
    ///
    /// A class with q = 0 adds nothing, even when its log is −∞: 0·ln 0 = 0.
    pub fn negative_log<T: Real>(
        &self,
        shape: &[usize],
        target: &Target<T>,
        log: &[T],
        derivative: impl Fn(usize) -> T,
    ) -> (Tensor<T>, Tensor<T>) {
        let (mut terms, mut slope) = (zeros(&without_class_axis(shape)), zeros(shape));
        let (samples, classes, inner) = axes(shape);
        let spread = T::of(self.label_smoothing / classes as f64);
        let kept = T::of(1.0 - self.label_smoothing);
        let (sums, slopes) = (values_mut(&mut terms), values_mut(&mut slope));
        let mut add = |line: usize, class: usize, at: usize, y: T| {
            let share = kept * y + spread;
            let q = self.weight.map_or(share, |weight| T::of(weight[class]) * share);
            if q != T::zero() {
                sums[line] -= q * log[at];
                slopes[at] = -q * derivative(at);
            }
        };
        match target {
            Target::Classes(labels) => {
                for (line, &label) in values(&dense(labels)).iter().enumerate() {
                    let (first, label_class) = (first_entry(line, classes, inner), label as usize);
                    if label == self.ignore_index {
                        continue;
                    } else if self.label_smoothing == 0.0 {
                        add(line, label_class, first + label_class * inner, T::one());
                        continue;
                    }
                    for class in 0..classes {
                        let y = if class == label_class { T::one() } else { T::zero() };
                        add(line, class, first + class * inner, y);
                    }
                }
            }
            Target::Values(wanted) => {
                let wanted = dense(wanted);
                let mut entries = values(&wanted).iter().enumerate();
                for sample in 0..samples {
                    for class in 0..classes {
                        for (place, (at, &y)) in entries.by_ref().take(inner).enumerate() {
                            add(sample * inner + place, class, at, y);
                        }
                    }
                }
            }
        }
        (terms, slope)
    }
}

/// (n, C, d…) as (n, C, Πd).
pub(super) fn axes(shape: &[usize]) -> (usize, usize, usize) {
    (shape[0], shape[1], shape[2..].iter().product())
}

/// Where the entries of a line along axis 1 start; the next class is `inner` further on.
pub(super) fn first_entry(line: usize, classes: usize, inner: usize) -> usize {
    line / inner * classes * inner + line % inner
}

fn without_class_axis(shape: &[usize]) -> Vec<usize> {
    [&shape[..1], &shape[2..]].concat()
}
