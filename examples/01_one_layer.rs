//! One layer by hand: forward, both backward verbs, an update, with every number on the screen.
//!
//! `cargo run --release --example 01_one_layer`

use limpide::{Gradients, Module, Result, Tape, layers::Linear, tensor};

fn main() -> Result<()> {
    // Z = X·Wᵀ + b with two inputs and one output.
    let mut layer = Linear::from_values(tensor(&[1, 2], vec![2.0, -1.0_f64]), Some(tensor(&[1], vec![0.5])))?;
    let x = tensor(&[1, 2], vec![3.0, 4.0]);

    // Forward: the tape is ours and keeps what the backward pass needs.
    let mut tape = Tape::new();
    let z = layer.forward(&x, &mut tape);
    println!("Z = {z}"); // 2·3 − 1·4 + 0.5 = 2.5
    assert_eq!(z[[0, 0]], 2.5);

    // Backward, from ∂L/∂Z = 1: the gradients are ours as well.
    let delta = tensor(&[1, 1], vec![1.0]);
    let mut gradients = Gradients::zeros_for(&layer);
    layer.backward_update_gradient(&mut tape, &delta, &mut gradients);
    let to_previous = layer.backward_delta(&mut tape, &delta);
    for (name, gradient) in gradients.named() {
        println!("∂L/∂{name} = {gradient}"); // weight: X, bias: 1
    }
    println!("∂L/∂X = {to_previous}"); // W
    assert_eq!(gradients[0], x);
    assert_eq!(to_previous, layer.weight);

    // Update: θ ← θ − η·∂L/∂θ with η = 0.1.
    layer.update_parameters(&gradients, 0.1);
    println!("W = {}", layer.weight); // 2 − 0.3, −1 − 0.4
    assert!((layer.weight[[0, 0]] - 1.7).abs() < 1e-12);
    Ok(())
}
