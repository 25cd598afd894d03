//! Names of columns and classes that hold line breaks and what steers a terminal.

use crate::Place;
use crate::shell::{Ran, limpide_with};
use std::fs;

/// Rows in which every name has a control character, with or without the column of classes.
fn rows(target: bool) -> String {
    let row = |i: usize| {
        let class = [",\"ap\nple\"", ",\"mel\u{7}on\""][i % 2];
        format!(
            "{},\"{}\"{}\n",
            150 + i * 7 % 50,
            ["gr\neen", "r\u{1b}[31med"][i / 2 % 2],
            if target { class } else { "" }
        )
    };
    let head = if target { ",\"ki\nnd\"" } else { "" };
    format!("\"we\night\",\"col\u{1b}[31mour\"{head}\n{}", (0..60).map(row).collect::<String>())
}

/// What a run has told, without the bar, which is drawn over itself.
fn told(ran: &Ran) -> String {
    let lines = ran.stderr.split(['\n', '\r']).filter(|line| !line.contains("epoch"));
    ran.stdout.clone() + &lines.collect::<Vec<_>>().join("\n")
}

fn is_plain(ran: &Ran, code: i32, wanted: &[&str]) {
    let text = told(ran);
    assert_eq!(ran.code, code, "{text}");
    for line in ["ple", "nd`", "ight", "een"] {
        assert!(!text.contains(&format!("\n{line}")), "a name is broken in\n{text}");
    }
    assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'), "{text:?}");
    wanted.iter().for_each(|words| assert!(text.contains(words), "wants {words} in\n{text}"));
}

#[test]
fn every_name_stays_on_its_line() {
    let place = Place::new();
    let put = |name: &str, text: String| {
        fs::write(place.path(name), text).unwrap();
        place.path(name)
    };
    let (file, run) = (put("rows.csv", rows(true)), place.path("run"));
    let classes = [r"class ap\nple: 27, 3, 0", r"class mel\u{7}on: 27, 3, 0"];
    let ran = limpide_with(&["train", &file, "--target", "ki\nnd", "--out", &run, "--set", "epochs=2"]);
    is_plain(&ran, 0, &classes);
    is_plain(&limpide_with(&["eval", &run, &file]), 0, &[r"    ap\nple  precision", r"    mel\u{7}on  precision"]);
    is_plain(&limpide_with(&["inspect", &run]), 0, &[r"we\night", r"col\u{1b}[31mour=gr\neen"]);
    let page = fs::read_to_string(place.path("run/report.html")).unwrap();
    assert!(!page.contains(|letter: char| letter.is_control() && !"\n\t".contains(letter)));
    // Errors and notes about names and cells.
    let ran = limpide_with(&["train", &file, "--target", "kind"]);
    is_plain(&ran, 2, &[r"`we\night`, `col\u{1b}[31mour`, `ki\nnd` (did you mean `ki\nnd`?), got `kind`"]);
    let same = put("same.csv", rows(true).replace("gr\neen", "r\u{1b}[31med"));
    let ran = limpide_with(&["train", &same, "--target", "ki\nnd", "--dry-run"]);
    is_plain(&ran, 0, &[r"column `col\u{1b}[31mour` is left out: it is `r\u{1b}[31med` in every row"]);
    let wrong = put("wrong.csv", rows(true).replacen("157,", "\"we\nll\",", 1));
    is_plain(
        &limpide_with(&["train", &wrong, "--target", "ki\nnd", "--dry-run"]),
        2,
        &[r"column `we\night`: `we\nll`"],
    );
    let new = put("new.csv", rows(true).replace("mel\u{7}on", "pe\nar").replacen("r\u{1b}[31med", "bl\u{1b}ue\n", 1));
    let left = [r"it could tell: `pe\nar`", r"`col\u{1b}[31mour`: `bl\u{1b}ue` in row 3 was not there"];
    is_plain(&limpide_with(&["eval", &run, &new]), 0, &left);
    let lost = put("lost.csv", rows(false).replacen("we\night", "he\night", 1));
    is_plain(&limpide_with(&["predict", &run, &lost]), 2, &[r"`we\night` is missing (is it `he\night`?)"]);
    // What machines read is what it was.
    let ran = limpide_with(&["predict", &run, &put("plain.csv", rows(false))]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut table = csv::Reader::from_reader(ran.stdout.as_bytes());
    assert_eq!(table.headers().unwrap(), &["ki\nnd", "probability_ap\nple", "probability_mel\u{7}on"][..]);
    assert_eq!(table.records().map(Result::unwrap).count(), 60);
}
