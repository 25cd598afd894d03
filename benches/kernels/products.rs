//! Matrix products in the shapes of the report's dense networks: the three that a linear layer needs.

use super::tally::{Work, measure};
use divan::Bencher;
use limpide::kernels::{Kernels, Matrix};

const BATCH: usize = 64;
/// (in, out) of the layers of 784-128-10 and of the autoencoder 784-128-64-32 and back.
const LAYERS: [(usize, usize); 7] = [(784, 128), (128, 10), (128, 64), (64, 32), (32, 64), (64, 128), (128, 784)];

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i % 17) as f32 / 17.0 - 0.5).collect()
}

/// One of the forms, from an X (n, in), a W (out, in) and a δ (n, out).
fn product(
    bencher: Bencher,
    (inputs, outputs): (usize, usize),
    form: &str,
    run: impl Fn(&[Matrix<f32>; 3], &mut [f32]),
    result: usize,
) {
    let (x, w, delta) = (numbers(BATCH * inputs), numbers(outputs * inputs), numbers(BATCH * outputs));
    let operands =
        [Matrix::new(&x, BATCH, inputs), Matrix::new(&w, outputs, inputs), Matrix::new(&delta, BATCH, outputs)];
    let mut c = vec![0.0; result];
    let name = format!("{form}, {inputs} to {outputs}, batch {BATCH}");
    measure(bencher, name, Work::Flops(2 * BATCH * inputs * outputs), || run(divan::black_box(&operands), &mut c));
}

#[divan::bench(args = LAYERS)]
fn forward(bencher: Bencher, layer: (usize, usize)) {
    product(bencher, layer, "X·Wᵀ", |[x, w, _], c| f32::gemm(1.0, *x, w.t(), 0.0, c), BATCH * layer.1);
}

#[divan::bench(args = LAYERS)]
fn gradient(bencher: Bencher, layer: (usize, usize)) {
    product(bencher, layer, "δᵀ·X", |[x, _, d], c| f32::gemm(1.0, d.t(), *x, 1.0, c), layer.0 * layer.1);
}

#[divan::bench(args = LAYERS)]
fn delta(bencher: Bencher, layer: (usize, usize)) {
    product(bencher, layer, "δ·W", |[_, w, d], c| f32::gemm(1.0, *d, *w, 0.0, c), BATCH * layer.0);
}
