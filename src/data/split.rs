//! Splits: which samples train, which choose the settings, and which judge at the end.

mod grouped;
mod ordered;

use super::Dataset;
use crate::random::Stream;
use crate::tensor::Real;
use crate::{Error, Result};

/// A division of a data set into three parts that share no sample.
///
/// | made by | what decides |
/// | --- | --- |
/// | [`Split::new`], [`Split::fold`] | chance, class by class |
/// | [`Split::by_group`], [`Split::fold_by_group`] | chance, a group of samples as a whole |
/// | [`Split::by_order`], [`Split::fold_by_order`] | time: the last are held back |
///
/// Every list is in random order where chance decides, else in that of time.
///
/// Printing it gives the sizes and, where there are classes, how many samples of each are in each part.
///
/// ```
/// use limpide::data::{Split, moons};
/// let data = moons::<f32>(200, 0.1, 7)?;
/// let split = Split::new(&data, 0.15, 0.15, 7)?;
/// assert_eq!([split.train.len(), split.validation.len(), split.test.len()], [140, 30, 30]);
/// println!("{split}");
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// Numbers of the samples to train on.
    pub train: Vec<usize>,
    /// Numbers of the samples that choose settings and the moment to stop.
    pub validation: Vec<usize>,
    /// Numbers of the samples for the one final judgement.
    pub test: Vec<usize>,
    /// Samples of each class in train, validation and test; empty when there are no classes.
    per_class: Vec<[usize; 3]>,
}

impl Split {
    /// Splits a data set: the fractions `validation` and `test` of it, the rest to train on.
    ///
    /// With one class a sample the split is stratified: each part has every class in the proportion of the whole, as
    /// nearly as whole samples allow. The sizes are those fractions of the whole, rounded to the nearest.
    ///
    /// Errs when a fraction is negative, or both together are not below 1.
    pub fn new<T: Real>(data: &Dataset<T>, validation: f64, test: f64, seed: u64) -> Result<Self> {
        check_shares(validation, test)?;
        let groups = Groups::new(data, seed);
        let tests = shares(&groups.sizes(), test, &groups.sizes(), data.len());
        Ok(groups.divide(validation, |group, samples| {
            let (test, rest) = samples.split_at(tests[group]);
            (test.to_vec(), rest.to_vec())
        }))
    }

    /// One of the `folds` splits of a cross-validation: their test parts share no sample and have every sample together.
    ///
    /// Each class is divided as evenly as whole samples allow; `validation` is a fraction of the whole, cut from what is not
    /// tested on.
    ///
    /// # Errors
    /// [`Error::Option`] with fewer than 2 folds or more than samples, a fold that there is not, or a fraction for
    /// validation that leaves nothing to train on.
    ///
    /// ```
    /// use limpide::data::{Split, moons};
    /// let data = moons::<f32>(200, 0.1, 7)?;
    /// let mut tested: Vec<usize> = Vec::new();
    /// for fold in 0..5 {
    ///     let split = Split::fold(&data, 0.1, fold, 5, 7)?;
    ///     assert_eq!([split.train.len(), split.validation.len(), split.test.len()], [140, 20, 40]);
    ///     tested.extend(&split.test);
    /// }
    /// tested.sort();
    /// assert_eq!(tested, (0..200).collect::<Vec<_>>());
    /// # Ok::<(), limpide::Error>(())
    /// ```
    pub fn fold<T: Real>(data: &Dataset<T>, validation: f64, fold: usize, folds: usize, seed: u64) -> Result<Self> {
        check_fold(data.len(), fold, folds)?;
        let most = 1.0 - 1.0 / folds as f64;
        if !(0.0..most).contains(&validation) {
            let wanted = format!("from 0 to below {most} beside a fold of {folds}");
            return Err(Error::option("split: validation", wanted, validation));
        }
        let groups = Groups::new(data, seed);
        // The first fold of a class is the next one's second, so that no fold gets the odd sample of every class.
        Ok(groups.divide(validation, |group, samples| {
            let numbered = samples.iter().enumerate();
            let (test, rest): (Vec<_>, Vec<_>) = numbered.partition(|(place, _)| (place + group) % folds == fold);
            let numbers = |part: Vec<(usize, &usize)>| part.into_iter().map(|(_, &sample)| sample).collect();
            (numbers(test), numbers(rest))
        }))
    }
}

/// Whether shares leave something to train on.
fn check_shares(validation: f64, test: f64) -> Result<()> {
    if validation >= 0.0 && test >= 0.0 && validation + test < 1.0 {
        return Ok(());
    }
    let found = format!("{validation} and {test}");
    Err(Error::option("split: validation and test", "fractions with a sum below 1", found))
}

/// Whether there is such a fold of so many samples.
fn check_fold(samples: usize, fold: usize, folds: usize) -> Result<()> {
    if folds < 2 || folds > samples {
        return Err(Error::option("split: folds", format!("from 2 to the number of samples, {samples}"), folds));
    }
    if fold >= folds {
        return Err(Error::option("split: fold", format!("from 0 to {}", folds - 1), fold));
    }
    Ok(())
}

/// The samples of each class in random order, and last those without one: all where there are no classes.
struct Groups {
    samples: Vec<Vec<usize>>,
    stream: Stream,
}

impl Groups {
    fn new<T: Real>(data: &Dataset<T>, seed: u64) -> Self {
        let stream = Stream::new(seed).at(&[u64::from_be_bytes(*b"split   ")]);
        let labels = data.targets.labels();
        // Samples without a class stand behind the classes.
        let mut samples = vec![Vec::new(); if labels.is_some() { data.classes + 1 } else { 1 }];
        let group = |label: i64| usize::try_from(label).unwrap_or(data.classes);
        for sample in 0..data.len() {
            samples[labels.as_ref().map_or(0, |labels| group(labels[sample]))].push(sample);
        }
        for (group, samples) in samples.iter_mut().enumerate() {
            stream.at(&[group as u64]).shuffle(samples);
        }
        Groups { samples, stream }
    }

    fn sizes(&self) -> Vec<usize> {
        self.samples.iter().map(Vec::len).collect()
    }

    /// The split in which `test` says what of a group is tested on, and what is left.
    fn divide(&self, validation: f64, test: impl Fn(usize, &[usize]) -> (Vec<usize>, Vec<usize>)) -> Split {
        let parts: Vec<_> = self.samples.iter().enumerate().map(|(group, samples)| test(group, samples)).collect();
        let room: Vec<usize> = parts.iter().map(|(_, rest)| rest.len()).collect();
        let validations = shares(&self.sizes(), validation, &room, room.iter().sum());
        let mut split = Split { train: vec![], validation: vec![], test: vec![], per_class: vec![] };
        for (group, (test, rest)) in parts.iter().enumerate() {
            let (validation, train) = rest.split_at(validations[group]);
            split.test.extend(test);
            split.validation.extend(validation);
            split.train.extend(train);
            split.per_class.push([train.len(), validation.len(), test.len()]);
        }
        split.per_class.pop();
        // Until here a part is sorted by class.
        let mut order = self.stream.clone();
        for part in [&mut split.train, &mut split.validation, &mut split.test] {
            order.shuffle(part);
        }
        split
    }
}

/// How many of each group to take: `fraction` of the sum, at most `limit`, divided by the method of largest remainders,
/// no more from a group than its `room`.
fn shares(sizes: &[usize], fraction: f64, room: &[usize], limit: usize) -> Vec<usize> {
    let wanted = ((sizes.iter().sum::<usize>() as f64 * fraction).round() as usize).min(limit);
    let quota = |group: usize| sizes[group] as f64 * fraction;
    let mut taken: Vec<usize> = (0..sizes.len()).map(|group| (quota(group) as usize).min(room[group])).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|&a, &b| quota(b).fract().total_cmp(&quota(a).fract()));
    let mut left = wanted.saturating_sub(taken.iter().sum());
    while left > 0 {
        for &group in order.iter().filter(|&&group| taken[group] < room[group]).take(left).collect::<Vec<_>>() {
            taken[group] += 1;
            left -= 1;
        }
    }
    taken
}

impl Split {
    /// The split with these samples in train, validation and test.
    fn of<T: Real>(data: &Dataset<T>, parts: [Vec<usize>; 3]) -> Self {
        let labels = data.targets.labels();
        let mut per_class = vec![[0; 3]; if labels.is_some() { data.classes } else { 0 }];
        if let Some(labels) = labels {
            for (part, samples) in parts.iter().enumerate() {
                let classes = samples.iter().filter_map(|&sample| usize::try_from(labels[sample]).ok());
                classes.for_each(|class| per_class[class][part] += 1);
            }
        }
        let [train, validation, test] = parts;
        Split { train, validation, test, per_class }
    }

    /// The division of a set that comes with a validation or test part of its own: their samples are numbered by themselves.
    pub fn with_own<T: Real>(mut self, validation: Option<&Dataset<T>>, test: Option<&Dataset<T>>) -> Self {
        for (part, own) in [(1, validation), (2, test)] {
            let Some(own) = own else { continue };
            let samples = (0..own.len()).collect();
            if part == 1 {
                self.validation = samples
            } else {
                self.test = samples
            }
            for label in own.targets.labels().into_iter().flatten() {
                let class = usize::try_from(label).ok().and_then(|class| self.per_class.get_mut(class));
                class.into_iter().for_each(|counts| counts[part] += 1);
            }
        }
        self
    }

    /// What printing it gives, with the names of classes instead of their numbers.
    pub fn with_names(&self, names: &[String]) -> String {
        let mut text =
            format!("train {}, validation {}, test {}", self.train.len(), self.validation.len(), self.test.len());
        for (class, [train, validation, test]) in self.per_class.iter().enumerate() {
            let name = names.get(class).cloned().unwrap_or_else(|| class.to_string());
            text += &format!("\n  class {name}: {train}, {validation}, {test}");
        }
        text
    }
}

impl std::fmt::Display for Split {
    /// `train 140, validation 30, test 30`, then a line for each class.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.with_names(&[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Inputs, Target, regression};
    use proptest::prelude::*;

    /// Samples of the given numbers in each class, class by class.
    pub fn classes(sizes: &[usize]) -> Dataset<f32> {
        let labels: Vec<i64> = sizes.iter().enumerate().flat_map(|(c, &n)| vec![c as i64; n]).collect();
        let inputs = Inputs::Real(crate::zeros(&[labels.len(), 1]));
        Dataset::new("classes", inputs, Target::classes(labels), sizes.len()).unwrap()
    }

    #[test]
    fn folds_are_of_every_class_alike_and_test_every_sample_once() {
        let data = classes(&[23, 12, 9]);
        let folds: Vec<Split> = (0..4).map(|fold| Split::fold(&data, 0.1, fold, 4, 3).unwrap()).collect();
        let mut tested: Vec<usize> = folds.iter().flat_map(|split| split.test.clone()).collect();
        tested.sort();
        assert_eq!(tested, (0..44).collect::<Vec<_>>());
        for split in &folds {
            let mut all = [&split.train[..], &split.validation, &split.test].concat();
            all.sort();
            assert_eq!(all, (0..44).collect::<Vec<_>>());
            assert_eq!(split.validation.len(), 4);
            // 23 / 4, 12 / 4 and 9 / 4 by whole samples.
            let [a, b, c] = [0, 1, 2].map(|class| split.per_class[class][2]);
            assert!((5..=6).contains(&a) && b == 3 && (2..=3).contains(&c), "{a}, {b}, {c}");
        }
        for (fold, folds, wanted) in [(0, 1, "folds"), (0, 45, "folds"), (4, 4, "from 0 to 3")] {
            assert!(Split::fold(&data, 0.1, fold, folds, 3).unwrap_err().to_string().contains(wanted));
        }
        assert!(Split::fold(&data, 0.75, 0, 4, 3).unwrap_err().to_string().contains("validation"));
    }

    #[test]
    fn a_split_prints_its_sizes_and_classes() {
        let split = Split::new(&classes(&[100, 60, 40]), 0.2, 0.1, 1).unwrap();
        assert_eq!(
            split.to_string(),
            "train 140, validation 40, test 20\n  class 0: 70, 20, 10\n  class 1: 42, 12, 6\n  class 2: 28, 8, 4"
        );
    }

    #[test]
    fn parts_of_its_own_are_counted_with_the_rest() {
        let split = Split::new(&classes(&[4, 2]), 0.0, 0.0, 1).unwrap().with_own(Some(&classes(&[1, 2])), None);
        assert_eq!(split.to_string(), "train 6, validation 3, test 0\n  class 0: 4, 1, 0\n  class 1: 2, 2, 0");
    }

    #[test]
    fn values_are_split_without_classes() {
        let split = Split::new(&regression::<f64>(50, -1.0..1.0, 1).unwrap(), 0.2, 0.3, 1).unwrap();
        assert_eq!(split.to_string(), "train 25, validation 10, test 15");
    }

    #[test]
    fn a_seed_fixes_the_split_and_the_parts_are_not_sorted() {
        let data = classes(&[50, 50]);
        let split = Split::new(&data, 0.2, 0.2, 1).unwrap();
        assert_eq!(split, Split::new(&data, 0.2, 0.2, 1).unwrap());
        assert_ne!(split, Split::new(&data, 0.2, 0.2, 2).unwrap());
        // By chance one in 10⁹: the test part of a class of 50 is its first ten.
        assert!(split.test.iter().any(|&sample| sample % 50 >= 10), "{:?}", split.test);
        for part in [&split.train, &split.validation, &split.test] {
            let first = part[..part.len() / 2].iter().filter(|&&sample| sample < 50).count();
            assert!(first > 0 && first < part.len() / 2, "{part:?}");
        }
    }

    #[test]
    fn bad_fractions_are_refused() {
        for (validation, test) in [(0.5, 0.5), (-0.1, 0.1), (0.1, f64::NAN), (0.0, 1.0)] {
            assert!(Split::new(&classes(&[4]), validation, test, 1).is_err());
        }
    }

    proptest! {
        #[test]
        fn parts_are_disjoint_complete_and_stratified(
            sizes in prop::collection::vec(0usize..12, 1..6), validation in 0.0..0.6, test in 0.0..0.4, seed: u64,
        ) {
            let data = classes(&sizes);
            let split = Split::new(&data, validation, test, seed).unwrap();
            let mut all = [&split.train[..], &split.validation, &split.test].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..data.len()).collect::<Vec<_>>());
            let n = data.len() as f64;
            prop_assert!((split.test.len() as f64 - n * test).abs() <= 0.5);
            prop_assert!((split.validation.len() as f64 - n * validation).abs() <= 1.0);
            let labels = data.targets.labels().unwrap();
            for (class, &size) in sizes.iter().enumerate() {
                let count = |part: &[usize]| part.iter().filter(|&&s| labels[s] == class as i64).count();
                prop_assert!((count(&split.test) as f64 - size as f64 * test).abs() < 1.0);
                // One more than exact where the test part has taken the last free place of another class.
                prop_assert!((count(&split.validation) as f64 - size as f64 * validation).abs() < 2.0);
                prop_assert_eq!(split.per_class[class][2], count(&split.test));
                prop_assert_eq!(split.per_class[class][0], count(&split.train));
            }
        }
    }
}
