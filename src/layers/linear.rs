//! The fully connected layer.

use super::weight_and_bias;
use crate::kernels::Matrix;
use crate::module::{Module, Tape, checked_output_shape};
use crate::tensor::{dense, values, values_mut};
use crate::{Error, Real, Result, Stream, Tensor, tensor, zeros};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Z = X·Wᵀ + b**: every output is a weighted sum of every input.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X | (n, in), or (…, in): all leading axes are samples | input |
/// | W | (out, in) | `weight` |
/// | b | (out,) | `bias` |
/// | Z | (n, out) | output |
///
/// Derivatives, with δ = ∂L/∂Z: Zᵢⱼ = Σₖ Xᵢₖ Wⱼₖ + bⱼ depends on Wⱼₖ through Xᵢₖ, on bⱼ through 1 and on Xᵢₖ through Wⱼₖ, so
/// **∂L/∂W = δᵀ·X**, **∂L/∂b = Σᵢ δᵢ**, **∂L/∂X = δ·W**.
///
/// Source: Rumelhart, Hinton and Williams, *Learning representations by back-propagating errors*, 1986, equations 4 to 7.
/// Start values: U(−1/√in, 1/√in) for both, PyTorch's default.
/// Panics when the last axis of X is not `in`.
///
/// ```
/// use limpide::{Tape, layers::Linear, module::Module, tensor};
/// let layer = Linear::from_values(tensor(&[1, 2], vec![2.0, 3.0]), Some(tensor(&[1], vec![0.5])))?;
/// let z = layer.forward(&tensor(&[1, 2], vec![10.0, 100.0]), &mut Tape::new());
/// assert_eq!(z[[0, 0]], 2.0 * 10.0 + 3.0 * 100.0 + 0.5);
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Linear<T> {
    /// The sizes.
    pub options: LinearOptions,
    /// W, (out, in).
    pub weight: Tensor<T>,
    /// b, (out,), when the layer has one.
    pub bias: Option<Tensor<T>>,
}

/// The options of [`Linear`], by PyTorch's names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearOptions {
    /// Numbers in a sample.
    pub in_features: usize,
    /// Numbers out.
    pub out_features: usize,
    /// Whether b is there.
    #[serde(default = "crate::layers::yes")]
    pub bias: bool,
}

impl LinearOptions {
    fn check(&self) -> Result<()> {
        for (name, size) in [("in_features", self.in_features), ("out_features", self.out_features)] {
            if size == 0 {
                return Err(Error::option(format!("Linear: {name}"), "at least 1", size));
            }
        }
        Ok(())
    }
}

impl<T: Real> Linear<T> {
    /// A layer from `in_features` numbers to `out_features` numbers. Panics when one of them is 0.
    ///
    /// Its weights are drawn from seed 0, so that two new layers of one size are equal:
    /// [`Sequential::seed`](crate::Sequential::seed), or [`Module::reset_parameters`] for a layer alone, draws others.
    pub fn new(in_features: usize, out_features: usize) -> Self {
        Self::with_options(LinearOptions { in_features, out_features, bias: true })
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// A layer from a full set of options.
    ///
    /// # Errors
    /// [`Error::Option`] when a size is 0.
    pub fn with_options(options: LinearOptions) -> Result<Self> {
        options.check()?;
        let mut layer = Linear {
            weight: zeros(&[options.out_features, options.in_features]),
            bias: options.bias.then(|| zeros(&[options.out_features])),
            options,
        };
        layer.reset_parameters(&Stream::new(0));
        Ok(layer)
    }

    /// A layer with given weight (out, in) and bias (out,).
    ///
    /// # Errors
    /// [`Error::Shape`] when the two do not fit together, [`Error::Option`] when a size is 0.
    pub fn from_values(weight: Tensor<T>, bias: Option<Tensor<T>>) -> Result<Self> {
        let &[out_features, in_features] = weight.shape() else {
            return Err(Error::shape("Linear", "a weight (out, in)", weight.shape()));
        };
        let options = LinearOptions { in_features, out_features, bias: bias.is_some() };
        options.check()?;
        if let Some(bias) = bias.as_ref().filter(|bias| bias.shape() != [out_features]) {
            return Err(Error::shape("Linear", format!("a bias ({out_features},)"), bias.shape()));
        }
        Ok(Linear { options, weight: dense(&weight), bias: bias.as_ref().map(dense) })
    }

    /// The same layer without b.
    pub fn without_bias(mut self) -> Self {
        self.options.bias = false;
        self.bias = None;
        self
    }

    /// A batch as a matrix: rows are samples, whatever the leading axes.
    fn rows<'a>(&self, x: &'a Tensor<T>, columns: usize) -> Matrix<'a, T> {
        Matrix::new(values(x), x.len() / columns, columns)
    }

    fn weight_matrix(&self) -> Matrix<'_, T> {
        Matrix::new(values(&self.weight), self.options.out_features, self.options.in_features)
    }
}

impl<T: Real> Module<T> for Linear<T> {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        match input {
            [samples @ .., features] if !samples.is_empty() && *features == self.options.in_features => {
                Ok([samples, &[self.options.out_features]].concat())
            }
            _ => Err(Error::shape(self, format!("(n, {})", self.options.in_features), input)),
        }
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let shape = checked_output_shape(self, input.shape());
        let x = dense(input);
        // Z = X·Wᵀ + b: start from b in every row, then add the product.
        let mut z = vec![T::zero(); shape.iter().product()];
        if let Some(bias) = &self.bias {
            z.chunks_exact_mut(bias.len()).for_each(|row| row.copy_from_slice(values(bias)));
        }
        T::gemm(T::one(), self.rows(&x, self.options.in_features), self.weight_matrix().t(), T::one(), &mut z);
        tape.record(&x, tensor(&shape, z))
    }

    fn backward_update_gradient(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) {
        let delta = dense(delta);
        let (x, d) = (tape.input(), self.rows(&delta, self.options.out_features));
        // ∂L/∂W += δᵀ·X
        let x = self.rows(x, self.options.in_features);
        T::gemm(T::one(), d.t(), x, T::one(), values_mut(&mut gradients[0]));
        // ∂L/∂b += Σᵢ δᵢ
        if self.bias.is_some() {
            let sum = values_mut(&mut gradients[1]);
            for row in values(&delta).chunks_exact(sum.len()) {
                sum.iter_mut().zip(row).for_each(|(sum, &d)| *sum += d);
            }
        }
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        // ∂L/∂X = δ·W
        let delta = dense(delta);
        let mut result = zeros(tape.input().shape());
        let d = self.rows(&delta, self.options.out_features);
        T::gemm(T::one(), d, self.weight_matrix(), T::zero(), values_mut(&mut result));
        result
    }

    weight_and_bias!();
}

impl<T> fmt::Display for Linear<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LinearOptions { in_features, out_features, bias } = &self.options;
        write!(f, "Linear({in_features}, {out_features})")?;
        if *bias { Ok(()) } else { write!(f, ".without_bias()") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Conv2d, ConvTranspose2d};

    /// Values of which each has a neighbour that belongs to nobody.
    fn spread(values: &[f64]) -> Tensor<f64> {
        let all = values.iter().flat_map(|&value| [value, f64::NAN]).collect();
        let mut spread = tensor(&[2 * values.len()], all);
        spread.slice_axis_inplace(ndarray::Axis(0), ndarray::Slice::new(0, None, 2));
        spread
    }

    #[test]
    fn given_weights_may_lie_in_any_order() {
        let bias = Some(spread(&[1.0, 2.0, 3.0]));
        let count = |shape: &[usize]| tensor(shape, (0..shape.iter().product()).map(|k| k as f64).collect());
        let turned = |shape: &[usize]| count(shape).reversed_axes();
        let two = |weight: Tensor<f64>, layer: &dyn Fn(Tensor<f64>) -> Result<Box<dyn Module<f64>>>| {
            [layer(weight.clone()).unwrap(), layer(dense(&weight)).unwrap()]
        };
        let pairs = [
            two(turned(&[2, 3]), &|weight| Ok(Box::new(Linear::from_values(weight, bias.clone())?))),
            two(turned(&[2, 2, 1, 3]), &|weight| Ok(Box::new(Conv2d::from_values(weight, bias.clone())?))),
            two(turned(&[2, 2, 3, 1]), &|weight| Ok(Box::new(ConvTranspose2d::from_values(weight, bias.clone())?))),
        ];
        for ([given, wanted], shape) in pairs.iter().zip([&[4, 2][..], &[1, 1, 4, 4], &[1, 1, 4, 4]]) {
            let x = count(shape);
            let output = |module: &dyn Module<f64>| module.forward(&x, &mut Tape::off());
            assert_eq!(output(given.as_ref()), output(wanted.as_ref()), "{given}");
        }
    }

    #[test]
    fn given_weights_have_no_size_of_0() {
        for (shape, wanted) in [
            ([0, 3], "Linear: out_features must be at least 1, got 0"),
            ([3, 0], "Linear: in_features must be at least 1, got 0"),
        ] {
            assert_eq!(Linear::<f64>::from_values(zeros(&shape), None).unwrap_err().to_string(), wanted);
        }
    }
}
