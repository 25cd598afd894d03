//! The vectorised functions on slices that fit a core's first-level cache, and on larger ones.

use super::tally::{Work, measure};
use divan::Bencher;
use limpide::kernels::Kernels;

const LENGTHS: [usize; 2] = [2_048, 262_144];

fn function<T: Kernels>(bencher: Bencher, name: &str, length: usize, f: fn(&[T], &mut [T])) {
    let x: Vec<T> = (0..length).map(|i| T::number(i as f64 / length as f64 * 8.0 - 4.0)).collect();
    let mut y = x.clone();
    let work = Work::Bytes(2 * length * size_of::<T>());
    measure(bencher, format!("{name}, {length} entries"), work, || f(divan::black_box(&x), &mut y));
}

#[divan::bench(args = LENGTHS)]
fn exp(bencher: Bencher, length: usize) {
    function(bencher, "exp f32", length, f32::exp_slice);
}

#[divan::bench(args = LENGTHS)]
fn tanh(bencher: Bencher, length: usize) {
    function(bencher, "tanh f32", length, f32::tanh_slice);
}

#[divan::bench(args = LENGTHS)]
fn sigmoid(bencher: Bencher, length: usize) {
    function(bencher, "sigmoid f32", length, f32::sigmoid_slice);
}

#[divan::bench(args = LENGTHS)]
fn tanh_f64(bencher: Bencher, length: usize) {
    function(bencher, "tanh f64", length, f64::tanh_slice);
}
