//! Runs that cannot go on, and what no run can show.

use super::{Place, SMALL, run};
use std::path::Path;

#[test]
fn a_run_whose_loss_became_no_number_is_not_called_resumable() {
    let place = Place::new();
    let text = SMALL.replace("lr = 0.1", "lr = 1e30").replace("CrossEntropyLoss\"", "MSELoss\"");
    let text = text.replace("noise = 0.1", "noise = 0.1\ntargets = \"one-hot\"");
    let path = place.path("bad");
    run("train", &place.file(&text), &format!("--out {path} --set epochs=50")).is_refused_with(&["the loss became"]);
    for command in ["eval", "report"] {
        let ran = run(command, &path, "");
        ran.is_refused_with(&["the run failed", "would meet the same", "lower the learning rate", "train anew"]);
        assert!(!ran.stderr.contains("goes on"), "{}", ran.stderr);
    }
}

#[test]
fn what_no_test_can_show_is_refused_before_training() {
    let place = Place::new();
    let values =
        SMALL.replace("CrossEntropyLoss\"", "MSELoss\"").replace("noise = 0.1", "noise = 0.1\ntargets = \"one-hot\"");
    let refused = |text: &str, word: &str, words: &[&str]| {
        let out = place.path("run");
        run("train", &place.file(text), &format!("--out {out} --set split.test=0.5 --set {word}"))
            .is_refused_with(words);
        assert!(!Path::new(&out).exists(), "{word}: no partial output");
    };
    refused(&values, "test.min_accuracy=0.9", &["test.min_accuracy must be left out", "test.max_loss", "got 0.9"]);
    refused(SMALL, "test.max_loss=-1.0", &["test.max_loss must be 0 or more, got -1"]);
    refused(SMALL, "test.max_loss=nan", &["test.max_loss must be 0 or more, got NaN"]);
}

#[test]
fn the_folder_of_a_run_is_no_folder_of_images() {
    let place = Place::new();
    place.train(&place.file(SMALL), "run", "");
    let path = place.path("run");
    run("train", &path, &format!("--out {}", place.path("other"))).is_refused_with(&[
        "is the folder of a run",
        &format!("limpide resume {path}"),
        &format!("limpide eval {path}"),
    ]);
}
