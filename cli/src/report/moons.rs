//! The report's Figure 3: losses, validation accuracy and decision boundary of the three outputs.

use super::Chapter;
use super::curves::percent;
use crate::chart::{Boundary, Figure, Grid, LineChart, numbered};
use crate::experiments::Settings;
use crate::experiments::moons::{self, Classifier, Moons};
use crate::page::Section;
use limpide::Result;
use limpide::data::Dataset;

/// Steps of the grid on which the boundary is drawn.
const GRID: (usize, usize) = (97, 73);
/// Test points drawn; more would hide each other.
const DRAWN: usize = 600;

/// Trains the three outputs and draws each.
pub fn chapter(settings: &Settings) -> Result<Chapter> {
    let Moons { outcome, classifiers, test } = moons::run(settings)?;
    let (mut losses, mut accuracies) =
        (LineChart::new("epoch", "loss"), LineChart::new("epoch", "validation accuracy (%)"));
    for (run, classifier) in outcome.runs.iter().zip(&classifiers) {
        losses = losses
            .series(&format!("{}, train", classifier.short), numbered(&run.history.train_losses()))
            .companion("validation", numbered(&run.history.validation_losses()));
        accuracies = accuracies.series(classifier.short, percent(&run.history.validation_accuracies()));
    }
    let losses = losses.figure("moons-loss", "Training and validation loss of three outputs by epoch.");
    let accuracies = accuracies.figure("moons-accuracy", "Validation accuracy of three outputs by epoch.");

    let clouds = clouds(&test);
    let boundaries: Vec<(Figure, String)> = (classifiers.iter().zip(&outcome.runs))
        .map(|(classifier, run)| {
            (boundary(classifier, &clouds), format!("{}: {} on the test points.", run.name, run.value_text()))
        })
        .collect();
    let boundaries: Vec<(&Figure, &str)> =
        boundaries.iter().map(|(figure, caption)| (figure, caption.as_str())).collect();
    let section = Section::new(
        "4. Two moons, three outputs",
        "Two interleaved half circles with noise of standard deviation 0.2, told apart by Linear(2, 16), tanh and one \
         of three outputs: a sigmoid with binary cross-entropy, a softmax with cross-entropy on its probabilities \
         (the report's pairing), and a log-softmax with the negative log-likelihood. The noise makes the moons \
         overlap, so no model gets every point right. The last two outputs are one function written in two ways, so \
         their curves lie on each other.",
    )
    .figure(&losses, "**Figure 3 (a).** Training loss (solid) and validation loss (dashed).")
    .figure(&accuracies, "**Figure 3 (b).** Accuracy on the validation points.")
    .text(&format!(
        "**Figure 3 (c).** Where each network draws the line: the tint is the class it finds likelier, the stronger \
         the surer, with {DRAWN} of the test points on it."
    ))
    .figures(&boundaries);
    Ok(Chapter { outcome, section })
}

/// The first points of the set, class by class.
fn clouds(data: &Dataset<f32>) -> [Vec<(f64, f64)>; 2] {
    let (x, target) = data.gather(&(0..data.len().min(DRAWN)).collect::<Vec<_>>());
    let labels = target.labels().expect("moons have class numbers");
    [0, 1].map(|class| {
        let members = (0..labels.len()).filter(|&i| labels[i] == class);
        members.map(|i| (f64::from(x[[i, 0]]), f64::from(x[[i, 1]]))).collect()
    })
}

fn boundary(classifier: &Classifier, clouds: &[Vec<(f64, f64)>; 2]) -> Figure {
    let grid = Grid::around(clouds.iter().flatten(), GRID.0, GRID.1);
    let probabilities = classifier.probabilities(&grid.points());
    let chart = Boundary::new("x₁", "x₂", grid, probabilities);
    let chart =
        ["moon 0", "moon 1"].iter().zip(clouds).fold(chart, |chart, (name, points)| chart.class(name, points.clone()));
    let alt = format!("Decision boundary of {} with the test points.", classifier.short);
    chart.figure(&format!("moons-boundary-{}", classifier.short), &alt)
}
