//! The fused convolution and max-pool against their definitions. The numbers are small integers, whose sums are exact in any
//! order, so that every result must have the same bits; they also make equal maxima frequent.

use super::super::window::{Axis, Windows};
use super::super::{each_product_naive, max_pool_naive};
use super::{Backward, ConvBlock};
use crate::{Kernels, Stream};
use proptest::prelude::*;

/// What one case is made of.
#[derive(Clone, Debug)]
struct Shape {
    h: [usize; 4],
    w: [usize; 4],
    channels: usize,
    outputs: usize,
    pool: [usize; 2],
    seed: u64,
}

fn shapes() -> impl Strategy<Value = Shape> {
    // (kernel, stride, padding, more inputs than the smallest)
    let axis = || (1..4usize, 1..3usize, 0..3usize, 3..9usize).prop_map(|(k, s, p, more)| [k, s, p, more]);
    let channels = prop_oneof![1..4usize, Just(8), Just(16)];
    let outputs = prop_oneof![1..4usize, Just(8), Just(20), Just(40), Just(70)];
    let pool = prop_oneof![Just([1, 1]), Just([2, 2]), Just([1, 2]), Just([3, 2])];
    (axis(), axis(), channels, outputs, pool, any::<u64>()).prop_map(|(h, w, channels, outputs, pool, seed)| Shape {
        h,
        w,
        channels,
        outputs,
        pool,
        seed,
    })
}

fn integers<T: Kernels>(count: usize, stream: &mut Stream) -> Vec<T> {
    (0..count).map(|_| T::number(stream.below(7) as f64 - 3.0)).collect()
}

/// (channels, pixels) → (pixels, channels).
fn channels_last<T: Kernels>(x: &[T], channels: usize) -> Vec<T> {
    let pixels = x.len() / channels;
    (0..x.len()).map(|at| x[at % channels * pixels + at / channels]).collect()
}

fn agrees<T: Kernels>(shape: &Shape) {
    let &Shape { h, w, channels, outputs, pool, seed } = shape;
    let axis = |[kernel, stride, padding, more]: [usize; 4], pool: usize| {
        let input = Axis::smallest_input(kernel, stride, padding, 1, false) + more + (pool - 1) * stride;
        Axis::new(input, kernel, stride, padding, 1, false).unwrap()
    };
    let windows = Windows { h: axis(h, pool[0]), w: axis(w, pool[1]) };
    let block = ConvBlock::new::<T>(windows, channels, outputs, pool).expect("a block of these sizes");
    let mut stream = Stream::new(seed);
    let (pixels, taps) = (windows.outputs(), windows.taps());
    let x = integers::<T>(channels * windows.inputs(), &mut stream);
    let weight = integers::<T>(outputs * channels * taps, &mut stream);
    let bias = integers::<T>(outputs, &mut stream);
    let [height, width] = block.output();
    let delta = integers::<T>(outputs * height * width, &mut stream);

    // By definition, channels first.
    let mut conv: Vec<T> = bias.iter().flat_map(|&b| vec![b; pixels]).collect();
    each_product_naive(&windows, (channels, outputs, 1), |z, w, i| conv[z] += weight[w] * x[i]);
    let side_by_side = |input: usize, pool: usize| Axis::new(input, pool, pool, 0, 1, false).unwrap();
    let pooling = Windows { h: side_by_side(windows.h.output, pool[0]), w: side_by_side(windows.w.output, pool[1]) };
    let (mut z, mut spread) = (vec![T::zero(); delta.len()], vec![T::zero(); conv.len()]);
    let mut places = vec![0; height * width];
    for channel in 0..outputs {
        let cells = channel * height * width..(channel + 1) * height * width;
        max_pool_naive(&conv[channel * pixels..][..pixels], &pooling, &mut z[cells.clone()], &mut places);
        for (place, delta) in places.iter().zip(&delta[cells]) {
            spread[channel * pixels + *place as usize] += *delta;
        }
    }
    let (mut gradient, mut to_input) = (vec![T::zero(); weight.len()], vec![T::zero(); x.len()]);
    each_product_naive(&windows, (channels, outputs, 1), |z, w, i| {
        gradient[w] += spread[z] * x[i];
        to_input[i] += spread[z] * weight[w];
    });
    let bias_gradient: Vec<T> = spread.chunks(pixels).map(|channel| channel.iter().copied().sum()).collect();

    // By the block, channels last.
    let mut packed = vec![T::nan(); block.packed_len()];
    block.pack(&weight, Some(&bias), &mut packed);
    let mut padded = vec![T::nan(); block.padded_len()];
    block.pad(&channels_last(&x, channels), &mut padded);
    let (mut got, mut at) = (vec![T::nan(); z.len()], vec![9; z.len()]);
    block.forward(&padded, &packed, &mut got, &mut at);
    assert_eq!(got, channels_last(&z, outputs), "forward, {shape:?}");

    let mut sums = vec![T::zero(); block.gradient_len()];
    let mut bias_sums = vec![T::one(); outputs];
    let mut padded_dx = vec![T::zero(); block.padded_len()];
    let image = Backward {
        padded: &padded,
        packed: &packed,
        delta: &channels_last(&delta, outputs),
        at: &at,
        gradient: &mut sums,
        bias: Some(&mut bias_sums),
        dx: Some(&mut padded_dx),
    };
    block.backward(image, &mut Vec::new());
    let mut got = vec![T::nan(); weight.len()];
    block.unpack_gradient(&sums, &mut got);
    assert_eq!(got, gradient, "weight gradient, {shape:?}");
    bias_sums.iter_mut().for_each(|sum| *sum -= T::one()); // it adds
    assert_eq!(bias_sums, bias_gradient, "bias gradient, {shape:?}");
    let mut got = vec![T::nan(); x.len()];
    block.unpad(&padded_dx, &mut got);
    assert_eq!(got, channels_last(&to_input, channels), "input gradient, {shape:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_block_is_a_convolution_and_a_max_pool(shape in shapes()) {
        agrees::<f32>(&shape);
        agrees::<f64>(&shape);
    }
}

#[test]
fn a_nan_is_the_maximum_of_its_window() {
    let axis = Axis::new(4, 1, 1, 0, 1, false).unwrap();
    let block = ConvBlock::new::<f32>(Windows { h: axis, w: axis }, 1, 1, [2, 2]).unwrap();
    let mut packed = vec![0.0; block.packed_len()];
    block.pack(&[1.0], None, &mut packed);
    let mut x: Vec<f32> = (0..16).map(|x| x as f32).collect();
    x[1] = f32::NAN;
    let mut padded = vec![0.0; block.padded_len()];
    block.pad(&x, &mut padded);
    let (mut z, mut at) = ([0.0; 4], [9; 4]);
    block.forward(&padded, &packed, &mut z, &mut at);
    assert!(z[0].is_nan());
    assert_eq!((z[1], z[2], z[3], at), (7.0, 13.0, 15.0, [1, 3, 3, 3]));
}
