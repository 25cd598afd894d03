//! Runs whose data have changed since, and runs that cannot go on.

use super::{Place, SMALL, run};
use std::fs;
use std::path::Path;

/// Rows `a,b,y` whose y is 2a + b + 1; `turn` moves the rows on.
fn rows(turn: usize) -> String {
    let row = |i: usize| {
        let (a, b) = (i * 37 % 101, i * 53 % 89);
        format!("{a},{b},{}\n", 2 * a + b + 1)
    };
    format!("a,b,y\n{}", (0..60).map(|i| row((i + turn) % 60)).collect::<String>())
}

#[test]
fn a_run_is_not_gone_on_with_judged_or_drawn_on_other_rows() {
    let place = Place::new();
    let file = place.path("rows.csv");
    fs::write(&file, rows(0)).unwrap();
    place.train(&file, "run", "--target y --set epochs=3");
    let kept = |name: &str| fs::read(place.path(&format!("run/{name}"))).unwrap();
    let (result, page) = (kept("result.json"), kept("report.html"));
    // The same rows in another order: every count is what it was.
    fs::write(&file, rows(1)).unwrap();
    for command in ["resume", "eval", "report"] {
        let ran = run(command, &place.path("run"), "");
        ran.is_refused_with(&[
            "on other samples than its data",
            "rows.csv have now",
            "put the old data back, or train anew",
        ]);
    }
    assert!(kept("result.json") == result && kept("report.html") == page, "a refusal changes nothing");
    // A run that is not finished.
    fs::remove_file(place.path("run/result.json")).unwrap();
    run("resume", &place.path("run"), "").is_refused_with(&["on other samples"]);
    fs::write(&file, rows(0)).unwrap();
    for command in ["resume", "eval", "report"] {
        let ran = run(command, &place.path("run"), "");
        assert_eq!(ran.code, 0, "{command}: {}", ran.stderr);
    }
    // The same shape in other units: the scaled numbers are what they were.
    fs::write(&file, rows(0).replace('\n', "0\n").replacen("y0\n", "y\n", 1)).unwrap();
    run("eval", &place.path("run"), "").is_refused_with(&["on other samples"]);
    // A run of an older version keeps no fingerprint.
    fs::remove_file(place.path("run/data.json")).unwrap();
    assert_eq!(run("eval", &place.path("run"), "").code, 0);
}

#[test]
fn image_files_that_stay_on_disk_are_told_from_others() {
    let place = Place::new();
    let image = |name: &str, side: u32, shade: u32| {
        let path = place.path(name);
        fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), side, side);
        encoder.set_color(png::ColorType::Grayscale);
        let pixels: Vec<u8> = (0..side * side).map(|i| ((i * 31 + shade) % 251) as u8).collect();
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    };
    for number in 0..80 {
        image(&format!("photos/{}/{number:02}.png", ["cat", "dog"][number % 2]), 8, number as u32);
    }
    // 80 images of 128 x 128 are 1.25 MiB of pixels.
    let layers = "[{type=\"Flatten\"},{type=\"Linear\",in_features=16384,out_features=2}]";
    let words = "--set data.pixels.size=[128,128] --set data.pixels.memory_mib=1 --set epochs=1 --set layers=";
    place.train(&place.path("photos"), "run", &format!("{words}{layers}"));
    assert_eq!(run("eval", &place.path("run"), "").code, 0);
    image("photos/dog/01.png", 9, 1);
    run("eval", &place.path("run"), "").is_refused_with(&["on other samples", "photos"]);
}

#[test]
fn a_run_whose_loss_became_no_number_is_not_called_resumable() {
    let place = Place::new();
    let text = SMALL.replace("lr = 0.1", "lr = 1e30").replace("CrossEntropyLoss\"", "MSELoss\"");
    let text = text.replace("noise = 0.1", "noise = 0.1\ntargets = \"one-hot\"");
    let path = place.path("bad");
    run("train", &place.file(&text), &format!("--out {path} --set epochs=50")).is_refused_with(&["the loss became"]);
    for command in ["eval", "report", "compare"] {
        let ran = run(command, &path, if command == "compare" { &path } else { "" });
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
