//! Timing a training run, through the trainer that every user has.

use super::figures::{Figures, Speed};
use super::memory::Memory;
use super::tasks::Task;
use super::{Settings, modules};
use limpide::model::flops;
use limpide::optim::Sgd;
use limpide::train::{Flow, Trainer};
use limpide::{Real, Result};

/// Trains, then walks the chain once more by hand to see where the time goes.
pub fn run<T: Real>(task: Task<T>, settings: &Settings) -> Result<Figures> {
    let Task { name, mut network, loss, train, rate, batch } = task;
    let batch = settings.batch.unwrap_or(batch).min(train.len());
    let title = network.to_string();
    let mut progress = settings.progress(name);
    let (epochs, turns) = (settings.epochs, settings.turns);
    turns.begin()?;
    let mut trainer =
        Trainer::new(Sgd::new(rate)?).epochs(epochs).batch_size(batch).seed(1).threads(settings.threads).on_epoch(
            move |epoch, _| {
                turns.end(epoch.seconds);
                if epoch.number < epochs && turns.next() { Flow::Continue } else { Flow::Stop }
            },
        );
    // A callback costs as much as a step of moons: whoever wants JSON does not look at a bar.
    if !settings.json {
        trainer = trainer.on_step(move |step| progress.show(step));
    }
    let history = trainer.fit(&mut *network, &*loss, &train)?;
    let memory = Memory::now(&train, &*network);
    let (x, target) = train.gather(&(0..batch).collect::<Vec<_>>());
    let speed = Speed {
        samples: train.len(),
        steps: train.len().div_ceil(batch),
        flops: flops(&*network, train.inputs.shape())?.step(),
    };
    let mut figures = Figures::new::<T>(name, title, &train.name, settings, batch, history.seconds(), speed);
    figures.memory = Some(memory);
    figures.loss = history.train_losses().last().copied();
    figures.modules = modules::time(&*network, &*loss, &x, &target);
    Ok(figures)
}
