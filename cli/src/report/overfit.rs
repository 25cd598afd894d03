//! Five samples learnt by heart.

use super::Chapter;
use crate::chart::axis::plain;
use crate::chart::{Cell, LineChart, Table, numbered};
use crate::experiments::Settings;
use crate::experiments::overfit::{self, Overfitted, TARGET};
use crate::page::Section;
use crate::text::counted;
use limpide::Result;
use limpide::data::Target;
use limpide::train::{Engine, predict};

/// Overfits, and draws the loss down to the line.
pub fn chapter(settings: &Settings) -> Result<Chapter> {
    let Overfitted { outcome, network, data } = overfit::run(settings)?;
    let chart = LineChart::new("epoch", "mean squared error")
        .log_y()
        .series("training loss", numbered(&outcome.train_loss))
        .reference("target: 0.0001", TARGET)
        .figure("overfit-loss", "The training loss on five samples falls below 0.0001.");

    let learnt = predict(&network, &data.inputs, &mut Engine::new(1))?;
    let (x, target) = data.gather(&(0..data.len()).collect::<Vec<_>>());
    let Target::Values(y) = target else { unreachable!("a regression has values") };
    let head = Table::new("The five samples after training", &["Sample", "x₁", "x₂", "y", "learnt y"]);
    let number = |value: f32| Cell::number(plain(f64::from(value), 4));
    let table = (0..data.len()).fold(head, |table, i| {
        let row = [x[[i, 0]], x[[i, 1]], y[[i, 0]], learnt[[i, 0]]].map(number);
        table.row([Cell::number((i + 1).to_string())].into_iter().chain(row).collect())
    });
    let section = Section::new(
        "2. Five samples by heart",
        "A network with enough weights must be able to learn a handful of samples by heart; if it cannot, something \
         in the forward pass, the backward pass or the update is broken. Linear(2, 16), tanh and Linear(16, 1) \
         learn five samples of y = sin(πx₁) + x₂², a sample a step at rate 0.1; training stops when the mean loss within an epoch is a \
         tenth of the target.",
    )
    .figure(
        &chart,
        &format!(
            "The mean loss within each epoch, while the weights move. After {}, evaluated with the last weights: {}.",
            counted(outcome.epochs, "epoch"),
            outcome.runs[0].value_text()
        ),
    )
    .table(&table);
    Ok(Chapter { outcome, section })
}
