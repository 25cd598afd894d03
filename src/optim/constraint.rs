//! Regularisers that are not part of an optimiser: the L1 penalty on a gradient, the max-norm constraint on weights.

use crate::kernels::{level, update};
use crate::module::Module;
use crate::tensor::{values, values_mut};
use crate::{Real, Tensor};

/// **∂L/∂θ ← ∂L/∂θ + λ·sign θ**, the gradient of λ‖θ‖₁, with sign 0 = 0: pulls every entry towards 0 with the same force.
///
/// For parameters of two axes and more; biases and norms are left alone, but for γ and β of a `LayerNorm` over several axes,
/// which look like weights. Tibshirani, *Regression shrinkage and selection via the lasso*, 1996.
///
/// ```
/// use limpide::{Gradients, layers::Linear, optim::add_l1, tensor};
/// let layer = Linear::from_values(tensor(&[1, 3], vec![5.0, -2.0, 0.0]), None)?;
/// let mut gradients = Gradients::zeros_for(&layer);
/// add_l1(&layer, &mut gradients, 0.5);
/// assert_eq!(gradients[0], tensor(&[1, 3], vec![0.5, -0.5, 0.0]));
/// # Ok::<(), limpide::Error>(())
/// ```
pub fn add_l1<T: Real>(network: &dyn Module<T>, gradients: &mut [Tensor<T>], lambda: f64) {
    let (lambda, zero) = (T::of(lambda), T::zero());
    let mut gradients = gradients.iter_mut();
    network.each_parameter(&mut |parameter| {
        let gradient = gradients.next().expect("a gradient for every parameter");
        if parameter.ndim() > 1 {
            update(level(), values_mut(gradient), values(parameter), [], |g, p, []| {
                let sign = if p > zero { lambda } else { zero };
                (g + if p < zero { -lambda } else { sign }, [])
            });
        }
    });
}

/// **w ← w·min(1, c/‖w‖)** for the weights w that lead into each unit: a row of a `Linear`, a kernel of a `Conv2d`.
///
/// For parameters of two axes and more, along the first: for a `ConvTranspose2d`, whose weight begins with the inputs, w are
/// the weights that lead out of an input channel.
///
/// Source: Srebro and Shraibman, *Rank, trace-norm and max-norm*, 2005; Srivastava and others, *Dropout*, 2014, section 5.1.
///
/// ```
/// use limpide::{layers::Linear, optim::constrain_max_norm, tensor};
/// let mut layer = Linear::from_values(tensor(&[2, 2], vec![3.0, 4.0, 0.3, 0.4]), None)?;
/// constrain_max_norm(&mut layer, 1.0);
/// assert_eq!(layer.weight, tensor(&[2, 2], vec![3.0 * 0.2, 4.0 * 0.2, 0.3, 0.4]));
/// # Ok::<(), limpide::Error>(())
/// ```
pub fn constrain_max_norm<T: Real>(network: &mut dyn Module<T>, limit: f64) {
    constrain(network, limit, |_| true);
}

/// [`constrain_max_norm`] of the parameters at some places.
pub(super) fn constrain<T: Real>(network: &mut dyn Module<T>, limit: f64, moves: impl Fn(usize) -> bool) {
    for (place, parameter) in network.parameters_mut().into_iter().enumerate() {
        let units = parameter.shape().first().copied().unwrap_or(0);
        if parameter.ndim() < 2 || parameter.is_empty() || !moves(place) {
            continue;
        }
        let size = parameter.len() / units;
        for unit in values_mut(parameter).chunks_exact_mut(size) {
            let norm = unit.iter().map(|w| Real::to_f64(*w).powi(2)).sum::<f64>().sqrt();
            if norm > limit {
                let factor = T::of(limit / norm);
                unit.iter_mut().for_each(|w| *w *= factor);
            }
        }
    }
}
