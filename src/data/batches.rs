//! Mini-batches: which samples go together in a step, a pure function of the seed and the epoch.

use crate::random::Stream;
use crate::{Error, Result};

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
        Ok(Batches { order: samples.clone(), samples, size, stream, shuffle: true, drop_last: false })
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
        self.order.copy_from_slice(&self.samples);
        if self.shuffle {
            self.stream.at(&[epoch]).shuffle(&mut self.order);
        }
        let batches = self.len();
        self.order.chunks(self.size).take(batches)
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
