//! Memory that begins at a cache line, so that no vector straddles two.

use ndarray::NdFloat;
use std::ops::{Deref, DerefMut};

/// Numbers that begin at a cache line.
#[derive(Default)]
pub(super) struct Aligned<T> {
    values: Vec<T>,
    first: usize,
}

impl<T: NdFloat> Aligned<T> {
    /// Bytes of a cache line.
    const LINE: usize = 64;

    pub(super) fn zeros(count: usize) -> Self {
        let mut aligned = Aligned { values: Vec::new(), first: 0 };
        aligned.resize(count);
        aligned
    }

    /// Makes room for `count` numbers, of any values.
    pub(super) fn resize(&mut self, count: usize) {
        if self.values.len() < count + Self::LINE {
            self.values = vec![T::zero(); count + Self::LINE];
            self.first = self.values.as_ptr().align_offset(Self::LINE).min(Self::LINE);
        }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.values[self.first..]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[self.first..]
    }
}
