//! The samples with the highest loss, drawn where they are images.

use super::super::data::Origin;
use super::super::fit::figure;
use super::super::session::Session;
use super::answers::Answers;
use crate::chart::{Cell, ColourMap, ImageGrid, Table, Tile, digits};
use crate::page::Section;
use limpide::Tensor;
use limpide::data::{Standardization, Target, Targets};
use limpide::diagnose::{Names, Part};
use limpide::pipeline::Input;
use limpide::table::{self as columns, Encoding};

/// Images that are drawn, in rows of so many; rows of a table.
const IMAGES: usize = 24;
const COLUMNS: usize = 8;
const ROWS: usize = 12;
/// Letters of a name below an image; names up to so many bytes stand side by side there.
const LONGEST: usize = 14;
const DIGITS: usize = 2;
/// Inputs and outputs of a sample that a table shows.
const NUMBERS: usize = 6;

/// The section.
pub fn section(session: &Session, answers: &Answers) -> Section {
    let mut order: Vec<usize> = (0..answers.losses.len()).collect();
    // A loss that is no number is the worst of all.
    let badness = |&i: &usize| if answers.losses[i].is_nan() { f64::INFINITY } else { answers.losses[i] };
    order.sort_by(|a, b| badness(b).total_cmp(&badness(a)).then(a.cmp(b)));
    let section = Section::new("Worst examples", &format!("The highest losses of {}.", answers.about()));
    match image_shape(&session.parts.own_shape) {
        Some(shape) => images(section, session, answers, &order, shape).table(&table(session, answers, &order)),
        None => section.table(&table(session, answers, &order)),
    }
}

/// Channels, height and width of samples that are images, and not too small to be seen as one.
fn image_shape(sample: &[usize]) -> Option<[usize; 3]> {
    let shape = <[usize; 3]>::try_from(sample).ok()?;
    (matches!(shape[0], 1 | 3) && shape[1] >= 4 && shape[2] >= 4).then_some(shape)
}

fn images(section: Section, session: &Session, answers: &Answers, order: &[usize], shape: [usize; 3]) -> Section {
    let shown = &order[..order.len().min(IMAGES)];
    let standardization = session.parts.standardization.as_ref();
    let size: usize = shape.iter().product();
    let inputs: Vec<Vec<f64>> =
        shown.iter().map(|&i| original(&answers.data.inputs.gather(&[i]), standardization)).collect();
    let outputs = || shown.iter().map(|&i| row(&answers.outputs, i));
    let again = answers.data.targets == Targets::Inputs && answers.outputs.len() == answers.data.len() * size;
    let all = || inputs.iter().flatten();
    let ends = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
    let caption = |place: usize| match &answers.classes {
        Some((truth, predicted)) => {
            let [truth, predicted] = [truth, predicted].map(|own| clipped(&answers.class(own[shown[place]])));
            let short = truth.len().max(predicted.len()) <= DIGITS;
            format!("{truth}{}→ {predicted}", if short { ' ' } else { '\n' })
        }
        None => format!("{:.3}", answers.losses[shown[place]]),
    };
    let tiles = |images: &[Vec<f64>], captions: bool| -> Vec<Tile> {
        let tile = |(place, pixels): (usize, &Vec<f64>)| {
            let tile = Tile::new(shape[2], shape[1], pixels.clone());
            if captions { tile.caption(&caption(place)) } else { tile }
        };
        images.iter().enumerate().map(tile).collect()
    };
    let mut grid = ImageGrid::new(COLUMNS, ColourMap::Grey(ends.0, ends.1));
    let mut words = match answers.classes {
        Some(_) => "True class → predicted class.",
        None => "The loss stands below each.",
    };
    if again {
        let outputs: Vec<Vec<f64>> = outputs().map(|own| restored(own, standardization)).collect();
        for (place, (x, z)) in inputs.chunks(COLUMNS).zip(outputs.chunks(COLUMNS)).enumerate() {
            let captioned: Vec<Tile> = tiles(z, false)
                .into_iter()
                .enumerate()
                .map(|(i, tile)| tile.caption(&caption(place * COLUMNS + i)))
                .collect();
            grid = grid.group("", tiles(x, false)).group("", captioned);
        }
        words = "Images above what the network makes of them; the loss stands below each.";
    } else {
        grid = grid.group("", tiles(&inputs, true));
    }
    section.figure(&grid.figure("worst", "The images with the highest loss."), words)
}

/// The beginning of a long name.
fn clipped(name: &str) -> String {
    let mut letters = name.chars();
    let begin: String = letters.by_ref().take(LONGEST - 1).collect();
    match letters.as_str().chars().count() {
        0 | 1 => name.into(),
        _ => begin + "…",
    }
}

/// A sample's numbers as they were before they were standardised.
fn original(sample: &Tensor<f32>, standardization: Option<&Standardization>) -> Vec<f64> {
    restored(sample.iter().map(|&x| f64::from(x)).collect(), standardization)
}

fn restored(mut numbers: Vec<f64>, standardization: Option<&Standardization>) -> Vec<f64> {
    if let Some(own) = standardization {
        let run = numbers.len() / own.mean().len();
        for (place, x) in numbers.iter_mut().enumerate() {
            let std = own.std()[place / run];
            *x = *x * if std > 0.0 { std } else { 1.0 } + own.mean()[place / run];
        }
    }
    numbers
}

/// The numbers of one sample.
fn row(tensor: &Tensor<f64>, sample: usize) -> Vec<f64> {
    tensor.outer_iter().nth(sample).map_or(Vec::new(), |row| row.iter().copied().collect())
}

/// A row for each sample: where it is to be found, truth, answer, loss, and where it is no image its first inputs as they came.
fn table(session: &Session, answers: &Answers, order: &[usize]) -> Table {
    let standardization = session.parts.standardization.as_ref();
    let part = if session.parts.validation.is_some() { Part::Validation } else { Part::Train };
    let caption = match session.parts.origin {
        Origin::Rows(_) => "Rows of the file, counted from 1 without its header",
        Origin::Numbers => "Samples by their number in the set, counted from 0",
        Origin::Files(..) => "Their files",
    };
    let heads = ["Sample", "True", "Predicted", "Loss", "Inputs"];
    let is_image = image_shape(&session.parts.own_shape).is_some();
    let heads = if is_image { &heads[..4] } else { &heads };
    order.iter().take(ROWS).fold(Table::new(caption, heads), |table, &i| {
        let sample = answers.data.inputs.gather(&[i]);
        let inputs = match &session.parts.input {
            Input::Table(table) => cells(table, &sample.iter().copied().collect::<Vec<_>>()),
            Input::Tensor { .. } => numbers(&original(&sample, standardization)),
        };
        let [truth, answer] = match (&answers.classes, &answers.target) {
            // Names may be long, and break where a number must not.
            (Some((truth, predicted)), _) => [truth, predicted].map(|own| Cell::Text(answers.class(own[i]))),
            (None, Target::Values(wanted)) => [wanted, &answers.outputs].map(|own| Cell::Number(numbers(&row(own, i)))),
            (None, Target::Classes(_)) => [Cell::Nothing, Cell::Number(numbers(&row(&answers.outputs, i)))],
        };
        let (sample, loss) = (session.parts.sample(part, i), figure(answers.losses[i]));
        table.row(vec![Cell::Text(sample), truth, answer, Cell::Number(loss), Cell::Text(inputs)])
    })
}

/// The first columns of a row with their names, back from the numbers that the network sees: `colour red, size 3`.
fn cells(table: &columns::Table, sample: &[f32]) -> String {
    let (mut rest, mut cells) = (sample, Vec::new());
    for column in table.used() {
        let own;
        (own, rest) = rest.split_at(column.encoding.width());
        let text = match &column.encoding {
            Encoding::Number { missing: true, .. } if own[1] == 1.0 => "missing".into(),
            Encoding::Number { mean, std, .. } => digits(f64::from(own[0]) * std + mean, 4),
            Encoding::Category { values } => {
                own.iter().position(|&x| x == 1.0).map_or("–".into(), |place| values[place].clone())
            }
            // A date is days and places in cycles by now.
            _ => continue,
        };
        cells.push(format!("{} {text}", column.name));
    }
    let more = if cells.len() > NUMBERS { " …" } else { "" };
    cells.truncate(NUMBERS);
    cells.join(", ") + more
}

/// The first numbers, with few digits: `0.12, −3, 1e6 …`.
fn numbers(all: &[f64]) -> String {
    let shown: Vec<String> = all.iter().take(NUMBERS).map(|&x| digits(x, 4)).collect();
    format!("{}{}", shown.join(", "), if all.len() > NUMBERS { " …" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_images_are_told_from_rows() {
        assert_eq!(numbers(&[0.0, -1.5, 12_345.678, 1e-7, 2e9]), "0, −1.5, 12346, 1e−7, 2e9");
        assert_eq!(numbers(&[1.0; 7]), "1, 1, 1, 1, 1, 1 …");
        assert_eq!(image_shape(&[3, 8, 9]), Some([3, 8, 9]));
        for no in [&[64][..], &[2, 8, 8], &[1, 1, 8], &[1, 1, 8, 8]] {
            assert_eq!(image_shape(no), None);
        }
    }

    #[test]
    fn long_names_are_cut_by_letters() {
        assert_eq!(clipped("Iris-virginica"), "Iris-virginica");
        assert_eq!(clipped("Iris-versicolor"), "Iris-versicol…");
        assert_eq!(clipped("éééééééééééééééé"), "ééééééééééééé…");
    }

    #[test]
    fn what_was_standardised_is_shown_as_it_came() {
        use limpide::data::{Inputs, Per};
        let came = Inputs::Real(limpide::tensor(&[2, 2], vec![1.0f32, 5.0, 3.0, 5.0]));
        let standard = Standardization::fit(&came, &[0, 1], Per::Feature).unwrap();
        let seen = standard.apply(&came).unwrap();
        assert_eq!(original(&seen.gather(&[1]), Some(&standard)), [3.0, 5.0]);
        assert_eq!(original(&came.gather(&[1]), None), [3.0, 5.0]);
    }
}
