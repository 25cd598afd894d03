//! Start values for parameters: PyTorch's defaults, Xavier, Kaiming, and the report's N(0, 1)·0.1.

use crate::layers::{Conv2d, ConvTranspose2d, Linear};
use crate::module::Module;
use crate::tensor::values_mut;
use crate::{Error, Real, Result, Stream, Tensor};
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::collections::BTreeSet;

/// A rule that fills a weight with random numbers.
///
/// fan_in and fan_out are the numbers of inputs and outputs that one weight connects; see [`fans`].
///
/// ```
/// use limpide::{Stream, init::Init, zeros};
/// let mut weight = zeros::<f32>(&[10, 100]);
/// Init::XavierUniform { gain: 1.0 }.fill(&mut weight, &mut Stream::new(1));
/// assert!(weight.iter().all(|w| w.abs() <= (6.0f32 / 110.0).sqrt()));
/// ```
///
/// As data, a rule is its name in the field `type` with its options beside it: `{ type = "xavier_uniform", gain = 1.0 }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Init {
    /// Every entry the same.
    Constant {
        /// What every entry is.
        value: f64,
    },
    /// N(0, std²). The report starts with `Normal { std: 0.1 }`.
    Normal {
        /// Standard deviation.
        std: f64,
    },
    /// U(−bound, bound).
    Uniform {
        /// The largest magnitude.
        bound: f64,
    },
    /// U(−a, a), a = gain·√(6/(fan_in+fan_out)): Glorot and Bengio, *Understanding the difficulty of training deep feedforward
    /// neural networks*, 2010, equation 16.
    XavierUniform {
        /// Scale; 5/3 is usual before a tanh.
        #[serde(default = "one")]
        gain: f64,
    },
    /// N(0, gain²·2/(fan_in+fan_out)): the same paper, equation 12.
    XavierNormal {
        /// Scale; 5/3 is usual before a tanh.
        #[serde(default = "one")]
        gain: f64,
    },
    /// U(−a, a), a = √(6/fan_in): He, Zhang, Ren and Sun, *Delving deep into rectifiers*, 2015, equation 10; for ReLU.
    KaimingUniform,
    /// N(0, 2/fan_in): the same paper, equation 10; for ReLU.
    KaimingNormal,
}

fn one() -> f64 {
    1.0
}

impl Init {
    /// The report's start: N(0, 1)·0.1.
    pub const REPORT: Init = Init::Normal { std: 0.1 };

    /// U(−1/√fan_in, 1/√fan_in): PyTorch's default for weight and bias of linear and convolution layers.
    pub fn fan_in(fan_in: usize) -> Init {
        Init::Uniform { bound: 1.0 / (fan_in as f64).sqrt() }
    }

    /// Whether the option is in its range.
    ///
    /// # Errors
    /// [`Error::Option`] when it is not finite, or a width below 0.
    pub fn check(&self) -> Result<()> {
        let (name, value, least) = match *self {
            Init::Constant { value } => ("constant: value", value, f64::MIN),
            Init::Normal { std } => ("normal: std", std, 0.0),
            Init::Uniform { bound } => ("uniform: bound", bound, 0.0),
            Init::XavierUniform { gain } => ("xavier_uniform: gain", gain, 0.0),
            Init::XavierNormal { gain } => ("xavier_normal: gain", gain, 0.0),
            Init::KaimingUniform | Init::KaimingNormal => return Ok(()),
        };
        if value.is_finite() && value >= least {
            return Ok(());
        }
        let wanted = if least == 0.0 { "a finite number, 0 or more" } else { "a finite number" };
        Err(Error::option(format!("init: {name}"), wanted, value))
    }

    /// Fills a tensor from a stream.
    ///
    /// Panics with the message of [`Init::check`] for an option out of its range.
    pub fn fill<T: Real>(&self, weight: &mut Tensor<T>, stream: &mut Stream) {
        self.check().unwrap_or_else(|error| panic!("{error}"));
        let (fan_in, fan_out) = fans(weight.shape());
        let (fan_in, both) = (fan_in as f64, (fan_in + fan_out) as f64);
        let unit: fn(&mut Stream) -> f64 = match self {
            Init::Constant { .. } => |_| 1.0,
            Init::Uniform { .. } | Init::XavierUniform { .. } | Init::KaimingUniform => {
                |stream| stream.uniform(-1.0, 1.0)
            }
            Init::Normal { .. } | Init::XavierNormal { .. } | Init::KaimingNormal => Stream::normal,
        };
        let scale = match *self {
            Init::Constant { value } => value,
            Init::Normal { std } => std,
            Init::Uniform { bound } => bound,
            Init::XavierUniform { gain } => gain * (6.0 / both).sqrt(),
            Init::XavierNormal { gain } => gain * (2.0 / both).sqrt(),
            Init::KaimingUniform => (6.0 / fan_in).sqrt(),
            Init::KaimingNormal => (2.0 / fan_in).sqrt(),
        };
        values_mut(weight).iter_mut().for_each(|value| *value = T::of(scale * unit(stream)));
    }
}

/// Fills the weight of every [`Linear`], [`Conv2d`] and [`ConvTranspose2d`] in a module by one rule and sets their biases to
/// zero. All other parameters keep their values: γ = 0 in a normalisation would make its output the same for every input.
///
/// Panics with the message of [`Init::check`] for an option out of its range.
pub fn initialise<T: Real>(module: &mut dyn Module<T>, rule: Init, stream: &Stream) {
    // Before anything is changed, and for a module without a weight too.
    rule.check().unwrap_or_else(|error| panic!("{error}"));
    let mut layers = BTreeSet::new();
    add_weighted(module, String::new(), &mut layers);
    let names: Vec<String> = module.parameters().into_iter().map(|(name, _)| name).collect();
    for (index, (name, parameter)) in names.iter().zip(module.parameters_mut()).enumerate() {
        let (layer, own) = name.rsplit_once('.').unwrap_or(("", name));
        if layers.contains(layer) {
            let rule = if own == "weight" { rule } else { Init::Constant { value: 0.0 } };
            rule.fill(parameter, &mut stream.at(&[index as u64]));
        }
    }
}

/// Adds the names of the layers in a module that have a weight between inputs and outputs.
fn add_weighted<T: Real>(module: &dyn Module<T>, name: String, layers: &mut BTreeSet<String>) {
    for (inner, child) in module.children() {
        add_weighted(child, if name.is_empty() { inner } else { format!("{name}.{inner}") }, layers);
    }
    let any: &dyn Any = module;
    if any.is::<Linear<T>>() || any.is::<Conv2d<T>>() || any.is::<ConvTranspose2d<T>>() {
        layers.insert(name);
    }
}

/// (fan_in, fan_out) of a weight (out, in, kernel …): in and out, each times the kernel's size. A vector counts as (n, n).
pub fn fans(shape: &[usize]) -> (usize, usize) {
    match shape {
        [] => (1, 1),
        [n] => (*n, *n),
        [outputs, inputs, kernel @ ..] => {
            let area: usize = kernel.iter().product();
            (inputs * area, outputs * area)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{BatchNorm2d, Conv2d, ConvTranspose2d, GroupNorm, LayerNorm, Linear, PRelu};
    use crate::{Residual, Sequential};

    #[test]
    fn a_width_is_finite_and_not_below_0() {
        for (init, wanted) in [
            (Init::Normal { std: -1.0 }, "init: normal: std must be a finite number, 0 or more, got -1"),
            (
                Init::Uniform { bound: f64::INFINITY },
                "init: uniform: bound must be a finite number, 0 or more, got inf",
            ),
            (
                Init::XavierNormal { gain: -0.5 },
                "init: xavier_normal: gain must be a finite number, 0 or more, got -0.5",
            ),
            (Init::Constant { value: f64::NAN }, "init: constant: value must be a finite number, got NaN"),
        ] {
            assert_eq!(init.check().unwrap_err().to_string(), wanted);
        }
        for init in [Init::Normal { std: f64::NAN }, Init::Constant { value: f64::INFINITY }] {
            let mut network = Sequential::<f64>::new().push(Linear::new(2, 1));
            let before: Vec<_> = network.parameters().into_iter().map(|(_, value)| value.clone()).collect();
            let refused = std::panic::AssertUnwindSafe(|| initialise(&mut network, init, &Stream::new(1)));
            assert!(std::panic::catch_unwind(refused).is_err());
            assert!(network.parameters().into_iter().zip(before).all(|((_, now), before)| *now == before));
            let mut weight = crate::zeros::<f64>(&[2]);
            let refused = std::panic::AssertUnwindSafe(|| init.fill(&mut weight, &mut Stream::new(1)));
            assert!(std::panic::catch_unwind(refused).is_err());
        }
        for init in [Init::Normal { std: 0.0 }, Init::Constant { value: -3.0 }, Init::KaimingNormal, Init::REPORT] {
            init.check().unwrap();
        }
    }

    /// As by ndim they would not: γ and slopes of one axis are no biases, and those of a LayerNorm have as many as a weight.
    #[test]
    fn norms_and_slopes_keep_their_start_values() {
        let inner = Sequential::new().push(ConvTranspose2d::new(2, 2, 1)).push(GroupNorm::new(1, 2));
        let network = Sequential::new().push(Conv2d::new(1, 2, 3)).push(BatchNorm2d::new(2)).push(PRelu::new(2));
        let network = network.push(Residual::new(inner)).push(LayerNorm::new([2, 4])).push(Linear::new(4, 3));
        let mut network: Sequential<f64> = network.seed(1);
        initialise(&mut network, Init::Constant { value: 7.0 }, &Stream::new(1));
        let wanted = [
            ("0.weight", 7.0),
            ("0.bias", 0.0),
            ("1.weight", 1.0),
            ("1.bias", 0.0),
            ("2.weight", 0.25),
            ("3.0.weight", 7.0),
            ("3.0.bias", 0.0),
            ("3.1.weight", 1.0),
            ("3.1.bias", 0.0),
            ("4.weight", 1.0),
            ("4.bias", 0.0),
            ("5.weight", 7.0),
            ("5.bias", 0.0),
        ];
        let parameters = network.parameters();
        assert_eq!(parameters.len(), wanted.len());
        for ((name, parameter), (own, wanted)) in parameters.into_iter().zip(wanted) {
            assert_eq!(name, own);
            assert!(parameter.iter().all(|&value| value == wanted), "{name}: {parameter}, wanted {wanted}");
        }
    }
}
