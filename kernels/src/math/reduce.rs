//! Sums and maximum of a slice, in 16 partial results that are combined in a fixed order: the same bits on every machine.

use super::{Lane, WIDTH};

/// Σ x: entry i goes to partial sum i mod 16, and these are added in pairs.
pub fn sum<T: Lane>(x: &[T]) -> T {
    sum_of(x, |x| x)
}

/// Σ f(x).
#[inline(always)]
pub fn sum_of<T: Lane>(x: &[T], f: impl Fn(T) -> T) -> T {
    let mut partial = [T::number(0.0); WIDTH];
    let (blocks, rest) = x.as_chunks::<WIDTH>();
    for block in blocks {
        partial.iter_mut().zip(block).for_each(|(p, &x)| *p = *p + f(x));
    }
    partial.iter_mut().zip(rest).for_each(|(p, &x)| *p = *p + f(x));
    combined(partial, |a, b| a + b)
}

/// Σ f(x, y).
#[inline(always)]
pub fn sum_of_both<T: Lane>(x: &[T], y: &[T], f: impl Fn(T, T) -> T) -> T {
    let mut partial = [T::number(0.0); WIDTH];
    let ((x_blocks, x_rest), (y_blocks, y_rest)) = (x.as_chunks::<WIDTH>(), y.as_chunks::<WIDTH>());
    for (x, y) in x_blocks.iter().zip(y_blocks) {
        partial.iter_mut().zip(x.iter().zip(y)).for_each(|(p, (&x, &y))| *p = *p + f(x, y));
    }
    partial.iter_mut().zip(x_rest.iter().zip(y_rest)).for_each(|(p, (&x, &y))| *p = *p + f(x, y));
    combined(partial, |a, b| a + b)
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
    combined(partial, combine)
}

/// The partial results as one, in pairs.
#[inline(always)]
fn combined<T: Lane>(mut partial: [T; WIDTH], combine: impl Fn(T, T) -> T) -> T {
    let mut half = WIDTH / 2;
    while half > 0 {
        for i in 0..half {
            partial[i] = combine(partial[i], partial[i + half]);
        }
        half /= 2;
    }
    partial[0]
}
