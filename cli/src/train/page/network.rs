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
/// What a number that goes in or comes out counts beside products, as FLOPs.
const NUMBER: u64 = 20;
/// Forward passes that an entry takes.
const PASSES: u64 = 4;
/// Work for one sample above which a layer is checked on smaller images.
const LARGE: u64 = FLOPS / (PASSES * SAMPLES as u64 * *ENTRIES.start() as u64);

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
        let badge = check(&place)?.map_or(Cell::Nothing, |report| {
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
         the largest relative error stands beside the sign. Where that takes long, images were smaller.",
        count(total as u64),
        count(flops(network, &one)?.forward),
        count(flops(network, &step)?.step()),
        step[0],
    );
    Ok(Section::new("Network", &words).table(&table))
}

/// The shape of a sample on which a module is checked, and the work: its own, halved in height and width while it takes that and
/// the work is large.
///
/// # Errors
/// A module that does not take its own samples.
fn checked_sample(place: &Place<f32>) -> Result<(Vec<usize>, u64)> {
    let work_on = |sample: &[usize]| -> Result<u64> {
        let one = [&[1], sample].concat();
        let output = place.module.output_shape(&one)?;
        let numbers = one.iter().product::<usize>() + output.iter().product::<usize>();
        Ok(flops(place.module, &one)?.forward + NUMBER * numbers as u64)
    };
    let mut sample = place.input[1..].to_vec();
    let mut work = work_on(&sample)?;
    while let [channels, height, width] = sample[..]
        && work > LARGE
    {
        let smaller = vec![channels, height.div_ceil(2), width.div_ceil(2)];
        let Some(less) = work_on(&smaller).ok().filter(|&less| less < work) else { break };
        (sample, work) = (smaller, less);
    }
    Ok((sample, work))
}

/// A gradient check of one module alone; none for a module that this library does not know.
fn check(place: &Place<f32>) -> Result<Option<GradientReport>> {
    let Some(mut module) = describe(place.module).and_then(|own| own.build::<f64>().ok()) else { return Ok(None) };
    let (sample, work) = checked_sample(place)?;
    let trained = place.module.parameters().into_iter().chain(place.module.buffers());
    let trained: Vec<_> = trained.map(|(_, own)| own.mapv(f64::from).into_shared()).collect();
    let mut trained = trained.into_iter();
    module.parameters_mut().into_iter().zip(&mut trained).for_each(|(own, value)| *own = value);
    module.buffers_mut().into_iter().zip(&mut trained).for_each(|(own, value)| *own = value);
    let mut input = zeros::<f64>(&[&[SAMPLES], &sample[..]].concat());
    let mut stream = Stream::new(0);
    values_mut(&mut input).iter_mut().for_each(|x| *x = stream.normal());
    let entries = FLOPS / (PASSES * SAMPLES as u64 * work.max(1));
    let max_entries = (entries as usize).clamp(*ENTRIES.start(), *ENTRIES.end());
    Ok(Some(check_module(&mut *module, &input, &Options { max_entries, ..Options::default() })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use limpide::Sequential;
    use limpide::layers::{Conv2d, Flatten, Linear, MaxPool2d};

    /// 2 · 64 · 64 · 9 FLOPs a pixel: 16.7 MFLOP are less than 226 pixels. Of pooling, 64 · 20 a pixel that goes
    /// in and a quarter that comes out, less than 10,417. What has one size stays.
    #[test]
    fn a_layer_is_checked_on_images_as_small_as_the_work_asks() {
        let network = Sequential::<f32>::new()
            .push(Conv2d::new(3, 64, 3).padding(1))
            .push(Conv2d::new(64, 64, 3).padding(1))
            .push(MaxPool2d::new(2))
            .push(Flatten::new())
            .push(Linear::new(64 * 112 * 100, 2));
        let all = places(&network, &[1, 3, 224, 200]).unwrap();
        let samples: Vec<Vec<usize>> = all.iter().map(|place| checked_sample(place).unwrap().0).collect();
        assert_eq!(LARGE, 16_666_666);
        assert_eq!(samples[1], [64, 14, 13]);
        assert_eq!(samples[2..], [vec![64, 56, 50], vec![64, 56, 50], vec![64 * 112 * 100]]);
        assert!(all.iter().take(2).all(|place| check(place).unwrap().unwrap().passed()));
    }
}
