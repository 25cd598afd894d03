//! Losses, accuracies and the learning rate by epoch.

use crate::chart::{Figure, LineChart, numbered};
use crate::page::Section;
use crate::report::curves::percent;
use limpide::train::History;

/// The section; a learning rate that never moves is told in words.
pub fn section(history: &History) -> Section {
    let mut figures: Vec<(Figure, &str)> = Vec::new();
    let (losses, watched) = (history.train_losses(), history.validation_losses());
    let mut chart = LineChart::new("epoch", "loss").series("train", numbered(&losses));
    if !watched.is_empty() {
        chart = chart.series("validation", numbered(&watched));
    }
    // A loss that may be negative or zero has no place on a logarithmic axis.
    let chart = if losses.iter().chain(&watched).all(|&loss| loss > 0.0) { chart.log_y() } else { chart };
    figures.push((chart.figure("loss", "Loss by epoch."), "Mean loss of a sample."));
    let (accuracies, watched) = (history.train_accuracies(), history.validation_accuracies());
    if !accuracies.is_empty() {
        let mut chart = LineChart::new("epoch", "accuracy (%)").series("train", percent(&accuracies));
        if !watched.is_empty() {
            chart = chart.series("validation", percent(&watched));
        }
        figures.push((chart.figure("accuracy", "Accuracy by epoch."), "Share of samples told right."));
    }
    let rates: Vec<f64> = history.epochs.iter().map(|epoch| epoch.learning_rate).collect();
    let mut words =
        "Training figures are means over an epoch in which the network changes; validation is measured after \
         it."
        .to_string();
    match rates.first() {
        Some(first) if rates.iter().all(|rate| rate == first) => {
            words += &format!(" The learning rate stayed at {first}.");
        }
        _ => {
            let chart = LineChart::new("epoch", "learning rate").series("η", numbered(&rates));
            figures.push((chart.figure("rate", "Learning rate by epoch."), "Of the last step of each epoch."));
        }
    }
    let figures: Vec<(&Figure, &str)> = figures.iter().map(|(figure, caption)| (figure, *caption)).collect();
    Section::new("Curves", &words).figures(&figures)
}
