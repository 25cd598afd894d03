//! Mini-batches: which samples go together in a step, a pure function of the seed and the epoch.

use crate::random::Stream;
use crate::{Error, Result};
use std::collections::BTreeMap;

/// Cuts samples into mini-batches, in a new random order every epoch.
///
/// The order of an epoch depends on the seed and the epoch's number alone, so that a resumed run goes on with the
/// batches of the uninterrupted one.
///
/// ```
/// use limpide::data::Batches;
/// let mut batches = Batches::new((0..10).collect(), 4, 7)?;
/// let sizes: Vec<usize> = batches.epoch(1).map(|batch| batch.len()).collect();
/// assert_eq!(sizes, [4, 4, 2]);
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches {
    samples: Vec<usize>,
    /// The samples of each class, when all classes are to come equally often.
    classes: Vec<Vec<usize>>,
    order: Vec<usize>,
    size: usize,
    stream: Stream,
    shuffle: bool,
    drop_last: bool,
}

impl Batches {
    /// Batches of `size` of the given samples (their numbers in a data set), shuffled by `seed`.
    ///
    /// Errs when `size` is 0.
    pub fn new(samples: Vec<usize>, size: usize, seed: u64) -> Result<Self> {
        if size == 0 {
            return Err(Error::option("batch size", "at least 1", size));
        }
        let stream = Stream::new(seed).at(&[u64::from_be_bytes(*b"batches ")]);
        let (order, classes) = (samples.clone(), Vec::new());
        Ok(Batches { samples, classes, order, size, stream, shuffle: true, drop_last: false })
    }

    /// Whether every epoch has its own random order (the default) or all keep the order given.
    pub fn shuffle(mut self, yes: bool) -> Self {
        self.shuffle = yes;
        self
    }

    /// Whether to leave out the last batch of an epoch when it is smaller than the others (the default is to keep it).
    pub fn drop_last(mut self, yes: bool) -> Self {
        self.drop_last = yes;
        self
    }

    /// Every epoch has as many samples of each class as of any other (to within one), whatever the classes' sizes: those of
    /// a small class come several times, of a large one comes a random part. `labels` are the class numbers of the whole
    /// data set. An epoch is as long as it would be otherwise, and always shuffled.
    ///
    /// Errs when a sample has no label.
    pub fn balanced(mut self, labels: &[i64]) -> Result<Self> {
        let mut classes: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for &sample in &self.samples {
            let Some(&label) = labels.get(sample) else {
                let wanted = format!("one for each sample, {sample} among them");
                return Err(Error::option("balanced batches: labels", wanted, labels.len()));
            };
            classes.entry(label).or_default().push(sample);
        }
        self.classes = classes.into_values().collect();
        Ok(self)
    }

    /// The number of batches in an epoch.
    pub fn len(&self) -> usize {
        if self.drop_last { self.samples.len() / self.size } else { self.samples.len().div_ceil(self.size) }
    }

    /// Whether an epoch has no batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The batches of an epoch, each a slice of sample numbers.
    pub fn epoch(&mut self, epoch: u64) -> impl ExactSizeIterator<Item = &[usize]> {
        if !self.classes.is_empty() {
            self.balance(epoch);
        } else {
            self.order.copy_from_slice(&self.samples);
            if self.shuffle {
                self.stream.at(&[epoch]).shuffle(&mut self.order);
            }
        }
        let batches = self.len();
        self.order.chunks(self.size).take(batches)
    }

    /// Fills the order of an epoch with as many samples of every class, in random order.
    fn balance(&mut self, epoch: u64) {
        let (mut stream, classes) = (self.stream.at(&[epoch]), self.classes.len());
        // What does not divide evenly goes to other classes every epoch.
        let mut turn: Vec<usize> = (0..classes).collect();
        stream.shuffle(&mut turn);
        let (share, more) = (self.order.len() / classes, self.order.len() % classes);
        let mut rest = self.order.as_mut_slice();
        for (place, &class) in turn.iter().enumerate() {
            let (mut room, behind) = rest.split_at_mut(share + usize::from(place < more));
            rest = behind;
            let mut samples = self.classes[class].clone();
            while !room.is_empty() {
                // All of the class before any comes again.
                stream.shuffle(&mut samples);
                let (now, later) = room.split_at_mut(room.len().min(samples.len()));
                now.copy_from_slice(&samples[..now.len()]);
                room = later;
            }
        }
        stream.shuffle(&mut self.order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(batches: &mut Batches, epoch: u64) -> Vec<Vec<usize>> {
        batches.epoch(epoch).map(<[usize]>::to_vec).collect()
    }

    #[test]
    fn an_epoch_visits_every_sample_once_in_its_own_order() {
        let mut batches = Batches::new((100..123).collect(), 5, 1).unwrap();
        let (first, second) = (epoch(&mut batches, 1), epoch(&mut batches, 2));
        assert_ne!(first, second);
        assert_eq!(first.len(), batches.len());
        let mut all = first.concat();
        all.sort_unstable();
        assert_eq!(all, (100..123).collect::<Vec<_>>());
    }

    #[test]
    fn an_epoch_does_not_depend_on_those_before_it() {
        let mut batches = Batches::new((0..50).collect(), 8, 1).unwrap();
        let third = epoch(&mut batches, 3);
        epoch(&mut batches, 1);
        assert_eq!(epoch(&mut batches, 3), third);
        assert_ne!(epoch(&mut Batches::new((0..50).collect(), 8, 2).unwrap(), 3), third);
    }

    #[test]
    fn balanced_epochs_have_every_class_equally_often() {
        // 90 samples of class 0, 7 of class 5, 3 of class −1; 20 others are not among the samples.
        let labels: Vec<i64> = (0..120)
            .map(|i| {
                if i < 90 {
                    0
                } else if i < 97 {
                    5
                } else {
                    -1
                }
            })
            .collect();
        let mut batches = Batches::new((0..100).collect(), 7, 1).unwrap().balanced(&labels).unwrap();
        let first = epoch(&mut batches, 1);
        assert_eq!(first.len(), 15);
        let all = first.concat();
        let count = |class: i64| all.iter().filter(|&&sample| labels[sample] == class).count();
        let mut counts = [count(0), count(5), count(-1)];
        counts.sort_unstable();
        assert_eq!(counts, [33, 33, 34]);
        // No sample of class 0 twice; those of the small class as often as each other, to within one.
        let times = |sample: usize| all.iter().filter(|&&other| other == sample).count();
        assert!((0..90).all(|sample| times(sample) <= 1));
        assert!((97..100).all(|sample| (11..=12).contains(&times(sample))));
        // Mixed, and without memory.
        assert!(
            all[..34].iter().any(|&sample| labels[sample] == 0) && all[66..].iter().any(|&sample| labels[sample] == 0)
        );
        assert_ne!(epoch(&mut batches, 2), first);
        assert_eq!(epoch(&mut batches, 1), first);
        assert!(Batches::new((0..4).collect(), 2, 1).unwrap().balanced(&labels[..3]).is_err());
        assert!(epoch(&mut Batches::new(vec![], 2, 1).unwrap().balanced(&labels).unwrap(), 1).is_empty());
    }

    #[test]
    fn the_last_small_batch_can_be_dropped() {
        let mut batches = Batches::new((0..10).collect(), 4, 1).unwrap().shuffle(false).drop_last(true);
        assert_eq!(epoch(&mut batches, 1), [[0, 1, 2, 3], [4, 5, 6, 7]]);
        assert_eq!(batches.len(), 2);
        let mut whole = Batches::new((0..8).collect(), 4, 1).unwrap().drop_last(true);
        assert_eq!(epoch(&mut whole, 1).len(), 2);
        assert!(Batches::new(vec![], 4, 1).unwrap().is_empty());
        assert!(Batches::new(vec![0], 0, 1).is_err());
    }
}
