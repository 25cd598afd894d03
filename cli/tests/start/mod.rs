//! Runs that begin with the weights of another: `start_from`.

use super::{Place, SMALL, run};
use limpide::Tensor;
use limpide::format::safetensors::Archive;
use std::fs;
use std::path::Path;

/// Moons, or spirals of three arms, by a hidden layer of 8.
fn description(classes: usize, epochs: usize) -> String {
    let data = match classes {
        2 => "name = \"moons\"\nsamples = 60\nnoise = 0.1",
        arms => &format!("name = \"spirals\"\nsamples = 90\nnoise = 0.1\narms = {arms}"),
    };
    let layer = "[[layers]]\ntype = \"Linear\"\n";
    SMALL.split("[[layers]]").next().unwrap().replace("name = \"moons\"\nsamples = 60\nnoise = 0.1", data).replacen(
        "epochs = 2",
        &format!("epochs = {epochs}"),
        1,
    ) + &format!(
        "{layer}in_features = 2\nout_features = 8\n[[layers]]\ntype = \"Tanh\"\n{layer}in_features = 8\nout_features = {classes}\n"
    )
}

/// A place with a trained run `old` of two classes.
fn place() -> Place {
    let place = Place::new();
    let file = place.file(&description(2, 2));
    place.train(&file, "old", "");
    place
}

fn tensor(place: &Place, run: &str, name: &str) -> Tensor<f32> {
    Archive::read(Path::new(&place.path(&format!("{run}/model.safetensors")))).unwrap().tensor(name).unwrap()
}

fn model(place: &Place, run: &str) -> Vec<u8> {
    fs::read(place.path(&format!("{run}/model.safetensors"))).unwrap()
}

#[test]
fn a_frozen_body_keeps_its_weights_under_another_head() {
    let place = place();
    let frozen = "--set optimizer.groups=[{prefix='0.',lr_factor=0}]";
    let old = place.path("old");
    let ran = place.train(&place.file(&description(3, 3)), "new", &format!("--set start_from={old} {frozen}"));
    let line = format!(
        "start from {old}: 2 of 4 tensors taken; 2.weight wants (3, 8), got (2, 8); 2.bias wants (3,), got (2,)\n"
    );
    assert!(ran.stderr.contains(&line), "{}", ran.stderr);
    for name in ["0.weight", "0.bias"] {
        assert_eq!(tensor(&place, "new", name), tensor(&place, "old", name), "{name}");
    }
    let text = fs::read_to_string(place.path("new/run.toml")).unwrap();
    assert!(text.contains(&format!("start_from = \"{old}\"\n")), "{text}");
    // The description in the folder is the whole run; a checkpoint or a model file does as well as a folder.
    place.train(&place.path("new/run.toml"), "again", "");
    assert!(model(&place, "again") == model(&place, "new"));
    let checkpoint = fs::read_dir(place.path("old/checkpoints")).unwrap().map(|entry| entry.unwrap().path());
    let checkpoint = checkpoint.filter(|path| path.extension().is_some()).max().unwrap();
    for (name, file) in [("model", Path::new(&old).join("model.safetensors")), ("checkpoint", checkpoint)] {
        place.train(&place.path("new/run.toml"), name, &format!("--set start_from={}", file.display()));
        assert!(model(&place, name) == model(&place, "new"), "{name}");
    }
    // Another start, and nothing else, is where these two part.
    place.train(&place.path("own.toml"), "scratch", frozen);
    let ran = run("compare", &place.path("new"), &place.path("scratch"));
    assert!(ran.stdout.contains("before the first step, in the start values"), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_start_that_is_not_there_is_never_passed_over() {
    let place = place();
    let file = place.file(
        &description(3, 1)
            .replace("out_features = 8", "out_features = 9")
            .replace("in_features = 8", "in_features = 9"),
    );
    fs::remove_file(place.path("old/model.safetensors")).unwrap();
    fs::write(place.path("text"), "no weights").unwrap();
    for (from, why) in [
        ("none", "start_from must be the folder of a run, a model file or a checkpoint that is there, got"),
        ("old", "the run is not finished"),
        ("text", "is not a whole safetensors file"),
        (".", "is not the folder of a run"),
    ] {
        for words in ["--dry-run", ""] {
            let set = format!("{words} --out {} --set start_from={}", place.path("new"), place.path(from));
            run("train", &file, &set).is_refused_with(&[why]);
            assert!(!Path::new(&place.path("new")).exists());
        }
    }
    place.train(&place.file(&description(2, 1)), "other", "");
    let set = format!("--set start_from={} --dry-run", place.path("other"));
    let file = place.file(&description(3, 1).replace("es = 8", "es = 9"));
    run("train", &file, &set)
        .is_refused_with(&["has no tensor that fits this network", "2.weight wants (3, 9), got (2, 8)"]);
}

#[test]
fn a_run_goes_on_without_the_network_that_it_began_with() {
    let place = place();
    let words = format!("--set start_from={} --set checkpoints.keep_last=9", place.path("old"));
    let file = place.file(&(description(3, 4) + "\n[checkpoints]\nmin_seconds = 0.0\n"));
    place.train(&file, "new", &words);
    let whole = model(&place, "new");
    let unfinish = |all: bool| {
        for name in ["result.json", "model.safetensors", "history.csv"] {
            fs::remove_file(place.path(&format!("new/{name}"))).unwrap();
        }
        let checkpoints = Path::new(&place.path("new/checkpoints")).to_path_buf();
        let mut all_of_them: Vec<_> = fs::read_dir(checkpoints).unwrap().map(|entry| entry.unwrap().path()).collect();
        all_of_them.retain(|path| path.extension().is_some());
        all_of_them.sort();
        all_of_them[usize::from(!all)..].iter().for_each(|path| fs::remove_file(path).unwrap());
    };
    // Killed before its first checkpoint, it begins with the same weights again.
    unfinish(true);
    assert_eq!(run("resume", &place.path("new"), "").code, 0);
    assert!(model(&place, "new") == whole);
    // With a checkpoint it needs them no more.
    unfinish(false);
    fs::rename(place.path("old"), place.path("away")).unwrap();
    let ran = run("resume", &place.path("new"), "");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("; the run goes on from its checkpoint"), "{}", ran.stderr);
    assert!(model(&place, "new") == whole);
    for command in ["report", "inspect"] {
        let ran = run(command, &place.path("new"), "");
        assert_eq!(ran.code, 0, "{command}: {}", ran.stderr);
    }
    assert_eq!(run("eval", &place.path("new"), "--part train").code, 0);
    unfinish(true);
    run("resume", &place.path("new"), "").is_refused_with(&["start_from must be"]);
}
