//! Handwritten digits squeezed through eight numbers and drawn again in the terminal.
//!
//! `cargo run --release --example 06_autoencoder`

use limpide::layers::{Linear, Sigmoid, Tanh};
use limpide::{AutoEncoder, Result, Sequential, data, loss::MseLoss, optim::Sgd, train::Trainer};

fn main() -> Result<()> {
    let digits = data::digits::<f32>().reshape_samples(&[64])?;
    let mut both = AutoEncoder::new(
        Sequential::new().push(Linear::new(64, 32)).push(Tanh).push(Linear::new(32, 8)),
        Sequential::new().push(Linear::new(8, 32)).push(Tanh).push(Linear::new(32, 64)).push(Sigmoid),
    )
    .seed(1);
    let history = Trainer::new(Sgd::new(2.0)?).epochs(100).fit(&mut both, &MseLoss::new(), &digits.autoencoding())?;
    let mse = history.train_losses()[99];
    let (x, _) = digits.gather(&[0, 1, 2, 3, 4]);
    let drawn = both.decode(&both.encode(&x)?)?;
    for (title, images) in [("originals", &x), ("reconstructions", &drawn)] {
        println!("{title}");
        for row in 0..8 {
            let shade = |image: usize, column: usize| {
                [' ', '░', '▒', '▓', '█'][(images[[image, row * 8 + column]] * 4.99) as usize]
            };
            let line = |image| (0..8).map(|column| shade(image, column)).collect::<String>();
            println!("{}", (0..5).map(line).collect::<Vec<_>>().join("   "));
        }
    }
    println!("mean squared error {mse:.4}");
    assert!(mse < 0.03);
    Ok(())
}
