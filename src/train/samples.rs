//! A batch of a data set, as a plan's step asks for it.

use crate::Real;
use crate::data::{Inputs, Loader};
use crate::kernels::ByteRows;
use crate::plan::Fill;
use std::ops::Range;

/// The inputs of the samples at `indices`, through the loader where there is one.
pub(super) struct Samples<'a, T: Real> {
    pub inputs: &'a Inputs<T>,
    pub loader: Option<&'a Loader<'a, T>>,
    pub epoch: u64,
    pub indices: &'a [usize],
    /// Those of the next batch, to be brought from memory in time.
    pub next: &'a [usize],
}

impl<T: Real> Fill<T> for Samples<'_, T> {
    fn fill(&self, samples: Range<usize>, to: &mut [T]) {
        let end = self.next.len();
        self.inputs.prefetch(&self.next[samples.start.min(end)..samples.end.min(end)]);
        match self.loader {
            Some(loader) => loader.fill_rows(self.epoch, self.indices, samples, to),
            None => self.inputs.gather_into(&self.indices[samples], to),
        }
    }

    fn bytes(&self) -> Option<ByteRows<'_, T>> {
        if self.loader.is_some() { None } else { self.inputs.bytes_at(self.indices, self.next) }
    }
}
