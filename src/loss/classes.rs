//! What the losses over classes share: how much each class counts in a target, and the classes of a term in one row.

use super::{BLOCK, check_values, check_weights, in_place, term_axes};
use crate::data::{IGNORE_INDEX, Target, TargetSlice};
use crate::tensor::{dense, shape_text, values as values_of};
use crate::{Error, Real, Result, Tensor, tensor};
use ndarray::Dimension;
use std::fmt::{self, Display};

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
        ClassRule { weight: None, label_smoothing: 0.0, ignore_index: IGNORE_INDEX }
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
        let classes = output[1];
        if let Some(weight) = self.weight.filter(|weight| weight.len() != classes) {
            let wanted = format!("{classes} in number, one a class of the output {}", shape_text(output));
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
            let labels_shape: Vec<usize> = term_axes(true, output).collect();
            let wanted = format!("classes {} for an output {}", shape_text(&labels_shape), shape_text(output));
            return Err(Error::shape(loss, wanted, labels.shape()));
        }
        let outside = |label| !(0..classes as i64).contains(&label) && label != self.ignore_index;
        if !labels.iter().any(|&label| outside(label)) {
            return Ok(());
        }
        let (at, label) = labels.indexed_iter().find(|(_, label)| outside(**label)).expect("one is outside");
        let place = if labels.ndim() == 1 { at[0].to_string() } else { shape_text(at.slice()) };
        let wanted = format!("from 0 to {}, or {} to be ignored", classes - 1, self.ignore_index);
        Err(Error::option(format!("{loss}: class of sample {place}"), wanted, label))
    }

    /// The options that are not the default, as their builder calls.
    pub fn fmt_options(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(weight) = self.weight {
            write!(f, ".class_weights(&{weight:?})")?;
        }
        if self.label_smoothing != 0.0 {
            write!(f, ".label_smoothing({})", self.label_smoothing)?;
        }
        if self.ignore_index != IGNORE_INDEX {
            write!(f, ".ignore_index({})", self.ignore_index)?;
        }
        Ok(())
    }

    /// Σ w of the classes that are not ignored; the number of terms when the target has no class numbers.
    pub fn denominator<T: Real>(&self, output: &[usize], target: TargetSlice<'_, T>) -> T {
        match target {
            TargetSlice::Values(_) => T::of(term_axes(true, output).product::<usize>() as f64),
            TargetSlice::Classes(labels) => {
                let counted = labels.iter().filter(|&&label| label != self.ignore_index);
                T::of(match self.weight {
                    None => counted.count() as f64,
                    Some(weight) => counted.map(|&label| weight[label as usize]).sum(),
                })
            }
        }
    }

    /// Calls `f(c, q_c)` for every class of a row that counts, in order: q_c = w_c·((1−e)·y_c + e/C).
    ///
    /// A class with q = 0 is passed over, so that it adds nothing even when its logarithm is −∞: 0·ln 0 = 0.
    pub fn each<T: Real>(&self, classes: usize, target: TargetSlice<'_, T>, row: usize, mut f: impl FnMut(usize, T)) {
        let spread = if self.label_smoothing == 0.0 { 0.0 } else { self.label_smoothing / classes as f64 };
        let (kept, spread) = (T::of(1.0 - self.label_smoothing), T::of(spread));
        let mut add = |class: usize, y: T| {
            let share = kept * y + spread;
            let q = self.weight.map_or(share, |weight| T::of(weight[class]) * share);
            if q != T::zero() {
                f(class, q);
            }
        };
        match target {
            TargetSlice::Classes(labels) if labels[row] == self.ignore_index => {}
            // Without smoothing the other classes count nothing.
            TargetSlice::Classes(labels) if self.label_smoothing == 0.0 => add(labels[row] as usize, T::one()),
            TargetSlice::Classes(labels) => {
                let y = |class| if class == labels[row] as usize { T::one() } else { T::zero() };
                (0..classes).for_each(|class| add(class, y(class)));
            }
            TargetSlice::Values(shares) => {
                let shares = &shares[row * classes..(row + 1) * classes];
                shares.iter().enumerate().for_each(|(class, &y)| add(class, y));
            }
        }
    }
}

/// The softmax of every row of x, with its logarithm: `p` becomes e^(x−m) / Σ e^(x−m), m the row's largest entry, and
/// `then(row, log_p, p)` is called with ln p_c = log_p(c) = (x_c − m) − ln Σ e^(x−m).
pub(super) fn softmax_rows<T: Real>(
    x: &[T],
    classes: usize,
    p: &mut [T],
    mut then: impl FnMut(usize, &dyn Fn(usize) -> T, &mut [T]),
) {
    let (mut most, mut sums, mut logs) = ([T::zero(); BLOCK], [T::zero(); BLOCK], [T::zero(); BLOCK]);
    let blocks = x.chunks(BLOCK * classes).zip(p.chunks_mut(BLOCK * classes));
    for (block, (x, p)) in blocks.enumerate() {
        let rows = x.len() / classes;
        // The exponentials of many rows in one call.
        for (most, (x, e)) in most.iter_mut().zip(x.chunks_exact(classes).zip(p.chunks_exact_mut(classes))) {
            *most = x.iter().copied().fold(T::neg_infinity(), T::max);
            e.iter_mut().zip(x).for_each(|(e, &x)| *e = x - *most);
        }
        in_place(T::exp_slice, p);
        sums.iter_mut().zip(p.chunks_exact(classes)).for_each(|(sum, e)| *sum = e.iter().copied().sum());
        T::ln_slice(&sums[..rows], &mut logs[..rows]);
        for (row, (x, p)) in x.chunks_exact(classes).zip(p.chunks_exact_mut(classes)).enumerate() {
            p.iter_mut().for_each(|e| *e /= sums[row]);
            then(block * BLOCK + row, &|class| (x[class] - most[row]) - logs[row], p);
        }
    }
}

/// Hands `measure` the output, target, terms and slope with the classes of each term in one contiguous row: as they are for
/// an output (n, C), through copies for (n, C, d…).
pub(super) fn in_rows<T: Real>(
    output: &[T],
    shape: &[usize],
    target: TargetSlice<'_, T>,
    slope: &mut [T],
    measure: impl FnOnce(&[T], TargetSlice<'_, T>, &mut [T]),
) {
    assert_eq!(slope.len(), output.len(), "entries of the slope");
    if shape[2..].iter().product::<usize>() == 1 {
        return measure(output, target, slope);
    }
    let rows = |x: &[T]| class_rows(&tensor(shape, x.to_vec()));
    let shares;
    let target = match target {
        TargetSlice::Classes(labels) => TargetSlice::Classes(labels),
        TargetSlice::Values(values) => {
            shares = rows(values);
            TargetSlice::Values(values_of(&shares))
        }
    };
    let mut slope_rows = vec![T::zero(); slope.len()];
    measure(values_of(&rows(output)), target, &mut slope_rows);
    // (n, d…, C) back to (n, C, d…)
    let mut rows_shape = shape.to_vec();
    rows_shape[1..].rotate_left(1);
    let mut axes: Vec<usize> = (0..shape.len()).collect();
    axes[1..].rotate_right(1);
    slope.copy_from_slice(values_of(&dense(&tensor(&rows_shape, slope_rows).permuted_axes(axes))));
}

/// (n, C, d…) as (n, d…, C).
fn class_rows<T: Real>(x: &Tensor<T>) -> Tensor<T> {
    let mut axes: Vec<usize> = (0..x.ndim()).collect();
    axes[1..].rotate_left(1);
    dense(&x.clone().permuted_axes(axes))
}
