//! Memory that begins at a cache line, so that no vector straddles two.

use crate::Number;
use std::ops::{Deref, DerefMut};

/// A buffer that grows to what is asked of it and begins at a cache line.
#[derive(Debug, Default)]
pub struct Aligned<T> {
    values: Vec<T>,
    first: usize,
}

impl<T: Number> Aligned<T> {
    /// Bytes of a cache line.
    const LINE: usize = 64;

    /// So many zeros, and some more.
    pub fn zeros(count: usize) -> Self {
        let mut aligned = Aligned { values: Vec::new(), first: 0 };
        aligned.resize(count);
        aligned
    }

    /// Makes room for `count` numbers, of any values.
    pub fn resize(&mut self, count: usize) {
        if self.values.len() < count + Self::LINE {
            self.values = vec![T::zero(); count + Self::LINE];
            self.first = self.values.as_ptr().align_offset(Self::LINE).min(Self::LINE);
        }
    }

    /// The first `count` numbers, whatever they hold.
    pub fn take(&mut self, count: usize) -> &mut [T] {
        self.resize(count);
        &mut self[..count]
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
