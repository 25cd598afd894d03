//! One row through a small pipeline, 4-16-3: what a caller, or a request to `limpide serve`, waits for inside the library.

use divan::{Bencher, black_box};
use limpide::layers::{Linear, Relu};
use limpide::pipeline::{Activation, Input, Output, Pipeline};
use limpide::table::{Column, Encoding, Rows, Table};
use limpide::{Sequential, Tensor, tensor};

const NAMES: [&str; 4] = ["sepal length", "sepal width", "petal length", "petal width"];

fn pipeline() -> Pipeline {
    let column = |name: &&str| Column {
        name: name.to_string(),
        encoding: Encoding::Number { mean: 3.5, std: 1.5, missing: false },
    };
    let input = Input::Table(Table { columns: NAMES.iter().map(column).collect(), header: true });
    let names = ["setosa", "versicolor", "virginica"].map(str::to_string).to_vec();
    let output = Output::Classes { names, activation: Activation::Softmax };
    let network = Sequential::<f32>::new().push(Linear::new(4, 16)).push(Relu).push(Linear::new(16, 3)).seed(1);
    Pipeline::new(network, input, output).expect("parts that fit")
}

fn row() -> Tensor<f32> {
    tensor(&[1, 4], vec![5.1, 3.5, 1.4, 0.2])
}

/// The network and the meaning of its outputs, everything ready.
#[divan::bench]
fn answer(bencher: Bencher) {
    let pipeline = pipeline();
    let (mut ready, x) = (pipeline.ready(1).expect("a shape"), pipeline.prepare(&row()).expect("a row"));
    bencher.bench_local(|| ready.answer(black_box(&x)));
}

/// Scaling, network and meaning, everything ready.
#[divan::bench]
fn prepare_and_answer(bencher: Bencher) {
    let pipeline = pipeline();
    let (mut ready, x) = (pipeline.ready(1).expect("a shape"), row());
    bencher.bench_local(|| ready.answer(&pipeline.prepare(black_box(&x))?));
}

/// The same from named cells of text, as they come from CSV or JSON.
#[divan::bench]
fn prepare_rows_and_answer(bencher: Bencher) {
    let pipeline = pipeline();
    let mut ready = pipeline.ready(1).expect("a shape");
    let mut rows = Rows::new(NAMES);
    rows.push(["5.1", "3.5", "1.4", "0.2"]).expect("a cell a column");
    bencher.bench_local(|| ready.answer(&pipeline.prepare_rows(black_box(&rows))?.0));
}

/// `predict` alone, which makes plan and buffers anew each time.
#[divan::bench]
fn predict(bencher: Bencher) {
    let (pipeline, x) = (pipeline(), row());
    bencher.bench_local(|| pipeline.predict(black_box(&x)));
}
