//! The convolutional network on the digits: curves, confusion matrix, its filters and what they see in one image.

use super::{Chapter, curves};
use crate::chart::{ColourMap, Figure, ImageGrid, count};
use crate::experiments::Settings;
use crate::experiments::classify::{self, CNN, Classified};
use crate::page::Section;
use limpide::{Module, Result, Tape};

/// Tiles in a row of the figures.
const COLUMNS: usize = 16;
/// The digit whose feature maps are drawn; one with both strokes and bends.
const DIGIT: usize = 5;

/// Trains the convolutional network and draws what it learnt.
pub fn chapter(settings: &Settings) -> Result<Chapter> {
    let done = classify::run(settings, &CNN)?;
    let [loss, accuracy, confusion] = curves::figures(&done, "cnn", None);
    let words = format!(
        "{}. Two convolutions of 3×3 with 16 and 32 channels, each with tanh and 2×2 max-pooling, then a dense layer, \
         with the loss of experiment 5, from {}, at rate {}. The report's convolutions were nested loops and learnt \
         from 2,000 images only; ours learn from {}.",
        done.digits.about,
        done.start,
        done.rate,
        match done.digits.train.len() {
            2_000 => "as many".into(),
            more => count(more as u64),
        }
    );
    let section = Section::new("6. Digits, a convolutional network", &words)
        .figures(&[
            (&loss, "Mean cross-entropy of a sample, on a logarithmic axis."),
            (&accuracy, &format!("Share of images told right. {}", curves::watched_note(&done.digits))),
        ])
        .figure(
            &confusion,
            &format!("The test images by true and predicted digit; {} are right.", done.outcome.runs[0].value_text()),
        )
        .figure(&filters(&done), "The 16 filters of the first convolution, 3×3 weights each.")
        .figure(
            &feature_maps(&done),
            "One test image on its way through the network, read from the tape of a forward pass.",
        );
    Ok(Chapter { outcome: done.outcome, section })
}

fn filters(done: &Classified) -> Figure {
    let parameters = done.network.parameters();
    let tiles = curves::tiles(parameters[0].1, 3);
    let grid = ImageGrid::new(COLUMNS / 2, ColourMap::diverging_for(&tiles)).group("", tiles);
    grid.figure("cnn-filters", "The sixteen filters of the first convolution.")
}

/// The image and every map after tanh and after pooling.
fn feature_maps(done: &Classified) -> Figure {
    let side = done.digits.side;
    let image = done.digits.test.inputs.gather(&[curves::one_of_each(&done.digits.test)[DIGIT]]);
    let mut tape = Tape::new();
    done.network.forward(&image, &mut tape);
    let map = |layer: usize, side: usize| curves::tiles(tape.children[layer].output(), side);
    ImageGrid::new(COLUMNS, ColourMap::Diverging(1.0))
        .group("the image", curves::tiles(&image, side))
        .group("after the first convolution and tanh: 16 maps", map(1, side))
        .group("after the first max-pooling", map(2, side / 2))
        .group("after the second convolution and tanh: 32 maps", map(4, side / 2))
        .group("after the second max-pooling", map(5, side / 4))
        .figure("cnn-feature-maps", "One digit and the maps that the network makes of it, layer by layer.")
}
