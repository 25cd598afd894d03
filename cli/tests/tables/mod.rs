//! `limpide train`, `predict` and `eval` on files of rows, right and wrong.

use crate::Place;
use crate::shell::{Ran, limpide_fed, limpide_with};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Rows `weight,colour,kind`: apples are light, melons heavy, and the colours tell nothing.
fn fruit(rows: usize) -> String {
    let row = |i: usize| {
        let (base, kind) = if i.is_multiple_of(2) { (150, "apple") } else { (2_000, "melon") };
        format!("{},{},{kind}\n", base + i * 7 % 50, ["green", "red", "yellow"][i / 2 % 3])
    };
    format!("weight,colour,kind\n{}", (0..rows).map(row).collect::<String>())
}

impl Place {
    /// A file by that name.
    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A model of fruit in `run`.
    fn with_model() -> Self {
        let place = Place::new();
        let file = place.put("fruit.csv", fruit(60));
        place.train(&file, "run", "--target kind --set epochs=40");
        place
    }

    fn predict(&self, text: &str, words: &str) -> Ran {
        let file = self.put("new.csv", text);
        let run = self.path("run");
        limpide_with(&[&["predict", &run, &file], &words.split_whitespace().collect::<Vec<_>>()[..]].concat())
    }
}

fn train(file: &str, out: &str, words: &[&str]) -> Ran {
    limpide_with(&[&["train", file, "--out", out], words].concat())
}

#[test]
fn a_file_and_a_target_are_enough_for_a_model_that_answers() {
    let place = Place::new();
    let file = place.put("fruit.csv", fruit(60));
    let json = place.train(&file, "run", "--target kind --json").json();
    assert_eq!(json["validation"]["accuracy"], 1.0);
    for name in ["run.toml", "model.safetensors", "history.csv", "result.json"] {
        assert!(Path::new(&place.path(&format!("run/{name}"))).exists(), "{name}");
    }
    let run = place.path("run");
    // The target may be there or not, and columns stand in any order.
    let new = place.put("new.csv", "id,colour,weight\na,red,160\nb,green,2020\n");
    let ran = limpide_with(&["predict", &run, &new, "--keep", "id"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let rows: Vec<Vec<&str>> = ran.stdout.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["id", "kind", "probability_apple", "probability_melon"]);
    assert_eq!((&rows[1][..2], &rows[2][..2]), (&["a", "apple"][..], &["b", "melon"][..]));
    let sum: f32 = rows[1][2..].iter().map(|cell| cell.parse::<f32>().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-6);
    let json = limpide_with(&["eval", &run, &file, "--json"]).json();
    assert_eq!((&json["samples"], &json["accuracy"]), (&60.into(), &1.0.into()));
    assert!(json["log_loss"].as_f64() < Some(0.5) && json["loss"].is_null(), "{json}");
    let piped = limpide_fed(&["predict", &run, "-"], b"weight,colour\n160,red\n");
    assert!(piped.stdout.starts_with("kind,probability_apple,probability_melon\napple,"), "{}", piped.stdout);
}

#[test]
fn what_a_file_holds_is_written_down_and_gives_the_same_run() {
    let place = Place::new();
    let file = place.put("fruit.csv", fruit(60).replace(',', ";"));
    place.train(&file, "first", "--target kind --set epochs=3");
    let text = fs::read_to_string(place.path("first/run.toml")).unwrap();
    for line in [
        "target = \"kind\"",
        "delimiter = \";\"",
        "decimal = \".\"",
        "header = true",
        "task = \"classification\"",
        "colour = \"category\"",
        "weight = \"number\"",
        "validation = 0.1",
    ] {
        assert!(text.lines().any(|own| own == line), "wants the line {line} in\n{text}");
    }
    place.train(&place.path("first/run.toml"), "second", "");
    let [first, second] =
        ["first", "second"].map(|run| fs::read(place.path(&format!("{run}/model.safetensors"))).unwrap());
    assert!(first == second);
    // Packed or from a pipe, the same rows are the same data.
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(fruit(60).as_bytes()).unwrap();
    let packed = place.put("fruit.csv.gz", packed.finish().unwrap());
    place.train(&packed, "third", "--target kind --set epochs=3");
    let fourth = place.path("fourth");
    let fed =
        limpide_fed(&["train", "-", "--target", "kind", "--set", "epochs=3", "--out", &fourth], fruit(60).as_bytes());
    assert_eq!(fed.code, 0, "{}", fed.stderr);
    for run in ["third", "fourth"] {
        assert!(first == fs::read(place.path(&format!("{run}/model.safetensors"))).unwrap(), "{run}");
    }
    assert_eq!(limpide_with(&["resume", &fourth]).code, 0);
}

/// With decimal commas a file gives the bits that it gives with points, to the answers.
#[test]
fn decimal_commas_train_and_answer_as_points_do() {
    let place = Place::new();
    let row = |i: usize| format!("{},{};{};{},5\n", i * 37 % 50, i % 10, ["a", "b"][i % 2], 3 * (i * 37 % 50));
    let text = format!("x;word;y\n{}", (0..100).map(row).collect::<String>());
    let [comma, point] = [("comma", text.clone()), ("point", text.replace(',', "."))]
        .map(|(name, text)| (name, place.put(&format!("{name}.csv"), text)));
    let dry = train(&comma.1, &place.path("dry"), &["--target", "y", "--dry-run"]);
    assert!(dry.stdout.contains("numbers are written with a decimal comma\n"), "{}{}", dry.stdout, dry.stderr);
    let answers = [(&comma, "x;word\n5,1;a\n7;b\n"), (&point, "x;word\n5.1;a\n7;b\n")].map(|((name, file), rows)| {
        place.train(file, name, "--target y --set epochs=3");
        let (run, new) = (place.path(name), place.put("new.csv", rows));
        let predicted = limpide_with(&["predict", &run, &new]);
        assert_eq!(predicted.code, 0, "{}", predicted.stderr);
        let model = fs::read(place.path(&format!("{name}/model.safetensors"))).unwrap();
        let json = limpide_with(&["eval", &run, file, "--json"]).json();
        (model, predicted.stdout, json["r2"].clone())
    });
    assert!(answers[0] == answers[1], "{:?} {:?}", &answers[0].1, &answers[1].1);
    let written = fs::read_to_string(place.path("comma/run.toml")).unwrap();
    assert!(written.contains("decimal = \",\"") && written.contains("task = \"regression\""), "{written}");
    place.train(&place.path("comma/run.toml"), "again", "");
    assert!(answers[0].0 == fs::read(place.path("again/model.safetensors")).unwrap());
}

#[test]
fn a_column_with_a_point_in_its_name_is_set_in_quotes() {
    let place = Place::new();
    let file = place.put("fruit.csv", fruit(40).replacen("weight", "fruit.weight", 1));
    let set = "data.columns.\"fruit.weight\"=ignore";
    let ran = train(&file, &place.path("run"), &["--target", "kind", "--set", set, "--dry-run"]);
    // Three colours are all that is left.
    assert!(ran.stdout.contains("Linear(3, 32)"), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_number_as_target_comes_back_in_its_own_units() {
    let place = Place::new();
    // The first column only counts; y = 1000 + 3x, in no order.
    let row = |i: usize| format!("{i},{},{}\n", 1000 + 3 * (i * 37 % 200), i * 37 % 200);
    let rows: String = (0..200).map(row).collect();
    let file = place.put("line.csv", format!("row,y,x\n{rows}"));
    let ran = place.train(&file, "run", "--target y");
    assert!(ran.stderr.contains("column `row` is left out: it only counts the rows"), "{}", ran.stderr);
    let ran = place.predict("x\n50\n150\n", "");
    let values: Vec<f64> = ran.stdout.lines().skip(1).map(|cell| cell.parse().unwrap()).collect();
    assert!((values[0] - 1150.0).abs() < 15.0 && (values[1] - 1450.0).abs() < 15.0, "{values:?} {}", ran.stderr);
    let json = limpide_with(&["eval", &place.path("run"), &file, "--json"]).json();
    assert!(json["r2"].as_f64() > Some(0.99), "{json}");
}

#[test]
fn a_dry_run_says_what_would_happen_and_writes_nothing() {
    let place = Place::new();
    let rows: String = fruit(40).lines().skip(1).enumerate().map(|(i, line)| format!("nr{i},{line}\n")).collect();
    let file = place.put("fruit.csv", format!("id,weight,colour,kind\n{rows}"));
    let ran = train(&file, &place.path("run"), &["--target", "kind", "--dry-run"]);
    for words in [
        "column `id` is left out: it is different text in every row",
        "train 36, validation 4, test 0",
        "class apple: 18, 2, 0",
        "Linear(4, 32)",
    ] {
        assert!(ran.stdout.contains(words), "wants {words} in\n{}{}", ran.stdout, ran.stderr);
    }
    assert!(!Path::new(&place.path("run")).exists());
}

#[test]
fn files_that_cannot_be_learnt_from_are_refused_with_the_row() {
    let place = Place::new();
    let latin = fruit(8).replace("green", "gr\u{fc}n").chars().map(|c| c as u32 as u8).collect::<Vec<u8>>();
    let third = |cells: &str| {
        let lines: Vec<String> = fruit(40).lines().map(str::to_string).collect();
        [&lines[..3], &[cells.to_string()], &lines[4..]].concat().join("\n")
    };
    for (name, bytes, words) in [
        (
            "ragged",
            third("164,red,apple,extra").into_bytes(),
            &["row 3 (line 4) has 4 cells, and the header has 3"][..],
        ),
        ("short", third("164,red").into_bytes(), &["row 3 (line 4) has 2 cells"]),
        (
            "inf",
            third("inf,red,apple").into_bytes(),
            &["row 3 (line 4)", "column `weight`", "`inf` is no finite number"],
        ),
        (
            "no-class",
            fruit(40).replace("apple", "").replacen("melon", "NA", 1).into_bytes(),
            &["21 of 40 rows have no value of the target `kind`; the first is row 1 (line 2)"],
        ),
        ("empty", Vec::new(), &["is empty"]),
        ("header", b"weight,colour,kind\n".to_vec(), &["has a header and no rows"]),
        ("one-class", fruit(40).replace("melon", "apple").into_bytes(), &["`kind` is `apple` in all 40 rows"]),
        ("latin-1", latin, &["row 1 (line 2), column `colour` is not UTF-8"]),
        ("an image", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec(), &["is no text", "a file of rows is wanted"]),
        ("utf-16", [&[0xFF, 0xFE][..], b"a\0,\0b\0"].concat(), &["is UTF-16 text; save it as UTF-8"]),
        ("twice", fruit(40).replacen("colour", "weight", 1).into_bytes(), &["has two columns `weight`"]),
    ] {
        let file = place.put(&format!("{name}.csv"), bytes);
        let out = place.path("run");
        train(&file, &out, &["--target", "kind"]).is_refused_with(&[&[name], words].concat());
        assert!(!Path::new(&out).exists(), "{name} left a folder");
    }
    let file = place.put("fruit.csv", fruit(40));
    let out = place.path("run");
    train(&file, &out, &["--target", "kin"]).is_refused_with(&["`kin`", "did you mean `kind`?", "`colour`"]);
    train(&file, &out, &[]).is_refused_with(&["--target must be one of the columns `weight`, `colour`, `kind`"]);
    train(&file, &out, &["--target", "kind", "--set", "data.delimiter=;"]).is_refused_with(&["with `,` it has 3"]);
    train(&file, &out, &["--target", "kind", "--set", "data.colums.a=number"])
        .is_refused_with(&["did you mean `columns`?"]);
    train(&file, &out, &["--target", "weight", "--set", "data.task=classes"]).is_refused_with(&["`classification`"]);
    train(&place.path("none.csv"), &out, &["--target", "a"]).is_refused_with(&["none.csv"]);
    train(&place.path(""), &out, &["--target", "a"]).is_refused_with(&["is a folder"]);
    assert!(!Path::new(&out).exists());
}

/// Row i and row i + 60 are the same but for two at the begin that have no target, and x is 10·i: what is told of a sample can be
/// looked up in the file.
#[test]
fn samples_are_told_by_their_rows_in_the_file() {
    let place = Place::new();
    let row = |i: usize| format!("{},{}\n", 10 * (1 + i % 60), ["no", "yes"][i % 60 / 5 % 2]);
    let text = |rows: std::ops::Range<usize>| rows.map(row).collect::<String>();
    let file = place.put("twice.csv", format!("x,y\n3,\n{}4,NaN\n{}", text(0..60), text(60..120)));
    let ran = place.train(&file, "run", "--target y --set epochs=2");
    let note = "2 of 122 rows have no value of the target `y` and are left out; the first is row 1 (line 2)\n";
    assert!(ran.stderr.contains(note), "{}", ran.stderr);
    assert!(!ran.stderr.contains("limpide: error"), "{}", ran.stderr);
    let (_, told) = ran.stderr.split_once("inputs and target (row ").expect("rows that stand in both parts");
    let numbers: Vec<usize> = told
        .split(" is the same as row ")
        .map(|rest| rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap())
        .take(2)
        .collect();
    assert_eq!(numbers[0].abs_diff(numbers[1]), 61, "{}", ran.stderr);
    let page = fs::read_to_string(place.path("run/report.html")).unwrap();
    let mut rows = 0;
    for line in page.lines().filter_map(|line| line.split_once("<th scope=\"row\">row ").map(|(_, rest)| rest)) {
        let number: usize = line.split('<').next().unwrap().parse().unwrap();
        assert!(line.ends_with(&format!("<td>x {}</td></tr>", 10 * ((number - 1) % 61))), "{line}");
        rows += 1;
    }
    assert!(rows > 3, "{rows} rows");
}

#[test]
fn rows_that_do_not_fit_a_model_are_refused_and_leave_nothing() {
    let place = Place::with_model();
    let out = place.path("answers.csv");
    for (text, words) in [
        ("weight\n160\n", &["`colour` is missing"][..]),
        ("weight,color\n160,red\n", &["`colour` is missing (is it `color`?)", "knows no `color`"]),
        ("weight,colour,size\n160,red,2\n", &["the model knows no `size`", "--ignore-extra"]),
        ("weight,colour\n160,red\nheavy,red\n", &["row 2, column `weight` must be a number", "`heavy`"]),
        ("weight,colour\n160,red\ninf,red\n", &["row 2, column `weight` must be a finite number"]),
        ("weight,colour\n160\n", &["row 1 (line 2) has 1 cell,"]),
        ("", &["is empty"]),
    ] {
        place.predict(text, &format!("--out {out}")).is_refused_with(&[&["new.csv"], words].concat());
        place.predict(text, "").is_refused_with(words);
        assert!(!Path::new(&out).exists());
    }
    let ran = place.predict("weight,colour,size\n160,red,2\n", "--ignore-extra");
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 2), "{}", ran.stderr);
    assert!(ran.stderr.contains("passed over the columns size"));
    let ran = place.predict("weight,colour\n160,blue\n,red\n170,blue\n", "");
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 4), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("column `colour`: `blue` in row 1 and 1 more was not there in training"),
        "{}",
        ran.stderr
    );
}

/// What a user has must not become what is written.
#[test]
fn a_file_that_is_read_is_not_written_over() {
    let place = Place::with_model();
    let (run, file, model) = (place.path("run"), place.path("fruit.csv"), place.path("run/model.safetensors"));
    let (rows, weights) = (fs::read(&file).unwrap(), fs::read(&model).unwrap());
    let other = place.path("run/../fruit.csv");
    for words in [
        vec!["predict", &run, &file, "--out", &other],
        vec!["predict", &run, &file, "--out", &model],
        vec!["train", &file, "--target", "kind", "--range-test", &other],
        vec!["export", &run, "--format", "onnx", "--out", &model],
        vec!["export", &run, "--format", "safetensors", "--out", &model],
        vec!["import", &model, "--layers", &run, "--out", &model],
    ] {
        limpide_with(&words).is_refused_with(&["must be another file than the one that is read"]);
    }
    let weights_alone = place.path("weights.safetensors");
    assert_eq!(limpide_with(&["export", &run, "--format", "safetensors", "--out", &weights_alone]).code, 0);
    let onnx = place.path("net.onnx");
    assert_eq!(limpide_with(&["export", &run, "--format", "onnx", "--out", &onnx]).code, 0);
    fs::write(place.path("net.safetensors"), b"mine").unwrap();
    limpide_with(&["import", &onnx]).is_refused_with(&["--out must be given", "net.safetensors"]);
    assert_eq!((fs::read(&file).unwrap(), fs::read(&model).unwrap()), (rows, weights));
    assert_eq!(fs::read(place.path("net.safetensors")).unwrap(), b"mine");
}

#[test]
fn data_that_have_changed_do_not_score_a_run() {
    let place = Place::with_model();
    let (run, file) = (place.path("run"), place.path("fruit.csv"));
    assert_eq!(limpide_with(&["eval", &run]).code, 0);
    place.put("fruit.csv", fruit(50));
    limpide_with(&["eval", &run]).is_refused_with(&["on 54, 6 and 0 samples", "have 45, 5 and 0 now", "eval"]);
    assert_eq!(limpide_with(&["eval", &run, &file]).code, 0);
}

#[test]
fn the_truth_may_stand_beside_the_answer() {
    let place = Place::with_model();
    let ran = place.predict("weight,colour,kind\n150,red,melon\n", "--keep kind");
    assert!(
        ran.stdout.starts_with("kind,predicted_kind,probability_apple,probability_melon\nmelon,apple,"),
        "{}",
        ran.stdout
    );
}

#[test]
fn an_exported_table_says_what_goes_in() {
    let place = Place::new();
    let row = |i: usize| {
        let (base, kind) = if i.is_multiple_of(2) { (150, "apple") } else { (2_000, "melon") };
        format!("{},2024-0{}-1{},{kind}\n", base + i * 7 % 50, 1 + i % 9, i % 10)
    };
    let file = place.put("fruit.csv", format!("weight,day,kind\n{}", (0..60).map(row).collect::<String>()));
    place.train(&file, "run", "--target kind --set epochs=2");
    for format in ["onnx", "rust"] {
        let json = limpide_with(&["export", &place.path("run"), "--format", format, "--json"]).json();
        let names = ["weight", "day", "day year sine", "day year cosine", "day week sine", "day week cosine"];
        assert_eq!(json["input_names"], serde_json::json!(names), "{format}");
        assert_eq!((&json["standardized"], &json["input"]), (&true.into(), &serde_json::json!([6])));
    }
    let told = limpide_with(&["export", &place.path("run"), "--format", "onnx"]).stdout;
    assert!(told.contains("takes samples (6,) of f64, as they were measured\n  weight\n  day\n"), "{told}");
    // What the names leave open stands wherever they do.
    let note = "`day`: days since 1970-01-01; then sine and cosine of 2π·days/365.2425 (year), 2π·days/7 (week)";
    assert!(told.ends_with(&format!("  day week cosine\n{note}\n")), "{told}");
    for file in ["run/model.rs", "run/model.onnx"] {
        let bytes = fs::read(place.path(file)).unwrap();
        assert!(bytes.windows(note.len()).any(|part| part == note.as_bytes()), "{file}");
    }
    let seen = limpide_with(&["inspect", &place.path("run")]).stdout;
    assert!(seen.contains(note), "{seen}");
}

/// Seconds since 1970 within two hours, in which the f32 next to them are 128 apart.
#[test]
fn a_column_far_from_0_answers_the_same_as_a_graph() {
    let place = Place::new();
    let row = |i: u64| format!("{}.25,{}\n", 1_700_000_000 + i * 120, if i < 30 { "early" } else { "late" });
    let file = place.put("times.csv", format!("seconds,part\n{}", (0..60).map(row).collect::<String>()));
    place.train(&file, "run", "--target part --set epochs=4");
    let (run, graph, back) = (place.path("run"), place.path("net.onnx"), place.path("back.safetensors"));
    let told = limpide_with(&["export", &run, "--format", "onnx", "--out", &graph, "--json"]).json();
    assert_eq!(told["input_type"], "f64");
    assert_eq!(limpide_with(&["import", &graph, "--out", &back]).code, 0);
    let rows = place.put("rows.csv", "seconds\n1700003333.5\n1700003400\n");
    let answers = |model: &str| -> Vec<f64> {
        let ran = limpide_with(&["predict", model, &rows]);
        assert!(ran.stdout.contains("probability_early,probability_late\n"), "{}", ran.stdout);
        let cells = ran.stdout.lines().skip(1).flat_map(|line| line.split(',').skip(1));
        let answers: Vec<f64> = cells.map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(answers.len(), 4, "{}{}", ran.stdout, ran.stderr);
        answers
    };
    let (ours, theirs) = (answers(&run), answers(&back));
    assert!(ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 1e-6), "{ours:?} and {theirs:?}");
    assert!(ours[0] != ours[2], "two rows: {ours:?}");
}

#[test]
fn a_model_from_the_future_and_a_folder_without_one_are_told() {
    let place = Place::with_model();
    let path = place.path("run/model.safetensors");
    let text = fs::read(&path).unwrap();
    let at = text.windows(14).position(|bytes| bytes == br#"\"version\":1,"#.as_slice()).unwrap();
    let newer = [&text[..at], br#"\"version\":9,"#, &text[at + 14..]].concat();
    fs::write(&path, newer).unwrap();
    place.predict("weight,colour\n160,red\n", "").is_refused_with(&["is a model of version 9", "update it"]);
    fs::remove_file(&path).unwrap();
    place.predict("weight,colour\n160,red\n", "").is_refused_with(&["has no model.safetensors"]);
}

/// A Parquet file gives the bits that the same rows as CSV give, from a pipe too, and its answers.
#[cfg(feature = "parquet")]
#[test]
fn parquet_is_a_table_like_any_other() {
    let place = Place::new();
    let [parquet, csv] = ["mixed-zstd.parquet", "mixed.csv"]
        .map(|name| crate::root().join("tests/reference/tables").join(name).to_str().unwrap().to_string());
    let text = fs::read_to_string(&csv).unwrap().replace("True", "true").replace("False", "false");
    let csv = place.put("mixed.csv", text);
    place.train(&parquet, "parquet", "--target kind --set epochs=3");
    place.train(&csv, "csv", "--target kind --set epochs=3");
    let piped = place.path("piped");
    let bytes = fs::read(&parquet).unwrap();
    let ran = limpide_fed(&["train", "-", "--target", "kind", "--set", "epochs=3", "--out", &piped], &bytes);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let model = |run: &str| fs::read(place.path(&format!("{run}/model.safetensors"))).unwrap();
    assert!(model("parquet") == model("csv") && model("parquet") == model("piped"));
    assert_eq!(limpide_with(&["resume", &piped]).code, 0);
    let run = place.path("parquet");
    let [of_parquet, of_csv] =
        [&parquet, &csv].map(|file| limpide_with(&["predict", &run, file, "--keep", "colour"]).stdout);
    assert_eq!(of_parquet.lines().count(), 41);
    assert_eq!(of_parquet, of_csv);
    let json = limpide_with(&["eval", &run, &parquet, "--json"]).json();
    assert_eq!(json["samples"], 40);
    let cut = place.put("cut.parquet", &bytes[..1000]);
    train(&cut, &place.path("none"), &["--target", "kind"]).is_refused_with(&["cut.parquet: is no whole Parquet file"]);
    assert!(!Path::new(&place.path("none")).exists());
}

#[cfg(not(feature = "parquet"))]
#[test]
fn parquet_names_the_build_that_reads_it() {
    let place = Place::new();
    let file = place.put("x.parquet", b"PAR1");
    train(&file, &place.path("run"), &["--target", "y"])
        .is_refused_with(&["x.parquet: is a Parquet file", "cargo build --release --features parquet"]);
}

/// The first of each month: no cell shows whether the day comes first.
#[test]
fn dates_that_no_cell_explains_are_explained_by_a_setting_that_the_run_keeps() {
    let place = Place::new();
    let row = |i: usize| format!("01/{:02}/{},{},{}\n", 1 + i % 12, 2015 + i / 12, i * 37 % 101, ["a", "b"][i / 6 % 2]);
    let file = place.put("months.csv", format!("when,x,half\n{}", (0..60).map(row).collect::<String>()));
    let ran = place.train(&file, "left-out", "--target half --set epochs=2");
    assert!(
        ran.stderr.contains("column `when` is left out: it looks like dates such as `01/01/2015`"),
        "{}",
        ran.stderr
    );
    let ran = place.train(&file, "run", "--target half --set epochs=2 --set data.day_first=true");
    assert!(ran.stderr.contains("dates with the day first, as data.day_first = true says"), "{}", ran.stderr);
    let ran = place.train(&place.path("run/run.toml"), "again", "");
    assert!(ran.stderr.contains("dates with the day first"), "{}", ran.stderr);
    // The 13th is no month.
    let ran = place.predict("when,x\n13/02/2016,5\n", "");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    place.predict("when,x\n02/13/2016,5\n", "").is_refused_with(&[
        "row 1",
        "column `when`",
        "a date such as 31/05/2024",
    ]);
}

#[test]
fn a_column_that_tells_the_target_alone_is_told_and_can_be_left_out() {
    let place = Place::new();
    let file = place.put("fruit.csv", fruit(60).replace("apple\n", "apple,pome\n").replace("melon\n", "melon,pepo\n"));
    let file = place.put("botany.csv", fs::read_to_string(file).unwrap().replacen("kind\n", "kind,fruit type\n", 1));
    let ran = place.train(&file, "run", "--target kind --set epochs=2");
    let note = "the target `kind` is told by column `fruit type` alone, each of whose 2 values goes with one class";
    assert!(ran.stderr.contains(note), "{}", ran.stderr);
    let setting = r#"data.columns."fruit type" = "ignore""#;
    assert!(ran.stderr.contains(setting), "{}", ran.stderr);
    let ran = train(&file, &place.path("other"), &["--target", "kind", "--set", setting, "--set", "epochs=2"]);
    assert!(ran.code == 0 && !ran.stderr.contains("is told by column"), "{}", ran.stderr);
}
