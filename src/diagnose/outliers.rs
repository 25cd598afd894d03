//! Single numbers that are far from all others: a slip of the pen, which rules the scale of its column.

use super::Severity::Warning;
use super::{Finding, Names, Part};
use crate::data::{Dataset, Target};
use crate::tensor::{Real, dense, values};

/// Deviations of all numbers beyond which one is looked at; the furthest of n is at most √(n−1) away.
const SUSPECT: f64 = 5.0;
/// The others must lie within so many of their own deviations: a rare yes among zeros, or a heavy tail, does not.
const ORDINARY: f64 = 10.0;
/// How much further than the furthest of the others an outlier is.
const FURTHER: f64 = 10.0;
/// Columns that are told.
const TOLD: usize = 3;

/// The outliers among inputs and target values: one number that is ten times further from the mean of the others than any
/// of them, where the others lie close together (within ten of their standard deviations).
pub(super) fn outliers<T: Real>(data: &Dataset<T>, place: &str, names: &dyn Names) -> Vec<Finding> {
    let mut row = vec![T::zero(); data.sample_shape().iter().product()];
    let (size, samples) = (row.len(), data.len());
    let inputs = find(samples, size, |sample, to| {
        data.inputs.gather_into(&[sample], &mut row);
        to.iter_mut().zip(row.iter().copied()).for_each(|(to, x)| *to = x.to_f64());
    });
    let mut findings: Vec<Finding> =
        inputs.iter().take(TOLD).map(|own| own.told(names.input(own.column, own.value), place, names)).collect();
    if let Some(Target::Values(wanted)) = data.targets.given() {
        let wanted = dense(wanted);
        let size = wanted.len() / samples.max(1);
        let targets = find(samples, size, |sample, to| {
            let own = &values(&wanted)[sample * size..(sample + 1) * size];
            to.iter_mut().zip(own.iter().copied()).for_each(|(to, y)| *to = y.to_f64());
        });
        findings
            .extend(targets.iter().take(TOLD).map(|own| own.told(names.target(own.column, own.value), place, names)));
    }
    findings
}

struct Outlier {
    column: usize,
    sample: usize,
    value: f64,
    /// Deviations from the mean, of all numbers of the column: its own, and the largest of the others.
    own: f64,
    others: f64,
}

impl Outlier {
    fn told(&self, what: String, place: &str, names: &dyn Names) -> Finding {
        let row = names.sample(Part::Train, self.sample);
        let message = format!(
            "{what} in {row} is {:.0} standard deviations from the mean, all others lie within {:.2}",
            self.own, self.others
        );
        Finding::new(Warning, place, message, "correct or drop it: the others are as good as equal beside it")
    }
}

/// One outlier a column at most, in `samples` rows of `size` numbers.
fn find(samples: usize, size: usize, mut fill: impl FnMut(usize, &mut [f64])) -> Vec<Outlier> {
    let mut row = vec![0.0; size];
    let (mut sums, mut squares) = (vec![0.0; size], vec![0.0; size]);
    let (mut least, mut most) = (vec![(f64::INFINITY, 0); size], vec![(f64::NEG_INFINITY, 0); size]);
    for sample in 0..samples {
        fill(sample, &mut row);
        for (at, &x) in row.iter().enumerate() {
            sums[at] += x;
            squares[at] += x * x;
            least[at] = if x < least[at].0 { (x, sample) } else { least[at] };
            most[at] = if x > most[at].0 { (x, sample) } else { most[at] };
        }
    }
    let n = samples as f64;
    // (column, value, its sample, mean and deviation of the column)
    let mut suspects = Vec::new();
    for at in 0..size {
        let mean = sums[at] / n;
        let deviation = (squares[at] / n - mean * mean).max(0.0).sqrt();
        let (value, sample) = if most[at].0 - mean > mean - least[at].0 { most[at] } else { least[at] };
        if (value - mean).abs() > SUSPECT * deviation && deviation > 0.0 {
            suspects.push((at, value, sample, mean, deviation));
        }
    }
    if suspects.is_empty() {
        return Vec::new();
    }
    // The others by themselves: beside the outlier their squares would be lost.
    let (mut sums, mut squares) = (vec![0.0; suspects.len()], vec![0.0; suspects.len()]);
    let mut ends = vec![(f64::INFINITY, f64::NEG_INFINITY); suspects.len()];
    // Held against one of them, so that a large mean takes no digits.
    let mut first = vec![None; suspects.len()];
    for sample in 0..samples {
        fill(sample, &mut row);
        for (i, &(at, ..)) in suspects.iter().enumerate().filter(|(_, suspect)| suspect.2 != sample) {
            let x = row[at] - *first[i].get_or_insert(row[at]);
            sums[i] += x;
            squares[i] += x * x;
            ends[i] = (ends[i].0.min(x), ends[i].1.max(x));
        }
    }
    let judged = suspects.into_iter().enumerate().filter_map(|(i, (column, value, sample, mean, deviation))| {
        let (rest, first) = (n - 1.0, first[i]?);
        let middle = sums[i] / rest;
        let spread = (squares[i] / rest - middle * middle).max(0.0).sqrt();
        let furthest = (ends[i].1 - middle).max(middle - ends[i].0);
        let ordinary = spread > 0.0 && furthest <= ORDINARY * spread;
        let others = [ends[i].0, ends[i].1].map(|end| (end + first - mean).abs() / deviation);
        let others = others[0].max(others[1]);
        (ordinary && (value - first - middle).abs() > FURTHER * furthest).then(|| Outlier {
            column,
            sample,
            value,
            own: (value - mean).abs() / deviation,
            others,
        })
    });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    fn columns(samples: usize, mut number: impl FnMut(usize) -> f64) -> Vec<(usize, f64)> {
        let all: Vec<f64> = (0..samples).map(&mut number).collect();
        find(samples, 1, |sample, to| to[0] = all[sample]).iter().map(|own| (own.sample, own.value)).collect()
    }

    #[test]
    fn one_number_far_from_all_others_is_found_and_a_tail_is_not() {
        let mut stream = Stream::new(1);
        assert_eq!(columns(1000, |at| if at == 500 { 1e9 } else { stream.normal() }), [(500, 1e9)]);
        assert_eq!(columns(1000, |at| if at == 7 { -200.0 } else { 50.0 + stream.normal() }), [(7, -200.0)]);
        assert_eq!(columns(1000, |_| stream.normal()), []);
        // Log-normal and Cauchy: large numbers, but not a single one.
        for seed in 0..20 {
            let mut stream = Stream::new(seed);
            assert_eq!(columns(1000, |_| (2.0 * stream.normal()).exp()), [], "log-normal {seed}");
            assert_eq!(columns(1000, |_| stream.normal() / stream.normal()), [], "Cauchy {seed}");
        }
        // A rare category, and a pixel at the border.
        assert_eq!(columns(1000, |at| f64::from(u8::from(at == 3))), []);
        assert_eq!(columns(1000, |at| [1.0, 0.004].get(at).copied().unwrap_or(0.0)), []);
    }

    /// By hand: 999 numbers of ±1 and one of 1e6 have mean ≈ 1e3, deviation ≈ 1e6·√(1/1000) = 31,607.
    #[test]
    fn the_deviations_are_those_of_all_numbers() {
        let fill =
            |sample: usize, to: &mut [f64]| to[0] = [1.0, -1.0][sample % 2] * if sample == 0 { 1e6 } else { 1.0 };
        let found = find(1000, 1, fill);
        assert!((found[0].own - 999f64.sqrt()).abs() < 0.01, "{}", found[0].own);
        assert!((found[0].others - 999f64.sqrt().recip()).abs() < 0.001, "{}", found[0].others);
    }
}
