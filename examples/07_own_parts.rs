//! A layer, a loss and an optimiser of one's own: written, checked against central differences, trained.
//!
//! `cargo run --release --example 07_own_parts`

use limpide::data::{self, TargetSlice};
use limpide::gradcheck::{Options, check_network};
use limpide::layers::Linear;
use limpide::loss::{Loss, Reduction};
use limpide::module::checked_output_shape;
use limpide::optim::{Optimizer, Rule, Scalars, Settings, Step};
use limpide::tensor::values;
use limpide::train::Trainer;
use limpide::{Error, Module, Real, Result, Sequential, Tape, Tensor, tensor};
use std::fmt;

/// **z = x·σ(βx)** with a learned β (Ramachandran, Zoph and Le, *Searching for activation functions*, 2017).
#[derive(Debug)]
struct Swish<T> {
    beta: Tensor<T>,
}

/// σ(βx), once for each entry of x.
fn gates<T: Real>(beta: &Tensor<T>, x: &Tensor<T>) -> Tensor<T> {
    x.mapv(|x| T::one() / (T::one() + (-beta[[0]] * x).exp())).into_shared()
}

impl<T: Real> Module<T> for Swish<T> {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }

    fn forward(&self, x: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        checked_output_shape(self, x.shape());
        tape.record(x, (x * &gates(&self.beta, x)).into_shared())
    }

    /// ∂L/∂β = Σ δ·x²·σ·(1 − σ).
    fn backward_update_gradient(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) {
        let (x, s) = (tape.input(), gates(&self.beta, tape.input()));
        let slopes = x.iter().zip(&s).zip(delta).map(|((&x, &s), &d)| d * x * x * s * (T::one() - s));
        gradients[0][[0]] += slopes.sum();
    }

    /// ∂L/∂x = δ·(σ + βx·σ·(1 − σ)).
    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        let (x, s, beta) = (tape.input(), gates(&self.beta, tape.input()), self.beta[[0]]);
        let mut result = delta.clone();
        for ((r, &x), &s) in result.iter_mut().zip(x).zip(&s) {
            *r *= s + beta * x * s * (T::one() - s);
        }
        result
    }

    fn parameters(&self) -> Vec<(String, &Tensor<T>)> {
        vec![("beta".into(), &self.beta)]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Tensor<T>> {
        vec![&mut self.beta]
    }
}

impl<T> fmt::Display for Swish<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Swish")
    }
}

/// **Lᵢ = ln cosh(ŷᵢ − yᵢ)**, its slope tanh(ŷᵢ − yᵢ): a square near 0 and a distance far away. The mean over all entries.
#[derive(Debug)]
struct LogCosh;

impl<T: Real> Loss<T> for LogCosh {
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }

    fn measure(&self, output: &[T], _: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        for (i, (&p, &y)) in output.iter().zip(target.values()).enumerate() {
            (terms[i], slope[i]) = ((p - y).cosh().ln(), (p - y).tanh());
        }
    }
}

impl fmt::Display for LogCosh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogCosh")
    }
}

/// **m ← β·m + (1 − β)·g**, **θ ← θ − η·sign m** (Bernstein and others, *signSGD*, 2018, with momentum: Signum).
#[derive(Debug)]
struct Signum {
    lr: f64,
    momentum: f64,
}

impl<T: Real> Rule<T> for Signum {
    fn check(&self) -> Result<()> {
        match self.lr >= 0.0 && (0.0..1.0).contains(&self.momentum) {
            true => Ok(()),
            false => {
                Err(Error::option("Signum", "lr of at least 0 and momentum from 0 to below 1", format!("{self:?}")))
            }
        }
    }

    fn settings(&self) -> Settings {
        Settings { lr: self.lr, momentum: Some(self.momentum), weight_decay: 0.0 }
    }

    fn states(&self) -> Vec<&'static str> {
        vec!["momentum_buffer"]
    }

    fn scalars(&self, step: &Step) -> Scalars {
        // A schedule may have moved both.
        [step.lr, step.momentum, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    }

    fn update(&self, scalars: &Scalars, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        let (lr, beta) = (T::of(scalars[0]), T::of(scalars[1]));
        for ((p, &g), m) in parameter.iter_mut().zip(gradient).zip(state[0].iter_mut()) {
            *m = beta * *m + (T::one() - beta) * g;
            *p -= lr * if *m == T::zero() { *m } else { m.signum() };
        }
    }
}

impl fmt::Display for Signum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signum({}).momentum({})", self.lr, self.momentum)
    }
}

fn network<T: Real>() -> Sequential<T> {
    let swish = Swish { beta: tensor(&[1], vec![T::one()]) };
    Sequential::new().push(Linear::new(2, 16)).push(swish).push(Linear::new(16, 1)).seed(1)
}

fn main() -> Result<()> {
    // In f64, where differences have digits enough.
    let few = data::regression::<f64>(4, -1.0..1.0, 1)?;
    let (x, target) = few.gather(&[0, 1, 2, 3]);
    let report = check_network(&mut network(), &LogCosh, &x, &target, &Options::default());
    println!("{report}");
    assert!(report.passed());

    // What is checked trains as the library's own parts do: in slices on any number of threads, with the same bits.
    let train = data::regression::<f32>(500, -1.0..1.0, 2)?;
    let mut network = network::<f32>();
    let optimizer = Optimizer::new(Signum { lr: 0.002, momentum: 0.9 });
    let history = Trainer::new(optimizer).epochs(100).batch_size(10).threads(2).fit(&mut network, &LogCosh, &train)?;
    let losses = history.train_losses();
    let beta = values(network.parameters()[2].1)[0];
    println!("loss {:.4} in the first epoch, {:.4} in the last; beta {beta:.3}", losses[0], losses[99]);
    assert!(losses[99] < 0.01 && beta != 1.0);
    Ok(())
}
