//! A gradient check: the backward pass of a network against central differences, entry by entry.
//!
//! `cargo run --release --example 02_gradient_check`

use limpide::gradcheck::{Options, check_network};
use limpide::layers::{Linear, Softmax, Tanh};
use limpide::{Result, Sequential, data::Target, loss::CrossEntropyOnProbabilities, tensor};

fn main() -> Result<()> {
    let mut network =
        Sequential::new().push(Linear::new(3, 4)).push(Tanh).push(Linear::new(4, 2)).push(Softmax::new()).seed(1);
    let x = tensor(&[2, 3], vec![0.5, -1.0, 2.0, 0.1, 0.2, -0.3]);
    let target = Target::classes(vec![1, 0]);
    let report = check_network(&mut network, &CrossEntropyOnProbabilities::new(), &x, &target, &Options::default());
    println!("{report:#}");
    assert!(report.passed() && report.median() < 1e-8);
    Ok(())
}
