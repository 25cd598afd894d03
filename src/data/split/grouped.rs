//! Splits that keep together what belongs together: all rows of a patient, all pictures of a scene.

use super::{Split, check_fold, check_shares};
use crate::data::Dataset;
use crate::random::Stream;
use crate::tensor::Real;
use crate::{Error, Result};
use std::cmp::Reverse;
use std::collections::BTreeMap;

impl Split {
    /// Splits a data set so that all samples of a group are in one part; `groups` has a number for each sample.
    ///
    /// Groups are taken in random order, but large ones before those of less than half their size, and each goes to the
    /// part p with the least **Σ_c g_c·(n_pc + g_c / 4) / (s_p·N_c)**: of class c (one for all where there are none) the
    /// group has g_c samples, the part n_pc by now, the whole set N_c, and s_p is the part's share. So the part that is
    /// furthest behind in the group's classes takes it; with g_c / 4 instead of g_c / 2 (Webster's method for seats in a
    /// parliament) a small part is not passed over where a class has few groups. Every part with a share has at least
    /// one group, so few groups can make it larger than asked.
    ///
    /// # Errors
    /// Those of [`Split::new`]; [`Error::Option`] when there is not a number for each sample, or fewer groups than parts.
    ///
    /// ```
    /// use limpide::data::{Split, moons};
    /// let data = moons::<f32>(200, 0.1, 7)?;
    /// let patients: Vec<usize> = (0..200).map(|sample| sample / 10).collect();
    /// let split = Split::by_group(&data, &patients, 0.2, 0.1, 7)?;
    /// assert_eq!([split.train.len(), split.validation.len(), split.test.len()], [140, 40, 20]);
    /// let patient = |sample: &usize| patients[*sample];
    /// assert!(split.validation.iter().all(|one| !split.train.iter().any(|other| patient(one) == patient(other))));
    /// # Ok::<(), limpide::Error>(())
    /// ```
    pub fn by_group<T: Real>(
        data: &Dataset<T>,
        groups: &[usize],
        validation: f64,
        test: f64,
        seed: u64,
    ) -> Result<Self> {
        check_shares(validation, test)?;
        let all = Grouped::new(data, groups, seed)?;
        let everything = (0..all.samples.len()).collect();
        let parts = all.divide(everything, &[1.0 - validation - test, validation, test])?;
        Ok(all.split([&parts[0], &parts[1], &parts[2]]))
    }

    /// One of the `folds` splits of a cross-validation over groups: the test parts share no group and have every sample
    /// together.
    ///
    /// Groups are given to folds of equal shares, and what is not tested on to training and validation, as
    /// [`Split::by_group`] does.
    ///
    /// # Errors
    /// Those of [`Split::fold`]; [`Error::Option`] when there is not a number for each sample, or too few groups.
    pub fn fold_by_group<T: Real>(
        data: &Dataset<T>,
        groups: &[usize],
        validation: f64,
        fold: usize,
        folds: usize,
        seed: u64,
    ) -> Result<Self> {
        check_fold(data.len(), fold, folds)?;
        let most = 1.0 - 1.0 / folds as f64;
        if !(0.0..most).contains(&validation) {
            let wanted = format!("from 0 to below {most} beside a fold of {folds}");
            return Err(Error::option("split: validation", wanted, validation));
        }
        let all = Grouped::new(data, groups, seed)?;
        let everything = (0..all.samples.len()).collect();
        let mut parts = all.divide(everything, &vec![1.0 / folds as f64; folds])?;
        let test = std::mem::take(&mut parts[fold]);
        let rest = all.divide(parts.concat(), &[most - validation, validation])?;
        Ok(all.split([&rest[0], &rest[1], &test]))
    }
}

/// The samples of each group.
struct Grouped<'a, T> {
    data: &'a Dataset<T>,
    samples: Vec<Vec<usize>>,
    labels: Option<Vec<i64>>,
    stream: Stream,
}

impl<'a, T: Real> Grouped<'a, T> {
    fn new(data: &'a Dataset<T>, groups: &[usize], seed: u64) -> Result<Self> {
        if groups.len() != data.len() {
            let wanted = format!("a number for each of {} samples", data.len());
            return Err(Error::option("split: groups", wanted, groups.len()));
        }
        let mut samples: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        groups.iter().enumerate().for_each(|(sample, &group)| samples.entry(group).or_default().push(sample));
        let stream = Stream::new(seed).at(&[u64::from_be_bytes(*b"split   ")]);
        Ok(Grouped { data, samples: samples.into_values().collect(), labels: data.targets.labels(), stream })
    }

    /// The classes of a group and how many samples of each it has; class 0 where there are none, and the class behind the last
    /// for samples without one.
    fn counts(&self, group: usize) -> BTreeMap<usize, f64> {
        let mut counts = BTreeMap::new();
        for &sample in &self.samples[group] {
            let class = self.labels.as_ref().map_or(0, |labels| labels[sample]);
            let class = usize::try_from(class).unwrap_or(self.data.classes);
            *counts.entry(class).or_insert(0.0) += 1.0;
        }
        counts
    }

    /// Some groups in as many lists as there are shares; one without a share stays empty.
    fn divide(&self, mut groups: Vec<usize>, shares: &[f64]) -> Result<Vec<Vec<usize>>> {
        let wanted: Vec<usize> = (0..shares.len()).filter(|&part| shares[part] > 0.0).collect();
        if groups.len() < wanted.len() {
            let least = format!("at least {}, one for each part", wanted.len());
            return Err(Error::option("split: the number of groups", least, groups.len()));
        }
        groups.sort_unstable();
        self.stream.clone().shuffle(&mut groups);
        // What is large is hard to place once the parts are full.
        groups.sort_by_key(|&group| Reverse(self.samples[group].len().ilog2()));
        let counts: Vec<BTreeMap<usize, f64>> = groups.iter().map(|&group| self.counts(group)).collect();
        let mut sums = vec![0.0; self.data.classes + 1];
        counts.iter().flatten().for_each(|(&class, own)| sums[class] += own);
        let (mut parts, mut filled) = (vec![Vec::new(); shares.len()], vec![vec![0.0; sums.len()]; shares.len()]);
        for (place, (&group, counts)) in groups.iter().zip(&counts).enumerate() {
            let empty = wanted.iter().filter(|&&part| parts[part].is_empty()).count();
            let must_fill = groups.len() - place <= empty;
            let excess = |part: usize| {
                let of_class = |(&class, &own): (&usize, &f64)| own * (filled[part][class] + own / 4.0) / sums[class];
                counts.iter().map(of_class).sum::<f64>() / shares[part]
            };
            let open = wanted.iter().copied().filter(|&part| !must_fill || parts[part].is_empty());
            let part = open.min_by(|&a, &b| excess(a).total_cmp(&excess(b))).expect("a part with a share");
            counts.iter().for_each(|(&class, own)| filled[part][class] += own);
            parts[part].push(group);
        }
        Ok(parts)
    }

    /// The split with these groups in train, validation and test.
    fn split(&self, [train, validation, test]: [&[usize]; 3]) -> Split {
        let mut order = self.stream.clone();
        let parts = [train, validation, test].map(|groups| {
            let mut samples: Vec<usize> = groups.iter().flat_map(|&group| &self.samples[group]).copied().collect();
            order.shuffle(&mut samples);
            samples
        });
        Split::of(self.data, parts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::classes;
    use super::*;
    use proptest::prelude::*;

    /// For each part the groups in it.
    fn groups_of(split: &Split, groups: &[usize]) -> [Vec<usize>; 3] {
        [&split.train, &split.validation, &split.test].map(|part| {
            let mut own: Vec<usize> = part.iter().map(|&sample| groups[sample]).collect();
            own.sort();
            own.dedup();
            own
        })
    }

    #[test]
    fn groups_of_one_class_each_are_divided_by_class() {
        // 20 groups of 5 samples: 10 groups of each class, of which 6, 2 and 2 are wanted.
        let (data, groups) = (classes(&[50, 50]), (0..100).map(|sample| 1000 - sample / 5).collect::<Vec<_>>());
        let split = Split::by_group(&data, &groups, 0.2, 0.2, 4).unwrap();
        let lines = "train 60, validation 20, test 20\n  class 0: 30, 10, 10\n  class 1: 30, 10, 10";
        assert_eq!(split.to_string(), lines);
        assert_eq!(split, Split::by_group(&data, &groups, 0.2, 0.2, 4).unwrap());
        let other = Split::by_group(&data, &groups, 0.2, 0.2, 5).unwrap();
        assert_ne!(groups_of(&split, &groups), groups_of(&other, &groups));
    }

    /// Of five equal groups a share of 0.1 takes the third, 0.25 / 0.1 < 2.25 / 0.7; by halves, 0.5 / 0.1 = 3.5 / 0.7, none.
    #[test]
    fn a_class_of_few_groups_is_in_every_part() {
        let (data, groups) = (classes(&[350, 50]), (0..400).map(|sample| sample / 10).collect::<Vec<_>>());
        for seed in 0..10 {
            let split = Split::by_group(&data, &groups, 0.1, 0.2, seed).unwrap();
            assert_eq!(split.per_class[1], [30, 10, 10]);
        }
    }

    #[test]
    fn every_part_has_a_group_and_the_largest_trains() {
        for seed in 0..20 {
            let groups: Vec<usize> = (0..100).map(|sample| if sample < 80 { 0 } else { sample / 10 }).collect();
            let split = Split::by_group(&classes(&[50, 50]), &groups, 0.05, 0.05, seed).unwrap();
            assert_eq!([split.train.len(), split.validation.len(), split.test.len()], [80, 10, 10]);
        }
    }

    #[test]
    fn folds_share_no_group_and_test_every_sample_once() {
        let (data, groups) = (classes(&[60, 40]), (0..100).map(|sample| sample % 15).collect::<Vec<_>>());
        let folds: Vec<Split> =
            (0..4).map(|fold| Split::fold_by_group(&data, &groups, 0.2, fold, 4, 3).unwrap()).collect();
        let mut tested: Vec<usize> = folds.iter().flat_map(|split| split.test.clone()).collect();
        tested.sort();
        assert_eq!(tested, (0..100).collect::<Vec<_>>());
        for split in &folds {
            let mut all = groups_of(split, &groups).concat();
            all.sort();
            assert_eq!(all, (0..15).collect::<Vec<_>>());
            // Groups have 6 or 7 samples: no fold is more than one of them from its quarter.
            assert!(split.test.len().abs_diff(25) <= 7 && split.validation.len().abs_diff(20) <= 7, "{split}");
        }
    }

    #[test]
    fn too_few_groups_are_refused() {
        let data = classes(&[4, 4]);
        let halves: Vec<usize> = (0..8).map(|sample| sample / 4).collect();
        let error = Split::by_group(&data, &halves, 0.2, 0.2, 1).unwrap_err().to_string();
        assert!(error.contains("at least 3, one for each part") && error.contains('2'), "{error}");
        assert!(Split::fold_by_group(&data, &halves, 0.0, 0, 3, 1).unwrap_err().to_string().contains("at least 3"));
        assert!(Split::by_group(&data, &[0; 7], 0.2, 0.0, 1).unwrap_err().to_string().contains("each of 8 samples"));
        assert!(Split::by_group(&data, &halves, 0.6, 0.5, 1).is_err());
        assert!(Split::fold_by_group(&data, &halves, 0.5, 0, 2, 1).unwrap_err().to_string().contains("below 0.5"));
    }

    proptest! {
        #[test]
        fn parts_are_complete_and_no_group_is_in_two(
            groups in prop::collection::vec(0usize..9, 30..60), share in 0.05..0.4, seed: u64,
        ) {
            let data = classes(&[groups.len() / 3, groups.len() - groups.len() / 3]);
            let different = groups.iter().collect::<std::collections::BTreeSet<_>>().len();
            prop_assume!(different >= 3);
            let split = Split::by_group(&data, &groups, share, share, seed).unwrap();
            let mut all = [&split.train[..], &split.validation, &split.test].concat();
            all.sort();
            prop_assert_eq!(all, (0..groups.len()).collect::<Vec<_>>());
            let parts = groups_of(&split, &groups);
            prop_assert!(parts.iter().all(|part| !part.is_empty()));
            prop_assert_eq!(parts.concat().len(), different);
        }
    }
}
