//! Past the report: its experiments again by the recipes of the toolbox, beside the report's figures.

use super::curves::percent;
use crate::chart::{Cell, LineChart, Table, numbered};
use crate::experiments::{Measure, Outcome, Run, Settings};
use crate::page::Section;
use crate::train::Session;
use limpide::Result;
use limpide::data::Mnist;

/// What the name of such an experiment begins with; the recipe's own follows.
pub const RECIPE: &str = "recipe ";

/// One recipe, and what the report has to say of the same.
struct Recipe {
    name: &'static str,
    /// [`RECIPE`] and the name.
    experiment: &'static str,
    text: &'static str,
    about: &'static str,
    measure: Measure,
    reported: Option<&'static str>,
    /// Epochs on this page, where the whole recipe would take minutes; then in a quick run.
    epochs: [Option<usize>; 2],
    /// What so many epochs must reach; nothing in a quick run.
    target: f64,
    mnist: bool,
}

const RECIPES: [Recipe; 6] = [
    Recipe {
        name: "regression",
        experiment: "recipe regression",
        text: include_str!("../../../recipes/regression.toml"),
        about: "the report's network for the surface; Adam, a rate that falls to 0",
        measure: Measure::TestMse,
        reported: Some("0.28"),
        epochs: [None, Some(200)],
        target: 1e-4,
        mnist: false,
    },
    Recipe {
        name: "digits-cv",
        experiment: "recipe digits-cv",
        text: include_str!("../../../recipes/digits-cv.toml"),
        about: "the built-in 8×8 digits, the first of five folds; two convolutions, moving images",
        measure: Measure::TestAccuracy,
        reported: None,
        epochs: [Some(30), Some(1)],
        target: 0.97,
        mnist: false,
    },
    Recipe {
        name: "mnist-dense-better",
        experiment: "recipe mnist-dense-better",
        text: include_str!("../../../recipes/mnist-dense-better.toml"),
        about: "the report's 784-128-10; moving images, averaged weights",
        measure: Measure::TestAccuracy,
        reported: Some("97.82 %"),
        epochs: [Some(20), Some(1)],
        target: 0.982,
        mnist: true,
    },
    Recipe {
        name: "mnist-cnn-better",
        experiment: "recipe mnist-cnn-better",
        text: include_str!("../../../recipes/mnist-cnn-better.toml"),
        about: "the report's two convolutions; moving images, averaged weights",
        measure: Measure::TestAccuracy,
        reported: None,
        epochs: [Some(8), Some(1)],
        target: 0.985,
        mnist: true,
    },
    Recipe {
        name: "mnist-fast",
        experiment: "recipe mnist-fast",
        text: include_str!("../../../recipes/mnist-fast.toml"),
        about: "99 % in a few seconds",
        measure: Measure::TestAccuracy,
        reported: None,
        epochs: [None, Some(1)],
        target: 0.988,
        mnist: true,
    },
    Recipe {
        name: "mnist-autoencoder",
        experiment: "recipe mnist-autoencoder",
        text: include_str!("../../../recipes/mnist-autoencoder.toml"),
        about: "the report's autoencoder with 32 numbers in the middle",
        measure: Measure::TestMse,
        reported: Some(crate::experiments::autoencoder::REPORTED),
        epochs: [Some(20), Some(1)],
        target: 0.0075,
        mnist: true,
    },
];

/// Runs the recipes for which there is data, and draws how they learn.
pub fn chapter(settings: &Settings) -> Result<(Vec<Outcome>, Section)> {
    let with_mnist = Mnist::Digits.find(settings.data.as_deref())?.is_some();
    let mut outcomes = Vec::new();
    let mut table = Table::new(
        "The report's experiments by the toolbox",
        &["Recipe", "What", "Figure", "The report", "Here", "Epochs"],
    );
    let mut accuracy = LineChart::new("epoch", "training accuracy (%)");
    let mut loss = LineChart::new("epoch", "training loss").log_y();
    for recipe in RECIPES.iter().filter(|recipe| with_mnist || !recipe.mnist) {
        let (outcome, whole) = recipe.run(settings)?;
        let run = &outcome.runs[0];
        table = table.row(vec![
            recipe.name.into(),
            recipe.about.into(),
            recipe.measure.to_string().as_str().into(),
            recipe.reported.map_or(Cell::Nothing, Cell::number),
            Cell::number(run.value_text()),
            Cell::number(format!("{} of {whole}", outcome.epochs)),
        ]);
        if recipe.measure == Measure::TestAccuracy {
            accuracy = accuracy.series(recipe.name, percent(&run.history.train_accuracies()));
        } else {
            loss = loss.series(recipe.name, numbered(&run.history.train_losses()));
        }
        outcomes.push(outcome);
    }
    let section = Section::new(
        "Past the report",
        "The same experiments with what the report says is missing: Adam, schedules, moving images, averaged weights. \
         Where a whole recipe takes minutes, this page runs its first part with the schedule drawn together; \
         `limpide train recipes/NAME.toml` runs all of it. The settings were chosen on a part of the training images, \
         with the exceptions that the README names.",
    )
    .table(&table)
    .figures(&[
        (
            &accuracy.figure("past-accuracy", "Training accuracy by epoch of the recipes that tell digits apart."),
            "Share of **moving** training images told right while learning: harder than what the test asks.",
        ),
        (
            &loss.figure("past-loss", "Training loss by epoch of the recipes that learn numbers."),
            "Mean squared error on the training samples, on a logarithmic axis.",
        ),
    ]);
    Ok((outcomes, section))
}

impl Recipe {
    /// What it came to, and how many epochs the whole recipe has.
    fn run(&self, settings: &Settings) -> Result<(Outcome, usize)> {
        let mut whole = 0;
        let mut session = Session::of_text(self.name, self.text, settings.data.as_deref(), |description| {
            whole = description.epochs;
            description.seed = settings.seed;
            description.threads = Some(settings.threads);
            description.epochs = self.epochs[usize::from(settings.quick)].unwrap_or(whole);
        })?;
        let (history, score) = session.train_and_test(self.name, settings.progress)?;
        let value = match self.measure {
            Measure::TestAccuracy => score.accuracy.unwrap_or(f64::NAN),
            _ => score.loss,
        };
        let mut run = Run::new(self.name, history, self.measure, value).reported(self.reported);
        if !settings.quick {
            run = run.judged(settings, self.target);
        }
        let dataset = session.parts.train.name.clone();
        Ok((Outcome::new(self.experiment, dataset, settings, vec![run], 0), whole))
    }
}
