//! The plain twins: one `libm` call an entry, in f64. For `f32` the results are as good as correctly rounded.

use super::{Function, Lane};

/// The plain twin of [`Function::apply`].
pub fn elementwise_naive<T: Lane>(function: Function, x: &[T], y: &mut [T]) {
    let f = match function {
        Function::Exp => libm::exp,
        Function::Ln => libm::log,
        Function::Tanh => libm::tanh,
        Function::Sigmoid => sigmoid,
        Function::Erf => libm::erf,
    };
    for (y, &x) in y.iter_mut().zip(x) {
        *y = T::number(f(x.wide()));
    }
}

fn sigmoid(x: f64) -> f64 {
    let e = libm::exp(-x.abs());
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}
