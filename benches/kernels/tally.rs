//! The fastest run of every benchmark, and how near it comes to the machine's limit.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use limpide::kernels::{level, peak};
use std::hint::black_box;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What a run does, by which its speed is counted.
#[derive(Clone, Copy)]
pub enum Work {
    /// Floating-point operations, a multiply-add as two.
    Flops(usize),
    /// Bytes read and written.
    Bytes(usize),
}

struct Row {
    name: String,
    work: Work,
    fastest: Duration,
}

static ROWS: Mutex<Vec<Row>> = Mutex::new(Vec::new());

/// Lets divan time a job, and keeps the fastest run.
pub fn measure(bencher: Bencher, name: String, work: Work, mut job: impl FnMut()) {
    let mut fastest = Duration::MAX;
    let run = || {
        let start = Instant::now();
        job();
        fastest = fastest.min(start.elapsed());
    };
    match work {
        Work::Flops(flops) => bencher.counter(ItemsCount::new(flops)).bench_local(run),
        Work::Bytes(bytes) => bencher.counter(BytesCount::new(bytes)).bench_local(run),
    }
    ROWS.lock().expect("no panic").push(Row { name, work, fastest });
}

/// The second table; nothing when divan has run nothing, as with `--list`.
pub fn print() {
    let rows = ROWS.lock().expect("no panic");
    let ran: Vec<_> = rows.iter().filter(|row| row.fastest < Duration::MAX).collect();
    if ran.is_empty() {
        return;
    }
    let peak = peak::<f32>(level(), 1) / 1e9;
    println!("\nThe fastest runs on one thread with {} instructions; peak {peak:.0} GFLOP/s.", level().name());
    println!("A job counted in bytes is held against copying as many.\n");
    for Row { name, work, fastest } in ran {
        let seconds = fastest.as_secs_f64();
        let (speed, unit, limit) = match *work {
            Work::Flops(flops) => (flops as f64 / seconds / 1e9, "GFLOP/s", peak),
            Work::Bytes(bytes) => (bytes as f64 / seconds / 1e9, "GB/s   ", copy(bytes)),
        };
        println!("{name:<76} {:>10.2} µs {speed:>8.1} {unit} {:>6.1} %", seconds * 1e6, 100.0 * speed / limit);
    }
}

/// GB/s of a plain copy that reads and writes so many bytes together; the best of 50.
fn copy(bytes: usize) -> f64 {
    let (from, mut to) = (vec![1u8; bytes / 2], vec![0u8; bytes / 2]);
    let run = |_| {
        let start = Instant::now();
        black_box(&mut to).copy_from_slice(black_box(&from));
        start.elapsed()
    };
    bytes as f64 / (0..50).map(run).min().expect("fifty runs").as_secs_f64() / 1e9
}
