//! A trained network learns another question from 40 samples: its body is kept frozen, and the head is new.
//!
//! `cargo run --release --example 08_fine_tuning`

use limpide::data::{self, Dataset, Split, Target};
use limpide::layers::{Linear, Tanh};
use limpide::loss::CrossEntropyLoss;
use limpide::optim::{Adam, Group, Optimizer};
use limpide::train::{Engine, Trainer, evaluate};
use limpide::{Result, Sequential, format};

/// 64 numbers of 0 to 1 to so many classes; the first layer is the body.
fn network(classes: usize, seed: u64) -> Sequential<f32> {
    Sequential::new().push(Linear::new(64, 32)).push(Tanh).push(Linear::new(32, classes)).seed(seed)
}

fn main() -> Result<()> {
    let path = std::env::temp_dir().join("limpide-fine-tuning.safetensors");
    let all = data::digits::<f32>().reshape_samples(&[64])?;
    let split = Split::new(&all, 0.0, 0.3, 1)?;
    let (first, rest) = (all.select(&split.train), all.select(&split.test));
    let (loss, adam) = (CrossEntropyLoss::new(), || Adam::new(0.01).map(Optimizer::from));
    let mut digits = network(10, 1);
    Trainer::new(adam()?).epochs(20).fit(&mut digits, &loss, &first)?;
    format::save(&digits, &path)?;

    // The other question: is the digit even or odd?
    let odd = rest.targets.labels().expect("digits have classes").iter().map(|digit| digit % 2).collect();
    let question = Dataset::new("odd or even", rest.inputs.clone(), Target::classes(odd), 2)?;
    let samples: Vec<usize> = (0..question.len()).collect();
    let (few, test) = (question.select(&samples[..40]), question.select(&samples[40..]));
    let (mut tuned, mut scratch) = (network(2, 2), network(2, 2));
    println!("{}", format::load_matching(&mut tuned, &path)?);
    let frozen = adam()?.group(Group::prefix("0").lr_factor(0.0));
    Trainer::new(frozen).epochs(60).fit(&mut tuned, &loss, &few)?;
    Trainer::new(adam()?).epochs(60).fit(&mut scratch, &loss, &few)?;
    let score = |network: &Sequential<f32>| evaluate(network, &loss, &test, &mut Engine::new(2));
    let (tuned, scratch) = (score(&tuned)?, score(&scratch)?);
    println!("fine-tuned: {tuned:?}\nfrom scratch: {scratch:?}");
    assert!(tuned.accuracy > scratch.accuracy);
    Ok(())
}
