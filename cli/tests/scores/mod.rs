//! What `limpide predict` and `eval` make of values far from 0, and of files that are none of rows.

use crate::shell::limpide_with;
use crate::{Place, root, run};
use limpide::layers::Linear;
use limpide::pipeline::{Activation, Input, Output, Pipeline};
use limpide::{Module, Sequential, tensor};
use serde_json::Value;
use std::fs;

/// An NPY file of numbers (rows, columns), each as these bytes.
fn npy(kind: &str, columns: usize, numbers: Vec<Vec<u8>>) -> Vec<u8> {
    let shape = format!("({}, {columns})", numbers.len() / columns);
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}").into_bytes();
    header.resize((header.len() + 11).next_multiple_of(64) - 11, b' ');
    header.push(b'\n');
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\0".to_vec(), length.to_vec(), header, numbers.concat()].concat()
}

fn floats(numbers: &[f32]) -> Vec<Vec<u8>> {
    numbers.iter().map(|number| number.to_le_bytes().to_vec()).collect()
}

fn doubles(numbers: &[f64]) -> Vec<Vec<u8>> {
    numbers.iter().map(|number| number.to_le_bytes().to_vec()).collect()
}

/// Inputs from −1 to 1 in no order, and values whose numbers differ by a ten-millionth of their size.
fn far(rows: usize) -> (Vec<f32>, Vec<f64>) {
    let x: Vec<f32> = (0..rows).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
    let y = x.iter().enumerate().map(|(i, &x)| 1e7 + f64::from(x) + (i % 7) as f64 * 0.01).collect();
    (x, y)
}

/// Root mean squared error, mean absolute error and R² as the definitions have them.
fn figures(got: &[f64], wanted: &[f64]) -> [f64; 3] {
    let count = wanted.len() as f64;
    let errors: Vec<f64> = got.iter().zip(wanted).map(|(got, wanted)| got - wanted).collect();
    let squares = errors.iter().map(|error| error * error).sum::<f64>();
    let mean = wanted.iter().sum::<f64>() / count;
    let all = wanted.iter().map(|y| (y - mean).powi(2)).sum::<f64>();
    [(squares / count).sqrt(), errors.iter().map(|error| error.abs()).sum::<f64>() / count, 1.0 - squares / all]
}

/// The figures in JSON are those of what `predict` says.
fn are_of(json: &Value, got: &[f64], wanted: &[f64]) {
    for (name, figure) in ["rmse", "mae", "r2"].into_iter().zip(figures(got, wanted)) {
        let own = json[name].as_f64().unwrap();
        assert!((own - figure).abs() < 1e-4 * figure.abs(), "{name} {own}, by hand {figure}: {json}");
    }
}

/// The numbers of a column of CSV.
fn column(text: &str, place: usize) -> Vec<f64> {
    text.lines().skip(1).map(|line| line.split(',').nth(place).unwrap().parse().unwrap()).collect()
}

#[test]
fn values_far_from_0_keep_their_digits_and_true_figures() {
    let place = Place::new();
    let (x, y) = far(200);
    let row = |i: usize| format!("{},{}\n", x[i], y[i]);
    let rows = |range: std::ops::Range<usize>| format!("x,y\n{}", range.map(row).collect::<String>());
    for (name, text) in [("train", rows(0..120)), ("test", rows(120..200))] {
        fs::write(place.path(&format!("{name}.csv")), text).unwrap();
    }
    place.train(&place.path("train.csv"), "rows", "--target y --set epochs=30");
    let got = column(&run("predict", &place.path("rows"), &place.path("test.csv")).stdout, 0);
    // A 32-bit number has no half near ten million.
    assert!(got.iter().any(|y| *y != f64::from(*y as f32)), "{got:?}");
    let json = run("eval", &place.path("rows"), &format!("{} --json", place.path("test.csv"))).json();
    are_of(&json, &got, &y[120..]);
    assert!(json["rmse"].as_f64() > Some(0.0) && json["r2"].as_f64() < Some(1.0), "{json}");

    let parts = [("x", "y", 0..120), ("x_test", "y_test", 120..200)];
    for (inputs, targets, range) in parts {
        let file = |name: &str| place.path(&format!("{name}.npy"));
        fs::write(file(inputs), npy("<f4", 1, floats(&x[range.clone()]))).unwrap();
        fs::write(file(targets), npy("<f8", 1, doubles(&y[range]))).unwrap();
    }
    let json = place.train(&place.path("x.npy"), "arrays", "--json --set epochs=30 --set test.max_loss=9").json();
    let got = column(&run("predict", &place.path("arrays"), &place.path("x_test.npy")).stdout, 1);
    are_of(&json["test_fit"], &got, &y[120..]);
    let text = fs::read_to_string(place.path("arrays/report.html")).unwrap();
    let rmse = format!("{:.5}", json["validation_fit"]["rmse"].as_f64().unwrap());
    assert!(text.contains(&rmse), "wants {rmse} on the page");
    let again = run("eval", &place.path("arrays"), &format!("{} --json", place.path("x_test.npy"))).json();
    are_of(&again, &got, &y[120..]);
    let part = run("eval", &place.path("arrays"), "--part test --json").json();
    assert_eq!((&part["rmse"], &part["r2"]), (&json["test_fit"]["rmse"], &json["test_fit"]["r2"]), "{part}");
    let told = run("eval", &place.path("arrays"), "--part test").stdout;
    assert!(told.contains("standardised values") && told.contains("R² ") && told.contains("MAE"), "{told}");
}

/// By hand: z = −1, 0, 1 in both columns, and the model says 2z: the errors are −1, 0, 1 deviations.
#[test]
fn several_values_have_a_figure_each() {
    let place = Place::new();
    let mut network = Sequential::<f32>::new().push(Linear::new(1, 3).without_bias());
    *network.parameters_mut()[0] = tensor(&[3, 1], vec![2.0, 2.0, 1.0]);
    let input = Input::Tensor { shape: Some(vec![1]), standardization: None, divisor: None, fit: None };
    let output = Output::Values { names: Vec::new(), mean: vec![0.0, 5000.0, 0.0], std: vec![1.0, 1000.0, 1.0] };
    Pipeline::new(network, input, output).unwrap().save(place.path("m.safetensors").as_ref()).unwrap();
    fs::write(place.path("x.npy"), npy("<f4", 1, floats(&[-1.0, 0.0, 1.0]))).unwrap();
    let y = [-1.0, 4000.0, 7.0, 0.0, 5000.0, 7.0, 1.0, 6000.0, 7.0];
    fs::write(place.path("y.npy"), npy("<f8", 3, doubles(&y))).unwrap();
    let ran = run("eval", &place.path("m.safetensors"), &place.path("x.npy"));
    let root = (2.0f64 / 3.0).sqrt();
    for words in [
        format!("output_1  R² 0.0000  RMSE {root:.5}"),
        format!("output_2  R² 0.0000  RMSE {:.5}", 1000.0 * root),
        "output_3  R² –".to_string(),
    ] {
        assert!(ran.stdout.contains(&words), "wants {words} in {}{}", ran.stdout, ran.stderr);
    }
    let json = run("eval", &place.path("m.safetensors"), &format!("{} --json", place.path("x.npy"))).json();
    assert_eq!((&json["r2"], &json["outputs"][2]["r2"]), (&0.0.into(), &Value::Null), "{json}");
    assert_eq!(json["outputs"][1]["name"], "output_2");
    let head = run("predict", &place.path("m.safetensors"), &place.path("x.npy")).stdout;
    assert!(head.starts_with("row,output_1,output_2,output_3\n"), "{head}");
}

#[test]
fn a_model_is_scored_on_arrays_and_on_folders_of_classes() {
    let place = Place::new();
    let plain = root().join("tests/reference/arrays/plain.npz").to_str().unwrap().to_string();
    place.train(&plain, "run", "--set epochs=20");
    let answers = run("predict", &place.path("run"), &plain).stdout;
    // The classes stand in turn.
    let right =
        answers.lines().skip(1).enumerate().filter(|(i, line)| line.split(',').nth(1) == Some(&(i % 3).to_string()));
    let accuracy = right.count() as f64 / 30.0;
    let json = run("eval", &place.path("run"), &format!("{plain} --json")).json();
    assert_eq!((&json["samples"], &json["accuracy"]), (&30.into(), &accuracy.into()), "{json}");
    let rows = place.path("rows.csv");
    fs::write(&rows, "1,2,3,4\n").unwrap();
    run("eval", &place.path("run"), &rows).is_refused_with(&["was trained on rows", "arrays x and y"]);
    let image = root().join("tests/reference/images/grey.png").to_str().unwrap().to_string();
    run("eval", &place.path("run"), &image).is_refused_with(&["a folder with a folder of images for each class"]);
    run("eval", &place.path("run"), "--part test").is_refused_with(&["the run has: train, validation", "got test"]);
    run("eval", &place.path("run"), &format!("{plain} --threads 2")).is_refused_with(&["--threads must be left out"]);
    run("eval", &place.path("run"), &format!("{plain} --data .")).is_refused_with(&["--data must be left out"]);

    let folder = crate::files::digits(&place, "digits");
    place.train(&folder, "images", "--set epochs=8");
    let answers = run("predict", &place.path("images"), &folder).stdout;
    let right = answers.lines().skip(1).filter(|line| {
        let (file, rest) = line.split_once(".png,").unwrap();
        file.split('/').rev().nth(1) == rest.split(',').next()
    });
    let accuracy = right.count() as f64 / 90.0;
    let json = run("eval", &place.path("images"), &format!("{folder} --json")).json();
    assert_eq!((&json["samples"], &json["accuracy"]), (&90.into(), &accuracy.into()), "{json}");
}

/// A picture and the same bytes as an array are the same numbers to a model of numbers from 0 to 255.
#[test]
fn images_mean_what_their_bytes_mean_in_an_array() {
    let place = Place::new();
    let mut network =
        Sequential::<f32>::new().push(limpide::layers::Flatten::default()).push(Linear::new(4, 1).without_bias());
    *network.parameters_mut()[0] = tensor(&[1, 4], vec![1.0, 0.0, 0.0, 0.5]);
    for (divisor, wanted) in [(None, "255"), (Some(255.0), "1"), (Some(51.0), "5")] {
        let input = Input::Tensor { shape: Some(vec![1, 2, 2]), standardization: None, divisor, fit: None };
        let path = place.path("m.safetensors");
        limpide::pipeline::save(
            &network,
            &limpide::pipeline::Meaning { input, output: Output::default() },
            path.as_ref(),
        )
        .unwrap();
        crate::files::write_png(&place.path("p.png"), 2, &[204, 7, 9, 102]);
        fs::write(place.path("p.npy"), npy("|u1", 4, [204u8, 7, 9, 102].map(|byte| vec![byte]).to_vec())).unwrap();
        for file in ["p.png", "p.npy"] {
            let ran = run("predict", &path, &place.path(file));
            let last = ran.stdout.lines().nth(1).and_then(|line| line.split(',').nth(1));
            assert_eq!(last, Some(wanted), "{file}, {divisor:?}: {}{}", ran.stdout, ran.stderr);
        }
    }
}

#[test]
fn a_row_that_is_too_far_away_is_called_by_its_number_in_the_file() {
    let place = Place::new();
    let standardization = Some(limpide::data::Standardization::new(vec![0.0], vec![1e-10], 1).unwrap());
    let input = Input::Tensor { shape: Some(vec![1]), standardization, divisor: None, fit: None };
    let network = Sequential::<f32>::new().push(Linear::new(1, 1)).seed(1);
    let path = place.path("m.safetensors");
    Pipeline::new(network, input, Output::default()).unwrap().save(path.as_ref()).unwrap();
    let rows: String = (0..8300).map(|i| if i == 8249 { "1e30\n" } else { "0\n" }).collect();
    fs::write(place.path("x.csv"), rows).unwrap();
    run("predict", &path, &place.path("x.csv")).is_refused_with(&["row 8250, number 1 of the input"]);
    let x: Vec<f32> = (0..300).map(|i| if i == 289 { 1e30 } else { 0.0 }).collect();
    fs::write(place.path("x.npy"), npy("<f4", 1, floats(&x))).unwrap();
    run("predict", &path, &place.path("x.npy")).is_refused_with(&["row 290, number 1 of the input"]);
}

#[test]
fn features_alone_are_nothing_to_compare_with() {
    let place = Place::new();
    let row = |i: usize| format!("{},{},{}\n", ["low", "high"][i % 2], i * 37 % 50 + 100 * (i % 2), i * 13 % 40);
    fs::write(place.path("all.csv"), (0..60).map(row).collect::<String>()).unwrap();
    place.train(&place.path("all.csv"), "run", "--target 1 --set epochs=3");
    let whole = run("eval", &place.path("run"), &place.path("all.csv"));
    assert!(whole.stdout.contains("60 rows: accuracy"), "{}{}", whole.stdout, whole.stderr);
    fs::write(place.path("features.csv"), "low,3\nhigh,4\n").unwrap();
    run("eval", &place.path("run"), &place.path("features.csv"))
        .is_refused_with(&["has no column `1` to compare with"]);
}

#[test]
fn one_row_has_no_coefficient_of_determination() {
    let place = Place::new();
    let (x, y) = far(60);
    let rows: String = (0..60).map(|i| format!("{},{}\n", x[i], y[i])).collect();
    fs::write(place.path("all.csv"), format!("x,y\n{rows}")).unwrap();
    place.train(&place.path("all.csv"), "run", "--target y --set epochs=2");
    fs::write(place.path("one.csv"), "x,y\n0.5,10000000\n").unwrap();
    let one = place.path("one.csv");
    let told = run("eval", &place.path("run"), &one).stdout;
    assert!(told.contains("1 row: R² –  RMSE"), "{told}");
    let json = run("eval", &place.path("run"), &format!("{one} --json")).json();
    assert!(json.as_object().unwrap().contains_key("r2") && json["r2"].is_null(), "{json}");
}

#[test]
fn outputs_that_are_not_the_classes_are_told_and_compared_with_nothing() {
    let place = Place::new();
    let rows: String = (0..60).map(|i| format!("{},{}\n", i * 37 % 50 + 100 * (i % 2), i % 2)).collect();
    fs::write(place.path("all.csv"), format!("x,y\n{rows}")).unwrap();
    let text = format!(
        "epochs = 2\n[data]\nfile = {:?}\ntarget = \"y\"\ntask = \"classification\"\n[split]\nvalidation = 0.2\n[loss]\n\
         name = \"CrossEntropyLoss\"\n[optimizer]\ntype = \"SGD\"\nlr = 0.1\n[[layers]]\ntype = \"Linear\"\nin_features = 1\n\
         out_features = 3\n",
        place.path("all.csv")
    );
    let ran = place.train(&place.file(&text), "run", "");
    assert!(ran.stderr.contains("must be one for each of 2 classes, got 3"), "{}", ran.stderr);
    let ran = run("predict", &place.path("run"), &place.path("all.csv"));
    assert!(ran.stdout.starts_with("output_1,output_2,output_3\n"), "{}{}", ran.stdout, ran.stderr);
    run("eval", &place.path("run"), &place.path("all.csv")).is_refused_with(&["one value for `y`, got 3 numbers"]);
}

#[test]
fn names_that_are_missing_are_asked_of_the_first_row() {
    let place = Place::new();
    let rows: String = (0..60).map(|i| format!("{},{},{}\n", i * 37 % 50, i * 11 % 30, i * 37 % 50 * 3)).collect();
    fs::write(place.path("all.csv"), format!("a,b,y\n{rows}")).unwrap();
    place.train(&place.path("all.csv"), "run", "--target y --set epochs=1");
    let file = place.path("new.csv");
    let refused = |text: &str, words: &[&str], not: &str| {
        fs::write(&file, text).unwrap();
        let ran = limpide_with(&["predict", &place.path("run"), &file]);
        ran.is_refused_with(words);
        assert!(!ran.stderr.contains(not), "{}", ran.stderr);
    };
    refused(
        "1,2\n3,4\n",
        &["`a` is missing; `b` is missing", "the first row of the file must hold the names"],
        "is it",
    );
    refused("a,a\n1,2\n", &["two columns `a`; rename one"], "data.header");
}

/// A network whose outputs go over the largest number for a large input: NaN would look like an answer.
#[test]
fn an_answer_that_is_not_finite_is_refused_with_its_row() {
    let place = Place::new();
    let mut network = Sequential::<f32>::new().push(Linear::new(1, 2));
    *network.parameters_mut()[0] = tensor(&[2, 1], vec![1e10, -1e10]);
    let input = Input::Tensor { shape: Some(vec![1]), standardization: None, divisor: None, fit: None };
    let output = Output::Classes { names: vec!["a".into(), "b".into()], activation: Activation::Softmax };
    let path = place.path("steep.safetensors");
    Pipeline::new(network, input, output).unwrap().save(path.as_ref()).unwrap();
    let words = ["what the network makes of row 2", "leave it out", "NaN"];
    fs::write(place.path("x.csv"), "1\n1e30\n").unwrap();
    run("predict", &path, &place.path("x.csv")).is_refused_with(&words);
    fs::write(place.path("x.npy"), npy("<f4", 1, floats(&[1.0, 1e30]))).unwrap();
    fs::write(place.path("y.npy"), npy("<f4", 1, floats(&[0.0, 1.0]))).unwrap();
    run("predict", &path, &place.path("x.npy")).is_refused_with(&words);
    run("eval", &path, &place.path("x.npy")).is_refused_with(&words);
}

#[test]
fn rows_that_cannot_be_scored_are_left_out_and_counted() {
    let place = Place::new();
    let row = |i: usize| format!("{},{}\n", ["low", "high"][i % 2], i * 37 % 50 + 100 * (i % 2));
    let rows: String = (0..60).map(row).collect();
    fs::write(place.path("all.csv"), format!("y,x\n{rows}")).unwrap();
    place.train(&place.path("all.csv"), "run", "--target y --set epochs=3");
    let whole = run("eval", &place.path("run"), &format!("{} --json", place.path("all.csv"))).json();
    assert_eq!((&whole["without_target"], &whole["samples"]), (&0.into(), &60.into()), "{whole}");
    fs::write(place.path("more.csv"), format!("y,x\n,3\nnew,4\nNA,5\n{rows}new,6\n")).unwrap();
    let ran = run("eval", &place.path("run"), &format!("{} --json", place.path("more.csv")));
    for words in
        ["left out 2 rows without `y`; the first is row 1", "left out 2 rows of classes", "`new`; the first is row 2"]
    {
        assert!(ran.stderr.contains(words), "wants {words} in {}", ran.stderr);
    }
    let more = ran.json();
    for field in ["samples", "accuracy", "log_loss"] {
        assert_eq!(more[field], whole[field], "{field}");
    }
    assert_eq!((&more["without_target"], &more["unknown_classes"]["new"]), (&2.into(), &2.into()), "{more}");
    fs::write(place.path("none.csv"), "y,x\nnew,4\n").unwrap();
    run("eval", &place.path("run"), &place.path("none.csv")).is_refused_with(&["has no rows to score on"]);
}

/// A pipe gives its bytes once: read a second time it is empty.
#[cfg(unix)]
#[test]
fn a_pipe_trains_and_predicts_as_a_file_does() {
    let place = Place::new();
    let row = |i: usize| format!("{},{}\n", ["low", "high"][i % 2], i * 37 % 50 + 100 * (i % 2));
    let text = format!("y,x\n{}", (0..60).map(row).collect::<String>());
    fs::write(place.path("all.csv"), &text).unwrap();
    let pipe = place.path("pipe.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let fill = || {
        let (pipe, text) = (pipe.clone(), text.clone());
        // A reader that never comes leaves this thread waiting, and no test: it is not joined.
        std::thread::spawn(move || fs::write(pipe, text));
    };
    fill();
    place.train(&pipe, "run", "--target y --set epochs=2");
    fill();
    let piped = run("predict", &place.path("run"), &pipe);
    assert_eq!(piped.stdout, run("predict", &place.path("run"), &place.path("all.csv")).stdout, "{}", piped.stderr);
}

/// A file that writes its classes as fractions has those of a model that learnt whole numbers.
#[test]
fn a_class_is_known_by_the_number_that_it_is() {
    let place = Place::new();
    let rows = |names: [&str; 2]| -> String {
        (0..60).map(|i| format!("{},{}\n", names[i % 2], i * 37 % 50 + 100 * (i % 2))).collect()
    };
    fs::write(place.path("whole.csv"), format!("y,x\n{}", rows(["0", "1"]))).unwrap();
    fs::write(place.path("fractions.csv"), format!("y,x\n{}", rows(["0.0", "1.0"]))).unwrap();
    place.train(&place.path("whole.csv"), "run", "--target y --set epochs=3");
    let [whole, fractions] = ["whole.csv", "fractions.csv"]
        .map(|file| run("eval", &place.path("run"), &format!("{} --json", place.path(file))).json());
    for field in ["samples", "accuracy", "log_loss"] {
        assert_eq!(fractions[field], whole[field], "{field}");
    }
}
