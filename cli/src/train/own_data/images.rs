//! The network and recipe for images without a description.

use crate::train::data::Parts;

/// The shortest side that is worth a convolution.
const LEAST_SIDE: usize = 6;

/// A convolutional network and a way to train it, by the size and number of the images; none for samples that are no images.
///
/// | choice | reason |
/// | --- | --- |
/// | images: (c, h, w) of 1, 3 or 4 channels, or (h, w), 6 pixels wide and high or more | smaller ones have no neighbourhoods |
/// | blocks of convolution 3×3, ReLU, max-pool 2×2 until no side is above 7 pixels | the last block sees a part of the image as large as a thing in it |
/// | 16 channels doubled by every block up to 128; 32 when there is one block | what a block loses in places it gains in channels |
/// | a dense layer of 128 with dropout ½ in front of the outputs | where most parameters are, most is learnt by heart |
/// | AdamW with decay on weights alone, moving averages of the weights | as for tables |
/// | batches of about a hundredth of the images, 16 to 64; epochs for a million images, 10 to 60 | what a CPU can bear |
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
    let batch_size = (samples / 100).next_power_of_two().clamp(16, 64);
    let epochs = (1_000_000 / samples.max(1)).clamp(10, 60);
    let mut text = super::head(loss, epochs, batch_size, (epochs / 6).max(3));
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
            ],
        );
        layer("ReLU", &[]);
        layer("MaxPool2d", &[("kernel_size", "[2, 2]".into())]);
        (height, width, before, next) = (height / 2, width / 2, next, (2 * next).min(128));
    }
    layer("Flatten", &[]);
    let features = before * height * width;
    layer("Linear", &[("in_features", features.to_string()), ("out_features", "128".into())]);
    layer("ReLU", &[]);
    layer("Dropout", &[("p", "0.5".into())]);
    layer("Linear", &[("in_features", "128".into()), ("out_features", outputs.to_string())]);
    Some(text)
}
