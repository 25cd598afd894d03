//! Convolutions by tiles against the definition in `f64`, at every level of vector instructions, with the direct way beside it.

use super::Winograd;
use crate::{Axis, Convolution, Level, Stream, Windows, each_product_naive};
use proptest::prelude::*;

fn random(count: usize, stream: &mut Stream) -> Vec<f32> {
    (0..count).map(|_| stream.uniform(-1.0, 1.0) as f32).collect()
}

/// A convolution's random numbers, and what it gives by the definition.
struct Case {
    conv: Convolution,
    x: Vec<f32>,
    delta: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    other: Vec<f32>,
    /// Z, ∂L/∂X and ∂L/∂W.
    wanted: [Vec<f64>; 3],
}

fn conv([h, w]: [usize; 2], padding: [usize; 2], images: usize, inputs: usize, outputs: usize) -> Convolution {
    let axis = |size, padding| Axis::new(size, 3, 1, padding, 1, false).expect("a window that fits");
    let windows = Windows { h: axis(h, padding[0]), w: axis(w, padding[1]) };
    Convolution { windows, images, inputs, outputs, groups: 1 }
}

impl Case {
    fn new(conv: Convolution, seed: u64) -> Case {
        let Convolution { windows, images, inputs, outputs, .. } = conv;
        let mut stream = Stream::new(seed);
        let (x_size, z_size) = (inputs * windows.inputs(), outputs * windows.outputs());
        let (x, delta) = (random(images * x_size, &mut stream), random(images * z_size, &mut stream));
        let (weight, bias) = (random(9 * inputs * outputs, &mut stream), random(outputs, &mut stream));
        let other = random(inputs, &mut stream);
        let each = |count: usize, plane: usize, bias: &[f32]| -> Vec<f64> {
            (0..count).map(|at| f64::from(bias[at / plane % bias.len()])).collect()
        };
        let mut z = each(images * z_size, windows.outputs(), &bias);
        let mut result = each(images * x_size, windows.inputs(), &other);
        // A weight gradient is added to what is there: here the weights.
        let mut gradient: Vec<_> = weight.iter().map(|&w| f64::from(w)).collect();
        let product = |a: f32, b: f32| f64::from(a) * f64::from(b);
        for image in 0..images {
            each_product_naive(&windows, (inputs, outputs, 1), |at_z, at_w, at_x| {
                let (at_z, at_x) = (image * z_size + at_z, image * x_size + at_x);
                z[at_z] += product(weight[at_w], x[at_x]);
                result[at_x] += product(weight[at_w], delta[at_z]);
                gradient[at_w] += product(delta[at_z], x[at_x]);
            });
        }
        Case { conv, x, delta, weight, bias, other, wanted: [z, result, gradient] }
    }

    /// Z, ∂L/∂X and ∂L/∂W by tiles.
    fn by_tiles(&self, level: Level) -> [Vec<f32>; 3] {
        let tiles = Winograd::of(&self.conv).expect("a filter of 3×3 in single steps");
        let mut got = self.unwritten();
        tiles.forward(level, &self.weight, Some(&self.bias), &self.x, &mut got[0]);
        tiles.delta(level, &self.weight, Some(&self.other), &self.delta, &mut got[1]);
        tiles.update_gradient(level, &self.x, &self.delta, &mut got[2]);
        got
    }

    /// The same directly.
    fn directly(&self, level: Level) -> [Vec<f32>; 3] {
        let mut got = self.unwritten();
        self.conv.forward_here(level, &self.weight, Some(&self.bias), &self.x, &mut got[0]);
        self.conv.delta_here(level, &self.weight, Some(&self.other), &self.delta, &mut got[1]);
        self.conv.update_gradient_here(level, &self.x, &self.delta, &mut got[2]);
        got
    }

    fn unwritten(&self) -> [Vec<f32>; 3] {
        [vec![f32::NAN; self.delta.len()], vec![f32::NAN; self.x.len()], self.weight.clone()]
    }

    /// The root of the mean squared error of each; NaN where something was not written.
    fn errors(&self, got: &[Vec<f32>; 3]) -> [f64; 3] {
        let error = |(got, wanted): (&Vec<f32>, &Vec<f64>)| {
            let squares = got.iter().zip(wanted).map(|(&got, wanted)| (f64::from(got) - wanted).powi(2));
            (squares.sum::<f64>() / wanted.len().max(1) as f64).sqrt()
        };
        let mut each = got.iter().zip(&self.wanted).map(error);
        std::array::from_fn(|_| each.next().expect("three of them"))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn a_convolution_by_tiles_is_its_definition(
        more in prop::array::uniform2(0..12usize), padding in prop::array::uniform2(0..3usize), images in 0..4usize,
        inputs in 1..36usize, outputs in 1..36usize, seed: u64,
    ) {
        let size = [0, 1].map(|axis| Axis::smallest_input(3, 1, padding[axis], 1, false) + more[axis]);
        let case = Case::new(conv(size, padding, images, inputs, outputs), seed);
        for level in Level::available() {
            for ((name, got), wanted) in ["z", "delta", "gradient"].iter().zip(case.by_tiles(level)).zip(&case.wanted) {
                for (at, (&got, wanted)) in got.iter().zip(wanted).enumerate() {
                    let near = (f64::from(got) - wanted).abs() <= 5e-5 * (1.0 + wanted.abs());
                    prop_assert!(near, "{name}[{at}] is {got}, not {wanted}, with {} in {:?}", level.name(), case.conv);
                }
            }
        }
    }
}

/// Blocks that end within an image, products in parts of their terms, and a row of tiles that is a block alone.
#[test]
fn blocks_of_tiles_are_no_less_exact_than_four_times_the_direct_way() {
    for (size, padding, images, inputs, outputs) in [
        ([32, 32], [1, 1], 2, 64, 48),
        ([9, 13], [1, 1], 5, 70, 33),
        ([4, 300], [0, 2], 1, 20, 17),
        ([8, 8], [1, 1], 3, 300, 40),
        ([5, 6], [2, 0], 40, 24, 130),
    ] {
        let case = Case::new(conv(size, padding, images, inputs, outputs), 5);
        for level in Level::available() {
            let errors = [case.by_tiles(level), case.directly(level)].map(|got| case.errors(&got));
            let ratios: [f64; 3] = std::array::from_fn(|way| errors[0][way] / errors[1][way]);
            println!("{size:?} {inputs} to {outputs}, {}: {:?}, ratios {ratios:.2?}", level.name(), errors[0]);
            for (name, (by_tiles, directly)) in ["z", "delta", "gradient"].iter().zip(errors[0].iter().zip(errors[1])) {
                assert!(*by_tiles <= 4.0 * directly, "{name}: {by_tiles:e} and {directly:e} with {}", level.name());
            }
        }
    }
}

/// An image gives the same bits alone and among others, of which some share its block.
#[test]
fn images_do_not_see_each_other() {
    let all = Case::new(conv([11, 7], [1, 1], 7, 40, 24), 3);
    let one = Winograd::of(&Convolution { images: 1, ..all.conv }).expect("a filter of 3×3");
    for level in Level::available() {
        let [z, result, _] = all.by_tiles(level);
        let (mut own_z, mut own_result) = (vec![0.0; z.len() / 7], vec![0.0; result.len() / 7]);
        for image in 0..7 {
            let (x, delta) = (&all.x[image * own_result.len()..], &all.delta[image * own_z.len()..]);
            one.forward(level, &all.weight, Some(&all.bias), &x[..own_result.len()], &mut own_z);
            one.delta(level, &all.weight, Some(&all.other), &delta[..own_z.len()], &mut own_result);
            assert_eq!(own_z, z[image * own_z.len()..][..own_z.len()], "{} in image {image}", level.name());
            assert_eq!(own_result, result[image * own_result.len()..][..own_result.len()], "{}", level.name());
        }
    }
}

#[test]
fn other_convolutions_go_the_direct_way() {
    let plain = conv([8, 8], [1, 1], 2, 16, 16);
    let pays = |conv: &Convolution| Winograd::of(conv).is_some_and(|tiles| tiles.pays());
    assert!(pays(&plain) && pays(&Convolution { images: 0, inputs: 512, outputs: 512, ..plain }));
    assert!(!pays(&Convolution { groups: 2, ..plain }));
    for (inputs, outputs) in [(15, 64), (64, 15), (17, 64), (64, 21), (512, 528)] {
        assert!(!pays(&Convolution { inputs, outputs, ..plain }), "{inputs} to {outputs}");
    }
    let axis = plain.windows.w;
    for other in [
        Axis::new(9, 3, 2, 1, 1, false).unwrap(),
        Axis::new(9, 3, 1, 1, 2, false).unwrap(),
        Axis::new(9, 5, 1, 1, 1, false).unwrap(),
        Axis::new(9, 3, 1, 3, 1, false).unwrap(),
        // A transposed convolution's, with a row that no window reaches.
        Axis { input: axis.input + 1, ..axis },
    ] {
        for windows in [Windows { h: other, ..plain.windows }, Windows { w: other, ..plain.windows }] {
            assert!(!pays(&Convolution { windows, ..plain }), "{windows:?}");
        }
    }
    let gradient_pays = |conv: &Convolution| Winograd::of(conv).is_some_and(|tiles| tiles.gradient_pays());
    assert!(gradient_pays(&Convolution { images: 1, ..plain }));
    assert!(!gradient_pays(&Convolution { images: 0, ..plain }));
    assert!(!gradient_pays(&Convolution { images: 1, inputs: 272, ..plain }), "a tile for 16 channels at least");
}
