//! `limpide report` as a user runs it.

mod shell;

use serde_json::Value;
use shell::{Ran, limpide, limpide_with};
use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

/// A quick report: what was printed, and the files written.
struct Report {
    ran: Ran,
    files: BTreeMap<String, Vec<u8>>,
}

/// One report for all tests that only look.
static REPORT: LazyLock<Report> = LazyLock::new(|| quick("--seed 2 --threads 1"));

/// Writes a quick report into a folder that has to be created.
fn quick(words: &str) -> Report {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("new/report");
    let words: Vec<&str> = words.split(' ').collect();
    let ran = limpide_with(&[&["report", "--quick", "--out", out.to_str().unwrap()], &words[..]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let entries = fs::read_dir(&out).unwrap().map(Result::unwrap);
    let files = entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
    Report { files: files.collect(), ran }
}

impl Report {
    fn text(&self, name: &str) -> &str {
        std::str::from_utf8(&self.files[name]).unwrap()
    }

    fn results(&self) -> Value {
        serde_json::from_str(self.text("results.json")).unwrap()
    }
}

#[test]
fn the_page_has_every_section_and_fetches_nothing() {
    let page = REPORT.text("index.html");
    for section in [
        "Results",
        "1. Gradient checks",
        "2. Five samples by heart",
        "3. A curved surface",
        "4. Two moons, three outputs",
        "5. Digits, a dense network",
        "6. Digits, a convolutional network",
        "7. Digits through a bottleneck",
        "Past the report",
        "How to reproduce each number",
        "Names, theirs and ours",
    ] {
        assert!(page.contains(&format!(">{section}</h2>")), "no section {section}");
    }
    for outside in ["http:", "https:", "src=", "<script", "<link", "@import"] {
        assert!(!page.contains(outside), "{outside} in the page");
    }
    assert!(page.contains("This is a quick run"));
    // What no target is for in a quick run has a command too.
    for command in [
        "experiment gradcheck<",
        "experiment overfit --seed 2<",
        "train recipes/digits-cv.toml --set seed=2 --set epochs=1<",
    ] {
        assert!(page.replace("</code> <code>", " ").contains(&format!("limpide {command}")), "{command}");
    }
    assert!(page.contains("in 500 epochs, from"));
    assert!(page.contains("MNIST was not found") && page.contains("limpide data fetch mnist"));
}

#[test]
fn every_figure_is_on_the_page_and_a_file_beside_it() {
    let drawings = "overfit-loss regression-loss regression-surface moons-loss moons-accuracy moons-boundary-sigmoid \
        moons-boundary-softmax moons-boundary-log-softmax dense-loss dense-accuracy dense-confusion cnn-loss cnn-accuracy \
        cnn-confusion cnn-filters cnn-feature-maps autoencoder-loss autoencoder-reconstructions autoencoder-latent past-accuracy past-loss";
    let images = "cnn-filters cnn-feature-maps autoencoder-reconstructions";
    let with = |names: &str, ending: &str| names.split(' ').map(|name| format!("{name}.{ending}")).collect::<Vec<_>>();
    let others = ["index.html", "results.json", "gradients.txt"].map(String::from).to_vec();
    let mut expected = [with(drawings, "svg"), with(images, "png"), others].concat();
    expected.sort();
    assert_eq!(REPORT.files.keys().cloned().collect::<Vec<_>>(), expected);

    for name in drawings.split(' ').chain(["gradients"]) {
        assert!(REPORT.text("index.html").contains(&format!("id=\"figure-{name}\"")), "{name} is not on the page");
    }
    assert!(REPORT.text("gradients.txt").contains("relative error  result"));
}

#[test]
fn the_results_hold_every_experiment_and_the_terminal_a_line_for_each_figure() {
    let results = REPORT.results();
    assert_eq!((&results["seed"], &results["quick"], &results["passed"]), (&2.into(), &true.into(), &true.into()));
    let experiments = results["experiments"].as_array().unwrap().iter();
    let names: Vec<&str> = experiments.map(|one| one["experiment"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "gradcheck",
            "overfit",
            "regression",
            "moons",
            "mnist-dense",
            "mnist-cnn",
            "autoencoder",
            "recipe regression",
            "recipe digits-cv"
        ]
    );

    let Ran { stdout, stderr, .. } = &REPORT.ran;
    let judged = results["summary"].as_array().unwrap().iter().filter(|row| row["passed"] == true).count();
    assert_eq!(stdout.lines().filter(|line| line.ends_with("reached")).count(), judged, "{stdout}");
    assert!(stdout.lines().last().unwrap().ends_with("index.html"), "{stdout}");
    assert!(stderr.contains("samples/s") && !stdout.contains("samples/s"));
}

#[test]
fn the_page_is_the_same_to_the_byte_for_any_number_of_threads() {
    let two = quick("--seed 2 --threads 2 --json");
    assert!(REPORT.text("index.html") == two.text("index.html"));
    assert_eq!(REPORT.results()["summary"], two.results()["summary"]);
    assert_eq!(two.ran.json(), two.results(), "--json prints what results.json holds");
}

#[test]
fn each_number_comes_again_from_its_command() {
    let results = REPORT.results();
    let rows = results["summary"].as_array().unwrap();
    for rows in rows.chunk_by(|a, b| a["command"] == b["command"]) {
        let command = rows[0]["command"].as_str().unwrap().strip_prefix("limpide ").unwrap();
        if let Some(recipe) = command.strip_prefix("train ") {
            let out = tempfile::tempdir().unwrap();
            let (root, out) = (concat!(env!("CARGO_MANIFEST_DIR"), "/../"), out.path().join("run"));
            let score = &limpide(&format!("train {root}{recipe} --json --out {}", out.display())).json()["test"];
            let figure = &score[if rows[0]["measure"] == "test MSE" { "loss" } else { "accuracy" }];
            assert_eq!(figure, &rows[0]["value"], "{command} does not give {}", rows[0]);
            continue;
        }
        let again = limpide(&format!("{command} --json")).json();
        for row in rows {
            let same = |run: &Value| run["measure"] == row["measure"] && run["value"] == row["value"];
            assert!(again["runs"].as_array().unwrap().iter().any(same), "{command} does not give {row}");
        }
    }
}

#[test]
fn an_out_that_cannot_be_a_folder_is_refused_before_anything_is_computed() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("taken");
    fs::write(&file, "mine").unwrap();
    for out in [file.clone(), file.join("below")] {
        let ran = limpide_with(&["report", "--out", out.to_str().unwrap()]);
        ran.is_refused_with(&["taken"]);
        assert!(!ran.stderr.contains("epoch"), "it had begun to train: {}", ran.stderr);
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn a_data_folder_that_is_not_there_leaves_no_folder_behind() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let ran = limpide_with(&["report", "--out", out.to_str().unwrap(), "--data", "no/such/folder"]);
    ran.is_refused_with(&["no/such/folder"]);
    assert!(!out.exists());
}
