//! The arithmetic of the layers, one sample at a time, each sum in the order in which limpide adds it up.

use super::math::formula::{Erf, Exp, Formula, Ln, Sigmoid, Tanh};
use super::math::reduce::{sum, sums};
use super::{CHAINS, FUSED, LANES_DEPTH};

/// One axis of a window: numbers in and out, taps, steps, padding, distance of taps.
pub struct Axis {
    pub input: usize,
    pub output: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    pub dilation: usize,
}

impl Axis {
    /// The input under a tap of an output, or nothing on padding.
    fn at(&self, output: usize, tap: usize) -> Option<usize> {
        (output * self.stride + tap * self.dilation).checked_sub(self.padding).filter(|&at| at < self.input)
    }

    /// The output whose tap lies on an input, or nothing when none can; a number that is no output when it would lie outside.
    fn from(&self, input: usize, tap: usize) -> Option<usize> {
        let (place, tap) = (input + self.padding, tap * self.dilation);
        let fits = place % self.stride == tap % self.stride;
        fits.then(|| place.checked_sub(tap).map_or(usize::MAX, |distance| distance / self.stride))
    }
}

fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// c + Σ a·b: in parts of at most 256 terms, or of [`LANES_DEPTH`] in several chains.
fn product(mut c: f32, count: usize, in_lanes: bool, terms: impl Fn(usize) -> (f32, f32)) -> f32 {
    let (most, step) = if in_lanes { (LANES_DEPTH, CHAINS) } else { (256, 1) };
    let depth = count.div_ceil(count.div_ceil(most).max(1)).max(1);
    for from in (0..count).step_by(depth) {
        let until = count.min(from + depth);
        let mut chains = [0.0; CHAINS];
        for (first, sum) in chains[..step].iter_mut().enumerate() {
            for term in (from + first..until).step_by(step) {
                let (a, b) = terms(term);
                *sum = multiply_add(a, b, *sum);
            }
        }
        c += added(&chains[..step]);
    }
    c
}

/// The sum of chains, in the order in which the lanes of a register are added up.
fn added(chains: &[f32]) -> f32 {
    match chains {
        [sum] => *sum,
        [a, b, c, d] => (a + c) + (b + d),
        _ => added(&chains[..chains.len() / 2]) + added(&chains[chains.len() / 2..]),
    }
}

/// Z = X·Wᵀ + b.
pub fn linear(x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let inputs = weight.len() / bias.len();
    let row = |x: &[f32]| -> Vec<f32> {
        let entry = |(w, &b): (&[f32], &f32)| product(b, inputs, inputs > 256, |k| (x[k], w[k]));
        weight.chunks_exact(inputs).zip(bias).map(entry).collect()
    };
    x.chunks_exact(inputs).flat_map(row).collect()
}

/// Z = W·P(X) + b; a patch is summed up channel by channel, or with the channels innermost.
pub fn conv2d(
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    groups: usize,
    h: &Axis,
    w: &Axis,
    channels_last: bool,
) -> Vec<f32> {
    let (taps, pixels, outputs) = (h.kernel * w.kernel, h.input * w.input, bias.len());
    let inputs = weight.len() / outputs / taps;
    let mut z = Vec::with_capacity(outputs * h.output * w.output);
    for o in 0..outputs {
        let first = o / (outputs / groups) * inputs;
        for i in 0..h.output {
            for j in 0..w.output {
                let mut sum = bias[o];
                for k in 0..inputs * taps {
                    let (c, tap) = if channels_last { (k % inputs, k / inputs) } else { (k / taps, k % taps) };
                    let pixel = match (h.at(i, tap / w.kernel), w.at(j, tap % w.kernel)) {
                        (Some(i), Some(j)) => x[(first + c) * pixels + i * w.input + j],
                        _ => 0.0,
                    };
                    sum = multiply_add(weight[(o * inputs + c) * taps + tap], pixel, sum);
                }
                z.push(sum);
            }
        }
    }
    z
}

/// The transpose of a convolution, whose window `h`, `w` goes over Z: every pixel of Z sums up, channel by channel, the pixels
/// of X whose patches reach it.
pub fn conv_transpose2d(x: &[f32], weight: &[f32], bias: &[f32], groups: usize, h: &Axis, w: &Axis) -> Vec<f32> {
    let (taps, from) = (h.kernel * w.kernel, h.output * w.output);
    let (inputs, outputs) = (x.len() / from / groups, bias.len() / groups);
    let mut z = Vec::with_capacity(bias.len() * h.input * w.input);
    for (o, &b) in bias.iter().enumerate() {
        let first = o / outputs * inputs;
        for i in 0..h.input {
            for j in 0..w.input {
                let mut sum = b;
                for c in first..first + inputs {
                    for tap in 0..taps {
                        if let (Some(i), Some(j)) = (h.from(i, tap / w.kernel), w.from(j, tap % w.kernel)) {
                            let weight = weight[(c * outputs + o % outputs) * taps + tap];
                            let inside = i < h.output && j < w.output;
                            let pixel = if inside { x[c * from + i * w.output + j] } else { 0.0 };
                            sum = multiply_add(weight, pixel, sum);
                        }
                    }
                }
                z.push(sum);
            }
        }
    }
    z
}

/// A convolution of 3×3 filters in single steps, or its transpose, by Winograd's tiles (Lavin and Gray 2016, section 4.1): 2×2
/// outputs are Aᵀ·Σ [(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]·A, summed over channels, of filters g and tiles d of 4×4 inputs.
pub fn conv2d_by_tiles(x: &[f32], weight: &[f32], bias: &[f32], h: &Axis, w: &Axis, transposed: bool) -> Vec<f32> {
    let sizes = |axis: &Axis| match transposed {
        true => (axis.output, axis.input, 2 - axis.padding),
        false => (axis.input, axis.output, axis.padding),
    };
    let ((from_h, high, top), (from_w, wide, left)) = (sizes(h), sizes(w));
    let (inputs, outputs) = (x.len() / (from_h * from_w), bias.len());
    // Of rows first, then of columns.
    fn both<const M: usize, const N: usize>(d: [[f32; M]; M], f: impl Fn([f32; M]) -> [f32; N]) -> [[f32; N]; N] {
        let down: [[f32; N]; M] = std::array::from_fn(|j| f(std::array::from_fn(|i| d[i][j])));
        std::array::from_fn(|i| f(std::array::from_fn(|j| down[j][i])))
    }
    let filter = |at: usize| {
        let (o, c) = (at / inputs, at % inputs);
        let tap = |tap| match transposed {
            true => weight[(c * outputs + o) * 9 + 8 - tap],
            false => weight[(o * inputs + c) * 9 + tap],
        };
        both(std::array::from_fn(|i| std::array::from_fn(|j| tap(3 * i + j))), |[a, b, c]| {
            [a, (a + c + b) * 0.5, (a + c - b) * 0.5, c]
        })
    };
    let filters: Vec<[[f32; 4]; 4]> = (0..outputs * inputs).map(filter).collect();
    let mut z = vec![0.0; outputs * high * wide];
    for i in (0..high).step_by(2) {
        for j in (0..wide).step_by(2) {
            let pixel = |c: usize, k: usize, l: usize| match ((i + k).checked_sub(top), (j + l).checked_sub(left)) {
                (Some(i), Some(j)) if i < from_h && j < from_w => x[(c * from_h + i) * from_w + j],
                _ => 0.0,
            };
            let tile = |c| {
                both(std::array::from_fn(|k| std::array::from_fn(|l| pixel(c, k, l))), |[a, b, c, d]| {
                    [a - c, b + c, c - b, d - b]
                })
            };
            let tiles: Vec<[[f32; 4]; 4]> = (0..inputs).map(tile).collect();
            for (o, &b) in bias.iter().enumerate() {
                let filters = &filters[o * inputs..(o + 1) * inputs];
                let sum = |k: usize, l: usize| product(0.0, inputs, false, |c| (tiles[c][k][l], filters[c][k][l]));
                let sums = std::array::from_fn(|k| std::array::from_fn(|l| sum(k, l)));
                let own = both(sums, |[a, b, c, d]: [f32; 4]| [a + b + c, b - c + d]);
                for (k, row) in own.into_iter().enumerate().take(high - i) {
                    for (l, value) in row.into_iter().enumerate().take(wide - j) {
                        z[(o * high + i + k) * wide + j + l] = value + b;
                    }
                }
            }
        }
    }
    z
}

/// The value of each window of each plane, from its inputs in the order of the taps.
fn windows(x: &[f32], h: &Axis, w: &Axis, value: impl Fn(&mut dyn Iterator<Item = f32>, usize) -> f32) -> Vec<f32> {
    let mut z = Vec::new();
    for plane in x.chunks_exact(h.input * w.input) {
        for place in 0..h.output * w.output {
            let (i, j) = (place / w.output, place % w.output);
            let tap = |tap: usize| Some(plane[h.at(i, tap / w.kernel)? * w.input + w.at(j, tap % w.kernel)?]);
            z.push(value(&mut (0..h.kernel * w.kernel).filter_map(tap), place));
        }
    }
    z
}

/// The maximum of each window; NaN counts as larger than every number.
pub fn max_pool2d(x: &[f32], h: &Axis, w: &Axis) -> Vec<f32> {
    let larger = |best: f32, x: f32| if x > best || x.is_nan() { x } else { best };
    windows(x, h, w, |inputs, _| match inputs.next() {
        Some(first) => inputs.fold(first, larger),
        None => f32::NEG_INFINITY,
    })
}

/// The sum of each window by its count.
pub fn avg_pool2d(x: &[f32], counts: &[f32], h: &Axis, w: &Axis) -> Vec<f32> {
    windows(x, h, w, |inputs, place| inputs.fold(0.0, |sum, x| sum + x) / counts[place])
}

/// The average of each plane over rows ⌊i·h/h′⌋ to ⌈(i + 1)·h/h′⌉ and columns likewise.
pub fn adaptive_avg_pool2d(x: &[f32], [h, w]: [usize; 2], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let window = |index: usize, outputs: usize, inputs: usize| {
        index * inputs / outputs..((index + 1) * inputs).div_ceil(outputs)
    };
    let mut z = Vec::new();
    for plane in x.chunks_exact(h * w) {
        for place in 0..rows * columns {
            let (down, across) = (window(place / columns, rows, h), window(place % columns, columns, w));
            let count = (down.len() * across.len()) as f32;
            z.push(down.map(|row| sum(&plane[row * w..][across.clone()])).sum::<f32>() / count);
        }
    }
    z
}

/// Each output as a mix of two rows and two columns: which, and how much of each.
pub fn upsample(x: &[f32], [h, w]: [usize; 2], rows: &[[(usize, f32); 2]], columns: &[[(usize, f32); 2]]) -> Vec<f32> {
    let mut z = Vec::new();
    for plane in x.chunks_exact(h * w) {
        for down in rows {
            for across in columns {
                let mut sum = 0.0;
                for &(row, of_row) in down.iter().filter(|(_, part)| *part != 0.0) {
                    for &(column, of_column) in across.iter().filter(|(_, part)| *part != 0.0) {
                        sum += of_row * of_column * plane[row * w + column];
                    }
                }
                z.push(sum);
            }
        }
    }
    z
}

/// Zeros around each plane: left, right, top, bottom.
pub fn zero_pad2d(x: &[f32], [h, w]: [usize; 2], [left, right, top, bottom]: [usize; 4]) -> Vec<f32> {
    let (height, width) = (top + h + bottom, left + w + right);
    let mut z = vec![0.0; x.len() / (h * w) * height * width];
    for (plane, z) in x.chunks_exact(h * w).zip(z.chunks_exact_mut(height * width)) {
        for (row, x) in plane.chunks_exact(w).enumerate() {
            z[(top + row) * width + left..][..w].copy_from_slice(x);
        }
    }
    z
}

/// (x − mean)·gain + shift, channel by channel.
pub fn batch_norm(x: &[f32], mean: &[f32], gain: &[f32], shift: &[f32]) -> Vec<f32> {
    let run = x.len() / mean.len();
    x.iter().enumerate().map(|(place, x)| (x - mean[place / run]) * gain[place / run] + shift[place / run]).collect()
}

/// γ·(x − μ)/√(v + ε) + β in rows; an empty γ or β is none. They are as long as all the rows that meet them in turn.
pub fn normalize(x: &[f32], length: usize, eps: f64, weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let average = |total: f32| (0.0 + f64::from(total)) / length as f64;
    let mut z = Vec::with_capacity(x.len());
    for row in x.chunks_exact(length) {
        let mean = average(sum(row)) as f32;
        let variance = average(sums([row], |[x]| [(x - mean) * (x - mean)])[0]) as f32;
        let inverse = 1.0 / (variance + eps as f32).sqrt();
        z.extend(row.iter().map(|x| (x - mean) * inverse));
    }
    if !weight.is_empty() {
        z.iter_mut().zip(weight.iter().cycle()).for_each(|(z, w)| *z *= w);
    }
    if !bias.is_empty() {
        z.iter_mut().zip(bias.iter().cycle()).for_each(|(z, b)| *z += b);
    }
    z
}

/// (x − mean) / std, rounded once.
pub fn standardize(x: &[f64], mean: &[f64], std: &[f64]) -> Vec<f32> {
    x.iter().zip(mean.iter().zip(std)).map(|(x, (mean, std))| ((x - mean) / std) as f32).collect()
}

/// x·std + mean.
pub fn scale(x: &[f32], std: &[f64], mean: &[f64]) -> Vec<f64> {
    x.iter().zip(std.iter().zip(mean)).map(|(&x, (std, mean))| f64::from(x) * std + mean).collect()
}

/// Applies `line` to the entries along one axis, which are `inner` apart.
fn along(x: &[f32], length: usize, inner: usize, line: impl Fn(&[f32]) -> Vec<f32>) -> Vec<f32> {
    let mut z = vec![0.0; x.len()];
    for start in (0..x.len() / length).map(|k| k / inner * inner * length + k % inner) {
        let entries: Vec<f32> = (0..length).map(|j| x[start + j * inner]).collect();
        for (j, value) in line(&entries).into_iter().enumerate() {
            z[start + j * inner] = value;
        }
    }
    z
}

/// x − max x, and e to it.
fn shifted(x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let maximum = x.iter().fold(f32::NEG_INFINITY, |m, &x| if x > m || x.is_nan() { x } else { m });
    let shifted: Vec<f32> = x.iter().map(|x| x - maximum).collect();
    let powers = shifted.iter().map(|&x| exp(x)).collect();
    (shifted, powers)
}

/// e^(x − m) / Σ e^(x − m).
pub fn softmax(x: &[f32], length: usize, inner: usize) -> Vec<f32> {
    along(x, length, inner, |x| {
        let (_, powers) = shifted(x);
        let sum: f32 = powers.iter().copied().sum();
        powers.iter().map(|e| e / sum).collect()
    })
}

/// x − m − ln Σ e^(x − m).
pub fn log_softmax(x: &[f32], length: usize, inner: usize) -> Vec<f32> {
    along(x, length, inner, |x| {
        let (shifted, powers) = shifted(x);
        let log_sum = powers.iter().copied().sum::<f32>().ln();
        shifted.iter().map(|x| x - log_sum).collect()
    })
}

/// eˣ.
pub fn exp(x: f32) -> f32 {
    Exp::at::<f32, FUSED>(x)
}

/// tanh x.
pub fn tanh(x: f32) -> f32 {
    Tanh::at::<f32, FUSED>(x)
}

/// 1 / (1 + e⁻ˣ).
pub fn sigmoid(x: f32) -> f32 {
    Sigmoid::at::<f32, FUSED>(x)
}

/// x·σ(x).
pub fn silu(x: f32) -> f32 {
    sigmoid(x) * x
}

/// max(0, x).
pub fn relu(x: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { x }
}

/// x where x > 0, else slope·x.
pub fn leaky_relu(x: f32, slope: f32) -> f32 {
    if x > 0.0 { x } else { slope * x }
}

/// slope·x where x > 0, else scale·(eˣ − 1).
pub fn elu(x: f32, slope: f32, scale: f32) -> f32 {
    let t = tanh(x / 2.0);
    if x > 0.0 { slope * x } else { scale * (2.0 * t / (1.0 - t)) }
}

/// x·min(max(x + 3, 0), 6) / 6.
pub fn hardswish(x: f32) -> f32 {
    let gate = x + 3.0;
    let gate = if gate < 0.0 { 0.0 } else { gate };
    x * (if gate > 6.0 { 6.0 } else { gate }) / 6.0
}

/// ½x(1 + erf(x/√2)).
pub fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + Erf::at::<f32, FUSED>(x * std::f64::consts::FRAC_1_SQRT_2 as f32))
}

/// ½x(1 + tanh(√(2/π)(x + 0.044715x³))).
pub fn gelu_tanh(x: f32) -> f32 {
    let root = std::f64::consts::FRAC_2_PI.sqrt() as f32;
    0.5 * x * (1.0 + tanh(root * (x + 0.044715 * x * x * x)))
}

/// ln(1 + e^(βx)) / β, x itself where βx is above the threshold.
pub fn softplus(x: f32, beta: f32, threshold: f32) -> f32 {
    let e = exp(-(beta * x).abs());
    let w = 1.0 + e;
    let ln = Ln::at::<f32, FUSED>(w);
    let ln = if w == 1.0 { e } else { ln * (e / (w - 1.0)) };
    let u = beta * x;
    let smooth = (if u < 0.0 { ln } else { u + ln }) / beta;
    if u > threshold { x } else { smooth }
}
