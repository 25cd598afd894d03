//! A network as one Rust source file without dependencies: its numbers as arrays, and a function `predict`.
//!
//! The file gives the bits that [`Pipeline::predict`](crate::Pipeline::predict) gives on the machine that writes it: sums are added
//! up in the order of its [`Plan`], functions are the same formulas. Whether a·b + c is rounded once or twice depends on a
//! machine's instructions, and is fixed in the file; with `LIMPIDE_SIMD=portable` it is twice, which needs no instruction that some
//! machines lack. `ln` alone is the system's.

mod layers;

#[cfg(doc)]
use crate::Error;
use crate::data::Standardization;
use crate::format::Export;
use crate::kernels::{Level, level, math_source};
use crate::layers::MaxPool2d;
use crate::pipeline::{Activation, Output};
use crate::plan::Plan;
use crate::tensor::shape_text;
use crate::{AutoEncoder, Module, Residual, Result, Sequential};
use std::any::Any;
use std::collections::BTreeSet;
use std::fmt::{Arguments, Display, Write};

/// The source of a file that computes what the network gives in evaluation for a sample of a shape (without batch axis).
///
/// It has `pub const INPUTS` and `OUTPUTS`, their names where they have some, and `pub fn predict(x: &[f32; INPUTS]) ->
/// [f32; OUTPUTS]` (`x` of f64 where that is asked for, the outputs where they are scaled); samples are in row-major order, and
/// are standardised first where that is asked for. `rustc -O -C target-cpu=native` makes it fast where the machine has fused
/// multiply-adds.
///
/// # Errors
/// [`Error::Shape`] when the network does not take such a sample; [`Error::Option`] naming the layer for one that is not of
/// this library, or mixes samples.
///
/// ```
/// use limpide::{Sequential, format::rust_source, layers::{Linear, Relu}};
/// let network = Sequential::new().push(Linear::new(2, 3)).push(Relu).seed(7);
/// let source = rust_source::export(&network, &[2], &Default::default())?;
/// assert!(source.contains("pub fn predict(x: &[f32; INPUTS]) -> [f32; OUTPUTS]"));
/// # Ok::<(), limpide::Error>(())
/// ```
pub fn export(network: &dyn Module<f32>, sample: &[usize], options: &Export) -> Result<String> {
    let input = [&[1], sample].concat();
    let output = network.output_shape(&input)?;
    let wide = options.wide && options.standardization.is_some();
    let mut source = Source::default();
    for places in Plan::new(network, &input)?.channels_last() {
        if let [_, middle, _] = places.as_slice() {
            source.behind_pool.insert(middle.clone());
        }
        let first = places.into_iter().next();
        source.channels_last.extend(first.map(|place| if place.is_empty() { ALONE.to_string() } else { place }));
    }
    if let Some(standardization) = &options.standardization {
        standardization.check(&input)?;
        source.standardize(standardization, input.iter().product(), wide);
    }
    source.add("", network, &input)?;
    let outputs = output[1..].iter().product();
    options.output.check(outputs)?;
    let answer = source.answer(&options.output, outputs);
    let count = |shape: &[usize]| shape[1..].iter().product::<usize>();
    let level = level();
    // As in `kernels/src/gemm`.
    let (fused, chains) = match level {
        Level::Portable => (false, 4),
        Level::Avx2 => (true, 8),
        Level::Avx512 => (true, 16),
    };
    let scale = options.divisor.map_or(String::new(), |divisor| format!(", bytes divided by {divisor}"));
    let head = format!(
        "//! {network}\n//!\n//! Written by limpide {}. The outputs have the bits that it gives with LIMPIDE_SIMD={}{}.\n\
         //! A sample is {} numbers in row-major order, {}{scale}; the output is {}.\n\n",
        env!("CARGO_PKG_VERSION"),
        level.name(),
        if fused { "; compile with -C target-cpu=native\n//! for speed" } else { "" },
        count(&input),
        shape_text(&input[1..]),
        shape_text(&output[1..]),
    );
    let names = names("sample", "INPUT", &options.inputs, &options.notes, count(&input))
        + &names("output", "OUTPUT", options.output.names(), &[], outputs);
    let number = if wide { "f64" } else { "f32" };
    let body = format!(
        "/// Numbers of a sample.\npub const INPUTS: usize = {};\n/// Numbers of an output.\npub const OUTPUTS: usize = {};\n{}\
         /// Whether a·b + c is rounded once.\nconst FUSED: bool = {fused};\n/// Chains in which long sums are added up.\n\
         const CHAINS: usize = {chains};\n/// The most terms of a part of those.\nconst LANES_DEPTH: usize = 1024;\n\n\
         /// What the network gives for a sample.\n\
         pub fn predict(x: &[{number}; INPUTS]) -> [{answer}; OUTPUTS] {{\n    let x: Vec<{number}> = x.to_vec();\n{}    \
         x.try_into().expect(\"as many numbers as the network gives\")\n}}\n\n{}",
        count(&input),
        count(&output),
        names,
        source.steps,
        source.arrays,
    );
    Ok([head, body, library()].concat())
}

/// The names of the numbers of a sample or output as a constant, where each has one, and what is to be noted about them.
fn names(about: &str, kind: &str, names: &[String], notes: &[String], count: usize) -> String {
    match names.len() == count {
        true => format!(
            "/// What the numbers of a {about} are.\n{}#[allow(dead_code)]\n\
             pub const {kind}_NAMES: [&str; {kind}S] = {names:#?};\n",
            notes.iter().map(|note| format!("///\n/// {note}\n")).collect::<String>(),
        ),
        false => String::new(),
    }
}

/// The layers' arithmetic, from the sources that limpide itself is compiled from.
fn library() -> String {
    let module = |name: &str, text: &str| {
        // A module in braces has its head outside.
        let text = text.split("#[cfg(test)]").next().unwrap_or(text);
        let lines = text.lines().filter(|line| !line.starts_with("//!"));
        let indented = lines.map(|line| if line.is_empty() { "\n".into() } else { format!("    {line}\n") });
        format!("mod {name} {{\n{}}}\n", indented.collect::<String>())
    };
    let math = [
        "pub use self::lane::Lane;\n/// Partial results of a sum.\nconst WIDTH: usize = 16;\n".to_string(),
        module("lane", math_source::LANE),
        format!("pub {}", module("formula", math_source::FORMULA)),
        format!("pub {}", module("reduce", math_source::REDUCE)),
    ];
    let allowed = "#[allow(dead_code)]\n";
    let runtime = module("runtime", include_str!("runtime.rs"));
    format!("{allowed}{runtime}\n{allowed}{}", module("math", &math.concat()))
}

/// What the step after all layers is called, and what it does.
const BEHIND: (&str, &str) = ("behind the network", "what the outputs mean");
/// What the place of a network is called that is a single layer.
const ALONE: &str = "network";

/// A file in the making.
#[derive(Default)]
struct Source {
    /// The lines of `predict`, each of which makes a new `x` of the last.
    steps: String,
    /// The known numbers.
    arrays: String,
    count: usize,
    /// How many residuals a step is inside of.
    depth: usize,
    /// The convolutions that sum with channels innermost.
    channels_last: BTreeSet<String>,
    /// The activations whose turn is after the pool behind them, and the step of one that waits.
    behind_pool: BTreeSet<String>,
    waiting: String,
}

impl Source {
    /// A line of `predict`.
    fn step(&mut self, place: &str, module: &dyn Display, value: Arguments<'_>) {
        self.step_to("f32", place, module, value);
    }

    /// A line of `predict` that gives numbers of a type.
    fn step_to(&mut self, number: &str, place: &str, module: &dyn Display, value: Arguments<'_>) {
        writeln!(self.steps, "    // {place}: {module}\n    let x: Vec<{number}> = {value};")
            .expect("a string takes everything");
    }

    /// An array of known numbers; its name.
    fn array(&mut self, about: &str, numbers: &[f32]) -> String {
        let name = format!("A{}", self.count);
        self.count += 1;
        let rows = numbers.chunks(10).map(|row| {
            let numbers: Vec<String> = row.iter().map(|&number| literal(number)).collect();
            format!("    {},\n", numbers.join(", "))
        });
        let rows: String = rows.collect();
        let count = numbers.len();
        writeln!(self.arrays, "/// {about}\nstatic {name}: [f32; {count}] = [\n{rows}];\n")
            .expect("a string takes everything");
        name
    }

    /// (x − μ) / s, in f64 where it is `wide`.
    fn standardize(&mut self, standardization: &Standardization, size: usize, wide: bool) {
        if wide {
            let (mean, std) = (standardization.mean(), standardization.std());
            let value = format_args!("runtime::standardize(&x, &{mean:?}, &{std:?})").to_string();
            return self.step("before the network", &"standardised", format_args!("{value}"));
        }
        let run = size / standardization.mean().len();
        let of = |numbers: &[f64]| numbers.iter().map(|&number| number as f32).collect::<Vec<_>>();
        let mean = self.array("mean of the inputs", &of(standardization.mean()));
        let std: Vec<f64> = standardization.std().iter().map(|&std| if std > 0.0 { std } else { 1.0 }).collect();
        let std = self.array("standard deviation of the inputs", &of(&std));
        let value = format!("x.iter().enumerate().map(|(k, x)| (x - {mean}[k / {run}]) / {std}[k / {run}]).collect()");
        self.step("before the network", &"standardised", format_args!("{value}"));
    }

    /// What so many outputs mean; the type of the answers.
    fn answer(&mut self, meaning: &Output, outputs: usize) -> &'static str {
        let each = |function: &str| format!("x.iter().map(|&x| runtime::{function}(x)).collect()");
        let value = match (meaning.activation(), meaning) {
            (Some(Activation::Softmax), _) => format!("runtime::softmax(&x, {outputs}, 1)"),
            (Some(Activation::Exp), _) => each("exp"),
            (Some(Activation::Sigmoid), _) => each("sigmoid"),
            (None, Output::Values { mean, std, .. }) if !(mean.is_empty() && std.is_empty()) => {
                let or = |numbers: &[f64], default: f64| match numbers {
                    [] => vec![default; outputs],
                    numbers => numbers.to_vec(),
                };
                let value = format!("runtime::scale(&x, &{:?}, &{:?})", or(std, 1.0), or(mean, -0.0));
                self.step_to("f64", BEHIND.0, &BEHIND.1, format_args!("{value}"));
                return "f64";
            }
            _ => return "f32",
        };
        self.step(BEHIND.0, &BEHIND.1, format_args!("{value}"));
        "f32"
    }

    /// Adds the steps of a module on an input of a shape; the shape of its output.
    fn add(&mut self, place: &str, module: &dyn Module<f32>, input: &[usize]) -> Result<Vec<usize>> {
        let any: &dyn Any = module;
        let residual = any.is::<Residual<f32>>();
        if residual || any.is::<Sequential<f32>>() || any.is::<AutoEncoder<f32>>() {
            let mut shape = input.to_vec();
            let around = format!("around{}", self.depth);
            if residual {
                writeln!(self.steps, "    let {around} = x.clone();").expect("a string takes everything");
                self.depth += 1;
            }
            for (name, child) in module.children() {
                let place = if place.is_empty() { name } else { format!("{place}.{name}") };
                shape = self.add(&place, child, &shape)?;
            }
            if residual {
                self.depth -= 1;
                let sum = format!("{around}.iter().zip(&x).map(|(x, z)| x + z).collect()");
                self.step(place, &"the way around", format_args!("{sum}"));
            }
            return Ok(shape);
        }
        let output = module.output_shape(input)?;
        let place = if place.is_empty() { ALONE } else { place };
        let before = self.steps.len();
        layers::add(self, place, module, input, &output)?;
        let waiting = std::mem::take(&mut self.waiting);
        if self.behind_pool.contains(place) && !(module as &dyn Any).is::<MaxPool2d>() {
            self.waiting = self.steps.split_off(before);
        }
        self.steps += &waiting;
        Ok(output)
    }
}

/// A number as Rust writes it, with all its bits.
fn literal(number: f32) -> String {
    if number.is_finite() { format!("{number:?}") } else { format!("f32::from_bits({:#x})", number.to_bits()) }
}

#[cfg(test)]
mod tests;
