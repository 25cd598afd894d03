//! Saved and loaded again, into the right network and into wrong ones.

use super::*;
use crate::layers::{Linear, Tanh};
use crate::{AutoEncoder, Sequential};
use std::fs;

fn dense(inputs: usize, hidden: usize) -> Sequential<f32> {
    Sequential::new().push(Linear::new(inputs, hidden)).push(Tanh).push(Linear::new(hidden, 2))
}

#[test]
fn the_names_are_those_of_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let both = AutoEncoder::<f32>::new(dense(3, 2), dense(2, 3));
    save(&both, &path).unwrap();
    let names: Vec<String> = Archive::read(&path).unwrap().shapes().into_keys().collect();
    let wanted = ["decoder.0.bias", "decoder.0.weight", "decoder.2.bias", "decoder.2.weight"];
    assert_eq!(names[..4], wanted);
    assert_eq!(names[4..], wanted.map(|name| name.replace("decoder", "encoder")));
    assert_eq!(load::<f32>(&path).unwrap().parameters(), both.parameters());
}

#[test]
fn one_model_has_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    save(&dense(3, 4).seed(5), &one).unwrap();
    save(&dense(3, 4).seed(5), &two).unwrap();
    assert_eq!(fs::read(one).unwrap(), fs::read(two).unwrap());
}

#[test]
fn a_mismatch_lists_every_tensor_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    save(&dense(3, 4).seed(1), &path).unwrap();
    let mut other = Sequential::<f32>::new().push(Linear::new(3, 5).without_bias()).push(Linear::new(5, 2)).seed(2);
    let before: Vec<Tensor<f32>> = other.parameters().into_iter().map(|(_, value)| value.clone()).collect();
    let message = load_into(&mut other, &path).unwrap_err().to_string();
    let wanted = "is not of this network: 0.weight wants (5, 3), got (4, 3); 1.weight (2, 5) is missing; 1.bias (2,) is \
                  missing; 0.bias (4,) is extra; 2.bias (2,) is extra; 2.weight (2, 4) is extra";
    assert!(message.ends_with(wanted), "{message}");
    assert!(other.parameters().into_iter().zip(&before).all(|((_, now), before)| now == before));
}

#[test]
fn what_is_no_model_of_ours_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let refusal = |notes: &[(&str, &str)]| {
        fs::write(&path, encode([("x", &crate::zeros::<f32>(&[1]))], notes.iter().copied())).unwrap();
        load::<f32>(&path).unwrap_err().to_string()
    };
    for (note, why) in [
        (r#"{"kind": "checkpoint", "version": 1}"#, "wants a model, got a checkpoint"),
        (r#"{"kind": "model", "version": 2}"#, "is a model of version 2, and this limpide reads up to 1; update it"),
        (r#"{"kind": "model", "version": 1, "model": {"type": "Tahn"}}"#, "did you mean `Tanh`?"),
        (r#"{"kind": "model", "version": 1, "model": null}"#, "use `load_into`"),
        (r#"{"kind": "model"}"#, "is damaged: missing field `version`"),
        ("", "is damaged: EOF"),
    ] {
        let message = refusal(&[(NOTE, note)]);
        assert!(message.contains(why), "wants {why:?} in {message}");
    }
    assert!(refusal(&[]).contains("without the note `limpide`"));
    assert!(load::<f32>(&folder.path().join("none")).unwrap_err().to_string().contains("none"));
}
