//! Matrix products in the shapes of the report's dense networks: the three that a linear layer needs.

use super::tally::{Work, measure};
use divan::Bencher;
use limpide::kernels::{Kernels, Matrix, MatrixMut, Nonzeros, Sparse};

const BATCH: usize = 64;
/// (in, out) of the layers of 784-128-10 and of the autoencoder 784-128-64-32 and back.
const LAYERS: [(usize, usize); 8] =
    [(784, 128), (784, 64), (128, 10), (128, 64), (64, 32), (32, 64), (64, 128), (128, 784)];

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

/// Percent of X's entries that are not 0: MNIST's share, the largest that counts as sparse, and more.
const SHARES: [usize; 3] = [19, 40, 50];

/// An X of 784 columns in which so many percent are not 0, in no order.
fn thinned(percent: usize) -> Vec<f32> {
    let mut random = limpide::Stream::new(1);
    let mut entry = || if random.below(100) < percent { 0.5 } else { 0.0 };
    (0..BATCH * 784).map(|_| entry()).collect()
}

/// The products of a sparse X, 784 to 64, beside `forward` and `gradient`, which take no less time for zeros.
#[divan::bench(args = SHARES)]
fn sparse_forward(bencher: Bencher, percent: usize) {
    let (x, w) = (thinned(percent), numbers(64 * 784));
    let (nonzeros, mut z) = (marked(&x), vec![0.0; BATCH * 64]);
    let name = format!("X·Wᵀ, 784 to 64, batch {BATCH}, {percent} % of X not 0");
    measure(bencher, name, Work::Flops(2 * BATCH * 784 * 64), || {
        nonzeros.forward(divan::black_box(Sparse::Numbers(&x)), &w, &[], MatrixMut::new(&mut z, BATCH, 64));
    });
}

#[divan::bench(args = SHARES)]
fn sparse_gradient(bencher: Bencher, percent: usize) {
    let (x, delta) = (thinned(percent), numbers(BATCH * 64));
    let (nonzeros, mut gradient) = (marked(&x), vec![0.0; 64 * 784]);
    let name = format!("δᵀ·X, 784 to 64, batch {BATCH}, {percent} % of X not 0");
    measure(bencher, name, Work::Flops(2 * BATCH * 784 * 64), || {
        nonzeros.gradient(divan::black_box(Sparse::Numbers(&x)), Matrix::new(&delta, BATCH, 64), &mut gradient);
    });
}

fn marked(x: &[f32]) -> Nonzeros {
    let mut nonzeros = Nonzeros::default();
    nonzeros.begin(BATCH, 784, BATCH).for_each(|words| {
        Nonzeros::mark(x, 784, words);
    });
    nonzeros
}
