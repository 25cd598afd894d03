//! Splits in time: what comes first trains, what comes last is held back, as it is when a model is used.

use super::{Split, check_fold, check_shares};
use crate::data::Dataset;
use crate::tensor::Real;
use crate::{Error, Result};

impl Split {
    /// Splits a data set by an order: the samples with the largest `keys` test, those before them validate, and the rest
    /// train. Each list keeps the order; samples of one key keep that of the data set.
    ///
    /// A cut between two parts stands where `new` would have it by the number of samples, or, where that would part
    /// samples with one key (rows of one day), at the nearest place that does not (the earlier of two). Every part with a
    /// share has a sample.
    ///
    /// # Errors
    /// Those of [`Split::new`]; [`Error::Option`] when there is not a key for each sample, for one that is NaN, or with
    /// too few different ones.
    ///
    /// ```
    /// use limpide::data::{Split, moons};
    /// let data = moons::<f32>(10, 0.1, 7)?;
    /// let years = [2024.0, 2023.0, 2022.0, 2021.0, 2020.0, 2020.0, 2021.0, 2022.0, 2023.0, 2024.0];
    /// let split = Split::by_order(&data, &years, 0.2, 0.2)?;
    /// assert_eq!((split.train, split.validation, split.test), (vec![4, 5, 3, 6, 2, 7], vec![1, 8], vec![0, 9]));
    /// # Ok::<(), limpide::Error>(())
    /// ```
    pub fn by_order<T: Real>(data: &Dataset<T>, keys: &[f64], validation: f64, test: f64) -> Result<Self> {
        check_shares(validation, test)?;
        let line = Line::new(data, keys)?;
        let count = |share: f64| (line.order.len() as f64 * share).round() as usize;
        let end = line.order.len();
        let parts = 1 + usize::from(validation > 0.0) + usize::from(test > 0.0);
        let test_at = if test > 0.0 { line.cut(end, end - count(test), parts)? } else { end };
        let wanted = (end - count(test)).saturating_sub(count(validation));
        let validation_at = if validation > 0.0 { line.cut(test_at, wanted, parts)? } else { test_at };
        Ok(line.split(data, [validation_at, test_at, end]))
    }

    /// One of the `folds` splits of a validation that moves forward in time, as scikit-learn's `TimeSeriesSplit`: of n
    /// samples in the order of their keys the last `folds` blocks of ⌊n / (folds + 1)⌋ are the test parts, and what comes
    /// behind a fold's own is in none of its parts.
    ///
    /// `validation` is a share of all samples up to the end of the test part. Cuts stand as in [`Split::by_order`].
    ///
    /// # Errors
    /// Those of [`Split::fold`] and [`Split::by_order`].
    ///
    /// ```
    /// use limpide::data::{Split, moons};
    /// let (data, keys) = (moons::<f32>(8, 0.1, 7)?, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    /// for (fold, train, test) in [(0, 0..2, 2..4), (1, 0..4, 4..6), (2, 0..6, 6..8)] {
    ///     let split = Split::fold_by_order(&data, &keys, 0.0, fold, 3)?;
    ///     assert_eq!((split.train, split.test), (train.collect(), test.collect()));
    /// }
    /// # Ok::<(), limpide::Error>(())
    /// ```
    pub fn fold_by_order<T: Real>(
        data: &Dataset<T>,
        keys: &[f64],
        validation: f64,
        fold: usize,
        folds: usize,
    ) -> Result<Self> {
        check_fold(data.len(), fold, folds)?;
        let line = Line::new(data, keys)?;
        let (all, block) = (data.len(), data.len() / (folds + 1));
        let begins = |fold: usize| match fold == folds {
            true => Ok(all),
            false => line.cut(all, all - (folds - fold) * block, folds + 1),
        };
        let (test_at, end) = (begins(fold)?, begins(fold + 1)?);
        if test_at == end {
            return Err(line.too_few(folds + 1));
        }
        let held = (end as f64 * validation).round() as usize;
        if validation.is_nan() || validation < 0.0 || held >= test_at {
            let wanted = format!("from 0 to below {:.3}, what comes before the fold", test_at as f64 / end as f64);
            return Err(Error::option("split: validation", wanted, validation));
        }
        let validation_at = if validation > 0.0 { line.cut(test_at, test_at - held, 2)? } else { test_at };
        Ok(line.split(data, [validation_at, test_at, end]))
    }
}

/// The samples in the order of their keys.
struct Line {
    order: Vec<usize>,
    keys: Vec<f64>,
}

impl Line {
    fn new<T: Real>(data: &Dataset<T>, keys: &[f64]) -> Result<Self> {
        if keys.len() != data.len() {
            let wanted = format!("a key for each of {} samples", data.len());
            return Err(Error::option("split: keys", wanted, keys.len()));
        }
        if let Some(sample) = keys.iter().position(|key| key.is_nan()) {
            return Err(Error::option("split: keys", "numbers", format!("NaN for sample {sample}")));
        }
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]));
        let keys = order.iter().map(|&sample| keys[sample]).collect();
        Ok(Line { order, keys })
    }

    /// The place nearest to `wanted` before which, and between which and `end`, samples are, and all keys smaller than
    /// those behind it.
    fn cut(&self, end: usize, wanted: usize, parts: usize) -> Result<usize> {
        let between = (1..end).filter(|&place| self.keys[place - 1] < self.keys[place]);
        between.min_by_key(|place| place.abs_diff(wanted)).ok_or_else(|| self.too_few(parts))
    }

    fn too_few(&self, parts: usize) -> Error {
        let different = self.keys.chunk_by(|a, b| a == b).count();
        let wanted = format!("at least {parts}, so that no two of {parts} parts have one, and spread over the samples");
        Error::option("split: the number of different keys", wanted, different)
    }

    /// The split whose parts end at these places.
    fn split<T: Real>(&self, data: &Dataset<T>, [train, validation, test]: [usize; 3]) -> Split {
        let part = |from: usize, to: usize| self.order[from..to].to_vec();
        Split::of(data, [part(0, train), part(train, validation), part(validation, test)])
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::classes;
    use super::*;

    #[test]
    fn the_last_are_held_back_and_one_key_is_never_parted() {
        let data = classes(&[6, 4]);
        let rows: Vec<f64> = (0..10).map(f64::from).collect();
        let split = Split::by_order(&data, &rows, 0.2, 0.2).unwrap();
        assert_eq!(split.to_string(), "train 6, validation 2, test 2\n  class 0: 6, 0, 0\n  class 1: 0, 2, 2");
        // Three days of 2, 5 and 3 rows, the latest first: a tenth would part one, so that a whole one is held back.
        let days = [3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0];
        let split = Split::by_order(&data, &days, 0.1, 0.1).unwrap();
        assert_eq!((split.train, split.validation, split.test), (vec![8, 9], (3..8).collect(), vec![0, 1, 2]));
        let split = Split::by_order(&data, &days, 0.0, 0.75).unwrap();
        assert_eq!((split.train, split.validation), (vec![8, 9], vec![]));
        // A share of less than half a sample is one.
        assert_eq!(Split::by_order(&data, &rows, 0.01, 0.0).unwrap().validation, [9]);
    }

    #[test]
    fn folds_move_forward() {
        let (data, rows) = (classes(&[10, 10]), (0..20).map(f64::from).collect::<Vec<_>>());
        // ⌊20 / 4⌋ = 5; a fifth of the 10, 15 and 20 samples so far validates.
        for (fold, ends) in [(0, [3, 5, 10]), (1, [7, 10, 15]), (2, [11, 15, 20])] {
            let Split { train, validation, test, .. } = Split::fold_by_order(&data, &rows, 0.2, fold, 3).unwrap();
            assert_eq!(
                [train.len(), train.len() + validation.len(), [&train[..], &validation, &test].concat().len()],
                ends
            );
            assert!([train, validation, test].concat().iter().copied().eq(0..ends[2]));
        }
    }

    #[test]
    fn keys_that_cannot_be_parted_are_refused() {
        let data = classes(&[6, 4]);
        let two = [1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0];
        let error = Split::by_order(&data, &two, 0.1, 0.1).unwrap_err().to_string();
        assert!(error.contains("at least 3") && error.contains("got 2"), "{error}");
        assert!(Split::by_order(&data, &[1.0; 10], 0.1, 0.0).unwrap_err().to_string().contains("got 1"));
        assert!(
            Split::by_order(&data, &[f64::NAN; 10], 0.1, 0.0).unwrap_err().to_string().contains("NaN for sample 0")
        );
        assert!(Split::by_order(&data, &[1.0; 9], 0.1, 0.0).unwrap_err().to_string().contains("each of 10 samples"));
        assert!(Split::fold_by_order(&data, &two, 0.1, 0, 3).unwrap_err().to_string().contains("at least 4"));
        let rows: Vec<f64> = (0..10).map(f64::from).collect();
        // Of the first 6 rows half is before the fold.
        let error = Split::fold_by_order(&data, &rows, 0.6, 0, 2).unwrap_err().to_string();
        assert!(error.contains("split: validation") && error.contains("what comes before the fold"), "{error}");
    }
}
