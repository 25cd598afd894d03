//! Convolution, poolings and Flatten by hand, on cases that tell height from width; their messages and options.

use super::*;
use crate::module::{Gradients, Module, Tape};
use crate::tensor::values;
use crate::{Tensor, tensor, zeros};

/// Forward, then backward with the given delta: Z, ∂L/∂X and the gradients.
fn pass(layer: &dyn Module<f64>, x: Tensor<f64>, delta: Vec<f64>) -> (Tensor<f64>, Tensor<f64>, Gradients<f64>) {
    let mut tape = Tape::new();
    let z = layer.forward(&x, &mut tape);
    let mut gradients = Gradients::zeros_for(layer);
    let result = layer.backward(&mut tape, &tensor(z.shape(), delta), &mut gradients);
    (z, result, gradients)
}

fn shape_error(layer: &dyn Module<f64>, input: &[usize]) -> String {
    layer.output_shape(input).unwrap_err().to_string()
}

#[test]
fn convolution_by_hand() {
    // One image of 2×3, kernel 1×2: z(i, j) = 1·x(i, j) + 10·x(i, j+1) + 0.5.
    let weight = tensor(&[1, 1, 1, 2], vec![1.0, 10.0]);
    let layer = Conv2d::from_values(weight, Some(tensor(&[1], vec![0.5]))).unwrap();
    let x = tensor(&[1, 1, 2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let (z, result, gradients) = pass(&layer, x, vec![1.0, 0.0, 0.0, 2.0]);
    assert_eq!(z, tensor(&[1, 1, 2, 2], vec![21.5, 32.5, 54.5, 65.5]));
    // δ is 1 at (0, 0) and 2 at (1, 1), so ∂L/∂W = [1·1 + 2·5, 1·2 + 2·6] and ∂L/∂b = 3.
    assert_eq!(values(&gradients[0]), [11.0, 14.0]);
    assert_eq!(values(&gradients[1]), [3.0]);
    assert_eq!(values(&result), [1.0, 10.0, 0.0, 0.0, 2.0, 20.0]);
}

#[test]
fn every_size_of_a_convolution_keeps_its_axis() {
    let shape = |layer: Conv2d<f64>| layer.output_shape(&[5, 1, 20, 30]).unwrap();
    assert_eq!(shape(Conv2d::new(1, 7, [3, 5])), [5, 7, 18, 26]);
    assert_eq!(shape(Conv2d::new(1, 7, 1).stride([2, 3])), [5, 7, 10, 10]);
    assert_eq!(shape(Conv2d::new(1, 7, 1).padding([1, 2])), [5, 7, 22, 34]);
    assert_eq!(shape(Conv2d::new(1, 7, 2).dilation([3, 4])), [5, 7, 17, 26]);
}

#[test]
fn builder_keeps_given_values_and_prints_itself() {
    let weight = tensor(&[2, 1, 2, 2], (0..8).map(f64::from).collect());
    let layer = Conv2d::from_values(weight.clone(), None).unwrap().stride(2).padding([1, 0]).dilation(3);
    assert_eq!(layer.weight, weight);
    assert_eq!(layer.to_string(), "Conv2d(1, 2, 2).stride(2).padding([1, 0]).dilation(3).without_bias()");
    assert_eq!(Conv2d::<f32>::new(4, 6, [3, 5]).groups(2).to_string(), "Conv2d(4, 6, [3, 5]).groups(2)");
    assert_eq!(Conv2d::<f32>::new(4, 6, [3, 5]).groups(2).weight.shape(), [6, 2, 3, 5]);
    assert_eq!(MaxPool2d::new(2).stride(1).ceil_mode(true).to_string(), "MaxPool2d(2).stride(1).ceil_mode(true)");
    let average = AvgPool2d::new([2, 4]).padding([1, 2]).count_include_pad(false);
    assert_eq!(average.to_string(), "AvgPool2d([2, 4]).padding([1, 2]).count_include_pad(false)");
}

#[test]
fn start_values_have_the_bound_of_the_fan_in() {
    // fan_in of one group is 2·3·3 = 18.
    let layer = Conv2d::<f64>::new(4, 100, 3).groups(2);
    for (name, parameter) in layer.parameters() {
        let largest = parameter.iter().fold(0.0f64, |m, w| m.max(w.abs()));
        let bound = 1.0 / 18.0f64.sqrt();
        assert!(largest <= bound && largest > 0.9 * bound, "{name}: {largest}");
    }
}

#[test]
fn shapes_are_refused_with_numbers() {
    let conv = Conv2d::new(3, 2, 3);
    assert_eq!(shape_error(&conv, &[1, 2, 5, 5]), "Conv2d(3, 2, 3) wants (n, 3, h, w), got (1, 2, 5, 5)");
    assert_eq!(shape_error(&conv, &[3, 5, 5]), "Conv2d(3, 2, 3) wants (n, 3, h, w), got (3, 5, 5)");
    assert_eq!(
        shape_error(&Conv2d::new(1, 1, [5, 2]).padding(1), &[1, 1, 2, 3]),
        "Conv2d(1, 1, [5, 2]).padding(1) wants (n, 1, h, w) with h ≥ 3 and w ≥ 1, got (1, 1, 2, 3)"
    );
    assert_eq!(
        shape_error(&MaxPool2d::new(4), &[1, 1, 3, 3]),
        "MaxPool2d(4) wants (n, c, h, w) with h ≥ 4 and w ≥ 4, got (1, 1, 3, 3)"
    );
    assert_eq!(
        shape_error(&AvgPool2d::new(2), &[1, 1, 0, 3]),
        "AvgPool2d(2) wants (n, c, h, w) with h ≥ 2 and w ≥ 2, got (1, 1, 0, 3)"
    );
    assert_eq!(shape_error(&Flatten::new(), &[3]), "Flatten wants an input with axes 1 to -1, in this order, got (3,)");
}

#[test]
#[should_panic(expected = "Conv2d(3, 2, 3) wants (n, 3, h, w), got (1, 2, 5, 5)")]
fn forward_panics_with_the_same_message() {
    Conv2d::new(3, 2, 3).forward(&zeros::<f64>(&[1, 2, 5, 5]), &mut Tape::new());
}

#[test]
fn options_are_refused_with_numbers() {
    let conv = |change: fn(&mut Conv2dOptions)| {
        let mut options = Conv2dOptions::new(4, 6, 3);
        change(&mut options);
        Conv2d::<f32>::with_options(options).unwrap_err().to_string()
    };
    assert_eq!(conv(|o| o.in_channels = 0), "Conv2d: in_channels must be at least 1, got 0");
    assert_eq!(conv(|o| o.groups = 4), "Conv2d: out_channels must be a multiple of groups, 4, got 6");
    assert_eq!(conv(|o| o.groups = 0), "Conv2d: groups must be at least 1, got 0");
    assert_eq!(conv(|o| o.kernel_size = Pair::from([3, 0])), "Conv2d: kernel_size must be from 1 to 65535, got [3, 0]");
    assert_eq!(conv(|o| o.stride = Pair::from(0)), "Conv2d: stride must be from 1 to 65535, got 0");
    assert_eq!(
        conv(|o| o.padding = Pair::from(usize::MAX)),
        format!("Conv2d: padding must be from 0 to 65535, got {}", usize::MAX)
    );
    assert_eq!(
        conv(|o| o.out_channels = usize::MAX),
        format!("Conv2d: the weight's size must be at most 4294967295 numbers, got ({}, 4, 3, 3)", usize::MAX)
    );
    let padded = MaxPool2dOptions { padding: Pair::from([1, 2]), ..MaxPool2dOptions::new(3) };
    let message = MaxPool2d::with_options(padded).unwrap_err().to_string();
    assert_eq!(message, "MaxPool2d: padding must be at most half the window, 1, got [1, 2]");
}

#[test]
#[should_panic(expected = "Conv2d: stride must be from 1 to 65535, got [1, 0]")]
fn builder_panics_with_the_same_message() {
    let _ = Conv2d::<f32>::new(1, 1, 1).stride([1, 0]);
}

#[test]
fn options_read_numbers_and_pairs() {
    let read = |text: &str| serde_json::from_str::<Conv2dOptions>(text);
    let options = read(r#"{"in_channels": 1, "out_channels": 2, "kernel_size": [3, 5], "padding": 1}"#).unwrap();
    assert_eq!(options, Conv2dOptions { padding: Pair::from(1), ..Conv2dOptions::new(1, 2, [3, 5]) });
    assert_eq!(read(&serde_json::to_string(&options).unwrap()).unwrap(), options);
    for bad in ["-1", "[1]", "[1, 2, 3]", "1.5", r#""same""#] {
        let text = format!(r#"{{"in_channels": 1, "out_channels": 2, "kernel_size": {bad}}}"#);
        let message = read(&text).unwrap_err().to_string();
        assert!(message.contains("a size from 0 up, or a pair of them"), "{message}");
    }
    assert!(read(r#"{"in_channels": 1, "out_channels": 2, "kernel_size": 1, "strid": 1}"#).is_err());
    let pool: MaxPool2dOptions = serde_json::from_str(r#"{"kernel_size": 2}"#).unwrap();
    assert_eq!(pool, MaxPool2dOptions::new(2));
    assert_eq!(serde_json::from_str::<Flatten>("{}").unwrap(), Flatten::new());
}

#[test]
fn max_pool_ties_go_to_the_first_and_nan_passes() {
    let (z, result, _) =
        pass(&MaxPool2d::new(2), tensor(&[1, 1, 2, 4], vec![1., 3., f64::NAN, 9., 3., 3., 9., 9.]), vec![1.0, 2.0]);
    assert!(values(&z)[0] == 3.0 && values(&z)[1].is_nan());
    assert_eq!(values(&result), [0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    // The same in windows that overlap: the 5 in the middle is the maximum of both.
    let (z, result, _) =
        pass(&MaxPool2d::new([1, 2]).stride(1), tensor(&[1, 1, 1, 3], vec![1., 5., 5.]), vec![1.0, 2.0]);
    assert_eq!(values(&z), [5.0, 5.0]);
    assert_eq!(values(&result), [0.0, 3.0, 0.0]);
}

#[test]
fn max_pool_pads_with_minus_infinity() {
    let x = tensor(&[1, 1, 1, 3], vec![-5.0, f64::NEG_INFINITY, f64::NEG_INFINITY]);
    let (z, result, _) = pass(&MaxPool2d::new([1, 2]).padding([0, 1]), x, vec![1.0, 2.0]);
    assert_eq!(values(&z), [-5.0, f64::NEG_INFINITY]);
    // All equal to −∞: the first still takes the gradient.
    assert_eq!(values(&result), [1.0, 2.0, 0.0]);
}

#[test]
fn poolings_keep_height_and_width_apart() {
    let x = || tensor(&[1, 1, 2, 4], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let (z, result, _) = pass(&MaxPool2d::new([2, 1]), x(), vec![1.0, 2.0, 3.0, 4.0]);
    assert_eq!(z, tensor(&[1, 1, 1, 4], vec![5.0, 6.0, 7.0, 8.0]));
    assert_eq!(values(&result), [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0]);
    let (z, result, _) = pass(&AvgPool2d::new([1, 2]), x(), vec![2.0, 4.0, 6.0, 8.0]);
    assert_eq!(z, tensor(&[1, 1, 2, 2], vec![1.5, 3.5, 5.5, 7.5]));
    assert_eq!(values(&result), [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]);
}

#[test]
fn average_divides_by_what_it_covers() {
    // Width 3, windows of 2 at −1 and 1, and with ceil_mode none at 3, which would start in the padding.
    let x = || tensor(&[1, 1, 1, 3], vec![6.0, 12.0, 18.0]);
    let pool = AvgPool2d::new([1, 2]).padding([0, 1]).ceil_mode(true);
    assert_eq!(values(&pass(&pool, x(), vec![1.0, 1.0]).0), [3.0, 15.0]);
    assert_eq!(values(&pass(&pool.count_include_pad(false), x(), vec![1.0, 1.0]).0), [6.0, 15.0]);
    // A window of 3 at 2 sticks out by 2 and covers one pixel: divided by 1 either way.
    let pool = AvgPool2d::new([1, 3]).stride([1, 2]).ceil_mode(true);
    let (z, result, _) = pass(&pool, tensor(&[1, 1, 1, 4], vec![1.0, 2.0, 3.0, 5.0]), vec![3.0, 4.0]);
    assert_eq!(values(&z), [2.0, 4.0]);
    assert_eq!(values(&result), [1.0, 1.0, 3.0, 2.0]);
}

#[test]
fn flatten_reshapes_without_copying() {
    let x = tensor(&[2, 3, 2], (0..12).map(f64::from).collect());
    let (z, result, _) = pass(&Flatten::new(), x.clone(), (0..12).map(f64::from).collect());
    assert_eq!((z.shape(), result), (&[2, 6][..], x.clone()));
    assert_eq!(z.as_ptr(), x.as_ptr());
    let shape = |start_dim, end_dim| {
        Module::<f64>::output_shape(&Flatten { start_dim, end_dim }, &[2, 3, 4, 5]).map_err(|error| error.to_string())
    };
    assert_eq!(shape(0, 1), Ok(vec![6, 4, 5]));
    assert_eq!(shape(-3, -2), Ok(vec![2, 12, 5]));
    assert_eq!(shape(2, 2), Ok(vec![2, 3, 4, 5]));
    assert!(shape(2, 1).is_err() && shape(1, 4).is_err() && shape(-5, 1).is_err() && shape(isize::MIN, -1).is_err());
}

#[test]
fn empty_batches_pass() {
    let layers: [&dyn Module<f64>; 4] =
        [&Conv2d::new(2, 3, 3), &MaxPool2d::new(2), &AvgPool2d::new(2), &Flatten::new()];
    for layer in layers {
        let (z, result, gradients) = pass(layer, zeros(&[0, 2, 6, 5]), vec![]);
        assert_eq!(z.shape(), layer.output_shape(&[0, 2, 6, 5]).unwrap());
        assert_eq!(result.shape(), [0, 2, 6, 5]);
        assert!(gradients.iter().all(|gradient| gradient.iter().all(|&g| g == 0.0)));
    }
}

#[test]
fn a_transposed_convolution_keeps_its_axes() {
    let shape = |layer: ConvTranspose2d<f64>| layer.output_shape(&[5, 2, 4, 6]).unwrap();
    assert_eq!(shape(ConvTranspose2d::new(2, 7, [3, 5])), [5, 7, 6, 10]);
    assert_eq!(shape(ConvTranspose2d::new(2, 7, 1).stride([2, 3])), [5, 7, 7, 16]);
    assert_eq!(shape(ConvTranspose2d::new(2, 7, 3).padding([1, 2])), [5, 7, 4, 4]);
    assert_eq!(shape(ConvTranspose2d::new(2, 7, 2).dilation([3, 4])), [5, 7, 7, 10]);
    assert_eq!(shape(ConvTranspose2d::new(2, 7, 2).stride([2, 3]).output_padding([1, 2])), [5, 7, 9, 19]);
    let layer = ConvTranspose2d::<f64>::new(2, 3, 3).padding(3);
    let wanted = "ConvTranspose2d(2, 3, 3).padding(3) wants (n, 2, h, w) with pixels left after the padding is cut off";
    assert_eq!(shape_error(&layer, &[1, 2, 4, 6]), format!("{wanted}, got (1, 2, 4, 6)"));
    assert!(shape_error(&layer, &[1, 2, 0, 6]).starts_with(wanted));
    assert!(shape_error(&layer, &[1, 3, 9, 9]).contains("wants (n, 2, h, w), got (1, 3, 9, 9)"));
    let layer = ConvTranspose2d::<f64>::new(4, 6, [3, 5]).stride(2).output_padding([1, 0]).groups(2).without_bias();
    assert_eq!(
        layer.to_string(),
        "ConvTranspose2d(4, 6, [3, 5]).stride(2).output_padding([1, 0]).groups(2).without_bias()"
    );
    assert_eq!(layer.weight.shape(), [4, 3, 3, 5]);
}

#[test]
fn adaptive_windows_by_hand() {
    // Rows 0..2 and 1..3 of three, columns 0..1 and 1..2 of two.
    let layer = AdaptiveAvgPool2d::new(2);
    let x = tensor(&[1, 1, 3, 2], vec![1.0, 10.0, 2.0, 20.0, 4.0, 40.0]);
    let (z, result, _) = pass(&layer, x, vec![2.0, 0.0, 4.0, 6.0]);
    assert_eq!(z, tensor(&[1, 1, 2, 2], vec![1.5, 15.0, 3.0, 30.0]));
    assert_eq!(values(&result), [1.0, 0.0, 1.0 + 2.0, 3.0, 2.0, 3.0]);
}

#[test]
fn larger_images_by_hand() {
    let x = tensor(&[1, 1, 2, 1], vec![0.0, 8.0]);
    let (z, result, _) = pass(&Upsample::new([3, 2]), x.clone(), (1..=12).map(f64::from).collect());
    assert_eq!(values(&z), [[0.0; 6], [8.0; 6]].concat());
    assert_eq!(values(&result), [21.0, 57.0]);
    // Rows at −0.25, 0.25, 0.75 and 1.25 of the input's, held within it.
    let (z, result, _) = pass(&Upsample::new([2, 1]).mode(Upsampling::Bilinear), x, vec![1.0, 10.0, 100.0, 1000.0]);
    assert_eq!(values(&z), [0.0, 2.0, 6.0, 8.0]);
    assert_eq!(values(&result), [1.0 + 7.5 + 25.0, 2.5 + 75.0 + 1000.0]);
}

#[test]
fn sides_of_a_padding_and_of_a_reshape() {
    let (z, result, _) =
        pass(&ZeroPad2d::new([1, 0, 2, 1]), tensor(&[1, 1, 1, 2], vec![3.0, 4.0]), (1..=12).map(f64::from).collect());
    assert_eq!(z, tensor(&[1, 1, 4, 3], [vec![0.0; 7], vec![3.0, 4.0], vec![0.0; 3]].concat()));
    assert_eq!(values(&result), [8.0, 9.0]);
    let message = shape_error(&Reshape::new([2, -1]), &[3, 7]);
    assert_eq!(message, "Reshape([2, -1]) wants samples that fill (n, 2, -1), got (3, 7)");
    let shape = <Reshape as Module<f64>>::output_shape(&Reshape::new([2, -1]), &[0, 8]).unwrap();
    assert_eq!(shape, [0, 2, 4]);
}
