//! The convolution kernels against the definition, over all kinds of windows.

use super::super::{Axis, Windows};
use super::{col2im, each_product_naive, im2col, transpose};
use crate::layers::{Conv2d, Conv2dOptions};
use crate::module::Module;
use crate::tensor::{values, values_mut};
use crate::{Gradients, Stream, Tape, Tensor, tensor};
use proptest::prelude::*;

fn random(shape: &[usize], stream: &mut Stream) -> Tensor<f64> {
    tensor(shape, (0..shape.iter().product()).map(|_| stream.uniform(-1.0, 1.0)).collect())
}

/// (kernel, stride, padding, dilation) of one axis and an input that fits.
fn axis() -> impl Strategy<Value = [usize; 5]> {
    (1..4usize, 1..4usize, 0..4usize, 1..3usize, 0..5usize).prop_map(|(kernel, stride, padding, dilation, more)| {
        let input = Axis::smallest_input(kernel, stride, padding, dilation, false) + more;
        [kernel, stride, padding, dilation, input]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn convolution_is_its_definition(
        h in axis(), w in axis(), n in 0..3usize, inputs in 1..3usize, outputs in 1..3usize, groups in 1..3usize, seed: u64,
    ) {
        let mut options = Conv2dOptions::new(inputs * groups, outputs * groups, [h[0], w[0]]);
        options.stride = [h[1], w[1]].into();
        options.padding = [h[2], w[2]].into();
        options.dilation = [h[3], w[3]].into();
        options.groups = groups;
        let mut layer = Conv2d::<f64>::with_options(options).unwrap();
        let mut stream = Stream::new(seed);
        layer.bias = Some(random(&[outputs * groups], &mut stream));
        let x = random(&[n, inputs * groups, h[4], w[4]], &mut stream);
        let mut tape = Tape::new();
        let z = layer.forward(&x, &mut tape);
        let delta = random(z.shape(), &mut stream);
        let mut gradients = Gradients::zeros_for(&layer);
        values_mut(&mut gradients[0]).fill(0.5); // backward adds
        let result = layer.backward(&mut tape, &delta, &mut gradients);

        let windows = Windows {
            h: Axis::new(h[4], h[0], h[1], h[2], h[3], false).unwrap(),
            w: Axis::new(w[4], w[0], w[1], w[2], w[3], false).unwrap(),
        };
        let mut want_z = tensor(z.shape(), vec![0.0; z.len()]);
        let mut want_weight = vec![0.5; layer.weight.len()];
        let mut want_bias = vec![0.0; outputs * groups];
        let mut want_result = vec![0.0; x.len()];
        let (x_size, z_size) = (inputs * groups * windows.inputs(), outputs * groups * windows.outputs());
        let weight = values(&layer.weight);
        for image in 0..n {
            let x = &values(&x)[image * x_size..][..x_size];
            let d = &values(&delta)[image * z_size..][..z_size];
            let result = &mut want_result[image * x_size..][..x_size];
            let z = &mut values_mut(&mut want_z)[image * z_size..][..z_size];
            for (pixel, z) in z.iter_mut().enumerate() {
                *z = values(layer.bias.as_ref().unwrap())[pixel / windows.outputs()];
                want_bias[pixel / windows.outputs()] += d[pixel];
            }
            each_product_naive(&windows, (inputs * groups, outputs * groups, groups), |zi, wi, xi| {
                z[zi] += weight[wi] * x[xi];
                want_weight[wi] += d[zi] * x[xi];
                result[xi] += d[zi] * weight[wi];
            });
        }
        let near = |got: &Tensor<f64>, want: &[f64]| {
            got.len() == want.len() && values(got).iter().zip(want).all(|(got, want)| (got - want).abs() <= 1e-12)
        };
        prop_assert!(near(&z, values(&want_z)), "forward");
        prop_assert!(near(&gradients[0], &want_weight), "weight");
        prop_assert!(near(&gradients[1], &want_bias), "bias");
        prop_assert!(near(&result, &want_result), "delta");
    }
}

#[test]
fn patches_of_a_small_image() {
    // 2×3 pixels, window 2×2, one zero on the left and on the right: four windows in one row.
    let windows = Windows { h: Axis::new(2, 2, 1, 0, 1, false).unwrap(), w: Axis::new(3, 2, 1, 1, 1, false).unwrap() };
    let mut col = vec![f64::NAN; 16];
    im2col(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &windows, &mut col);
    assert_eq!(col, [0., 1., 2., 3., 1., 2., 3., 0., 0., 4., 5., 6., 4., 5., 6., 0.]);
    // Each pixel is in two windows; what lies on padding goes nowhere.
    let mut image = vec![100.0; 6];
    col2im(&mut [1.0; 16], &windows, &mut image);
    assert_eq!(image, [102.0; 6]);
}

#[test]
fn transpose_of_every_rest() {
    for (rows, columns) in [(0, 3), (1, 1), (2, 3), (4, 4), (5, 9), (8, 6), (3, 8)] {
        let x: Vec<f64> = (0..rows * columns).map(|k| k as f64).collect();
        let mut to = vec![-1.0; x.len()];
        transpose(&x, columns, &mut to);
        for (k, &value) in to.iter().enumerate() {
            assert_eq!(value, x[k % rows * columns + k / rows], "{rows}×{columns} at {k}");
        }
    }
}
