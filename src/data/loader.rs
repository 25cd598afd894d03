//! From a data set to what a step trains on: gathered, augmented, mixed, standardised, row by row on any thread.

use super::augment::{Augmentation, Augmenter, Room};
use super::mixup::{Mixup, mix};
use super::{Dataset, Standardization, Target, TargetRows, Targets};
use crate::random::Stream;
use crate::tensor::values_mut;
use crate::{Error, Real, Result, Tensor};
use std::ops::Range;
use std::sync::Mutex;

/// Makes the inputs and targets of batches.
///
/// A row is a pure function of (seed, epoch, sample): several threads may each fill a part of a batch, in any order, and
/// the bits are the same.
///
/// ```
/// use limpide::data::{Loader, Standardization, Per, augment::{Augmentation, RandomAffine}};
/// let digits = limpide::data::digits::<f32>();
/// let standard = Standardization::fit(&digits.inputs, &[0, 1, 2, 3], Per::Set)?;
/// let steps = Augmentation::new().push(RandomAffine::new().translate(-0.1, 0.1));
/// let loader = Loader::new(&digits, 7).augment(&steps)?.standardize(standard)?;
/// let batch = [5, 3, 8];
/// let (mut first, mut rest) = (vec![0.0; 64], vec![0.0; 128]);
/// loader.fill_rows(1, &batch, 1..3, &mut rest);
/// loader.fill_rows(1, &batch, 0..1, &mut first);
/// assert_eq!(loader.batch(1, &batch).0.as_slice(), Some([first, rest].concat().as_slice()));
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Debug)]
pub struct Loader<'a, T: Real> {
    data: &'a Dataset<T>,
    stream: Stream,
    augmenter: Option<Augmenter>,
    mixup: Option<Mixup>,
    standardization: Option<Standardization>,
    /// Memory to work in: as many as there were threads at once.
    rooms: Mutex<Vec<Memory<T>>>,
}

#[derive(Debug, Default)]
struct Memory<T> {
    room: Room<T>,
    partner: Vec<T>,
}

impl<'a, T: Real> Loader<'a, T> {
    /// The samples as they are.
    pub fn new(data: &'a Dataset<T>, seed: u64) -> Self {
        let stream = Stream::new(seed).at(&[u64::from_be_bytes(*b"loader  ")]);
        let rooms = Mutex::default();
        Loader { data, stream, augmenter: None, mixup: None, standardization: None, rooms }
    }

    /// The same with augmented inputs; first of all.
    ///
    /// # Errors
    /// [`Error::Shape`] when the inputs are not images (c, h, w) or (h, w); those of [`Augmentation::build`].
    pub fn augment(mut self, steps: &Augmentation) -> Result<Self> {
        let shape = match *self.data.sample_shape() {
            [c, h, w] => [c, h, w],
            [h, w] => [1, h, w],
            _ => {
                let wanted =
                    "images (n, c, h, w) or (n, h, w); give the samples that shape, and a dense network a Flatten";
                return Err(Error::shape("augmentation", wanted, self.data.inputs.shape()));
            }
        };
        self.augmenter = (!steps.steps.is_empty()).then(|| steps.build(shape)).transpose()?;
        Ok(self)
    }

    /// The same with samples mixed in pairs, after they have been augmented. Class numbers become shares of the classes.
    ///
    /// # Errors
    /// [`Error::Option`] when the strength is out of range, or a sample has several class numbers.
    pub fn mixup(mut self, mixup: Mixup) -> Result<Self> {
        mixup.check()?;
        if let Some(Target::Classes(labels)) = self.data.targets.given()
            && labels.ndim() != 1
        {
            return Err(Error::option("Mixup: targets", "values, or one class a sample", self.data.target_room(1)));
        }
        self.data.check_classes("Mixup")?;
        self.mixup = Some(mixup);
        Ok(self)
    }

    /// The same with standardised inputs; last of all, and never the targets.
    ///
    /// # Errors
    /// Those of [`Standardization::check`].
    pub fn standardize(mut self, standardization: Standardization) -> Result<Self> {
        standardization.check(self.data.inputs.shape())?;
        self.standardization = Some(standardization);
        Ok(self)
    }

    /// Writes the inputs of the samples at `indices[rows]` into `x`, row-major.
    ///
    /// Panics when an index is out of range or `x` does not hold exactly those rows.
    pub fn fill_rows(&self, epoch: u64, indices: &[usize], rows: Range<usize>, x: &mut [T]) {
        let indices = &indices[rows];
        self.with_memory(|memory| self.changed(epoch, indices, x, memory));
        if let Some(standardization) = &self.standardization {
            standardization.apply_to(x);
        }
    }

    /// Room for the targets of `samples` samples, for [`Loader::fill_targets`].
    pub fn target_room(&self, samples: usize) -> Target<T> {
        match self.data.target_room(samples) {
            Target::Classes(_) if self.mixup.is_some() => Target::Values(crate::zeros(&[samples, self.data.classes])),
            room => room,
        }
    }

    /// Writes the targets of the samples at `indices[rows]` into `out`, row-major. Where the inputs are the targets, they
    /// are augmented and mixed, and not standardised.
    ///
    /// Panics when an index is out of range, or `out` is of another kind or does not hold exactly those targets.
    pub fn fill_targets(&self, epoch: u64, indices: &[usize], rows: Range<usize>, out: TargetRows<'_, T>) {
        let indices = &indices[rows];
        match (&self.data.targets, &self.mixup, out) {
            (Targets::Inputs, _, TargetRows::Values(out)) => {
                self.with_memory(|memory| self.changed(epoch, indices, out, memory));
            }
            (Targets::Given(target), Some(mixup), TargetRows::Values(out)) => {
                let size = out.len() / indices.len().max(1);
                for (row, &sample) in out.chunks_exact_mut(size.max(1)).zip(indices) {
                    let (lambda, partner) = mixup.draw(&mut self.mixing(epoch, sample), self.data.len());
                    match target {
                        Target::Values(_) => {
                            self.with_memory(|Memory { partner: other, .. }| {
                                other.resize(size, T::zero());
                                target.gather_into(&[sample], TargetRows::Values(row));
                                target.gather_into(&[partner], TargetRows::Values(other));
                                mix(lambda, row, other);
                            });
                        }
                        Target::Classes(labels) => {
                            row.fill(T::zero());
                            row[labels[sample] as usize] += T::of(lambda);
                            row[labels[partner] as usize] += T::of(1.0 - lambda);
                        }
                    }
                }
            }
            (_, _, out) => self.data.gather_targets_into(indices, out),
        }
    }

    /// A whole batch: its inputs (indices, …) and targets.
    pub fn batch(&self, epoch: u64, indices: &[usize]) -> (Tensor<T>, Target<T>) {
        let shape: Vec<usize> =
            std::iter::once(indices.len()).chain(self.data.sample_shape().iter().copied()).collect();
        let (mut x, mut target) = (crate::zeros(&shape), self.target_room(indices.len()));
        self.fill_rows(epoch, indices, 0..indices.len(), values_mut(&mut x));
        self.fill_targets(epoch, indices, 0..indices.len(), target.rows_mut());
        (x, target)
    }

    /// Samples gathered, augmented and mixed.
    fn changed(&self, epoch: u64, indices: &[usize], x: &mut [T], memory: &mut Memory<T>) {
        self.data.inputs.gather_into(indices, x);
        if x.is_empty() || (self.augmenter.is_none() && self.mixup.is_none()) {
            return;
        }
        let Memory { room, partner: other } = memory;
        let augment = |sample: usize, x: &mut [T], room: &mut Room<T>| {
            if let Some(augmenter) = &self.augmenter {
                augmenter.apply(x, &self.stream.at(&[epoch, sample as u64, 0]), room);
            }
        };
        let size = x.len() / indices.len();
        for (x, &sample) in x.chunks_exact_mut(size).zip(indices) {
            augment(sample, x, room);
            if let Some(mixup) = &self.mixup {
                let (lambda, partner) = mixup.draw(&mut self.mixing(epoch, sample), self.data.len());
                other.resize(size, T::zero());
                self.data.inputs.gather_into(&[partner], other);
                augment(partner, other, room);
                mix(lambda, x, other);
            }
        }
    }

    /// The random numbers by which a sample is mixed.
    fn mixing(&self, epoch: u64, sample: usize) -> Stream {
        self.stream.at(&[epoch, sample as u64, 1])
    }

    fn with_memory<R>(&self, job: impl FnOnce(&mut Memory<T>) -> R) -> R {
        let mut memory = self.rooms.lock().expect("no panic while it is held").pop().unwrap_or_default();
        let result = job(&mut memory);
        self.rooms.lock().expect("no panic while it is held").push(memory);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::super::augment::{Elastic, GaussianNoise, RandomAffine};
    use super::super::{Inputs, Per, digits};
    use super::*;
    use crate::kernels::Workers;

    fn steps() -> Augmentation {
        Augmentation::new()
            .push(RandomAffine::new().degrees(-20.0, 20.0).translate(-0.1, 0.1))
            .push(Elastic::new(8.0, 2.0))
            .push(GaussianNoise::new(0.02))
    }

    #[test]
    fn without_options_a_batch_is_what_the_data_set_gathers() {
        let data = digits::<f32>();
        for data in [&data, &data.autoencoding()] {
            assert_eq!(Loader::new(data, 1).batch(3, &[7, 0, 7]), data.gather(&[7, 0, 7]));
            let idle = Loader::new(data, 1).augment(&Augmentation::new()).unwrap();
            assert_eq!(idle.batch(3, &[7, 0, 7]), data.gather(&[7, 0, 7]));
        }
    }

    #[test]
    fn rows_are_the_same_for_any_threads_parts_and_company() {
        let data = digits::<f32>();
        let standard = Standardization::fit(&data.inputs, &(0..100).collect::<Vec<_>>(), Per::Feature).unwrap();
        let loader = || {
            let loader = Loader::new(&data, 5).augment(&steps()).unwrap().mixup(Mixup::new(0.4)).unwrap();
            loader.standardize(standard.clone()).unwrap()
        };
        let indices: Vec<usize> = (0..61).map(|i| i * 29 % 1797).collect();
        let (x, target) = loader().batch(2, &indices);
        for threads in [1, 3] {
            let loader = loader();
            let mut parts = vec![0.0; 61 * 64];
            let chunks: Vec<_> = parts.chunks_mut(7 * 64).map(Mutex::new).collect();
            Workers::new(threads).run(chunks.len(), &|part| {
                let x = &mut chunks[part].lock().unwrap();
                loader.fill_rows(2, &indices, part * 7..(part * 7 + 7).min(61), x);
            });
            drop(chunks);
            assert_eq!(parts, crate::tensor::values(&x));
        }
        // In another batch, at another place.
        let (other, others) = loader().batch(2, &[indices[60], 3, indices[4]]);
        assert_eq!(other.index_axis(ndarray::Axis(0), 2), x.index_axis(ndarray::Axis(0), 4));
        assert_eq!(others.select(&[0]), target.select(&[60]));
        // In another epoch, with another seed.
        assert_ne!(loader().batch(3, &indices).0, x);
        assert_ne!(Loader::new(&data, 6).augment(&steps()).unwrap().batch(2, &indices).0, x);
    }

    #[test]
    fn mixed_targets_are_shares_with_the_sum_one_and_belong_to_the_mixed_inputs() {
        // The input is the one-hot row of the class, so that what happened to it must have happened to the target.
        let classes: Vec<i64> = (0..40).map(|i| i % 4).collect();
        let hot = Target::<f64>::classes(classes.clone()).one_hot(4).unwrap();
        let Target::Values(rows) = &hot else { panic!("values") };
        let inputs = Inputs::Real(rows.clone());
        let by_class = Dataset::new("classes", inputs.clone(), Target::classes(classes), 4).unwrap();
        let by_value = Dataset::new("values", inputs, hot.clone(), 0).unwrap();
        let indices: Vec<usize> = (0..40).rev().collect();
        for data in [&by_class, &by_value, &by_class.autoencoding()] {
            let loader = Loader::new(data, 1).mixup(Mixup::default()).unwrap();
            let (x, target) = loader.batch(1, &indices);
            let Target::Values(y) = target else { panic!("shares") };
            assert_eq!(x.shape(), y.shape());
            let mut mixed = 0;
            for (x, y) in x.outer_iter().zip(y.outer_iter()) {
                assert!((y.sum() - 1.0).abs() < 1e-12);
                assert!(x.iter().zip(&y).all(|(x, y)| (x - y).abs() < 1e-12), "{x} and {y}");
                mixed += usize::from(y.iter().all(|&share| share < 0.99));
            }
            // A partner is of another class three times in four.
            assert!((20..40).contains(&mixed), "{mixed} of 40 are mixtures of classes");
        }
    }

    #[test]
    fn targets_that_are_inputs_are_augmented_and_not_standardised() {
        let data = digits::<f32>().autoencoding();
        let standard = Standardization::fit(&data.inputs, &[0, 1], Per::Set).unwrap();
        let loader = Loader::new(&data, 5).augment(&steps()).unwrap().standardize(standard.clone()).unwrap();
        let (mut x, target) = loader.batch(1, &[4, 9]);
        let Target::Values(mut y) = target else { panic!("values") };
        assert_ne!(Target::Values(y.clone()), data.gather(&[4, 9]).1);
        standard.apply_to(values_mut(&mut y));
        assert_eq!(values_mut(&mut x), values_mut(&mut y));
    }

    #[test]
    fn data_that_cannot_be_augmented_or_mixed_is_refused() {
        let flat = digits::<f32>().reshape_samples(&[64]).unwrap();
        let error = Loader::new(&flat, 1).augment(&steps()).unwrap_err().to_string();
        assert!(error.starts_with("augmentation wants images (n, c, h, w) or (n, h, w)"), "{error}");
        assert!(error.ends_with("got (1797, 64)"), "{error}");
        let pixels = Target::<f32>::Classes(crate::tensor(&[2, 2], vec![0, 1, 1, 0]));
        let data = Dataset::new("pixels", Inputs::Real(crate::zeros(&[2, 2])), pixels, 2).unwrap();
        assert!(Loader::new(&data, 1).mixup(Mixup::default()).is_err());
        assert!(Loader::new(&flat, 1).mixup(Mixup::new(-1.0)).is_err());
    }
}
