//! The network and recipe for images without a description.

use crate::train::data::{Answers, Parts};

/// The highest learning rate.
const RATE: f64 = 0.004;
/// The shortest side that is worth a convolution.
const LEAST_SIDE: usize = 6;

/// A convolutional network and a way to train it, by the size and number of the images; none for samples that are no images.
///
/// | choice | reason |
/// | --- | --- |
/// | images: (c, h, w) of 1, 3 or 4 channels, or (h, w), 6 pixels wide and high or more | smaller ones have no neighbourhoods |
/// | blocks of convolution 3×3, batch norm, SiLU, max-pool 2×2 until no side is above 7 pixels | the last block sees a part of the image as large as a thing in it; without the norm photos are not learnt at all |
/// | 16 channels doubled by every block up to 128; 32 when there is one block | what a block loses in places it gains in channels |
/// | a dense layer of 128 with dropout in front of the outputs | where most parameters are, most is learnt by heart |
/// | AdamW with decay on weights alone, moving averages of the weights | as for tables |
/// | one cycle of the learning rate, up to 0.004 and down to nothing, which is never stopped early | steps that are large from the first on end with dead units |
/// | for classes, images turned by 10°, shifted by a tenth and scaled by a tenth at random | a few hundred images become many, and are of the same class still |
/// | batches of about a fiftieth of the images, 16 to 64; epochs for 600,000 images, 10 to 60 | what a CPU can bear |
pub fn recipe(parts: &Parts) -> Option<String> {
    let (channels, mut height, mut width, flat) = match *parts.train.sample_shape() {
        [c @ (1 | 3 | 4), h, w] => (c, h, w, false),
        [h, w] => (1, h, w, true),
        _ => return None,
    };
    if height.min(width) < LEAST_SIDE {
        return None;
    }
    let samples = parts.train.len();
    let (loss, outputs) = super::loss(parts);
    let batch_size = (samples / 50).next_power_of_two().clamp(16, 64);
    let epochs = (600_000 / samples.max(1)).clamp(10, 60);
    let mut text = super::head(loss, epochs, batch_size, RATE, epochs);
    text += &format!("schedule = {{ type = \"OneCycleLR\", max_lr = {RATE}, interval = \"step\" }}\n");
    if matches!(parts.answers, Answers::Classes(_)) {
        text += "[[augmentation]]\ntype = \"RandomAffine\"\ndegrees = [-10.0, 10.0]\ntranslate = [-0.1, 0.1]\nscale = [0.9, 1.1]\n";
    }
    let mut layer = |name: &str, options: &[(&str, String)]| {
        text += &format!("[[layers]]\ntype = \"{name}\"\n");
        options.iter().for_each(|(option, value)| text += &format!("{option} = {value}\n"));
    };
    if flat {
        layer("Reshape", &[("shape", format!("[1, {height}, {width}]"))]);
    }
    let one_block = height.max(width) / 2 <= 7;
    let (mut before, mut next) = (channels, if one_block { 32 } else { 16 });
    while before == channels || (height.max(width) > 7 && height.min(width) >= 2) {
        let number = |number: usize| number.to_string();
        layer(
            "Conv2d",
            &[
                ("in_channels", number(before)),
                ("out_channels", number(next)),
                ("kernel_size", "[3, 3]".into()),
                ("padding", "[1, 1]".into()),
                // The norm takes it off again.
                ("bias", "false".into()),
            ],
        );
        layer("BatchNorm2d", &[("num_features", number(next))]);
        layer("SiLU", &[]);
        layer("MaxPool2d", &[("kernel_size", "[2, 2]".into())]);
        (height, width, before, next) = (height / 2, width / 2, next, (2 * next).min(128));
    }
    layer("Flatten", &[]);
    let features = before * height * width;
    layer("Linear", &[("in_features", features.to_string()), ("out_features", "128".into())]);
    layer("SiLU", &[]);
    layer("Dropout", &[("p", "0.2".into())]);
    layer("Linear", &[("in_features", "128".into()), ("out_features", outputs.to_string())]);
    Some(text)
}
