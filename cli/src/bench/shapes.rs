//! The layers of the sweep: shapes from well-known networks, small to large.

use limpide::layers::{Conv2dOptions, ConvTranspose2dOptions, LinearOptions, Pair};
use limpide::model::LayerDescription;

/// One layer with the input that it is timed on.
pub struct Shape {
    /// Where the shape comes from.
    pub origin: &'static str,
    pub layer: LayerDescription,
    /// Batch axis included.
    pub input: Vec<usize>,
}

/// A convolution with a padding that keeps the size at stride 1: origin, channels in and out, kernel, stride, groups,
/// pixels along a side, batches.
type Convolution = (&'static str, usize, usize, usize, usize, usize, usize, [usize; 3]);

const CONVOLUTIONS: [Convolution; 20] = [
    ("the report's CNN", 1, 16, 3, 1, 1, 28, [1, 64, 512]),
    ("the report's CNN", 16, 32, 3, 1, 1, 14, [1, 64, 512]),
    ("LeNet-5", 1, 6, 5, 1, 1, 28, [1, 64, 512]),
    ("LeNet-5", 6, 16, 5, 1, 1, 14, [1, 64, 512]),
    ("VGG", 3, 64, 3, 1, 1, 32, [1, 16, 64]),
    ("VGG", 64, 64, 3, 1, 1, 32, [1, 16, 64]),
    ("VGG", 64, 128, 3, 1, 1, 16, [1, 16, 64]),
    ("VGG", 128, 128, 3, 1, 1, 16, [1, 16, 64]),
    ("VGG", 128, 256, 3, 1, 1, 8, [1, 16, 64]),
    ("VGG", 256, 256, 3, 1, 1, 8, [1, 16, 64]),
    ("ResNet-20", 3, 16, 3, 1, 1, 32, [1, 32, 128]),
    ("ResNet-20", 16, 16, 3, 1, 1, 32, [1, 32, 128]),
    ("ResNet-20", 16, 32, 3, 2, 1, 32, [1, 32, 128]),
    ("ResNet-20", 32, 32, 3, 1, 1, 16, [1, 32, 128]),
    ("ResNet-20", 32, 64, 3, 2, 1, 16, [1, 32, 128]),
    ("ResNet-20", 64, 64, 3, 1, 1, 8, [1, 32, 128]),
    ("1×1", 64, 256, 1, 1, 1, 16, [1, 16, 64]),
    ("5×5", 32, 64, 5, 1, 1, 16, [1, 16, 64]),
    ("depthwise", 64, 64, 3, 1, 64, 32, [1, 16, 64]),
    ("depthwise, stride 2", 128, 128, 3, 2, 128, 16, [1, 16, 64]),
];

/// A transposed convolution that doubles the size: channels in and out, kernel, pixels along a side, batches.
const TRANSPOSED: [(usize, usize, usize, usize, [usize; 3]); 2] =
    [(128, 64, 4, 8, [1, 16, 64]), (64, 3, 4, 16, [1, 16, 64])];

/// A dense layer: numbers in and out, batches.
const DENSE: [(usize, usize, [usize; 3]); 7] = [
    (8, 8, [1, 64, 512]),
    (64, 64, [1, 64, 512]),
    (400, 120, [1, 64, 512]),
    (784, 128, [1, 64, 512]),
    (512, 512, [1, 64, 512]),
    (1024, 1024, [1, 64, 512]),
    (4096, 4096, [1, 16, 128]),
];

/// Every layer of the sweep.
pub fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for (origin, channels_in, channels_out, kernel, stride, groups, side, batches) in CONVOLUTIONS {
        let mut options = Conv2dOptions::new(channels_in, channels_out, kernel);
        options.stride = Pair::from(stride);
        options.padding = Pair::from(kernel / 2);
        options.groups = groups;
        let layer = |batch| Shape {
            origin,
            layer: LayerDescription::Conv2d(options.clone()),
            input: vec![batch, channels_in, side, side],
        };
        shapes.extend(batches.map(layer));
    }
    for (channels_in, channels_out, kernel, side, batches) in TRANSPOSED {
        let mut options = ConvTranspose2dOptions::new(channels_in, channels_out, kernel);
        options.stride = Pair::from(2);
        options.padding = Pair::from(kernel / 2 - 1);
        let layer = |batch| Shape {
            origin: "DCGAN",
            layer: LayerDescription::ConvTranspose2d(options.clone()),
            input: vec![batch, channels_in, side, side],
        };
        shapes.extend(batches.map(layer));
    }
    for (in_features, out_features, batches) in DENSE {
        let options = LinearOptions { in_features, out_features, bias: true };
        let layer = |batch| Shape {
            origin: "dense",
            layer: LayerDescription::Linear(options.clone()),
            input: vec![batch, in_features],
        };
        shapes.extend(batches.map(layer));
    }
    shapes
}
