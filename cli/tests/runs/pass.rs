//! `limpide inspect RUN --sample N`: one sample through a network and back.

use crate::place::{Place, SMALL};
use limpide::Tensor;
use limpide::format::safetensors::Archive;

/// A linear layer and a softmax, whose gradients are known: δ = p − y, ∂L/∂W = δ xᵀ, ∂L/∂b = δ, ∂L/∂x = Wᵀ δ.
#[test]
fn the_pass_of_a_sample_is_the_chain_rule() {
    let place = Place::new();
    place.train("moons", SMALL, "");
    let ran = place.run("inspect @moons --sample 2 --out @pass.safetensors --json");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let pass = Archive::read(place.path("pass.safetensors").as_ref()).unwrap();
    let model = Archive::read(place.path("moons/model.safetensors").as_ref()).unwrap();
    let of = |archive: &Archive, name: &str| -> Vec<f64> {
        let tensor: Tensor<f64> = archive.tensor(name).unwrap_or_else(|error| panic!("{error}"));
        tensor.iter().copied().collect()
    };
    let (x, z, w, b) = (of(&pass, "input"), of(&pass, "output"), of(&model, "0.weight"), of(&model, "0.bias"));
    let near = |what: &str, got: &[f64], wanted: &[f64]| {
        assert_eq!(got.len(), wanted.len(), "{what}");
        let apart = got.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-6, "{what}: {got:?}, wants {wanted:?}");
    };
    near("z", &z, &[w[0] * x[0] + w[1] * x[1] + b[0], w[2] * x[0] + w[3] * x[1] + b[1]]);
    let about = pass.note("about").unwrap();
    assert!(about.starts_with("the weights of the run; sample 2 of the validation part (sample "), "{about}");
    let class: usize = about.split("class ").nth(1).unwrap()[..1].parse().unwrap();
    let sum = z[0].exp() + z[1].exp();
    let delta = [0, 1].map(|k| z[k].exp() / sum - f64::from(u8::from(k == class)));
    near("delta", &of(&pass, "0.delta"), &delta);
    near("bias", &of(&pass, "0.bias.gradient"), &delta);
    let outer = [delta[0] * x[0], delta[0] * x[1], delta[1] * x[0], delta[1] * x[1]];
    near("weight", &of(&pass, "0.weight.gradient"), &outer);
    let back = [w[0] * delta[0] + w[2] * delta[1], w[1] * delta[0] + w[3] * delta[1]];
    near("input", &of(&pass, "input.delta"), &back);
    let json = ran.json();
    near("loss", &[json["loss"].as_f64().unwrap()], &[-(z[class].exp() / sum).ln()]);
    // The table names the layers, and leaves out what came out of the layer before.
    let text = place.run("inspect @moons --sample 2").stdout;
    assert!(text.contains("0.output") && text.contains("Linear") && !text.contains("0.input"), "{text}");
}

#[test]
fn what_is_no_sample_of_a_run_is_told() {
    let place = Place::new();
    place.train("moons", SMALL, "");
    for (words, told) in [
        ("inspect @moons --sample 0", "from 1 to 12, the samples of the validation part"),
        ("inspect @moons --sample 13", "from 1 to 12"),
        ("inspect @moons --sample 1 --part test", "a part that the run has: train, validation"),
        ("inspect @moons/model.safetensors --sample 1", "with the description of a run or its folder"),
        ("inspect @moons --part train", "--sample"),
    ] {
        let ran = place.run(words);
        assert_eq!(ran.code, 2, "{words}");
        assert!(ran.stderr.contains(told), "{words}: {}", ran.stderr);
    }
    // The model that is read is not written over.
    for own in ["model.safetensors", "run.toml"] {
        let before = std::fs::read(place.path(&format!("moons/{own}"))).unwrap();
        let ran = place.run(&format!("inspect @moons --sample 1 --out @moons/{own}"));
        assert!(ran.code == 2 && ran.stderr.contains("another file than the one that is read"), "{}", ran.stderr);
        assert_eq!(std::fs::read(place.path(&format!("moons/{own}"))).unwrap(), before);
    }
    // An output that the loss does not take is an error, too.
    let labels =
        SMALL.replace("noise = 0.1", "noise = 0.1\ntargets = \"one-hot\"").replace("CrossEntropyLoss", "BCELoss");
    place.file("labels.toml", &labels);
    let ran = place.run("inspect @labels.toml --sample 1");
    assert!(ran.code == 2 && ran.stderr.contains("a probability, 0 to 1"), "{}", ran.stderr);
    // What a finished run began with need not be there any more.
    place.train("after", SMALL, &format!("--set start_from={}", place.path("moons")));
    std::fs::rename(place.path("moons/model.safetensors"), place.path("gone.safetensors")).unwrap();
    let ran = place.run("inspect @after --sample 1");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // A description alone has its start values.
    let fresh = place.run("inspect @moons/run.toml --sample 48 --part train");
    assert!(fresh.stdout.starts_with("the start values; sample 48 of the train part"), "{}", fresh.stdout);
}
