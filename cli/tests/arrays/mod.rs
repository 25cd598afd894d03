//! `limpide train` and `predict` on arrays whose types, names and shapes say less than one would like.

use super::{Place, SMALL, run};
use crate::shell::Ran;
use std::fs;
use std::path::Path;

/// An NPY file of entries of a type as NumPy names it.
fn npy(dtype: &str, shape: &[usize], entries: &[u8]) -> Vec<u8> {
    let axes: String = shape.iter().map(|axis| format!("{axis}, ")).collect();
    let mut header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({axes}), }}").into_bytes();
    header.resize((header.len() + 11).next_multiple_of(64) - 11, b' ');
    header.push(b'\n');
    [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], &header, entries].concat()
}

impl Place {
    fn floats(&self, name: &str, shape: &[usize], numbers: &[f32]) -> String {
        let entries: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        fs::write(self.path(name), npy("<f4", shape, &entries)).unwrap();
        self.path(name)
    }

    fn bytes(&self, name: &str, dtype: &str, shape: &[usize], entries: &[u8]) -> String {
        fs::write(self.path(name), npy(dtype, shape, entries)).unwrap();
        self.path(name)
    }

    /// What `train` says of a file that it refuses before anything is written.
    fn refused(&self, file: &str, words: &str) -> Ran {
        let ran = run("train", file, &format!("--out {} {words}", self.path("refused")));
        assert!(!Path::new(&self.path("refused")).exists(), "no partial output");
        ran
    }
}

/// Numbers from -1 to 1 that look like chance.
fn spread(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7919 % 1009) as f32 / 504.5 - 1.0).collect()
}

#[test]
fn labels_of_which_a_sample_has_any_number_are_learnt_as_yes_or_no() {
    let place = Place::new();
    let x = spread(600);
    let file = place.floats("x.npy", &[200, 3], &x);
    let yes: Vec<u8> = x.iter().map(|&x| u8::from(x > 0.0)).collect();
    place.bytes("y.npy", "|b1", &[200, 3], &yes);
    let ran = place.train(&file, "labels", "");
    assert!(ran.stderr.contains("taken for labels, each 0 or 1 (BCEWithLogitsLoss)"), "{}", ran.stderr);
    assert!(fs::read_to_string(place.path("labels/run.toml")).unwrap().contains("BCEWithLogitsLoss"));
    let answers = run("predict", &place.path("labels"), &file).stdout;
    let mut lines = answers.lines();
    assert_eq!(lines.next(), Some("row,probability_1,probability_2,probability_3"));
    let shares = lines.flat_map(|line| line.split(',').skip(1).map(|cell| cell.parse::<f32>().unwrap()));
    let shares: Vec<f32> = shares.collect();
    assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
    // A yes drawn by chance would be right for 300 of 600.
    let right = shares.iter().zip(&x).filter(|(share, x)| (**share > 0.5) == (**x > 0.0)).count();
    assert!(right > 540, "{right}");
    let ran = run("eval", &place.path("labels"), &file).stdout;
    assert!(ran.contains(&format!("labels told right {:.2} %\n    label_1  ", right as f64 / 6.0)), "{ran}");
    let page = fs::read_to_string(place.path("labels/report.html")).unwrap();
    assert!(page.contains("Figures of each label") && !page.contains("Residuals"));
    // Probabilities are told by their name, and 0 and 1 stay what they are for any loss that wants them.
    let layer = "[{type=\"Linear\",in_features=3,out_features=3},{type=\"Sigmoid\"}]";
    let words = format!("--set loss.name=BCELoss --set layers={layer} --set epochs=2");
    let ran = place.train(&file, "sigmoid", &words);
    assert!(!ran.stderr.contains("the targets go from"), "{}", ran.stderr);
    let answers = run("predict", &place.path("sigmoid"), &file).stdout;
    assert!(answers.starts_with("row,probability_1,probability_2,probability_3\n"), "{answers}");
    // One yes a row and no more is a class, as it is for floats.
    let hot: Vec<u8> = (0..600).map(|i| u8::from(i % 3 == i / 3 % 3)).collect();
    place.bytes("y.npy", "|b1", &[200, 3], &hot);
    let ran = place.train(&file, "hot", "--set epochs=1");
    assert!(ran.stderr.contains("taken for classes"), "{}", ran.stderr);
}

#[test]
fn a_test_part_of_another_type_means_what_the_training_part_means() {
    let place = Place::new();
    let pixels: Vec<u8> = (0..320).map(|i| (i * 7919 % 256) as u8).collect();
    let plain: Vec<f32> = pixels.iter().map(|&pixel| f32::from(pixel)).collect();
    let shares: Vec<f32> = plain.iter().map(|pixel| pixel / 255.0).collect();
    let classes: Vec<u8> = pixels.chunks(4).map(|row| u8::from(row[0] > 127)).collect();
    place.bytes("y.npy", "|u1", &[80], &classes);
    place.bytes("y_test.npy", "|u1", &[80], &classes);
    let words = "--json --set epochs=3 --set test.max_loss=1e9";
    let put_bytes = |name: &str| place.bytes(name, "|u1", &[80, 4], &pixels);
    let put = |name: &str, numbers: &[f32]| place.floats(name, &[80, 4], numbers);
    let loss = |out: &str| place.train(&place.path("x.npy"), out, words).json()["test"]["loss"].clone();
    put_bytes("x.npy");
    put_bytes("x_test.npy");
    let wanted = loss("bytes");
    put("x_test.npy", &shares);
    assert_eq!(loss("shares"), wanted);
    put("x_test.npy", &plain);
    place.refused(&place.path("x.npy"), words).is_refused_with(&["x_test.npy: row 1", "divided by 255"]);
    put("x.npy", &plain);
    let wanted = loss("plain");
    put_bytes("x_test.npy");
    assert_eq!(loss("plain-bytes"), wanted);
}

#[test]
fn the_letter_that_tells_inputs_from_targets_may_stand_anywhere_in_a_name() {
    let place = Place::new();
    let file = place.floats("experiment_x.npy", &[40, 2], &spread(80));
    place.floats("experiment_y.npy", &[40], &spread(40));
    let ran = place.train(&file, "pair", "--set epochs=1");
    assert!(ran.stderr.contains("experiment_y.npy"), "{}", ran.stderr);
    place.floats("experiment_x_test.npy", &[20, 2], &spread(40));
    place.floats("experiment_y_test.npy", &[20], &spread(20));
    let ran = place.train(&file, "tested", "--set epochs=1");
    assert!(ran.stderr.contains("train 36, validation 4, test 20"), "{}", ran.stderr);
    // Every fold would have the same test part.
    place
        .refused(&file, "--set split.folds=5")
        .is_refused_with(&["split: folds must be left out", "test part of its own"]);
}

#[test]
fn one_number_a_sample_needs_no_second_axis() {
    let place = Place::new();
    let x = spread(100);
    let file = place.floats("x.npy", &[100], &x);
    place.floats("y.npy", &[100], &x.iter().map(|x| 3.0 * x + 50.0).collect::<Vec<_>>());
    place.train(&file, "line", "");
    let answers = run("predict", &place.path("line"), &file).stdout;
    let got = answers.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse::<f32>().unwrap());
    let off = got.zip(&x).map(|(got, x)| (got - 3.0 * x - 50.0).abs()).sum::<f32>() / 100.0;
    // The mean alone would be 1.5 off.
    assert!(off < 0.3, "{off}");
}

#[test]
fn an_autoencoder_has_one_scale_in_all_parts() {
    let place = Place::new();
    // Far from 0, so that a part on another scale has a loss a thousand times as large.
    let x: Vec<f32> = spread(400).iter().map(|x| 100.0 + x).collect();
    let file = place.floats("x.npy", &[100, 4], &x);
    place.floats("y.npy", &[100], &spread(100));
    let json = place.train(&file, "own", "--json --set data.targets=inputs --set epochs=1").json();
    let [train, validation] = ["train", "validation"].map(|part| json[part]["loss"].as_f64().unwrap());
    assert!(validation > train / 10.0 && validation < 10.0 * train, "{train} {validation}");
    let words = "--set data.targets=inputs --set data.standardize=feature";
    place.refused(&place.file(SMALL), words).is_refused_with(&["data: standardize must be left out", "got feature"]);
}
