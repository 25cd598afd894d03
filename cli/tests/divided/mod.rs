//! Runs whose rows are divided by a column or by their order.

use crate::shell::{Ran, limpide_with};
use crate::{Place, run};
use std::fs;

/// Seven visits each of eight patients, of whom one alone is `rare`; the days fall while the rows go on.
fn visits() -> String {
    let row = |i: usize| {
        let (patient, class) = (i % 8, if i % 8 == 3 { "rare" } else { ["a", "b"][i % 2] });
        format!("p{patient},2024-02-{:02},{},{class}\n", 28 - i / 2, i * 37 % 101)
    };
    format!("patient,when,x,y\n{}", (0..56).map(row).collect::<String>())
}

fn plan(file: &str, words: &[&str]) -> Ran {
    limpide_with(&[&["train", file, "--target", "y", "--dry-run"], words].concat())
}

/// Places with the file of visits, by its path.
fn place() -> (Place, String) {
    let place = Place::new();
    let file = place.path("visits.csv");
    fs::write(&file, visits()).unwrap();
    (place, file)
}

#[test]
fn a_group_stays_together_in_every_command() {
    let (place, file) = place();
    let ran = place.train(&file, "run", "--target y --set epochs=3 --set split.group=patient");
    let note =
        "rows with the same `patient` (8 values) stay together when they are divided, and it is left out of the inputs";
    for line in [note, "train 49, validation 7, test 0\n", "class rare: 7, 0, 0\n"] {
        assert!(ran.stderr.contains(line), "wants {line} in\n{}", ran.stderr);
    }
    let text = fs::read_to_string(place.path("run/run.toml")).unwrap();
    assert!(text.contains("group = \"patient\"") && text.contains("patient = \"ignore\""), "{text}");
    place.train(&place.path("run/run.toml"), "again", "");
    let history = |run: &str| fs::read_to_string(place.path(run) + "/history.csv").unwrap();
    let losses =
        |run: &str| history(run).lines().map(|line| line.split(',').nth(2).unwrap().into()).collect::<Vec<String>>();
    assert_eq!(losses("run"), losses("again"));
    let eval = limpide_with(&["eval", &place.path("run"), "--part", "validation", "--json"]).json();
    assert_eq!(eval["samples"], 7);
    assert_eq!(run("resume", &place.path("run"), "").code, 0);
    let compared = limpide_with(&["compare", &place.path("run"), &place.path("again")]);
    assert_eq!(compared.code, 0, "{}", compared.stderr);
    // Who is asked about later is nobody of these.
    let new = place.path("new.csv");
    fs::write(&new, "x,when\n5,2024-03-01\n").unwrap();
    assert_eq!(run("predict", &place.path("run"), &new).code, 0);
}

#[test]
fn the_latest_rows_are_held_back() {
    let (_place, file) = place();
    // Two rows a day: of 28 days the last three, 6 of 56 rows, are the tenth that no day is parted for.
    let ran = plan(&file, &["--set", "split.order=when"]);
    for line in ["by their order in `when`: its largest values validate and test", "train 50, validation 6, test 0\n"] {
        assert!(ran.stdout.contains(line), "wants {line} in\n{}", ran.stdout);
    }
    // The file has the latest days first: by its rows the last are others, which a class that only they have shows.
    let late = visits().lines().enumerate().fold(String::new(), |text, (i, line)| match i {
        1..=6 => text + line.rsplit_once(',').unwrap().0 + ",late\n",
        _ => text + line + "\n",
    });
    fs::write(&file, late).unwrap();
    assert!(plan(&file, &["--set", "split.order=when"]).stdout.contains("class late: 0, 6, 0\n"));
    let ran = plan(&file, &["--set", "split.shuffle=false", "--set", "split.test=0.2"]);
    assert!(ran.stdout.contains("train 39, validation 6, test 11\n"), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("class late: 6, 0, 0\n"), "{}", ran.stdout);
    // Three folds over 28 days: blocks of 14 rows; a tenth of the 28 rows so far is 3, days have 2,
    // and 4 is as near as 2.
    let ran = plan(&file, &["--set", "split.order=when", "--set", "split.folds=3"]);
    assert!(ran.stdout.contains("train 10, validation 4, test 14\n"), "{}", ran.stdout);
}

#[test]
fn what_cannot_divide_rows_is_told() {
    let (place, file) = place();
    let one = |setting: &str| plan(&file, &["--set", setting]);
    one("split.group=patent").is_refused_with(&["`patent`", "did you mean `patient`?"]);
    one("split.order=patient").is_refused_with(&[
        "column `patient` wants a number or a date",
        "row 1 (line 2)",
        "`p0`",
    ]);
    one("split.group=y").is_refused_with(&["divided by `y`, which is the target"]);
    plan(&file, &["--set", "split.group=patient", "--set", "split.order=when"]).is_refused_with(&["one of them"]);
    plan(&file, &["--set", "split.group=patient", "--set", "split.shuffle=false"])
        .is_refused_with(&["left out beside split.shuffle = false"]);
    plan(&file, &["--set", "split.group=patient", "--set", "split.folds=9"]).is_refused_with(&[
        "the number of groups",
        "at least 9",
        "got 8",
    ]);
    fs::write(&file, (0..8).fold(visits(), |text, i| text.replace(&format!("p{i}"), "p"))).unwrap();
    one("split.group=patient").is_refused_with(&["the number of groups", "at least 2", "got 1"]);
    let digits = place.file(
        "epochs = 1\nmodel = \"report-cnn\"\n[data]\nname = \"digits\"\n[split]\nvalidation = 0.1\ngroup = \"x\"\n\
         [loss]\nname = \"CrossEntropyLoss\"\n[optimizer]\ntype = \"SGD\"\nlr = 0.1\n",
    );
    run("train", &digits, "--dry-run").is_refused_with(&["only a file of rows has columns", "got x"]);
}
