//! Layers that start as copies of each other.

use super::Finding;
use super::Severity::Warning;
use super::pairing::place;
use crate::module::Module;
use crate::tensor::{Real, Tensor};

/// Layers that print alike and hold the same weights: what a constructor draws is the same for each of them.
///
/// Two such layers are one function until training parts them. Numbers that are all equal, as the ones of a norm and the
/// zeros of a bias, are no copy: they are meant to be so at the start.
pub fn twins<T: Real>(network: &dyn Module<T>) -> Vec<Finding> {
    let mut layers = Vec::new();
    walk(network, String::new(), &mut layers);
    let mut findings = Vec::new();
    for (at, (name, layer)) in layers.iter().enumerate() {
        let (text, own) = (layer.to_string(), drawn(*layer));
        let same = |(_, other): &&(String, &dyn Module<T>)| other.to_string() == text && drawn(*other) == own;
        // Of three copies each of the later two is named once, with the first.
        if own.is_empty() || layers[..at].iter().any(|earlier| same(&earlier)) {
            continue;
        }
        let copies: Vec<&str> = layers[at + 1..].iter().filter(same).map(|(name, _)| name.as_str()).collect();
        if !copies.is_empty() {
            let message = format!("the weights of layer {} are the same at the start", copies.join(" and layer "));
            let advice = "draw them anew: `.seed(1)` on the network gives every layer its own";
            findings.push(Finding::new(Warning, place(name, *layer), message, advice));
        }
    }
    findings
}

/// The layers in a module by name, containers left out.
fn walk<'a, T: Real>(module: &'a dyn Module<T>, name: String, layers: &mut Vec<(String, &'a dyn Module<T>)>) {
    let children = module.children();
    for (inner, child) in &children {
        walk(*child, if name.is_empty() { inner.clone() } else { format!("{name}.{inner}") }, layers);
    }
    if children.is_empty() {
        layers.push((name, module));
    }
}

/// The parameters whose numbers are not all the same.
fn drawn<T: Real>(layer: &dyn Module<T>) -> Vec<&Tensor<T>> {
    let differs = |tensor: &Tensor<T>| tensor.iter().any(|number| Some(number) != tensor.first());
    layer.parameters().into_iter().map(|(_, tensor)| tensor).filter(|tensor| differs(tensor)).collect()
}
