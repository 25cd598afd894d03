//! The table that the gradient checks and the laws run over: rows for every layer, container and loss.

use crate::container::{AutoEncoder, Residual, Sequential};
use crate::data::Target;
use crate::layers::{
    AdaptiveAvgPool2d, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv2d, ConvTranspose2d, Dropout, Dropout2d, Elu, Flatten,
    Gelu, GlobalAvgPool2d, GroupNorm, Hardswish, LayerNorm, LeakyRelu, Linear, LogSoftmax, MaxPool2d, PRelu, Relu,
    Reshape, Selu, Sigmoid, Silu, Softmax, Softplus, Tanh, Upsample, Upsampling, ZeroPad2d,
};
use crate::loss::{
    BceLoss, BceWithLogitsLoss, CrossEntropyLoss, CrossEntropyOnProbabilities, FocalLoss, HingeEmbeddingLoss,
    HingeLoss, HuberLoss, KlDivLoss, KlReduction, L1Loss, Loss, MseLoss, MultiMarginLoss, NllLoss, Reduction,
    SampleWeighted, SigmoidFocalLoss, SmoothL1Loss, weighted_target,
};
use crate::module::{Module, Tape};
use crate::tensor::shape_text;
use crate::{Real, Stream, Tensor, tensor};
use ndarray::IxDyn;

/// A module and the shape of an input to try it on.
#[derive(Debug)]
pub struct Case<T: Real> {
    /// The module, its parameters drawn at random.
    pub module: Box<dyn Module<T>>,
    /// The shape of a batch, samples first.
    pub input: Vec<usize>,
}

impl<T: Real> Case<T> {
    fn new(module: impl Module<T>, input: &[usize]) -> Self {
        Case { module: Box::new(module), input: input.to_vec() }
    }

    /// A batch of that shape, drawn from U(−2, 2) and the same for `f32` and `f64`.
    pub fn batch(&self) -> Tensor<T> {
        numbers(&self.input, 1)
    }

    /// `Linear(4, 3) on (5, 4)`.
    pub fn name(&self) -> String {
        format!("{} on {}", self.module, shape_text(&self.input))
    }
}

/// A loss, an output and a target to try it on.
#[derive(Debug)]
pub struct LossCase<T: Real> {
    /// The loss.
    pub loss: Box<dyn Loss<T>>,
    /// A batch of outputs, of the kind that the loss takes.
    pub output: Tensor<T>,
    /// What they should have been.
    pub target: Target<T>,
}

impl<T: Real> LossCase<T> {
    fn new(loss: impl Loss<T> + 'static, output: Tensor<T>, target: Target<T>) -> Self {
        LossCase { loss: Box::new(loss), output, target }
    }

    /// `MseLoss(Mean) on (4, 3) against values (4, 3)`.
    pub fn name(&self) -> String {
        format!("{} on {} against {}", self.loss, shape_text(self.output.shape()), self.target)
    }
}

/// A row for every layer, with every option that changes its arithmetic, and for every container.
///
/// Sizes are unequal, so that exchanged axes cannot cancel out.
pub fn modules<T: Real>() -> Vec<Case<T>> {
    let nested = Sequential::new().push(dense(5, 4, 3)).push(Sequential::new().push(Linear::new(3, 2)));
    let mut rows = vec![
        Case::new(Linear::new(4, 3), &[5, 4]),
        Case::new(Linear::new(4, 3).without_bias(), &[5, 4]),
        Case::new(Linear::new(3, 2), &[4, 5, 3]),
        Case::new(Tanh, &[3, 4]),
        Case::new(Sigmoid, &[3, 4]),
        Case::new(Relu, &[5, 7]),
        Case::new(LeakyRelu::default(), &[5, 7]),
        Case::new(LeakyRelu { negative_slope: 0.3 }, &[2, 3, 2, 2]),
        Case::new(PRelu::new(1), &[5, 7]),
        Case::new(PRelu::new(3), &[2, 3, 2, 2]),
        Case::new(Elu { alpha: 0.7 }, &[5, 7]),
        Case::new(Selu, &[5, 7]),
        Case::new(Gelu::new(), &[3, 4]),
        Case::new(Gelu::tanh(), &[3, 4]),
        Case::new(Silu, &[3, 4]),
        Case::new(Softplus::default(), &[3, 4]),
        Case::new(Softplus { beta: 3.0, threshold: 4.0 }, &[5, 7]),
        Case::new(Hardswish, &[5, 7]),
        Case::new(Softmax::new(), &[4, 5]),
        Case::new(Softmax { dim: 1 }, &[2, 3, 4]),
        Case::new(LogSoftmax::new(), &[4, 5]),
        Case::new(LogSoftmax { dim: 1 }, &[2, 3, 4]),
        Case::new(Conv2d::new(2, 3, 3), &[2, 2, 5, 4]),
        Case::new(Conv2d::new(2, 3, 1).without_bias(), &[2, 2, 3, 4]),
        Case::new(Conv2d::new(2, 3, [3, 2]).stride([2, 1]).padding([1, 2]), &[2, 2, 5, 4]),
        Case::new(Conv2d::new(2, 3, [2, 3]).dilation([2, 1]).padding(1), &[2, 2, 4, 5]),
        Case::new(Conv2d::new(4, 6, 3).groups(2).stride(2).padding(1), &[2, 4, 5, 4]),
        Case::new(Conv2d::new(3, 3, 3).groups(3).padding(1), &[2, 3, 4, 3]),
        Case::new(ConvTranspose2d::new(2, 3, 3), &[2, 2, 5, 4]),
        Case::new(ConvTranspose2d::new(2, 3, [3, 2]).stride([2, 1]).padding([1, 0]).without_bias(), &[2, 2, 3, 4]),
        Case::new(ConvTranspose2d::new(4, 6, [2, 3]).groups(2).stride(3).output_padding([2, 1]), &[2, 4, 2, 3]),
        Case::new(ConvTranspose2d::new(2, 3, 2).dilation([2, 1]).padding([1, 1]), &[2, 2, 3, 4]),
        Case::new(MaxPool2d::new(2), &[2, 3, 4, 6]),
        Case::new(MaxPool2d::new([3, 2]).stride([2, 1]).padding([1, 0]), &[2, 2, 5, 4]),
        Case::new(MaxPool2d::new(2).dilation([2, 1]).ceil_mode(true), &[2, 2, 6, 5]),
        Case::new(AvgPool2d::new(2), &[2, 3, 4, 6]),
        Case::new(AvgPool2d::new([3, 2]).stride([2, 1]).padding([1, 0]).ceil_mode(true), &[2, 2, 6, 5]),
        Case::new(AvgPool2d::new(3).padding(1).count_include_pad(false), &[2, 2, 5, 4]),
        Case::new(AdaptiveAvgPool2d::new([2, 3]), &[2, 2, 5, 4]),
        Case::new(AdaptiveAvgPool2d::new([3, 7]), &[2, 2, 3, 4]),
        Case::new(GlobalAvgPool2d, &[2, 3, 4, 5]),
        Case::new(Upsample::new([2, 3]), &[2, 2, 3, 4]),
        Case::new(Upsample::new([3, 2]).mode(Upsampling::Bilinear), &[2, 2, 3, 4]),
        Case::new(ZeroPad2d::new([1, 2, 0, 3]), &[2, 2, 3, 4]),
        Case::new(BatchNorm1d::new(4), &[5, 4]),
        Case::new(BatchNorm1d::new(3).without_affine().eps(0.1), &[2, 3, 4]),
        Case::new(BatchNorm2d::new(3).momentum(None), &[2, 3, 4, 2]),
        Case::new(LayerNorm::new([4]), &[5, 4]),
        Case::new(LayerNorm::new([3, 4]).without_affine().eps(0.1), &[2, 3, 4]),
        Case::new(GroupNorm::new(2, 4), &[3, 4, 2, 3]),
        Case::new(GroupNorm::new(3, 3).without_affine().eps(0.1), &[2, 3, 4]),
        Case::new(Dropout::new(0.3), &[5, 7]),
        Case::new(Dropout2d::new(0.4), &[3, 4, 2, 3]),
        Case::new(Flatten::new(), &[3, 2, 4, 5]),
        Case::new(Flatten { start_dim: 1, end_dim: 2 }, &[3, 2, 4, 5]),
        Case::new(Reshape::new([2, -1, 3]), &[4, 12]),
        Case::new(Sequential::new(), &[3, 2]),
        Case::new(dense(5, 4, 3), &[4, 5]),
        Case::new(nested, &[4, 5]),
        Case::new(convolutional(2, 3, 3), &[2, 1, 8, 8]),
        Case::new(autoencoder(7, 4, 2), &[5, 7]),
        Case::new(Residual::new(Sequential::new().push(Linear::new(4, 4)).push(Tanh)), &[3, 4]),
        Case::new(block(2), &[3, 2, 4, 3]),
    ];
    for (number, row) in rows.iter_mut().enumerate() {
        row.module.reset_parameters(&Stream::new(number as u64));
        // Where all start at 1 or 0, a factor or a sum that was forgotten would not be seen.
        for (place, parameter) in row.module.parameters_mut().into_iter().enumerate() {
            if parameter.iter().all(|&value| value == parameter[IxDyn(&vec![0; parameter.ndim()])]) {
                *parameter = draw(parameter.shape(), place as u64, 0.5, 1.5);
            }
        }
        for (place, buffer) in row.module.buffers_mut().into_iter().enumerate().filter(|(_, buffer)| buffer.ndim() > 0)
        {
            *buffer = draw(buffer.shape(), place as u64, 0.5, 1.5);
        }
    }
    rows
}

/// A row for every loss with every reduction, and for every option and kind of target that changes its arithmetic.
pub fn losses<T: Real>() -> Vec<LossCase<T>> {
    let logits = || numbers(&[4, 3], 1);
    let pixels = || numbers(&[2, 3, 2, 2], 1);
    let yes_no = || numbers(&[4, 3], 2).mapv(|y: T| if y > T::zero() { T::one() } else { T::zero() });
    let yes_no = || Target::Values(yes_no().into_shared());
    let shares = || Target::Values(run(Softmax::new(), &numbers(&[4, 3], 2)));
    let classes = || Target::classes(vec![2, 0, 1, 2]);
    let some_ignored = |ignored: i64| Target::classes(vec![2, ignored, 1, 2]);
    let pixel_classes = || Target::Classes(tensor(&[2, 2, 2], vec![0, 1, 2, 1, 2, 2, 0, 1]));
    let signs = || {
        let sign = |y: T| if y > T::zero() { T::one() } else { -T::one() };
        Target::Values(numbers(&[4, 3], 2).mapv(sign).into_shared())
    };
    let values = || Target::Values(numbers(&[4, 3], 2));
    let log_shares = || Target::Values(run(LogSoftmax::new(), &numbers(&[4, 3], 2)));
    let weighted = |target: Target<T>| weighted_target(&[0.5, 0.0, 2.0, 1.25], &target).expect("a weight a sample");
    let weights = [0.5, 2.0, 1.25];
    let mut rows = Vec::new();
    for (reduction, kl_reduction) in
        [(Reduction::Mean, KlReduction::Mean), (Reduction::Sum, KlReduction::Sum), (Reduction::None, KlReduction::None)]
    {
        rows.extend([
            LossCase::new(MseLoss::new().reduction(reduction), logits(), values()),
            LossCase::new(L1Loss::new().reduction(reduction), logits(), values()),
            LossCase::new(SmoothL1Loss::new().reduction(reduction), logits(), values()),
            LossCase::new(HuberLoss::new().reduction(reduction), logits(), values()),
            LossCase::new(KlDivLoss::new().reduction(kl_reduction), run(LogSoftmax::new(), &logits()), shares()),
            LossCase::new(HingeLoss::new().reduction(reduction), logits(), signs()),
            LossCase::new(HingeEmbeddingLoss::new().reduction(reduction), logits(), signs()),
            LossCase::new(MultiMarginLoss::new().reduction(reduction), logits(), classes()),
            LossCase::new(FocalLoss::new().reduction(reduction), logits(), classes()),
            LossCase::new(SigmoidFocalLoss::new().reduction(reduction), logits(), yes_no()),
            LossCase::new(BceLoss::new().reduction(reduction), probabilities(&[4, 3], 1), yes_no()),
            LossCase::new(BceWithLogitsLoss::new().reduction(reduction), logits(), yes_no()),
            LossCase::new(CrossEntropyLoss::new().reduction(reduction), logits(), classes()),
            LossCase::new(
                CrossEntropyOnProbabilities::new().reduction(reduction),
                run(Softmax::new(), &logits()),
                classes(),
            ),
            LossCase::new(NllLoss::new().reduction(reduction), run(LogSoftmax::new(), &logits()), classes()),
        ]);
    }
    rows.extend([
        LossCase::new(BceWithLogitsLoss::new().pos_weight(&weights), logits(), yes_no()),
        LossCase::new(BceWithLogitsLoss::new().pos_weight(&[3.0]), logits(), Target::Values(probabilities(&[4, 3], 2))),
        LossCase::new(CrossEntropyLoss::new().class_weights(&weights), logits(), classes()),
        LossCase::new(CrossEntropyLoss::new().label_smoothing(0.1), logits(), classes()),
        LossCase::new(CrossEntropyLoss::new(), logits(), some_ignored(-100)),
        LossCase::new(
            CrossEntropyLoss::new().class_weights(&weights).label_smoothing(0.2).ignore_index(0),
            logits(),
            some_ignored(0),
        ),
        LossCase::new(CrossEntropyLoss::new().class_weights(&weights).label_smoothing(0.1), logits(), shares()),
        LossCase::new(CrossEntropyLoss::new(), pixels(), pixel_classes()),
        LossCase::new(CrossEntropyOnProbabilities::new(), run(Softmax::new(), &logits()), shares()),
        LossCase::new(NllLoss::new().class_weights(&weights), run(LogSoftmax::new(), &logits()), classes()),
        LossCase::new(NllLoss::new(), run(LogSoftmax::new(), &logits()), some_ignored(-100)),
        LossCase::new(NllLoss::new(), run(LogSoftmax { dim: 1 }, &pixels()), pixel_classes()),
        LossCase::new(SmoothL1Loss::new().beta(0.5), logits(), values()),
        LossCase::new(SmoothL1Loss::new().beta(0.0), logits(), values()),
        LossCase::new(HuberLoss::new().delta(2.5), logits(), values()),
        LossCase::new(
            KlDivLoss::new().reduction(KlReduction::BatchMean).log_target(true),
            run(LogSoftmax::new(), &logits()),
            log_shares(),
        ),
        LossCase::new(HingeLoss::new().margin(0.25), logits(), signs()),
        LossCase::new(HingeEmbeddingLoss::new().margin(0.25), logits(), signs()),
        LossCase::new(
            MultiMarginLoss::new().power(2).margin(0.5).class_weights(&weights),
            logits(),
            some_ignored(-100),
        ),
        LossCase::new(MultiMarginLoss::new(), pixels(), pixel_classes()),
        LossCase::new(FocalLoss::new().gamma(0.5).class_weights(&weights).ignore_index(0), logits(), some_ignored(0)),
        LossCase::new(FocalLoss::new().gamma(3.0), logits(), shares()),
        LossCase::new(FocalLoss::new(), pixels(), pixel_classes()),
        LossCase::new(
            SigmoidFocalLoss::new().alpha(-1.0).gamma(0.5),
            logits(),
            Target::Values(probabilities(&[4, 3], 2)),
        ),
        LossCase::new(SampleWeighted::new(L1Loss::new()), logits(), weighted(values())),
        LossCase::new(SampleWeighted::new(MseLoss::new().reduction(Reduction::Sum)), logits(), weighted(values())),
        LossCase::new(
            SampleWeighted::new(BceWithLogitsLoss::new().reduction(Reduction::None)),
            logits(),
            weighted(yes_no()),
        ),
        LossCase::new(
            SampleWeighted::new(CrossEntropyLoss::new().class_weights(&weights)),
            logits(),
            weighted(some_ignored(-100)),
        ),
        LossCase::new(SampleWeighted::new(CrossEntropyLoss::new()), logits(), weighted(shares())),
    ]);
    rows
}

/// The report's classifier: Linear, Tanh, Linear, Softmax.
pub(super) fn dense<T: Real>(inputs: usize, hidden: usize, outputs: usize) -> Sequential<T> {
    Sequential::new()
        .push(Linear::new(inputs, hidden))
        .push(Tanh)
        .push(Linear::new(hidden, outputs))
        .push(Softmax::new())
}

/// The report's convolutional classifier on images (1, 8, 8): convolution, Tanh and max-pool twice, then Linear and Softmax.
pub(super) fn convolutional<T: Real>(first: usize, second: usize, outputs: usize) -> Sequential<T> {
    Sequential::new()
        .push(Conv2d::new(1, first, 3).padding(1))
        .push(Tanh)
        .push(MaxPool2d::new(2))
        .push(Conv2d::new(first, second, 3).padding(1))
        .push(Tanh)
        .push(MaxPool2d::new(2))
        .push(Flatten::new())
        .push(Linear::new(second * 4, outputs))
        .push(Softmax::new())
}

/// The report's autoencoder: Tanh between the layers, Sigmoid at the end.
pub(super) fn autoencoder<T: Real>(inputs: usize, hidden: usize, code: usize) -> AutoEncoder<T> {
    let encoder = Sequential::new().push(Linear::new(inputs, hidden)).push(Tanh).push(Linear::new(hidden, code));
    let decoder = Sequential::new().push(Linear::new(code, hidden)).push(Tanh).push(Linear::new(hidden, inputs));
    AutoEncoder::new(encoder, decoder.push(Sigmoid))
}

/// A residual block between a convolution and a dropout: normalised, coupled samples deep inside.
fn block<T: Real>(channels: usize) -> Sequential<T> {
    let inner = Sequential::new()
        .push(Conv2d::new(channels, channels, 3).padding(1).without_bias())
        .push(BatchNorm2d::new(channels))
        .push(Silu);
    Sequential::new()
        .push(Conv2d::new(channels, channels, 1))
        .push(Residual::new(inner))
        .push(Dropout::new(0.2))
        .push(GlobalAvgPool2d)
}

/// Draws from U(−2, 2).
pub(super) fn numbers<T: Real>(shape: &[usize], seed: u64) -> Tensor<T> {
    draw(shape, seed, -2.0, 2.0)
}

/// Draws from U(0.1, 0.9).
pub(super) fn probabilities<T: Real>(shape: &[usize], seed: u64) -> Tensor<T> {
    draw(shape, seed, 0.1, 0.9)
}

/// Draws rounded to `f32`, so that both precisions compute with the same numbers.
fn draw<T: Real>(shape: &[usize], seed: u64, low: f64, high: f64) -> Tensor<T> {
    let mut stream = Stream::new(seed);
    let count = shape.iter().product();
    tensor(shape, (0..count).map(|_| T::of(stream.uniform(low, high) as f32 as f64)).collect())
}

fn run<T: Real>(module: impl Module<T>, x: &Tensor<T>) -> Tensor<T> {
    module.forward(x, &mut Tape::off())
}
