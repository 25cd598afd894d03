//! `limpide experiment` as a user runs it.

mod shell;

use serde_json::Value;
use shell::limpide;

/// The name of every experiment that trains, and words that make it short.
const SHORT: [(&str, &str); 6] = [
    ("overfit", "--epochs 20"),
    ("regression", "--epochs 3"),
    ("moons", "--epochs 2"),
    ("mnist-dense", "--epochs 2"),
    ("mnist-cnn", "--epochs 1"),
    ("autoencoder", "--epochs 2"),
];

#[test]
fn every_experiment_prints_one_json_object_with_the_same_fields() {
    for (name, words) in SHORT {
        let ran = limpide(&format!("experiment {name} {words} --seed 7 --threads 1 --json"));
        let json = ran.json();
        assert_eq!((&json["experiment"], &json["seed"], &json["threads"]), (&name.into(), &7.into(), &1.into()));
        for list in ["train_loss", "validation_loss", "seconds_per_epoch"] {
            assert!(json[list].is_array(), "{name}: {list}");
        }
        assert_eq!(json["epochs"], json["train_loss"].as_array().unwrap().len(), "{name}");
        assert!(json["dataset"].is_string() && json["target"].is_f64(), "{name}");
        assert_eq!(ran.code, i32::from(json["passed"] == false), "{name}");
        let on_test = [("test_accuracy", "moons mnist-dense mnist-cnn"), ("test_mse", "autoencoder")];
        for (field, experiments) in on_test {
            assert_eq!(json[field].is_f64(), experiments.split(' ').any(|own| own == name), "{name}: {field}");
        }
    }
}

#[test]
fn the_epochs_are_as_many_as_asked() {
    let json = limpide("experiment mnist-dense --epochs 3 --json").json();
    for list in ["train_loss", "validation_loss", "seconds_per_epoch"] {
        assert_eq!(json[list].as_array().unwrap().len(), 3, "{list}");
    }
}

#[test]
fn a_seed_gives_the_same_numbers_for_any_number_of_threads_and_another_gives_others() {
    for name in ["moons", "mnist-dense", "mnist-cnn", "autoencoder"] {
        let run = |words: &str| {
            let ran = limpide(&format!("experiment {name} --epochs 2 --json {words}"));
            without_clock(ran.json())
        };
        let one = run("--seed 3 --threads 1");
        assert_eq!(one, run("--seed 3 --threads 2"), "{name}");
        assert_ne!(one["train_loss"], run("--seed 4 --threads 1")["train_loss"], "{name}");
    }
}

/// The object without what may differ between two runs.
fn without_clock(mut json: Value) -> Value {
    let object = json.as_object_mut().unwrap();
    for field in ["seconds_per_epoch", "threads"] {
        object.remove(field).unwrap();
    }
    for run in object["runs"].as_array_mut().unwrap() {
        run.as_object_mut().unwrap().remove("seconds_per_epoch").unwrap();
    }
    json
}

#[test]
fn a_missed_target_is_said_and_exits_with_1() {
    let missed = limpide("experiment mnist-dense --epochs 1 --target 1.0");
    assert_eq!(missed.code, 1);
    assert!(missed.stdout.contains("target ≥ 100.00 %: MISSED"), "{}", missed.stdout);
    let reached = limpide("experiment mnist-dense --epochs 1 --target 0.0");
    assert_eq!(reached.code, 0);
    assert!(reached.stdout.contains("target ≥ 0.00 %: reached"), "{}", reached.stdout);
}

#[test]
fn one_figure_of_several_off_target_is_enough_to_fail() {
    // A code of two numbers keeps less than one of 32, so a target between the two splits them.
    let ran = limpide("experiment autoencoder --quick --target 0.03 --json");
    let runs = &ran.json()["runs"];
    assert_eq!((&runs[0]["passed"], &runs[1]["passed"]), (&true.into(), &false.into()));
    assert_eq!((ran.code, &ran.json()["passed"]), (1, &false.into()));
}

#[test]
fn results_go_to_stdout_and_progress_to_stderr() {
    let ran = limpide("experiment mnist-dense --epochs 10");
    assert!(ran.stdout.starts_with("mnist-dense: UCI digits") && !ran.stdout.contains("samples/s"), "{}", ran.stdout);
    assert!(ran.stderr.contains("epoch 10/10") && ran.stderr.contains("samples/s"), "{}", ran.stderr);
}

#[test]
fn a_debug_build_says_once_that_it_is_slow() {
    let ran = limpide("experiment overfit --epochs 1");
    let lines = ran.stderr.lines().filter(|line| line.contains("cargo run --release")).count();
    assert_eq!(lines, usize::from(cfg!(debug_assertions)), "{}", ran.stderr);
}

#[test]
fn an_unknown_experiment_is_refused_with_the_list_of_those_there_are() {
    limpide("experiment mnits").is_refused_with(&["mnits", "gradcheck, overfit, regression, moons", "mnist-cnn"]);
}

#[test]
fn wrong_words_are_refused_by_name() {
    for (words, told) in [
        ("--epochs 0", "--epochs"),
        ("--epochs many", "many"),
        ("--threads 0", "--threads"),
        ("--seed -1", "-1"),
        ("--target high", "high"),
        ("--target nan", "a finite number"),
        ("--target inf", "a finite number"),
        ("--target 95", "moons: --target must be an accuracy as a share from 0 to 1, such as 0.95, got 95"),
        ("--colour", "--colour"),
    ] {
        limpide(&format!("experiment moons {words}")).is_refused_with(&[told]);
    }
}

#[test]
fn an_option_that_an_experiment_has_no_use_for_is_refused() {
    for words in ["--epochs 5", "--seed 1", "--threads 2", "--data here", "--quick"] {
        let option = words.split(' ').next().unwrap();
        limpide(&format!("experiment gradcheck {words}"))
            .is_refused_with(&[&format!("gradcheck: {option} must be left out")]);
    }
    limpide("experiment overfit --quick").is_refused_with(&["overfit: --quick must be left out"]);
    let gradcheck = limpide("experiment gradcheck --json").json();
    assert_eq!((&gradcheck["experiment"], &gradcheck["passed"]), (&"gradcheck".into(), &true.into()));
}

#[test]
fn a_data_folder_that_is_not_there_is_refused_instead_of_other_data_taken() {
    limpide("experiment mnist-dense --data no/such/folder")
        .is_refused_with(&["no/such/folder", "there is no such folder"]);
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().to_str().unwrap();
    for command in ["experiment mnist-dense --epochs 1", "bench --workload dense", "report --out never"] {
        limpide(&format!("{command} --data {path}")).is_refused_with(&[path, "MNIST is not there"]);
    }
    let told = limpide("experiment mnist-dense --epochs 1").stderr;
    assert_eq!(told.matches("MNIST is not found, the embedded 8×8 digits take its place").count(), 1, "{told}");
}
