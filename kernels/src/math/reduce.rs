//! Sums and maximum of a slice, in 16 partial results that are combined in a fixed order: the same bits on every machine.

use super::{Lane, WIDTH};

/// Σ x: entry i goes to partial sum i mod 16, and these are added in pairs.
pub fn sum<T: Lane>(x: &[T]) -> T {
    sum_of([x], |[x]| x)
}

/// Σ f(x) over the entries of N arrays of one length.
#[inline(always)]
pub fn sum_of<T: Lane, const N: usize>(x: [&[T]; N], f: impl Fn([T; N]) -> T) -> T {
    let mut partial = [T::number(0.0); WIDTH];
    let (blocks, rest) = (x.map(|x| x.as_chunks::<WIDTH>().0), x.map(|x| x.as_chunks::<WIDTH>().1));
    let count = blocks.iter().map(|blocks| blocks.len()).min().unwrap_or(0);
    let blocks = blocks.map(|blocks| &blocks[..count]);
    for at in 0..count {
        let block = blocks.map(|blocks| &blocks[at]);
        partial.iter_mut().enumerate().for_each(|(lane, p)| *p = *p + f(block.map(|x| x[lane])));
    }
    let left = rest.iter().map(|rest| rest.len()).min().unwrap_or(0);
    partial[..left].iter_mut().enumerate().for_each(|(lane, p)| *p = *p + f(rest.map(|x| x[lane])));
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
