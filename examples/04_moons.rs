//! Two half circles told apart: a split, a trainer, a validation set, a test figure.
//!
//! `cargo run --release --example 04_moons`

use limpide::data::{self, Split};
use limpide::layers::{Linear, Tanh};
use limpide::loss::CrossEntropyLoss;
use limpide::optim::Sgd;
use limpide::train::{Engine, Flow, Trainer, evaluate};
use limpide::{Result, Sequential};

fn main() -> Result<()> {
    let all = data::moons::<f32>(1000, 0.2, 1)?;
    let split = Split::new(&all, 0.2, 0.2, 1)?;
    println!("{split}");
    let [train, validation, test] = [&split.train, &split.validation, &split.test].map(|part| all.select(part));
    let mut network = Sequential::new().push(Linear::new(2, 16)).push(Tanh).push(Linear::new(16, 2)).seed(1);
    let loss = CrossEntropyLoss::new();
    Trainer::new(Sgd::new(0.2)?)
        .epochs(300)
        .validation(&validation)
        .on_epoch(|epoch, _| {
            if epoch.number % 50 == 0 {
                println!("epoch {}  train {:?}  validation {:?}", epoch.number, epoch.train, epoch.validation);
            }
            Flow::Continue
        })
        .fit(&mut network, &loss, &train)?;
    let score = evaluate(&network, &loss, &test, &mut Engine::new(1))?;
    println!("test {score:?}");
    assert!(score.accuracy > Some(0.93));
    Ok(())
}
