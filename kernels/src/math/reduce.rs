//! Sums and maximum of a slice, in 16 partial results that are combined in a fixed order: the same bits on every machine.

use super::{Lane, WIDTH};

/// Σ x: entry i goes to partial sum i mod 16, and these are added in pairs.
pub fn sum<T: Lane>(x: &[T]) -> T {
    sums([x], |x| x)[0]
}

/// M sums Σ f(x) over the entries of N arrays of one length.
#[inline(always)]
pub fn sums<T: Lane, const N: usize, const M: usize>(x: [&[T]; N], f: impl Fn([T; N]) -> [T; M]) -> [T; M] {
    let mut partial = [[T::number(0.0); WIDTH]; M];
    let mut add = |lane: usize, x: [T; N]| {
        partial.iter_mut().zip(f(x)).for_each(|(partial, f)| partial[lane] = partial[lane] + f);
    };
    let count = x.iter().map(|x| x.len()).min().unwrap_or(0);
    let (blocks, rest) = (x.map(|x| x[..count].as_chunks::<WIDTH>().0), x.map(|x| x[..count].as_chunks::<WIDTH>().1));
    for at in 0..count / WIDTH {
        let block = blocks.map(|blocks| &blocks[at]);
        (0..WIDTH).for_each(|lane| add(lane, block.map(|x| x[lane])));
    }
    (0..count % WIDTH).for_each(|lane| add(lane, rest.map(|x| x[lane])));
    partial.map(|partial| combined(partial, |a, b| a + b))
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
