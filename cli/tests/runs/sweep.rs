//! `limpide sweep`, killed too.

use crate::place::{Place, SMALL};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn a_grid_is_sorted_by_validation_and_its_trials_are_ordinary_runs() {
    let place = Place::new();
    place.file("moons.toml", &format!("{SMALL}\n[sweep.grid]\n\"optimizer.lr\" = [1e-6, 0.5]\n"));
    let ran = place.run("sweep @moons.toml --grid batch_size=8,16 --out @out --json");
    let json = ran.json();
    let trials = json["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 4);
    let losses: Vec<f64> = trials.iter().map(|own| own["validation"]["loss"].as_f64().unwrap()).collect();
    assert!(losses.is_sorted(), "{losses:?}");
    // A rate of 1e-6 moves nothing in three epochs.
    let rate = |own: &serde_json::Value| own["settings"][1]["value"].as_f64().unwrap();
    assert_eq!(trials.iter().map(rate).collect::<Vec<_>>(), [0.5, 0.5, 1e-6, 1e-6]);
    let best = trials[0]["run"].as_str().unwrap();
    let eval = place.run(&format!("eval {best} --json")).json();
    assert_eq!(eval["loss"], trials[0]["validation"]["loss"]);
    assert_eq!(fs::read_to_string(Path::new(best).join("run.toml")).unwrap().matches("lr = 0.5").count(), 1);
    let csv = place.read("out/results.csv");
    assert_eq!(
        csv.lines().next().unwrap(),
        "trial,batch_size,optimizer.lr,validation_loss,validation_accuracy,epochs,seconds,run"
    );
    assert_eq!(csv.lines().count(), 5);
    // A single run takes no notice of the table.
    assert_eq!(place.run("train @moons.toml --out @single").code, 0);
    assert!(!place.read("single/run.toml").contains("sweep"));
}

#[test]
fn the_test_part_is_never_looked_at() {
    let place = Place::new();
    place
        .file("moons.toml", &SMALL.replace("validation = 0.2", "validation = 0.2\ntest = 0.2\n[test]\nmax_loss = 0.0"));
    let ran = place.run("sweep @moons.toml --random optimizer.lr=log:0.01..1 --trials 2 --out @out");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for trial in ["trial-0001", "trial-0002"] {
        assert!(!place.read(&format!("out/{trial}/run.toml")).contains("[test]"));
        let result: serde_json::Value = serde_json::from_str(&place.read(&format!("out/{trial}/result.json"))).unwrap();
        assert!(result["test"].is_null() && result["validation"]["loss"].is_number());
    }
    assert!(ran.stdout.lines().next().unwrap().starts_with("trial  optimizer.lr  validation_loss"), "{}", ran.stdout);
    assert!(ran.stdout.lines().nth(1).unwrap().contains(" %  "), "accuracy as everywhere: {}", ran.stdout);
}

#[test]
fn a_trial_that_diverges_is_listed_last_and_not_tried_again() {
    let place = Place::new();
    let text =
        SMALL.replace("CrossEntropyLoss", "MSELoss").replace("noise = 0.1", "noise = 0.1\ntargets = \"one-hot\"");
    place.file("moons.toml", &text);
    let command = "sweep @moons.toml --grid optimizer.lr=1e30,0.1 --set epochs=60 --out @out --json";
    let first = place.run(command);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let (first, again) = (first.json(), place.run(command));
    assert!(first["trials"][0]["error"].is_null());
    assert!(first["trials"][1]["error"].as_str().unwrap().contains("the loss became"), "{first}");
    assert_eq!(again.json(), first);
    assert_eq!(again.stderr.matches("trial").count(), 0, "{}", again.stderr);
}

#[test]
fn what_is_wrong_is_told_before_anything_is_trained() {
    let place = Place::new();
    place.file("moons.toml", SMALL);
    for (words, told) in [
        ("", &["sweep must be told what to try"][..]),
        ("--grid optimizer.lr=0.1,-1 --grid optimiser.lr=1", &["optimiser"]),
        ("--grid epochs=1,many", &["trial 2", "epochs=many", "wants a whole number from 0, got the text `many`"]),
        // The fewest jobs, so that the trial before is trained when this one is refused too late.
        ("--grid batch_size=16,0 --jobs 1", &["trial 2", "batch_size=0", "at least 1, got 0"]),
        ("--grid split.test=0.5,2 --jobs 1", &["trial 2", "split.test=2", "split: validation and test"]),
        ("--grid layers.0.in_features=2,3 --jobs 1", &["trial 2", "layers.0.in_features=3", "wants (n, 3)"]),
        ("--random optimizer.lr=log:1..0", &["sweep: optimizer.lr must be two finite ends in order"]),
        ("--grid seed=1,2 --set split.validation=0", &["split.validation must be above 0"]),
        ("--grid seed=1,2 --jobs 0", &["--jobs"]),
    ] {
        let ran = place.run(&format!("sweep @moons.toml --out @out {words}"));
        ran.is_refused_with(told);
        let left = fs::read_dir(place.path("out")).map_or(0, |entries| entries.count());
        assert_eq!(left, 0, "{words}");
    }
    assert_eq!(place.run("sweep @moons.toml --out @out --grid seed=1,2").code, 0);
    place.run("sweep @moons.toml --out @out --grid seed=3,2").is_refused_with(&["trial-0001", "another sweep"]);
}

/// The bytes of the model of every trial.
fn models(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let trials = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let model = |path: &Path| fs::read(path.join("model.safetensors")).unwrap();
    trials.map(|path| (path.file_name().unwrap().to_str().unwrap().to_string(), model(&path))).collect()
}

#[cfg(unix)]
#[test]
fn a_sweep_that_is_killed_again_and_again_ends_as_if_nothing_had_happened() {
    let place = Place::new();
    let text = SMALL.replace("epochs = 3", "epochs = 60\nbatch_size = 2");
    let text = format!("{text}\n[checkpoints]\nevery_steps = 50\nmin_seconds = 0.0\n");
    place.file("moons.toml", &text);
    let words = "--grid seed=1,2,3 --random optimizer.lr=log:0.01..0.1 --trials 2 --jobs 2";
    assert_eq!(place.run(&format!("sweep @moons.toml {words} --out @whole")).code, 0);

    let (file, out) = (place.path("moons.toml"), place.path("killed"));
    let mut finished: BTreeMap<std::path::PathBuf, std::time::SystemTime> = BTreeMap::new();
    let mut kills = 0;
    for attempt in 0.. {
        let mut command = Command::new(env!("CARGO_BIN_EXE_limpide"));
        command.arg("sweep").arg(&file).args(words.split(' ')).args(["--out", &out]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut waited = Duration::ZERO;
        let patience = Duration::from_millis(150 + 130 * attempt);
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if waited >= patience {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            std::thread::sleep(Duration::from_millis(10));
            waited += Duration::from_millis(10);
        };
        // What was finished before is not run again: its result is not written again.
        for (path, time) in &finished {
            assert_eq!(fs::metadata(path).unwrap().modified().unwrap(), *time, "{}", path.display());
        }
        for number in 1..=6 {
            let path = Path::new(&out).join(format!("trial-{number:04}/result.json"));
            if let Ok(kept) = fs::metadata(&path) {
                finished.insert(path, kept.modified().unwrap());
            }
        }
        if let Some(status) = ended {
            assert!(status.success());
            break;
        }
        kills += 1;
        assert!(kills < 200, "it comes to no end");
    }
    assert!(kills > 0, "nothing was killed");
    assert_eq!(finished.len(), 6);
    assert!(models(Path::new(&out)) == models(Path::new(&place.path("whole"))));
}
