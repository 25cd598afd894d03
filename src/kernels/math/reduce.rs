//! Sum and maximum of a slice, in 16 partial results that are combined in a fixed order: the same bits on every machine.

use super::{Lane, WIDTH};

/// Σ x: entry i goes to partial sum i mod 16, and these are added in pairs.
pub fn sum<T: Lane>(x: &[T]) -> T {
    reduce(x, T::number(0.0), |a, b| a + b)
}

/// The largest entry, −∞ for none. NaN entries are passed over.
pub fn max<T: Lane>(x: &[T]) -> T {
    reduce(x, T::number(f64::NEG_INFINITY), |a, b| if b > a { b } else { a })
}

#[inline(always)]
fn reduce<T: Lane>(x: &[T], start: T, combine: impl Fn(T, T) -> T) -> T {
    let mut partial = [start; WIDTH];
    let (blocks, rest) = x.as_chunks::<WIDTH>();
    for block in blocks {
        for (p, &x) in partial.iter_mut().zip(block) {
            *p = combine(*p, x);
        }
    }
    for (p, &x) in partial.iter_mut().zip(rest) {
        *p = combine(*p, x);
    }
    let mut half = WIDTH / 2;
    while half > 0 {
        for i in 0..half {
            partial[i] = combine(partial[i], partial[i + half]);
        }
        half /= 2;
    }
    partial[0]
}
