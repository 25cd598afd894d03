//! The public gradient checker: the analytic gradient of every entry against numbers from the forward pass alone.
//!
//! For an entry x of a parameter or of the input, with L(t) the loss when x + t stands in its place, a backward pass
//! claims a = ∂L/∂x and central differences measure
//!
//! **n = [8(L(ε) − L(−ε)) − (L(2ε) − L(−2ε))] / 12ε**, whose error is ε⁴·L⁽⁵⁾/30 + rounding/ε, least near ε = 2⁻¹²;
//!
//! **relative error = |a − n| / max(|a| + |n|, floor)**.
//!
//! The report's (L(ε) − L(−ε)) / 2ε with ε = 10⁻⁵ is the same idea one order lower: it leaves errors near 10⁻¹⁰ where this
//! one leaves 10⁻¹². Three things make the check see what it should:
//!
//! - A module alone has no loss, so it gets **L = Σ cᵢzᵢ with a random cotangent c**. With all cᵢ = 1 a softmax, whose outputs
//!   sum to 1, would have no gradient at all, and any bug would pass. Differences are taken output by output before
//!   they are summed, so an output that x does not reach adds no rounding.
//! - **The floor** is 10⁻³ of the largest gradient in the tensor, or what rounding in the forward pass can feign if that is more:
//!   a smaller entry is compared with the tensor's scale, because its own digits are noise. A bug that this lets through
//!   is wrong by less than 10⁻⁹ of the tensor's largest gradient.
//! - **A tensor whose gradients are all zero on both sides fails**: the check has seen nothing.
//!
//! At a kink (a ReLU at 0, a tie in a max-pool) there is no derivative to compare with. An entry that fails at ε is measured
//! again with smaller steps, which leave a nearby kink outside. If the two one-sided slopes still differ at the smallest
//! step, the entry is marked [`Verdict::Kink`], but only when a lies between the two slopes, and only for a tenth of a tensor's
//! entries.

mod cases;
mod numeric;
mod report;
mod suite;

pub use cases::{Case, LossCase, losses, modules};
pub use report::{Entry, GradientReport, Verdict};
pub use suite::suite;

use crate::container::Sequential;
use crate::data::Target;
use crate::loss::Loss;
use crate::module::{Gradients, Module, Tape};
use crate::tensor::{dense, shape_text, values, values_mut};
use crate::{Stream, Tensor, zeros};
use numeric::{Probe, Slope};

/// How fine and how strict a check is.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The first and largest step ε, relative to max(1, |x|); 2⁻¹² by default. A power of two makes x ± ε exact.
    pub epsilon: f64,
    /// The largest relative error that passes; 10⁻⁶ by default.
    pub tolerance: f64,
    /// Tensors with more entries than this are checked on a random sample of this size; 1,000 by default.
    pub max_entries: usize,
    /// The seed of the cotangent and of the sample; 0 by default.
    pub seed: u64,
    /// Whether the passes are ones of evaluation, rather than of training, as by default.
    pub evaluating: bool,
}

impl Options {
    /// A tape for one of the check's passes.
    fn tape(&self) -> Tape<f64> {
        if self.evaluating { Tape::evaluating() } else { Tape::new() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options { epsilon: 1.0 / 4096.0, tolerance: 1e-6, max_entries: 1000, seed: 0, evaluating: false }
    }
}

/// Checks a module's gradients for all its parameters and its input, that a second backward pass adds to the first, and that
/// a second forward pass gives the same bits. The module's parameters are as before when the check is over.
///
/// Panics when the module does not take such an input.
///
/// ```
/// use limpide::{gradcheck::{Options, check_module}, layers::Linear, tensor};
/// let input = tensor(&[1, 2], vec![0.3, -0.8]);
/// let report = check_module(&mut Linear::new(2, 1), &input, &Options::default());
/// assert!(report.passed(), "{report}");
/// assert_eq!(report.entries.len(), 2 + 1 + 2); // weight, bias, input
/// ```
pub fn check_module(module: &mut dyn Module<f64>, input: &Tensor<f64>, options: &Options) -> GradientReport {
    let output = module.forward(input, &mut options.tape());
    let cotangent = cotangent(output.shape(), &mut Stream::new(options.seed).at(&[0]));
    let head = Head { value: &|z| z.clone(), delta: &|_| cotangent.clone(), cotangent: &cotangent };
    let subject = format!("{module} on {}", shape_text(input.shape()));
    check(subject, Names::of_module(module), module, input, &head, options)
}

/// Checks ∂L/∂output of a loss.
///
/// Panics when output and target do not fit the loss.
pub fn check_loss(
    loss: &dyn Loss<f64>,
    output: &Tensor<f64>,
    target: &Target<f64>,
    options: &Options,
) -> GradientReport {
    let subject = format!("{loss} on {} against {target}", shape_text(output.shape()));
    let names = Names { input: (loss.to_string(), "output".to_string()), parameters: Vec::new() };
    // A loss alone is a loss after the chain of no modules.
    check_with_loss(subject, names, &mut Sequential::new(), loss, output, target, options)
}

/// Checks a network with its loss: ∂L/∂θ for every parameter and ∂L/∂X.
///
/// Panics when module, loss, input and target do not fit together.
pub fn check_network(
    module: &mut dyn Module<f64>,
    loss: &dyn Loss<f64>,
    input: &Tensor<f64>,
    target: &Target<f64>,
    options: &Options,
) -> GradientReport {
    let subject = format!("{module} with {loss} on {}", shape_text(input.shape()));
    check_with_loss(subject, Names::of_module(module), module, loss, input, target, options)
}

fn check_with_loss(
    subject: String,
    names: Names,
    module: &mut dyn Module<f64>,
    loss: &dyn Loss<f64>,
    input: &Tensor<f64>,
    target: &Target<f64>,
    options: &Options,
) -> GradientReport {
    let value = |z: &Tensor<f64>| loss.forward(z, target);
    let shape = value(&module.forward(input, &mut options.tape())).shape().to_vec();
    let ones = Tensor::ones(shape);
    let head = Head { value: &value, delta: &|z| loss.backward(z, target), cotangent: &ones };
    check(subject, names, module, input, &head, options)
}

/// What follows the module: L = Σ cᵢ·value(Z)ᵢ, and ∂L/∂Z.
struct Head<'a> {
    value: &'a dyn Fn(&Tensor<f64>) -> Tensor<f64>,
    delta: &'a dyn Fn(&Tensor<f64>) -> Tensor<f64>,
    cotangent: &'a Tensor<f64>,
}

/// (module, tensor) of everything that is checked.
struct Names {
    input: (String, String),
    parameters: Vec<(String, String)>,
}

impl Names {
    fn of_module(module: &dyn Module<f64>) -> Self {
        let parameters = module.parameters().into_iter().map(|(name, _)| (owner(module, &name), name)).collect();
        Names { input: (short_name(module), "input".to_string()), parameters }
    }
}

/// The layer inside `module` that a parameter such as `encoder.0.weight` belongs to.
fn owner(module: &dyn Module<f64>, parameter: &str) -> String {
    let inside = module.children().into_iter().find_map(|(name, child)| {
        let rest = parameter.strip_prefix(&name)?.strip_prefix('.')?;
        Some(owner(child, rest))
    });
    inside.unwrap_or_else(|| module.to_string())
}

/// A module as written, a container by its first word alone.
fn short_name(module: &dyn Module<f64>) -> String {
    let name = module.to_string();
    if module.children().is_empty() { name } else { name.split('(').next().unwrap_or_default().to_string() }
}

/// Random weights with magnitudes from 0.5 to 1.5, so that no output is invisible.
fn cotangent(shape: &[usize], stream: &mut Stream) -> Tensor<f64> {
    let mut cotangent = zeros(shape);
    for c in values_mut(&mut cotangent) {
        *c = stream.uniform(0.5, 1.5) * if stream.below(2) == 0 { 1.0 } else { -1.0 };
    }
    cotangent
}

/// One check: the analytic gradients once, then the numeric ones entry by entry.
fn check(
    subject: String,
    names: Names,
    module: &mut dyn Module<f64>,
    input: &Tensor<f64>,
    head: &Head,
    options: &Options,
) -> GradientReport {
    let mut report = GradientReport { subject, entries: Vec::new(), problems: Vec::new() };
    let mut tape = options.tape();
    let output = module.forward(input, &mut tape);
    let value = (head.value)(&output);
    let again = (head.value)(&module.forward(input, &mut options.tape()));
    if !same_bits(&value, &again) {
        report.problems.push("a second forward pass on the same input gives other bits".to_string());
    }

    let delta = (head.delta)(&output);
    let mut gradients = Gradients::zeros_for(module);
    let to_input = module.backward(&mut tape, &delta, &mut gradients);
    let once = gradients.clone();
    module.backward(&mut tape, &delta, &mut gradients);
    report.problems.extend(not_doubled(&once, &gradients));

    // What rounding makes of L(ε) − L(−ε): an ulp of each output, added as independent errors.
    let (cotangent, value) = (dense(head.cotangent), dense(&value));
    let (cotangent, value) = (values(&cotangent), values(&value));
    let size = cotangent.iter().zip(value).map(|(c, v)| (c * v) * (c * v)).sum::<f64>();
    let slope = Slope { rounding: f64::EPSILON / 2.0 * size.sqrt(), options };
    let difference = |z: &Tensor<f64>| -> f64 {
        let new = dense(&(head.value)(z));
        values(&new).iter().zip(value).zip(cotangent).map(|((new, old), c)| c * (new - old)).sum()
    };

    let tape = &|| options.tape();
    let mut probe = Probe { module, input: dense(input), place: None, tape, difference: &difference };
    for (place, name) in names.parameters.iter().enumerate() {
        probe.place = Some(place);
        slope.compare(&mut report, name, &dense(&once[place]), &mut probe);
    }
    probe.place = None;
    slope.compare(&mut report, &names.input, &dense(&to_input), &mut probe);
    report
}

fn same_bits(a: &Tensor<f64>, b: &Tensor<f64>) -> bool {
    a.shape() == b.shape() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// The gradients that a second backward pass did not double. Sums run in another order then, hence the last bits are free.
fn not_doubled(once: &Gradients<f64>, twice: &Gradients<f64>) -> Vec<String> {
    let mut problems = Vec::new();
    for ((name, once), (_, twice)) in once.named().zip(twice.named()) {
        let scale = once.iter().fold(0.0, |scale: f64, g| scale.max(g.abs()));
        let doubled = |one: f64, two: f64| (two - 2.0 * one).abs() <= 1e-12 * scale;
        let wrong = once.iter().zip(twice).find(|(one, two)| !doubled(**one, **two));
        if let Some((one, two)) = wrong {
            problems.push(format!(
                "{name}: a second backward call must add to the gradient, but {one:.6e} became {two:.6e}, not {:.6e}",
                2.0 * one
            ));
        }
    }
    problems
}
