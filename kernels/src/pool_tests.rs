//! The pooling kernels against the definition, over all kinds of windows.

use super::super::{Axis, Windows};
use super::*;
use crate::Stream;
use proptest::prelude::*;

/// An axis with padding of at most half the window, as the layers guarantee; `dilation` up to `most`.
fn axis(most: usize) -> impl Strategy<Value = Axis> {
    (1..4usize, 1..4usize, 0..4usize, 1..=most, 0..6usize, any::<bool>()).prop_map(
        |(kernel, stride, padding, dilation, more, ceil_mode)| {
            let padding = padding.min((dilation * (kernel - 1)).div_ceil(2));
            let input = Axis::smallest_input(kernel, stride, padding, dilation, ceil_mode) + more;
            Axis::new(input, kernel, stride, padding, dilation, ceil_mode).unwrap()
        },
    )
}

/// Small whole numbers, so that ties are common and sums are exact, with a NaN or −∞ now and then.
fn pixels(count: usize, seed: u64) -> Vec<f64> {
    let mut stream = Stream::new(seed);
    let value = |k: u32| match k % 20 {
        0 => f64::NAN,
        1..4 => f64::NEG_INFINITY,
        k => f64::from(k % 5) - 2.0,
    };
    (0..count).map(|_| value(stream.next_u32())).collect()
}

fn bits(x: &[f64]) -> Vec<u64> {
    x.iter().map(|x| x.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn max_pool_is_its_definition(h in axis(2), w in axis(2), halving: bool, wider in 1..40usize, seed: u64) {
        let side_by_side = |input| Axis::new(input, 2, 2, 0, 1, false).unwrap();
        let (h, w) = if halving { (side_by_side(h.input + 1), side_by_side(w.input + wider)) } else { (h, w) };
        let windows = Windows { h, w };
        let x = pixels(windows.inputs(), seed);
        let (mut z, mut indices) = (vec![7.0; windows.outputs()], vec![7; windows.outputs()]);
        let (mut want_z, mut want_indices) = (z.clone(), indices.clone());
        max_pool(&x, &windows, &mut z, &mut indices);
        max_pool_naive(&x, &windows, &mut want_z, &mut want_indices);
        prop_assert_eq!(bits(&z), bits(&want_z));
        prop_assert_eq!(&indices, &want_indices);

        let mut result = vec![0.5; x.len()];
        let delta: Vec<f64> = (1..).map(f64::from).take(z.len()).collect();
        max_pool_backward(&delta, &indices, &mut result);
        for (pixel, result) in result.iter().enumerate() {
            let came_here = delta.iter().zip(&want_indices).filter(|(_, index)| **index == pixel as u32);
            prop_assert_eq!(*result, 0.5 + came_here.map(|(delta, _)| delta).sum::<f64>());
        }
    }

    #[test]
    fn avg_pool_is_its_definition(h in axis(1), w in axis(1), count_include_pad: bool, seed: u64) {
        let windows = Windows { h, w };
        let x: Vec<f64> = pixels(windows.inputs(), seed).into_iter().map(|x| if x.is_finite() { x } else { 9.0 }).collect();
        let delta: Vec<f64> = (1..).map(f64::from).take(windows.outputs()).collect();
        let counts = window_sizes(&windows, count_include_pad);
        let mut z = vec![7.0; windows.outputs()];
        avg_pool(&x, &windows, &counts, &mut z);
        let (mut result, mut shares) = (vec![0.5; x.len()], z.clone());
        avg_pool_backward(&delta, &windows, &counts, &mut shares, &mut result);

        let (mut want_z, mut want_result) = (vec![0.0; z.len()], vec![0.5; x.len()]);
        each_average_naive(&windows, count_include_pad, |zi, xi, count| {
            want_z[zi] += x[xi] / count as f64;
            want_result[xi] += delta[zi] / count as f64;
        });
        prop_assert!(z.iter().zip(&want_z).all(|(got, want)| (got - want).abs() <= 1e-12));
        prop_assert!(result.iter().zip(&want_result).all(|(got, want)| (got - want).abs() <= 1e-12));
    }
}
