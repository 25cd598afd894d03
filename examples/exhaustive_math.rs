//! Holds exp, ln, tanh, sigmoid and erf against references in f64, for every one of the 2³² `f32` inputs and on every
//! level of vector instructions that this machine has. Exits with 1 when an error exceeds 2 units in the last place.
//!
//! `cargo run --release --example exhaustive_math` (two to four minutes on two cores)

use limpide::kernels::{Function, Level};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

const LIMIT: f64 = 2.0;
/// Inputs handled together: few enough to stay in the cache.
const BLOCK: usize = 4096;

/// The largest error found, and where.
#[derive(Clone, Copy)]
struct Worst {
    error: f64,
    input: f32,
    output: f32,
}

fn main() -> ExitCode {
    let levels: Vec<Level> = Level::available().collect();
    let mut good = true;
    for function in Function::ALL {
        for (level, worst) in levels.iter().zip(examine(function, &levels)) {
            let Worst { error, input, output } = worst;
            println!("{function:?} {}: {error:.4} ulp at {input:e} (gives {output:e})", level.name());
            good &= error <= LIMIT;
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The worst case of each level, over all inputs, by all cores.
fn examine(function: Function, levels: &[Level]) -> Vec<Worst> {
    let next = AtomicU32::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(|| work(function, levels, &next))).collect();
        let results = threads.into_iter().map(|thread| thread.join().expect("a worker ends without a panic"));
        results.reduce(|all, one| all.into_iter().zip(one).map(|(a, b)| worse(a, b)).collect()).unwrap_or_default()
    })
}

/// One worker: takes the next block of inputs, with both signs, until none is left.
fn work(function: Function, levels: &[Level], next: &AtomicU32) -> Vec<Worst> {
    let mut worst = vec![Worst { error: 0.0, input: 0.0, output: 0.0 }; levels.len()];
    let (mut x, mut y, mut exact) = ([0f32; 2 * BLOCK], [0f32; 2 * BLOCK], [0f64; 2 * BLOCK]);
    loop {
        let block = next.fetch_add(1, Ordering::Relaxed);
        if block >= (1 << 31) / BLOCK as u32 {
            return worst;
        }
        for i in 0..BLOCK {
            x[i] = f32::from_bits(block * BLOCK as u32 + i as u32);
            x[BLOCK + i] = -x[i];
            [exact[i], exact[BLOCK + i]] = reference(function, f64::from(x[i]));
        }
        for (&level, worst) in levels.iter().zip(&mut worst) {
            function.apply(level, &x, &mut y);
            for ((&input, &output), &exact) in x.iter().zip(&y).zip(&exact) {
                if output.to_bits() == (exact as f32).to_bits() {
                    continue; // correctly rounded, as most are: at most half a unit
                }
                *worst = worse(*worst, Worst { error: error(output, exact), input, output });
            }
        }
    }
}

fn worse(a: Worst, b: Worst) -> Worst {
    if b.error > a.error { b } else { a }
}

/// The function at x ≥ 0 and at −x.
fn reference(function: Function, x: f64) -> [f64; 2] {
    match function {
        Function::Exp => [x.exp(), 1.0 / x.exp()],
        Function::Ln => [x.ln(), (-x).ln()],
        Function::Tanh => [x.tanh(), -x.tanh()],
        Function::Sigmoid => {
            let e = (-x).exp();
            [1.0 / (1.0 + e), e / (1.0 + e)]
        }
        Function::Erf => [libm::erf(x), -libm::erf(x)],
    }
}

/// The distance of `y` from the exact value in units of the last place that an `f32` has there. Infinite when only one
/// of the two is NaN, or when zeros differ in sign.
fn error(y: f32, exact: f64) -> f64 {
    if y.is_nan() || exact.is_nan() {
        return if y.is_nan() && exact.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if y == 0.0 && y.is_sign_negative() != exact.is_sign_negative() {
        return f64::INFINITY;
    }
    // Infinity counts as the number that would follow the largest finite one.
    let above = 2f64.powi(128);
    let (y, exact) = (f64::from(y).clamp(-above, above), exact.clamp(-above, above));
    let exponent = ((exact.to_bits() >> 52) & 0x7ff).clamp(1023 - 126, 1023 + 127);
    let unit = f64::from_bits((exponent - 23) << 52);
    (y - exact).abs() / unit
}
