//! The gradient checker against modules with planted bugs: each is a mistake that people make, and each must fail the check
//! by its own kind of failure.

use limpide::gradcheck::{GradientReport, Options, Verdict, check_module, check_network};
use limpide::layers::{BatchNorm1d, Elementwise, Linear, Relu, Sigmoid, Softmax, Tanh};
use limpide::{Module, Real, Result, Sequential, Stream, Tape, Tensor, loss::MseLoss, tensor, zeros};
use ndarray::Axis;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A right module whose backward pass is spoilt afterwards.
#[derive(Debug)]
struct Spoilt<M> {
    inner: M,
    /// What happens to the gradients and to ∂L/∂X, given the tape and δ.
    bug: Bug,
}

#[derive(Clone, Copy, Debug)]
enum Bug {
    None,
    /// ∂L/∂X = δ·Wᵀ in place of δ·W, on a square weight.
    MissingTransposeInDelta,
    /// ∂L/∂W = Xᵀδ in place of δᵀX, on a square weight.
    MissingTransposeInGradient,
    FactorTwoInDelta,
    FactorTwoInGradient,
    ForgottenBias,
    /// The gradient is set, not added to.
    Overwritten,
    /// f′ = 1 − z in place of 1 − z².
    WrongTanh,
    /// f′(x) where f′ takes z: for a sigmoid, x(1 − x).
    DerivativeOfInput,
    /// δ as it came.
    DeltaUnchanged,
    /// ∂L/∂X = 0.
    NoDelta,
    /// One entry off by a part in a hundred thousand.
    SlightlyOff,
    NotANumber,
    TooShort,
    /// A batch norm that takes the mean for a constant, on γ = 1.
    ForgottenMean,
    /// A batch norm that takes the variance for a constant, on γ = 1.
    ForgottenVariance,
}

impl<M: Module<f64>> Module<f64> for Spoilt<M> {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.inner.output_shape(input)
    }
    fn forward(&self, input: &Tensor<f64>, tape: &mut Tape<f64>) -> Tensor<f64> {
        self.inner.forward(input, tape)
    }
    fn backward_update_gradient(&self, tape: &mut Tape<f64>, delta: &Tensor<f64>, gradients: &mut [Tensor<f64>]) {
        let before: Vec<Tensor<f64>> = gradients.to_vec();
        if matches!(self.bug, Bug::Overwritten) {
            gradients.iter_mut().for_each(|gradient| gradient.fill(0.0));
        }
        self.inner.backward_update_gradient(tape, delta, gradients);
        match self.bug {
            Bug::MissingTransposeInGradient => {
                let own = (gradients[0].clone() - &before[0]).reversed_axes();
                gradients[0] = (own + &before[0]).as_standard_layout().into_owned().into_shared();
            }
            Bug::FactorTwoInGradient => {
                for (gradient, before) in gradients.iter_mut().zip(&before) {
                    *gradient = gradient.clone() * 2.0 - before;
                }
            }
            Bug::ForgottenBias => gradients[1] = before[1].clone(),
            _ => {}
        }
    }
    fn backward_delta(&self, tape: &mut Tape<f64>, delta: &Tensor<f64>) -> Tensor<f64> {
        let mut right = self.inner.backward_delta(tape, delta);
        let (x, z) = (tape.input(), tape.output());
        match self.bug {
            Bug::MissingTransposeInDelta => product(delta, &self.inner.parameters()[0].1.t().to_shared()),
            Bug::FactorTwoInDelta => right * 2.0,
            Bug::WrongTanh => (delta * &z.map(|z| 1.0 - z)).into_shared(),
            Bug::DerivativeOfInput => (delta * &x.map(|x| x * (1.0 - x))).into_shared(),
            Bug::DeltaUnchanged => delta.clone(),
            Bug::NoDelta => zeros(x.shape()),
            Bug::SlightlyOff => {
                *right.last_mut().unwrap() *= 1.0 + 1e-5;
                right
            }
            Bug::NotANumber => {
                *right.first_mut().unwrap() = f64::NAN;
                right
            }
            Bug::TooShort => zeros(&[1, 1]),
            Bug::ForgottenMean => right + &(delta * &inverse_deviation(tape)).mean_axis(Axis(0)).unwrap(),
            Bug::ForgottenVariance => {
                let slope = (delta * tape.output()).mean_axis(Axis(0)).unwrap();
                right + &(tape.output() * &slope * &inverse_deviation(tape))
            }
            _ => right,
        }
    }
    fn parameters(&self) -> Vec<(String, &Tensor<f64>)> {
        self.inner.parameters()
    }
    fn parameters_mut(&mut self) -> Vec<&mut Tensor<f64>> {
        self.inner.parameters_mut()
    }
}

impl<M: fmt::Display> fmt::Display for Spoilt<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {:?}", self.inner, self.bug)
    }
}

/// 1/√(v + ε) of each channel, from the tape of a batch norm.
fn inverse_deviation(tape: &Tape<f64>) -> Tensor<f64> {
    tape.kept("variance").unwrap().map(|v| 1.0 / (v + 1e-5).sqrt()).into_shared()
}

fn product(a: &Tensor<f64>, b: &Tensor<f64>) -> Tensor<f64> {
    let matrix = |t: &Tensor<f64>| t.clone().into_dimensionality::<ndarray::Ix2>().unwrap();
    matrix(a).dot(&matrix(b)).into_dyn().into_shared()
}

fn draw(shape: &[usize]) -> Tensor<f64> {
    let mut stream = Stream::new(1);
    tensor(shape, (0..shape.iter().product()).map(|_| stream.uniform(-2.0, 2.0)).collect())
}

fn check(inner: impl Module<f64>, bug: Bug, input: &Tensor<f64>) -> GradientReport {
    let report = check_module(&mut Spoilt { inner, bug }, input, &Options::default());
    println!("{report}");
    report
}

/// The tensors with a failed entry.
fn failed(report: &GradientReport) -> Vec<&str> {
    let mut tensors: Vec<&str> =
        report.entries.iter().filter(|e| e.verdict == Verdict::Failed).map(|e| e.tensor.as_str()).collect();
    tensors.dedup();
    tensors
}

#[test]
fn without_a_bug_the_same_modules_pass() {
    assert!(check(Linear::new(3, 3), Bug::None, &draw(&[4, 3])).passed());
    assert!(check(Tanh, Bug::None, &draw(&[4, 3])).passed());
    assert!(check(Sigmoid, Bug::None, &draw(&[4, 3])).passed());
    assert!(check(Softmax::new(), Bug::None, &draw(&[4, 3])).passed());
    assert!(check(BatchNorm1d::new(3), Bug::None, &draw(&[4, 3])).passed());
}

#[test]
fn a_batch_norm_with_a_part_of_its_gradient_missing_fails() {
    for bug in [Bug::ForgottenMean, Bug::ForgottenVariance, Bug::FactorTwoInGradient] {
        let report = check(BatchNorm1d::new(3), bug, &draw(&[4, 3]));
        assert!(!report.passed(), "{bug:?}");
        let wrong = if let Bug::FactorTwoInGradient = bug { vec!["weight", "bias"] } else { vec!["input"] };
        assert_eq!(failed(&report), wrong, "{bug:?}");
        assert!(report.worst().unwrap().relative_error > 0.1, "{bug:?}");
    }
}

#[test]
fn a_wrong_gradient_fails_in_its_own_tensor_and_nowhere_else() {
    let input = draw(&[4, 3]);
    for (bug, tensors) in [
        (Bug::MissingTransposeInDelta, vec!["input"]),
        (Bug::MissingTransposeInGradient, vec!["weight"]),
        (Bug::FactorTwoInDelta, vec!["input"]),
        (Bug::FactorTwoInGradient, vec!["weight", "bias"]),
        (Bug::ForgottenBias, vec!["bias"]),
        (Bug::NoDelta, vec!["input"]),
        (Bug::SlightlyOff, vec!["input"]),
        (Bug::NotANumber, vec!["input"]),
    ] {
        let report = check(Linear::new(3, 3), bug, &input);
        assert!(!report.passed(), "{bug:?}");
        assert_eq!(failed(&report), tensors, "{bug:?}");
    }
}

#[test]
fn a_wrong_derivative_of_an_activation_fails() {
    for report in [
        check(Tanh, Bug::WrongTanh, &draw(&[4, 3])),
        check(Sigmoid, Bug::DerivativeOfInput, &draw(&[4, 3])),
        check(Softmax::new(), Bug::DeltaUnchanged, &draw(&[4, 3])),
    ] {
        assert!(!report.passed());
        assert_eq!(failed(&report), ["input"]);
        assert!(report.worst().unwrap().relative_error > 0.1);
    }
}

#[test]
fn a_gradient_that_is_overwritten_fails_although_every_entry_is_right() {
    let report = check(Linear::new(3, 3), Bug::Overwritten, &draw(&[4, 3]));
    assert!(failed(&report).is_empty());
    assert_eq!(report.problems.len(), 2, "weight and bias");
    assert!(report.problems[0].starts_with("weight: a second backward call must add"), "{}", report.problems[0]);
    assert!(!report.passed());
}

#[test]
fn a_gradient_of_another_shape_is_named() {
    let report = check(Tanh, Bug::TooShort, &draw(&[4, 3]));
    assert_eq!(report.problems, ["Tanh with TooShort input: the gradient's shape is (1, 1), not (4, 3)"]);
    assert!(!report.passed());
}

#[test]
fn a_bug_inside_a_network_is_found_and_the_layer_named() {
    let network = Sequential::new()
        .push(Linear::new(3, 4))
        .push(Tanh)
        .push(Spoilt { inner: Linear::new(4, 2), bug: Bug::ForgottenBias })
        .push(Softmax::new());
    let (input, target) = (draw(&[5, 3]), limpide::data::Target::Values(zeros(&[5, 2])));
    let report = check_network(&mut network.seed(2), &MseLoss::new(), &input, &target, &Options::default());
    assert_eq!(failed(&report), ["2.bias"]);
    assert_eq!(report.worst().unwrap().module, "Linear(4, 2) with ForgottenBias");
}

#[test]
fn a_kink_is_marked_and_does_not_fail() {
    // One entry of 12 exactly at 0: slopes 0 and c, and the layer answers 0.
    let mut input = draw(&[4, 3]);
    input[[1, 2]] = 0.0;
    let report = check(Relu, Bug::None, &input);
    let kinks: Vec<_> = report.entries.iter().filter(|entry| entry.verdict == Verdict::Kink).collect();
    assert_eq!(kinks.len(), 1);
    assert_eq!(kinks[0].index, [1, 2]);
    assert!(report.passed());
    // Next to the kink, inside the window of the first step, the smaller steps still see the slope.
    input[[1, 2]] = 1e-4;
    let report = check(Relu, Bug::None, &input);
    assert_eq!(report.kinks(), 0);
    assert!(report.passed());
}

#[test]
fn a_kink_hides_no_wrong_gradient() {
    let mut input = draw(&[4, 3]);
    input[[1, 2]] = 0.0;
    // Beside the kink, on the kink, and outside the slopes of its two sides.
    let report = check(Relu, Bug::FactorTwoInDelta, &input);
    assert!(!report.passed());
    let report = check(OutsideItsSlopes, Bug::None, &input);
    assert_eq!(failed(&report), ["input"]);
    assert_eq!(report.entries.iter().filter(|e| e.verdict == Verdict::Failed).count(), 1);
    // A step has no slope at all, and is no kink.
    let report = check(Step, Bug::None, &input);
    assert_eq!(failed(&report), ["input"]);
}

#[test]
fn too_many_kinks_fail() {
    let report = check(Relu, Bug::None, &zeros(&[4, 3]));
    assert_eq!(report.kinks(), 12);
    assert!(!report.passed());
    assert!(report.problems.iter().any(|problem| problem.contains("12 of 12 entries are on a kink")));
}

#[test]
fn a_check_that_sees_nothing_fails() {
    // A dead ReLU: both sides are 0 everywhere, and any bug would pass.
    let report = check(Relu, Bug::NoDelta, &draw(&[4, 3]).mapv_into(|x| -1.0 - x.abs()));
    assert!(failed(&report).is_empty());
    assert!(!report.passed());
    assert!(report.problems[0].contains("seen nothing"), "{:?}", report.problems);
    // No entries at all.
    assert!(!check(Tanh, Bug::None, &zeros(&[0, 3])).passed());
}

#[test]
fn a_forward_pass_that_drifts_fails() {
    let report = check_module(&mut Drifting(AtomicUsize::new(0)), &draw(&[4, 3]), &Options::default());
    assert!(report.problems[0].contains("other bits"), "{:?}", report.problems);
}

#[test]
fn the_check_leaves_the_module_as_it_was() {
    let mut module = Linear::<f64>::new(3, 2);
    module.weight[[0, 0]] = -0.0;
    let before: Vec<u64> = module.weight.iter().map(|w| w.to_bits()).collect();
    check_module(&mut module, &draw(&[4, 3]), &Options::default());
    assert_eq!(module.weight.iter().map(|w| w.to_bits()).collect::<Vec<_>>(), before);
}

#[test]
fn a_large_tensor_is_sampled_from_the_seed() {
    let run = |seed| {
        let options = Options { max_entries: 7, seed, ..Options::default() };
        let report = check_module(&mut Linear::new(10, 8), &draw(&[4, 10]), &options);
        assert!(report.passed());
        report.entries.into_iter().map(|entry| (entry.tensor, entry.index)).collect::<Vec<_>>()
    };
    assert_eq!(run(1).len(), 3 * 7);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

/// A ReLU that answers −1 at its kink.
#[derive(Debug)]
struct OutsideItsSlopes;

/// 1 where x > 0, with derivative 0.
#[derive(Debug)]
struct Step;

/// The identity, a little more each time.
#[derive(Debug)]
struct Drifting(AtomicUsize);

impl Elementwise for OutsideItsSlopes {
    fn f<T: Real>(&self, x: &[T], z: &mut [T]) {
        z.iter_mut().zip(x).for_each(|(z, &x)| *z = x.max(T::zero()));
    }
    fn df<T: Real>(&self, x: T, _z: T) -> T {
        if x > T::zero() {
            T::one()
        } else if x == T::zero() {
            -T::one()
        } else {
            T::zero()
        }
    }
}

impl Elementwise for Step {
    fn f<T: Real>(&self, x: &[T], z: &mut [T]) {
        z.iter_mut().zip(x).for_each(|(z, &x)| *z = if x > T::zero() { T::one() } else { T::zero() });
    }
    fn df<T: Real>(&self, _x: T, _z: T) -> T {
        T::zero()
    }
}

impl Elementwise for Drifting {
    fn f<T: Real>(&self, x: &[T], z: &mut [T]) {
        let calls = self.0.fetch_add(1, Ordering::Relaxed);
        z.iter_mut().zip(x).for_each(|(z, &x)| *z = x + T::of(calls as f64 * 1e-15));
    }
    fn df<T: Real>(&self, _x: T, _z: T) -> T {
        T::one()
    }
}

macro_rules! named {
    ($($module:ident),*) => {
        $(impl fmt::Display for $module {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, stringify!($module))
            }
        })*
    };
}
named!(OutsideItsSlopes, Step, Drifting);
