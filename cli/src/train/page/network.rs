//! The network layer by layer: shapes, parameters, arithmetic, and a gradient check of each at small size.

use super::super::session::Session;
use crate::chart::{Cell, Table, count};
use crate::page::Section;
use limpide::gradcheck::{GradientReport, Options, check_module};
use limpide::model::{Place, describe, flops, places};
use limpide::tensor::{shape_text, values_mut};
use limpide::{Module, Result, Stream, zeros};

/// Samples of a check: enough for a batch norm.
const SAMPLES: usize = 3;
/// Entries of a tensor that are checked, at most and at least; between them as many as so much arithmetic allows.
const ENTRIES: std::ops::RangeInclusive<usize> = 2..=24;
const FLOPS: u64 = 400_000_000;
/// Forward passes that an entry takes.
const PASSES: u64 = 4;

/// The section.
///
/// # Errors
/// A network that does not take the data.
pub fn section(session: &Session) -> Result<Section> {
    let sample = session.parts.train.sample_shape();
    let one = [&[1], sample].concat();
    let network: &dyn Module<f32> = &session.network;
    let heads = ["", "Layer", "Output", "Parameters", "FLOPs", "Gradients"];
    let head = Table::new("From input to output", &heads);
    let input = vec!["".into(), "input".into(), Cell::number(shape_text(&one))];
    let (mut table, mut total) = (head.row(input), 0);
    for place in places(network, &one)? {
        let parameters = place.module.parameters().iter().map(|(_, own)| own.len()).sum::<usize>();
        let work = flops(place.module, &place.input)?.forward;
        let sum = place.is_residual();
        total += if sum { 0 } else { parameters };
        let badge = check(&place, work).map_or(Cell::Nothing, |report| {
            let worst = report.worst().map_or(f64::NAN, |entry| entry.relative_error);
            Cell::Checked(report.passed(), format!("{worst:.1e}"))
        });
        // What is inside a residual has its own rows.
        let name = if sum { "Residual".to_string() } else { place.module.to_string() };
        let [parameters, work] = [parameters as u64, work].map(|n| count(if sum { 0 } else { n }));
        let output = shape_text(&place.output);
        let place = if place.name.is_empty() { "–".to_string() } else { place.name };
        table = table.row(vec![
            Cell::Code(place),
            Cell::Code(name),
            Cell::number(output),
            Cell::number(parameters),
            Cell::number(work),
            badge,
        ]);
    }
    let step = [&[session.description.batch_size.min(session.parts.train.len())], sample].concat();
    let words = format!(
        "{} parameters; {} FLOPs for one sample forward, {} for a step of {} samples forward and back. FLOPs are \
         those of matrix products, a multiply-add as two.\n\nEach layer, with its trained values, was put alone on {SAMPLES} \
         random samples in double precision, and some entries of ∂L/∂θ and ∂L/∂X were held against central differences: \
         the largest relative error stands beside the sign.",
        count(total as u64),
        count(flops(network, &one)?.forward),
        count(flops(network, &step)?.step()),
        step[0],
    );
    Ok(Section::new("Network", &words).table(&table))
}

/// A gradient check of one module alone; none for a module that this library does not know.
fn check(place: &Place<f32>, work: u64) -> Option<GradientReport> {
    let mut module = describe(place.module)?.build::<f64>().ok()?;
    let trained = place.module.parameters().into_iter().chain(place.module.buffers());
    let trained: Vec<_> = trained.map(|(_, own)| own.mapv(f64::from).into_shared()).collect();
    let mut trained = trained.into_iter();
    module.parameters_mut().into_iter().zip(&mut trained).for_each(|(own, value)| *own = value);
    module.buffers_mut().into_iter().zip(&mut trained).for_each(|(own, value)| *own = value);
    let mut input = zeros::<f64>(&[&[SAMPLES], &place.input[1..]].concat());
    let mut stream = Stream::new(0);
    values_mut(&mut input).iter_mut().for_each(|x| *x = stream.normal());
    let entries = FLOPS / (PASSES * SAMPLES as u64 * work.max(1));
    let max_entries = (entries as usize).clamp(*ENTRIES.start(), *ENTRIES.end());
    Some(check_module(&mut *module, &input, &Options { max_entries, ..Options::default() }))
}
