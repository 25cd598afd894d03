//! A small convolutional network on the embedded handwritten digits, on two threads.
//!
//! `cargo run --release --example 05_digits`

use limpide::data::{self, Split};
use limpide::layers::{Conv2d, Flatten, Linear, MaxPool2d, Tanh};
use limpide::loss::CrossEntropyLoss;
use limpide::optim::Sgd;
use limpide::train::{Engine, Trainer, evaluate};
use limpide::{Result, Sequential};

fn main() -> Result<()> {
    let all = data::digits::<f32>(); // 1,797 images of 8×8
    let split = Split::new(&all, 0.0, 0.2, 1)?;
    let (train, test) = (all.select(&split.train), all.select(&split.test));
    let mut network = Sequential::new()
        .push(Conv2d::new(1, 8, 3).padding(1))
        .push(Tanh)
        .push(MaxPool2d::new(2))
        .push(Flatten::new())
        .push(Linear::new(8 * 4 * 4, 10))
        .seed(1);
    println!("{network}");
    let loss = CrossEntropyLoss::new();
    let history = Trainer::new(Sgd::new(0.2)?).epochs(20).threads(2).fit(&mut network, &loss, &train)?;
    println!("mean training loss by epoch: {:.3?}", history.train_losses());
    let score = evaluate(&network, &loss, &test, &mut Engine::new(2))?;
    println!("test {score:?}");
    assert!(score.accuracy > Some(0.95));
    Ok(())
}
