//! `limpide bench` from outside: what its JSON promises, and what it refuses.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_limpide")).arg("bench").args(arguments).output().unwrap()
}

#[test]
fn the_figures_of_a_workload_agree_with_each_other() {
    let output = bench(&["--workload", "moons", "--threads", "1", "--epochs", "2", "--json"]);
    assert!(output.status.success());
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |key: &str| figures[key].as_f64().unwrap_or_else(|| panic!("a number {key} in {figures}"));
    assert_eq!(figures["workload"], "moons");
    assert_eq!((number("threads"), number("batch"), number("epochs")), (1.0, 32.0, 2.0));
    let seconds: Vec<f64> = serde_json::from_value(figures["seconds_per_epoch"].clone()).unwrap();
    let median = (seconds[0] + seconds[1]) / 2.0;
    let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-9, "{a} and {b} in {figures}");
    close(number("seconds_per_epoch_median"), median);
    // 32,000 points in 1,000 steps; forward and gradient of 2·16 + 16 weights, delta of the last 16.
    close(number("us_per_step"), median * 1e6 / 1_000.0);
    close(number("samples_per_second"), 32_000.0 / median);
    close(number("gflops"), 2.0 * 32_000.0 * (2.0 * 48.0 + 16.0) / median / 1e9);
    close(number("peak_fraction"), number("gflops") / number("peak_gflops"));
    // Two coordinates and a label a point in f32; 2·16 + 16 and 16 + 1 parameters.
    close(number("data_mib"), 32_000.0 * 3.0 * 4.0 / f64::from(1 << 20));
    close(number("parameters_mib"), 65.0 * 4.0 / f64::from(1 << 20));
    if cfg!(target_os = "linux") {
        assert!(number("peak_mib") > number("data_mib"), "{figures}");
    }
    // ln 2 is what guessing costs.
    assert!(number("loss") < 0.5, "the network has learnt in {figures}");
    let modules: Vec<&str> =
        figures["modules"].as_array().unwrap().iter().map(|m| m["module"].as_str().unwrap()).collect();
    assert_eq!(modules, ["Linear(2, 16)", "Tanh", "Linear(16, 1)", "BceWithLogitsLoss(Mean)"]);
    let backward = |at: usize| &figures["modules"][at]["backward_us"];
    assert!(
        backward(2).as_f64().unwrap() > 0.0 && backward(3).is_null(),
        "a loss has no backward of its own: {figures}"
    );
}

#[test]
fn an_unknown_level_is_told() {
    let told = |level: &str| {
        let ran =
            Command::new(env!("CARGO_BIN_EXE_limpide")).args(["data", "list"]).env("LIMPIDE_SIMD", level).output();
        String::from_utf8(ran.unwrap().stderr).unwrap()
    };
    assert!(told("sse9").contains("LIMPIDE_SIMD=sse9 is passed over: it takes portable, avx2, avx512"));
    assert!(!told("AVX2").contains("LIMPIDE_SIMD") && !told("").contains("LIMPIDE_SIMD"));
}

#[test]
fn a_folder_that_is_not_there_is_refused_by_name() {
    let output = bench(&["--workload", "dense", "--data", "no/such/folder"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no/such/folder: wants the folder with the data files"));
}

#[test]
fn a_step_of_single_rows_is_one_prediction() {
    let output = bench(&["--workload", "row", "--threads", "1", "--epochs", "1", "--json"]);
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    let seconds = figures["seconds_per_epoch"][0].as_f64().unwrap();
    assert!((figures["us_per_step"].as_f64().unwrap() / (seconds * 1e6 / 2_000.0) - 1.0).abs() < 1e-9);
    let work = 2_000.0 * 2.0 * (784.0 * 128.0 + 128.0 * 10.0);
    assert!((figures["gflops"].as_f64().unwrap() / (work / seconds / 1e9) - 1.0).abs() < 1e-9);
}

#[test]
fn an_epoch_waits_for_its_turn() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_limpide"))
        .args(["bench", "--workload", "moons", "--threads", "1", "--epochs", "9", "--json", "--turns"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["ready"], true);
    let mut stdin = child.stdin.take().unwrap();
    let mut seconds = Vec::new();
    for _ in 0..2 {
        stdin.write_all(b"go\n").unwrap();
        seconds.push(next()["seconds"].as_f64().unwrap());
    }
    // No more turns: the figures of those that were.
    drop(stdin);
    let figures = next();
    assert_eq!(figures["seconds_per_epoch"], serde_json::json!(seconds));
    assert!(child.wait().unwrap().success());
}

#[test]
fn turns_want_somebody_who_gives_them() {
    let output = bench(&["--workload", "moons", "--json", "--turns"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--turns"));
}
