//! What the classifiers' sections share: curves, confusion matrix, one image a digit.

use crate::chart::{Confusion, Figure, LineChart, Tile, numbered};
use crate::experiments::classify::Classified;
use crate::experiments::digits::Digits;
use limpide::data::Dataset;

/// Shares of 1 as percentages with their epochs.
pub fn percent(shares: &[f64]) -> Vec<(f64, f64)> {
    numbered(&shares.iter().map(|share| 100.0 * share).collect::<Vec<_>>())
}

/// Loss and accuracy by epoch, and the confusion matrix, under file names that begin with `stem`. The accuracy gets a
/// line at the report's figure (in percent), where there is one to hold it against.
pub fn figures(done: &Classified, stem: &str, reported: Option<f64>) -> [Figure; 3] {
    let (history, watched) = (&done.outcome.runs[0].history, done.digits.watched);
    let loss = LineChart::new("epoch", "cross-entropy")
        .log_y()
        .series("train", numbered(&history.train_losses()))
        .series(watched, numbered(&history.validation_losses()));
    let mut accuracy = LineChart::new("epoch", "accuracy (%)")
        .series("train", percent(&history.train_accuracies()))
        .series(watched, percent(&history.validation_accuracies()));
    if let Some(figure) = reported {
        accuracy = accuracy.reference(&format!("the report: {figure} %"), figure);
    }
    let counts = done.confusion.iter().map(|row| row.iter().map(|&count| count as u64).collect()).collect();
    let digits: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
    [
        loss.figure(&format!("{stem}-loss"), &format!("Training and {watched} loss by epoch.")),
        accuracy.figure(&format!("{stem}-accuracy"), &format!("Training and {watched} accuracy by epoch.")),
        Confusion::new(&digits, counts)
            .figure(&format!("{stem}-confusion"), "How often each digit was taken for which."),
    ]
}

/// What the watched part is, said once in a caption.
pub fn watched_note(digits: &Digits) -> &'static str {
    match digits.watched {
        "test" => "The test images are watched, but choose nothing: the last epoch counts.",
        _ => "The validation images are watched, but choose nothing: the last epoch counts.",
    }
}

/// The place of the first image of each digit.
pub fn one_of_each(data: &Dataset<f32>) -> Vec<usize> {
    let labels = data.targets.labels().expect("digits have class numbers");
    (0..10).filter_map(|digit| labels.iter().position(|&label| label == digit)).collect()
}

/// Numbers as square images, one after the other.
pub fn tiles<'a>(numbers: impl IntoIterator<Item = &'a f32>, side: usize) -> Vec<Tile> {
    let numbers: Vec<f64> = numbers.into_iter().map(|&number| f64::from(number)).collect();
    numbers.chunks_exact(side * side).map(|pixels| Tile::new(side, side, pixels.to_vec())).collect()
}
