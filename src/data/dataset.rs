//! A data set: inputs in memory or on disk, targets and a name; samples are gathered into batches by index.

use super::stored::StoredBytes;
use super::target::{IGNORE_INDEX, Target, TargetRows, class_below};
use super::targets::Targets;
use crate::kernels::{ByteRows, Quotients, prefetch};
use crate::tensor::{Real, Tensor, dense, shape_text};
use crate::{Error, Result};
use ndarray::{ArcArray, Axis, IxDyn};
use std::sync::Arc;

/// How many samples before it is needed a sample is asked for.
const AHEAD: usize = 4;
/// The most bytes of a batch that are asked for before its step.
const MOST_AHEAD: usize = 128 * 1024;

/// The inputs of a data set, (n, …): numbers, or bytes that become numbers only when a batch is gathered.
#[derive(Clone, Debug)]
pub enum Inputs<T> {
    /// Numbers, ready to use.
    Real(Tensor<T>),
    /// Bytes, a quarter of the memory of `f32`; byte p stands for p / divisor, rounded once.
    Bytes {
        /// The bytes as stored, such as pixels.
        values: ArcArray<u8, IxDyn>,
        /// What a byte is divided by: 255 puts pixels into [0, 1].
        divisor: T,
    },
    /// Bytes in a file on disk, which are read when a batch is gathered.
    Stored {
        /// The file.
        bytes: Arc<StoredBytes>,
        /// Which rows of the file the samples are.
        rows: Arc<[usize]>,
        /// The shape, samples first.
        shape: Vec<usize>,
        /// What a byte is divided by.
        divisor: T,
    },
}

impl<T: Real> Inputs<T> {
    /// The shape, samples first.
    pub fn shape(&self) -> &[usize] {
        match self {
            Inputs::Real(values) => values.shape(),
            Inputs::Bytes { values, .. } => values.shape(),
            Inputs::Stored { shape, .. } => shape,
        }
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.shape().first().copied().unwrap_or(0)
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the samples at `indices` one after the other into `out`, as numbers, row-major.
    ///
    /// A sample on disk that cannot be read becomes NaN, and [`Inputs::failure`] tells why.
    ///
    /// Panics when an index is not below [`Inputs::len`] or `out` does not hold exactly those samples.
    pub fn gather_into(&self, indices: &[usize], out: &mut [T]) {
        T::gather(self, indices, out);
    }

    pub(crate) fn gather_into_here(&self, indices: &[usize], out: &mut [T]) {
        match self {
            Inputs::Real(all) => each_row(all, indices, out, |from, to| to.copy_from_slice(from)),
            Inputs::Bytes { values: all, divisor } => {
                let quotients = Quotients::new(*divisor);
                each_row(all, indices, out, |from, to| quotients.of(from, to));
            }
            Inputs::Stored { bytes, rows, shape, divisor } => {
                let (quotients, size) = (Quotients::new(*divisor), shape[1..].iter().product::<usize>());
                assert_eq!(out.len(), indices.len() * size, "room for {} samples of {size} numbers", indices.len());
                let mut row = vec![0; size];
                for (room, &index) in out.chunks_exact_mut(size.max(1)).zip(indices) {
                    match bytes.get(rows[index], &mut row) {
                        true => quotients.of(&row, room),
                        false => room.fill(T::of(f64::NAN)),
                    }
                }
            }
        }
    }

    /// The samples at `indices` as bytes, where they are bytes in memory of which 0 alone stands for 0, for products that bring
    /// those at `next` from memory as they go.
    ///
    /// Panics when an index is not below [`Inputs::len`].
    pub fn bytes_at<'a>(&'a self, indices: &'a [usize], next: &'a [usize]) -> Option<ByteRows<'a, T>> {
        let Inputs::Bytes { values, divisor } = self else { return None };
        let size = values.shape()[1..].iter().product();
        let next = if next.len() * size <= MOST_AHEAD { next } else { &[] };
        Some(ByteRows::new(values.as_slice()?, indices, size, *divisor)?.before(next))
    }

    /// Has a batch read from disk ahead of the moment when it is gathered.
    pub fn ahead(&self, indices: &[usize]) {
        if let Inputs::Stored { bytes, rows, .. } = self {
            bytes.ahead(&indices.iter().map(|&index| rows[index]).collect::<Vec<_>>());
        }
    }

    /// Has samples brought from memory into the cache of the core that will gather them.
    pub fn prefetch(&self, indices: &[usize]) {
        match self {
            Inputs::Real(values) => prefetch_rows(values, indices),
            Inputs::Bytes { values, .. } => prefetch_rows(values, indices),
            Inputs::Stored { .. } => {}
        }
    }

    /// What went wrong first with reading samples from disk, once.
    pub fn failure(&self) -> Option<Error> {
        if let Inputs::Stored { bytes, .. } = self { bytes.failure() } else { None }
    }

    /// The samples at `indices` as one tensor (indices, …), row-major.
    ///
    /// Panics when an index is not below [`Inputs::len`].
    pub fn gather(&self, indices: &[usize]) -> Tensor<T> {
        let mut shape = self.shape().to_vec();
        shape[0] = indices.len();
        let mut out = vec![T::zero(); shape.iter().product()];
        self.gather_into(indices, &mut out);
        crate::tensor(&shape, out)
    }

    /// A copy of the samples at `indices`, stored as before: bytes stay bytes, and those on disk stay there.
    ///
    /// Panics when an index is not below [`Inputs::len`].
    pub fn select(&self, indices: &[usize]) -> Self {
        T::select(self, indices)
    }

    pub(crate) fn select_here(&self, indices: &[usize]) -> Self {
        match self {
            Inputs::Real(values) => Inputs::Real(values.select(Axis(0), indices).into_shared()),
            Inputs::Bytes { values, divisor } => {
                Inputs::Bytes { values: values.select(Axis(0), indices).into_shared(), divisor: *divisor }
            }
            Inputs::Stored { bytes, rows, shape, divisor } => {
                let rows = indices.iter().map(|&index| rows[index]).collect();
                let shape = [&[indices.len()], &shape[1..]].concat();
                Inputs::Stored { bytes: Arc::clone(bytes), rows, shape, divisor: *divisor }
            }
        }
    }
}

/// Asks for the samples at `indices`, if they are contiguous and not too many for a cache.
fn prefetch_rows<A>(all: &ArcArray<A, IxDyn>, indices: &[usize]) {
    let size: usize = all.shape()[1..].iter().product();
    if let Some(all) = all.as_slice()
        && indices.len() * size * size_of::<A>() <= MOST_AHEAD
    {
        indices.iter().for_each(|&index| prefetch(&all[index * size..(index + 1) * size]));
    }
}

/// Calls `put(sample, room)` for the samples at `indices`: each one's entries, row-major, and its part of `out`.
///
/// Panics when an index is out of range or `out` does not hold exactly those samples.
pub(super) fn each_row<A: Copy, B>(
    all: &ArcArray<A, IxDyn>,
    indices: &[usize],
    out: &mut [B],
    put: impl Fn(&[A], &mut [B]),
) {
    let size: usize = all.shape()[1..].iter().product();
    assert_eq!(out.len(), indices.len() * size, "room for {} samples of {size} numbers", indices.len());
    if size == 0 {
        return;
    }
    let rooms = out.chunks_exact_mut(size);
    let Some(all) = all.as_slice() else {
        for (room, &index) in rooms.zip(indices) {
            put(&all.index_axis(Axis(0), index).iter().copied().collect::<Vec<_>>(), room);
        }
        return;
    };
    let sample = |index: usize| &all[index * size..(index + 1) * size];
    for (at, (room, &index)) in rooms.zip(indices).enumerate() {
        // Samples in random order lie far apart; memory is slow, but brings several at a time.
        if let Some(&soon) = indices.get(at + AHEAD) {
            prefetch(sample(soon));
        }
        put(sample(index), room);
    }
}

/// Inputs with their targets, sample by sample.
///
/// ```
/// use limpide::data::{Dataset, Inputs, Target};
/// let inputs = Inputs::Real(limpide::tensor(&[3, 2], vec![0.0f32, 0.1, 1.0, 1.1, 2.0, 2.1]));
/// let data = Dataset::new("three points", inputs, Target::classes(vec![0, 1, 1]), 2)?;
/// let (x, target) = data.gather(&[2, 0]);
/// assert_eq!(x, limpide::tensor(&[2, 2], vec![2.0, 2.1, 0.0, 0.1]));
/// assert_eq!(target, Target::classes(vec![1, 0]));
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dataset<T> {
    /// The name that tables, plots and error messages show.
    pub name: String,
    /// The inputs, (n, …).
    pub inputs: Inputs<T>,
    /// The targets, one for each input.
    pub targets: Targets<T>,
    /// The number of classes; 0 when the targets are values.
    pub classes: usize,
}

impl<T: Real> Dataset<T> {
    /// A data set of the given parts, checked against each other. `classes` is 0 when the targets are values.
    ///
    /// A sample, or a place of one, that has no class has the class number [`IGNORE_INDEX`](super::IGNORE_INDEX): losses over
    /// classes leave it out, and it is neither right nor wrong.
    ///
    /// Errs when inputs and targets differ in length, when an axis for the samples is missing, or when another class number
    /// is not below `classes`.
    pub fn new(
        name: impl Into<String>,
        inputs: Inputs<T>,
        targets: impl Into<Targets<T>>,
        classes: usize,
    ) -> Result<Self> {
        let (name, targets) = (name.into(), targets.into());
        if inputs.shape().is_empty() {
            return Err(Error::shape(format!("data set {name}: inputs"), "(n, …)", inputs.shape()));
        }
        if let Some(target) = targets.given()
            && (target.shape().is_empty() || target.len() != inputs.len())
        {
            let wanted = format!("({}, …), one row for each input", inputs.len());
            return Err(Error::shape(format!("data set {name}: targets"), wanted, target.shape()));
        }
        if let Some(Target::Classes(labels)) = targets.given() {
            labels.iter().filter(|&&label| label != IGNORE_INDEX).try_for_each(|&label| {
                class_below(label, classes).map_err(|error| error.within(format!("data set {name}"))).map(drop)
            })?;
        }
        Ok(Dataset { name, inputs, targets, classes })
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of one input, without the sample axis: `[1, 28, 28]`.
    pub fn sample_shape(&self) -> &[usize] {
        &self.inputs.shape()[1..]
    }

    /// How many numbers one input has.
    fn sample_size(&self) -> usize {
        self.sample_shape().iter().product()
    }

    /// The inputs and targets at `indices` as a batch: row-major tensors (indices, …), bytes turned into numbers.
    ///
    /// Panics when an index is not below [`Dataset::len`].
    pub fn gather(&self, indices: &[usize]) -> (Tensor<T>, Target<T>) {
        let x = self.inputs.gather(indices);
        let target = match &self.targets {
            Targets::Given(target) => target.select(indices),
            Targets::Inputs => Target::Values(reshaped(&x, &[indices.len(), self.sample_size()])),
        };
        (x, target)
    }

    /// Room for the targets of `samples` samples, for [`Dataset::gather_targets_into`].
    pub fn target_room(&self, samples: usize) -> Target<T> {
        match &self.targets {
            Targets::Given(target) => target.room(samples),
            Targets::Inputs => Target::Values(crate::zeros(&[samples, self.sample_size()])),
        }
    }

    /// Writes the targets of the samples at `indices` one after the other into `out`, row-major.
    ///
    /// Panics when an index is not below [`Dataset::len`], or `out` is of another kind or does not hold exactly those
    /// targets.
    pub fn gather_targets_into(&self, indices: &[usize], out: TargetRows<'_, T>) {
        match (&self.targets, out) {
            (Targets::Given(target), out) => target.gather_into(indices, out),
            (Targets::Inputs, TargetRows::Values(out)) => self.inputs.gather_into(indices, out),
            (Targets::Inputs, TargetRows::Classes(_)) => panic!("inputs as targets are values, not classes"),
        }
    }

    /// A data set of copies of the samples at `indices`, in that order; bytes stay bytes.
    ///
    /// Panics when an index is not below [`Dataset::len`].
    pub fn select(&self, indices: &[usize]) -> Self {
        Dataset {
            name: self.name.clone(),
            inputs: self.inputs.select(indices),
            targets: match &self.targets {
                Targets::Given(target) => Targets::Given(target.select(indices)),
                Targets::Inputs => Targets::Inputs,
            },
            classes: self.classes,
        }
    }

    /// The same samples with the inputs, flattened to (n, numbers), as their own targets: what an autoencoder learns.
    /// Shares the data.
    pub fn autoencoding(&self) -> Self {
        Dataset { name: self.name.clone(), inputs: self.inputs.clone(), targets: Targets::Inputs, classes: 0 }
    }

    /// The same samples in another shape of the same size, such as (784,) seen as (1, 28, 28); shares the data.
    ///
    /// Errs when the sizes differ.
    pub fn reshape_samples(&self, sample_shape: &[usize]) -> Result<Self> {
        let size = self.sample_size();
        // A product that overflows cannot be the size of what is in memory.
        if sample_shape.iter().try_fold(1usize, |size, &axis| size.checked_mul(axis)) != Some(size) {
            return Err(Error::option(
                format!("data set {}: sample shape", self.name),
                format!("{size} numbers, as {} has", shape_text(self.sample_shape())),
                shape_text(sample_shape),
            ));
        }
        let shape: Vec<usize> = std::iter::once(self.len()).chain(sample_shape.iter().copied()).collect();
        let inputs = match &self.inputs {
            Inputs::Real(values) => Inputs::Real(reshaped(values, &shape)),
            Inputs::Bytes { values, divisor } => Inputs::Bytes { values: reshaped(values, &shape), divisor: *divisor },
            Inputs::Stored { bytes, rows, divisor, .. } => {
                Inputs::Stored { bytes: Arc::clone(bytes), rows: Arc::clone(rows), shape, divisor: *divisor }
            }
        };
        Ok(Dataset { name: self.name.clone(), inputs, targets: self.targets.clone(), classes: self.classes })
    }
}

/// The values in row-major order under a shape of the same size.
fn reshaped<A: Clone>(values: &ArcArray<A, IxDyn>, shape: &[usize]) -> ArcArray<A, IxDyn> {
    dense(values).into_shape_with_order(IxDyn(shape)).expect("a shape of the same size")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(count: usize, shape: &[usize]) -> Dataset<f32> {
        let all: Vec<u8> = (0..count * shape.iter().product::<usize>()).map(|i| (i % 256) as u8).collect();
        let full: Vec<usize> = std::iter::once(count).chain(shape.iter().copied()).collect();
        let inputs = Inputs::Bytes { values: crate::tensor(&full, all), divisor: 255.0 };
        Dataset::new("bytes", inputs, Target::classes((0..count as i64).collect()), count).unwrap()
    }

    #[test]
    fn a_byte_becomes_exactly_its_quotient() {
        let data = bytes(256, &[1]);
        let (x, _) = data.gather(&(0..256).collect::<Vec<_>>());
        for p in 0..=255u8 {
            assert_eq!(x[[p as usize, 0]].to_bits(), (p as f32 / 255.0).to_bits());
        }
    }

    #[test]
    fn gather_keeps_the_order_and_select_keeps_bytes() {
        let data = bytes(5, &[2, 3]);
        let (x, target) = data.gather(&[4, 1, 4]);
        assert_eq!(x.shape(), &[3, 2, 3]);
        assert!(x.is_standard_layout());
        assert_eq!(x[[1, 1, 0]], 9.0 / 255.0); // sample 1 starts at byte 6, row 1 three later
        assert_eq!(x.index_axis(Axis(0), 0), x.index_axis(Axis(0), 2));
        assert_eq!(target, Target::classes(vec![4, 1, 4]));
        let part = data.select(&[3, 0]);
        assert!(matches!(part.inputs, Inputs::Bytes { .. }));
        assert_eq!(part.gather(&[0, 1]), data.gather(&[3, 0]));
        assert_eq!(data.gather(&[]).0.shape(), &[0, 2, 3]);
    }

    #[test]
    fn an_autoencoder_learns_the_inputs_without_a_second_copy() {
        let data = bytes(5, &[2, 3]);
        let twice = data.autoencoding();
        assert_eq!(twice.targets, Targets::Inputs);
        let (x, target) = twice.select(&[3, 0]).gather(&[1, 0]);
        assert_eq!(x.shape(), &[2, 2, 3]);
        assert_eq!(target, Target::Values(reshaped(&data.inputs.gather(&[0, 3]), &[2, 6])));
        let (Inputs::Bytes { values: one, .. }, Inputs::Bytes { values: two, .. }) = (&data.inputs, &twice.inputs)
        else {
            panic!("bytes stay bytes")
        };
        assert_eq!(one.as_ptr(), two.as_ptr());
    }

    #[test]
    fn targets_gathered_into_room_are_those_of_the_batch() {
        let labels = bytes(5, &[2, 3]);
        let rows = Target::Values(crate::tensor(&[5, 2], (0..10).map(|i| i as f32).collect()));
        let values = Dataset::new("values", labels.inputs.clone(), rows, 0).unwrap();
        for data in [&labels.autoencoding(), &labels, &values] {
            let mut room = data.target_room(3);
            data.gather_targets_into(&[4, 0, 4], room.rows_mut());
            assert_eq!(room, data.gather(&[4, 0, 4]).1);
        }
    }

    #[test]
    fn inputs_that_are_not_row_major_gather_the_same() {
        let turned = crate::tensor(&[2, 3], vec![1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0]).reversed_axes();
        let data = Dataset::new("turned", Inputs::Real(turned), Target::classes(vec![0, 0, 0]), 1).unwrap();
        assert_eq!(data.gather(&[2, 1]).0, crate::tensor(&[2, 2], vec![3.0, 6.0, 2.0, 5.0]));
    }

    #[test]
    fn reshape_keeps_the_numbers_in_row_major_order() {
        let data = bytes(2, &[6]).reshape_samples(&[1, 2, 3]).unwrap();
        assert_eq!(data.sample_shape(), &[1, 2, 3]);
        assert_eq!(data.gather(&[1]).0[[0, 0, 1, 2]], 11.0 / 255.0);
        let error = data.reshape_samples(&[7]).unwrap_err().to_string();
        assert_eq!(error, "data set bytes: sample shape must be 6 numbers, as (1, 2, 3) has, got (7,)");
        assert!(data.reshape_samples(&[usize::MAX, usize::MAX, 6]).is_err());
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let inputs = || Inputs::Real(crate::tensor(&[2, 1], vec![0.0f32, 1.0]));
        let error = Dataset::new("x", inputs(), Target::classes(vec![0]), 1).unwrap_err().to_string();
        assert_eq!(error, "data set x: targets wants (2, …), one row for each input, got (1,)");
        assert!(Dataset::new("x", inputs(), Target::classes(vec![0, 1]), 1).is_err());
        assert!(Dataset::new("x", Inputs::Real(crate::zeros::<f32>(&[])), Target::classes(vec![]), 1).is_err());
    }
}
