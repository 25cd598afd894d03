//! `limpide compare`.

use crate::place::{Place, SMALL};
use std::fs;

#[test]
fn the_same_run_twice_is_identical() {
    let place = Place::new();
    place.train("one", SMALL, "--threads 1");
    place.train("two", SMALL, "--threads 2");
    let ran = place.run("compare @one @two --json");
    let json = ran.json();
    assert_eq!(json["partings"], serde_json::json!([{"kind": "identical", "epochs": 3}]), "{}", ran.stderr);
    let ran = place.run("compare @one @two");
    assert!(!ran.stdout.contains("threads"), "no figure depends on them: {}", ran.stdout);
    assert!(ran.stdout.contains("one and two are identical: the figures of 3 epochs and"), "{}", ran.stdout);
    let short = SMALL.replace("epochs = 3", "epochs = 1");
    place.train("three", &short, "");
    place.train("four", &short, "");
    let ran = place.run("compare @three @four");
    assert!(ran.stdout.contains("three and four are identical: the figures of 1 epoch and"), "{}", ran.stdout);
}

#[test]
fn a_learning_rate_parts_runs_in_the_first_step_whose_loss_is_still_the_same() {
    let place = Place::new();
    place.train("slow", SMALL, "");
    place.train("fast", SMALL, "--set optimizer.lr=0.2");
    let json = place.run("compare @slow @fast --json").json();
    assert_eq!(json["settings"], serde_json::json!({"optimizer.lr": ["0.1", "0.2"]}));
    let parting = &json["partings"][0];
    for (field, wanted) in [
        ("kind", serde_json::json!("at")),
        ("step", 1.into()),
        ("epoch", 1.into()),
        ("tensor", "0.weight".into()),
        ("index", serde_json::json!([0, 0])),
        ("loss_differs", false.into()),
    ] {
        assert_eq!(parting[field], wanted, "{field} in {parting}");
    }
    let figures = &json["runs"][0];
    assert_eq!((&figures["epochs"], &figures["finished"]), (&3.into(), &true.into()));
    let last = place.read("slow/history.csv").lines().last().unwrap().split(',').nth(3).unwrap().to_string();
    let metric = &figures["metrics"][2];
    assert_eq!(metric["metric"], "validation_loss");
    assert_eq!(metric["last"].as_f64().unwrap(), last.parse::<f64>().unwrap());
}

#[test]
fn seeds_orders_and_networks_part_runs_where_they_do() {
    let place = Place::new();
    place.train("run", SMALL, "");
    // The data and the split have seeds of their own here, so that the start values alone differ.
    place.train("seed", SMALL, "--set seed=2 --set data.seed=1 --set split.seed=1");
    place.train("wide", &SMALL.replace("out_features = 2", "out_features = 3"), "");
    // Two steps an epoch in the same order for both, until the second batch is left out: the third step sees other samples.
    let order = SMALL.replace("epochs = 3", "epochs = 3\nshuffle = false");
    place.train("order", &order, "");
    place.train("drop", &order, "--set drop_last=true");
    let json = place.run("compare @run @seed @wide --json").json();
    assert_eq!((&json["partings"][0]["kind"], &json["partings"][0]["step"]), (&"at".into(), &0.into()));
    assert_eq!(json["partings"][1]["kind"], "architecture");
    assert_eq!(json["partings"][1]["shapes"], serde_json::json!([[2, 2], [3, 2]]));
    // 48 samples in batches of 32: the second step of `order` has the other 16, that of `drop` is the first of epoch 2.
    let parting = place.run("compare @order @drop --json").json()["partings"][0].clone();
    assert_eq!((&parting["step"], &parting["loss_differs"]), (&2.into(), &true.into()), "{parting}");
    let parting = place.run("compare @order @drop --json --steps 1").json()["partings"][0].clone();
    assert_eq!(parting, serde_json::json!({"kind": "not-yet", "steps": 1, "epoch": 1, "shorter": null}));
}

#[test]
fn one_run_that_is_longer_has_the_same_bits_as_far_as_the_other_goes() {
    let place = Place::new();
    place.train("short", SMALL, "");
    place.train("long", SMALL, "--set epochs=4");
    let parting = place.run("compare @long @short --json").json()["partings"][0].clone();
    assert_eq!(parting, serde_json::json!({"kind": "ends", "steps": 6, "run": 1}));
    // Without replaying, what is known is that the shorter has no other figures.
    let told = place.run("compare @long @short --steps 0").stdout;
    assert!(told.contains("the same figures as far as short goes; whether"), "{told}");
}

#[test]
fn a_page_and_a_drawing_show_every_run() {
    let place = Place::new();
    place.train("a", SMALL, "");
    place.train("b", SMALL, "--set optimizer.lr=0.5");
    let ran = place.run("compare @a @b --out @page.html");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let html = place.read("page.html");
    for words in [
        "optimizer.lr",
        "Settings that differ",
        "epochs trained",
        "validation loss, best",
        "id=\"figure-validation-loss\"",
        "part at step 1",
    ] {
        assert!(html.contains(words), "{words}");
    }
    assert_eq!(place.run("compare @a @b --out @loss.svg").code, 0);
    assert!(place.read("loss.svg").starts_with("<svg") || place.read("loss.svg").starts_with("<?xml"));
    place.run("compare @a @b --out @page.pdf").is_refused_with(&["--out must be a name that ends in .html or .svg"]);
    assert!(!fs::exists(place.path("page.pdf")).unwrap());
    place.run("compare @a").is_refused_with(&["2"]);
    place.run("compare @a @none").is_refused_with(&["is not the folder of a run"]);
}
