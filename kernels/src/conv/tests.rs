//! The convolution kernels against the definition, over all kinds of windows, at every level of vector instructions.

use super::super::{Axis, Level, Windows};
use super::{Convolution, each_product_naive};
use crate::math::Lane;
use crate::{Kernels, Stream};
use proptest::prelude::*;

fn random<T: Kernels>(count: usize, stream: &mut Stream) -> Vec<T> {
    (0..count).map(|_| T::number(stream.uniform(-1.0, 1.0))).collect()
}

/// All three directions of one convolution on random numbers.
fn is_its_definition<T: Kernels>(sizes: &Convolution, seed: u64, tolerance: f64) -> Result<(), String> {
    let &Convolution { windows, images, inputs, outputs, groups } = sizes;
    let mut stream = Stream::new(seed);
    let (x_size, z_size) = (inputs * windows.inputs(), outputs * windows.outputs());
    let (x, delta) = (random::<T>(images * x_size, &mut stream), random::<T>(images * z_size, &mut stream));
    let weight = random::<T>(outputs * inputs / groups * windows.taps(), &mut stream);
    let bias = random::<T>(outputs, &mut stream);
    let other = random::<T>(inputs, &mut stream);
    // The backward pass adds to what is there; the other two write over it.
    let start = random::<T>(weight.len(), &mut stream);

    let exact = |values: &[T]| values.iter().map(|value| Lane::wide(*value)).collect::<Vec<_>>();
    let (x64, delta64, weight64) = (exact(&x), exact(&delta), exact(&weight));
    let mut want_z = vec![0.0; images * z_size];
    want_z.iter_mut().enumerate().for_each(|(at, z)| *z = Lane::wide(bias[at / windows.outputs() % outputs]));
    let mut want_result = vec![0.0; images * x_size];
    want_result.iter_mut().enumerate().for_each(|(at, x)| *x = Lane::wide(other[at / windows.inputs() % inputs]));
    let mut want_gradient = exact(&start);
    for image in 0..images {
        each_product_naive(&windows, (inputs, outputs, groups), |z, w, x| {
            let (z, x) = (image * z_size + z, image * x_size + x);
            want_z[z] += weight64[w] * x64[x];
            want_gradient[w] += delta64[z] * x64[x];
            want_result[x] += delta64[z] * weight64[w];
        });
    }
    for level in Level::available() {
        let (mut z, mut gradient) = (vec![T::nan(); images * z_size], start.clone());
        let mut result = vec![T::nan(); images * x_size];
        T::conv_forward(sizes, level, &weight, Some(&bias), &x, &mut z);
        T::conv_gradient(sizes, level, &x, &delta, &mut gradient);
        T::conv_delta(sizes, level, &weight, Some(&other), &delta, &mut result);
        for (name, got, want) in
            [("z", z, &want_z), ("gradient", gradient, &want_gradient), ("delta", result, &want_result)]
        {
            for (at, (got, want)) in got.iter().zip(want).enumerate() {
                // A NaN is near nothing.
                let near = (Lane::wide(*got) - want).abs() <= tolerance * (1.0 + want.abs());
                if !near {
                    return Err(format!("{name}[{at}] is {got}, not {want}, with {} in {sizes:?}", level.name()));
                }
            }
        }
    }
    Ok(())
}

/// One axis with an input that fits.
fn axis() -> impl Strategy<Value = Axis> {
    (1..4usize, 1..4usize, 0..4usize, 1..3usize, 0..20usize).prop_map(|(kernel, stride, padding, dilation, more)| {
        let input = Axis::smallest_input(kernel, stride, padding, dilation, false) + more;
        Axis::new(input, kernel, stride, padding, dilation, false).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn convolution_is_its_definition(
        h in axis(), w in axis(), images in 0..4usize, inputs in 1..5usize, outputs in 1..9usize, groups in 1..3usize, seed: u64,
    ) {
        let (inputs, outputs) = (inputs * groups, outputs * groups);
        let sizes = Convolution { windows: Windows { h, w }, images, inputs, outputs, groups };
        is_its_definition::<f64>(&sizes, seed, 1e-13).map_err(TestCaseError::fail)?;
        is_its_definition::<f32>(&sizes, seed, 5e-5).map_err(TestCaseError::fail)?;
    }
}

/// Sizes that go through blocks of channels, of strips and of images, each with a rest.
#[test]
fn convolutions_in_blocks_are_their_definition() {
    let square = |kernel, stride, padding, side| Axis::new(side, kernel, stride, padding, 1, false).unwrap();
    for (inputs, outputs, groups, kernel, stride, h, w, images) in [
        (30, 23, 1, 3, 1, 5, 20, 2),
        (80, 17, 1, 1, 1, 3, 19, 3),
        (26, 53, 1, 3, 2, 21, 37, 1),
        (60, 60, 2, 3, 1, 4, 4, 1),
        (33, 31, 1, 3, 1, 8, 8, 1),
        (1, 3, 1, 5, 1, 70, 50, 2),
        (12, 12, 12, 3, 2, 24, 21, 9),
        (97, 5, 1, 3, 1, 33, 34, 3),
    ] {
        let windows = Windows { h: square(kernel, stride, kernel / 2, h), w: square(kernel, stride, kernel / 2, w) };
        let sizes = Convolution { windows, images, inputs, outputs, groups };
        is_its_definition::<f64>(&sizes, 7, 1e-12).unwrap();
        is_its_definition::<f32>(&sizes, 7, 5e-4).unwrap();
    }
}

/// An image gives the same bits alone and among others.
#[test]
fn images_do_not_see_each_other() {
    let axis = Axis::new(11, 3, 2, 1, 1, false).unwrap();
    let all = Convolution { windows: Windows { h: axis, w: axis }, images: 5, inputs: 40, outputs: 9, groups: 1 };
    let one = Convolution { images: 1, ..all };
    let mut stream = Stream::new(3);
    let (x_size, z_size) = (all.inputs * all.windows.inputs(), all.outputs * all.windows.outputs());
    let (x, delta) = (random::<f32>(5 * x_size, &mut stream), random::<f32>(5 * z_size, &mut stream));
    let weight = random::<f32>(all.outputs * all.inputs * all.windows.taps(), &mut stream);
    let (mut z, mut result) = (vec![0.0; 5 * z_size], vec![0.0; 5 * x_size]);
    all.forward(&weight, None, &x, &mut z);
    all.delta(&weight, None, &delta, &mut result);
    for image in 0..5 {
        let (mut own_z, mut own_result) = (vec![0.0; z_size], vec![0.0; x_size]);
        one.forward(&weight, None, &x[image * x_size..][..x_size], &mut own_z);
        one.delta(&weight, None, &delta[image * z_size..][..z_size], &mut own_result);
        assert_eq!(own_z, z[image * z_size..][..z_size]);
        assert_eq!(own_result, result[image * x_size..][..x_size]);
    }
}
