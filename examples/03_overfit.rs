//! Five samples learnt by heart, with the training step written out.
//!
//! `cargo run --release --example 03_overfit`

use limpide::layers::{Linear, Tanh};
use limpide::optim::{Optim, Sgd};
use limpide::{Result, Sequential, data, loss::MseLoss};

fn main() -> Result<()> {
    let five = data::regression::<f32>(5, -1.0..1.0, 1)?;
    let (x, y) = five.gather(&[0, 1, 2, 3, 4]);
    let mut network = Sequential::new().push(Linear::new(2, 16)).push(Tanh).push(Linear::new(16, 1)).seed(1);
    let loss = MseLoss::new();
    let mut optim = Optim::new(&mut network, &loss, Sgd::new(0.2)?, 1);
    let mut last = f32::INFINITY;
    for step in 0..5000 {
        last = optim.step(&x, &y)?; // zero_grad, forward, loss, backward, update
        if step % 500 == 0 {
            println!("step {step:>4}  loss {last:.7}");
        }
    }
    assert!(last < 1e-4, "five samples are not learnt: {last}");
    Ok(())
}
