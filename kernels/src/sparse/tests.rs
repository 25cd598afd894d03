//! Sparse products against the plain twins.

use super::*;
use crate::Stream;
use crate::{gemm_naive, level};

/// A matrix with about one entry in `one_in` that is not 0; zeros of both signs, and a subnormal number now
/// and then.
fn sparse<T: Kernels>(count: usize, one_in: usize, stream: &mut Stream) -> Vec<T> {
    let entry = |stream: &mut Stream| match (stream.below(one_in), stream.below(20)) {
        (0, 0) => T::min_positive_value() / T::number(4.0),
        (0, _) => T::number(stream.uniform(-1.0, 1.0)),
        (_, 0..10) => -T::zero(),
        _ => T::zero(),
    };
    (0..count).map(|_| entry(stream)).collect()
}

/// X's marks, made some rows at a time.
fn marked<T: Kernels>(x: &[T], rows: usize, columns: usize) -> Nonzeros {
    let mut nonzeros = Nonzeros::default();
    // What is left of a larger matrix may not show.
    nonzeros.begin(rows + 9, columns + 3, 1).for_each(|words| words.fill(u64::MAX));
    let some = nonzeros.begin(rows, columns, 5).zip(x.chunks(5 * columns));
    let counts = some.map(|(words, x)| Nonzeros::mark(x, columns, words));
    assert_eq!(counts.sum::<usize>(), nonzeros_naive(x, columns).len());
    nonzeros
}

const SIZES: [(usize, usize, usize); 7] =
    [(1, 5, 3), (8, 16, 8), (13, 37, 21), (64, 784, 64), (70, 50, 33), (130, 100, 40), (3, 7, 1)];

#[test]
fn they_are_marked_where_they_stand() {
    let mut stream = Stream::new(1);
    for (rows, columns, _) in SIZES {
        let x = sparse::<f32>(rows * columns, 9, &mut stream);
        let nonzeros = marked(&x, rows, columns);
        let marks = (0..rows * columns).map(|at| (at / columns, at % columns));
        let marks = marks.filter(|&(row, column)| nonzeros.word(row, column) >> (column % WORD) & 1 == 1);
        assert_eq!(marks.collect::<Vec<_>>(), nonzeros_naive(&x, columns), "{rows}×{columns}");
    }
}

#[test]
fn nan_is_not_0() {
    let mut words = [0; 2];
    let mut row = [0.0; 90];
    row[89] = f64::NAN;
    row[3] = f64::NAN;
    assert_eq!((Nonzeros::mark(&row, 90, &mut words), words), (2, [8, 1 << 25]));
}

/// Z and ∂L/∂W against three loops. The sums differ in their order alone.
fn agrees_with_the_plain_twin<T: Kernels>(tolerance: f64) {
    let mut stream = Stream::new(3);
    for (rows, columns, outputs) in SIZES {
        let mut draw = |count: usize| (0..count).map(|_| T::number(stream.uniform(-1.0, 1.0))).collect::<Vec<T>>();
        let (w, delta, bias) = (draw(outputs * columns), draw(rows * outputs), draw(outputs));
        let x = sparse::<T>(rows * columns, 6, &mut stream);
        let nonzeros = marked(&x, rows, columns);
        let close = |name: &str, got: &[T], wanted: &[T]| {
            for (got, wanted) in got.iter().zip(wanted) {
                let error = (*got - *wanted).wide().abs();
                let name = format!("{name} {rows}×{columns}×{outputs} on {}", level().name());
                assert!(error <= tolerance * (columns + rows) as f64, "{name}: {got} {wanted}");
            }
        };

        for bias in [&bias[..], &[]] {
            let mut wanted = if bias.is_empty() { vec![T::zero(); rows * outputs] } else { bias.repeat(rows) };
            let (a, b) = (Matrix::new(&x, rows, columns), Matrix::new(&w, outputs, columns));
            gemm_naive(T::one(), a, b.t(), T::one(), &mut wanted);
            let mut z = vec![T::nan(); rows * outputs];
            nonzeros.forward(Sparse::Numbers(&x), &w, bias, MatrixMut::new(&mut z, rows, outputs));
            close("Z", &z, &wanted);
        }

        let mut wanted = vec![T::zero(); outputs * columns];
        let d = Matrix::new(&delta, rows, outputs);
        gemm_naive(T::one(), d.t(), Matrix::new(&x, rows, columns), T::zero(), &mut wanted);
        let mut gradient = vec![T::nan(); outputs * columns];
        nonzeros.gradient(Sparse::Numbers(&x), d, &mut gradient);
        close("∂L/∂W", &gradient, &wanted);
    }
}

#[test]
fn f32_products_agree_with_the_plain_twin() {
    agrees_with_the_plain_twin::<f32>(1e-6);
}

#[test]
fn f64_products_agree_with_the_plain_twin() {
    agrees_with_the_plain_twin::<f64>(1e-15);
}

#[test]
fn the_division_of_outputs_and_rows_changes_no_bit() {
    let mut stream = Stream::new(4);
    let (rows, columns, outputs) = (24, 90, 50);
    let mut draw = |count: usize| (0..count).map(|_| stream.uniform(-1.0, 1.0) as f32).collect::<Vec<_>>();
    let (w, delta) = (draw(outputs * columns), draw(rows * outputs));
    let x = sparse::<f32>(rows * columns, 6, &mut stream);
    let nonzeros = marked(&x, rows, columns);
    let both = |range: std::ops::Range<usize>| {
        let (mut z, mut gradient) = (vec![0.0; rows * range.len()], vec![0.0; range.len() * columns]);
        let some = &w[range.start * columns..range.end * columns];
        nonzeros.forward(Sparse::Numbers(&x), some, &[], MatrixMut::new(&mut z, rows, range.len()));
        let delta = Matrix::new(&delta, rows, outputs).columns(range);
        nonzeros.gradient(Sparse::Numbers(&x), delta, &mut gradient);
        (z, gradient)
    };
    let (whole_z, whole_gradient) = both(0..outputs);
    for range in [0..16, 16..17, 17..50] {
        let (z, gradient) = both(range.clone());
        let of_whole: Vec<f32> = whole_z.chunks(outputs).flat_map(|row| row[range.clone()].to_vec()).collect();
        assert_eq!(z, of_whole, "outputs {range:?}");
        assert_eq!(gradient, whole_gradient[range.start * columns..range.end * columns], "outputs {range:?}");
    }
    // A row alone has the bits that it has among others.
    for row in [0, 7, 8, 23] {
        let x = &x[row * columns..(row + 1) * columns];
        let nonzeros = marked(x, 1, columns);
        let mut z = vec![0.0; outputs];
        nonzeros.forward(Sparse::Numbers(x), &w, &[], MatrixMut::new(&mut z, 1, outputs));
        assert_eq!(z, whole_z[row * outputs..(row + 1) * outputs], "row {row}");
    }
}

/// Rows that lie anywhere among bytes, against the numbers that they stand for.
#[test]
fn products_of_bytes_have_the_bits_of_their_numbers() {
    let mut stream = Stream::new(5);
    for (rows, columns, outputs) in SIZES {
        let all: Vec<u8> = (0..3 * rows * columns)
            .map(|_| if stream.below(5) == 0 { 1 + stream.below(255) as u8 } else { 0 })
            .collect();
        let places: Vec<usize> = (0..rows).map(|_| stream.below(3 * rows)).collect();
        // What comes next changes nothing, be it fewer rows or more.
        let next: Vec<usize> = (0..stream.below(2 * rows)).map(|_| stream.below(3 * rows)).collect();
        let bytes = ByteRows::new(&all, &places, columns, 3.0f32).unwrap().before(&next);
        let x = places.iter().flat_map(|&place| &all[place * columns..(place + 1) * columns]);
        let x: Vec<f32> = x.map(|&byte| f32::from(byte) / 3.0).collect();
        let wanted = marked(&x, rows, columns);
        let mut nonzeros = Nonzeros::default();
        let some = nonzeros.begin(rows, columns, 5).enumerate();
        let counts = some.map(|(task, words)| Nonzeros::mark_bytes(&bytes, 5 * task, words));
        assert_eq!(counts.sum::<usize>(), nonzeros_naive(&x, columns).len());
        assert_eq!(nonzeros.words, wanted.words, "{rows}×{columns}");

        let mut draw = |count: usize| (0..count).map(|_| stream.uniform(-1.0, 1.0) as f32).collect::<Vec<_>>();
        let (w, delta, bias) = (draw(outputs * columns), draw(rows * outputs), draw(outputs));
        let products = |x: Sparse<'_, f32>| {
            let (mut z, mut gradient) = (vec![0.0; rows * outputs], vec![0.0; outputs * columns]);
            nonzeros.forward(x, &w, &bias, MatrixMut::new(&mut z, rows, outputs));
            nonzeros.gradient(x, Matrix::new(&delta, rows, outputs), &mut gradient);
            (z, gradient)
        };
        assert_eq!(products(Sparse::Bytes(&bytes)), products(Sparse::Numbers(&x)), "{rows}×{columns}×{outputs}");
    }
}

#[test]
fn bytes_of_which_another_than_0_stands_for_0_are_not_taken() {
    assert!(ByteRows::new(&[0, 1], &[0], 2, 255.0f32).is_some());
    for divisor in [0.0, f32::INFINITY, f32::NAN] {
        assert!(ByteRows::new(&[0, 1], &[0], 2, divisor).is_none(), "{divisor}");
    }
}

#[test]
#[should_panic(expected = "rows among 2")]
fn rows_behind_the_bytes_are_refused() {
    let _ = ByteRows::new(&[0; 5], &[1, 2], 2, 1.0f32);
}

#[test]
#[should_panic(expected = "rows among 2")]
fn next_rows_behind_the_bytes_are_refused() {
    let _ = ByteRows::new(&[0; 5], &[1], 2, 1.0f32).map(|bytes| bytes.before(&[2]));
}

/// `_naive` is the definition; this holds its own small case against what can be seen.
#[test]
fn the_plain_twin_names_rows_and_columns() {
    assert_eq!(nonzeros_naive(&[0.0, 2.0, -0.0, 0.0, f64::NAN, 1.0], 3), [(0, 1), (1, 1), (1, 2)]);
}
