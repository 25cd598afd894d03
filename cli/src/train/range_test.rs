//! `limpide train FILE --range-test PAGE.html`: which learning rates work, before any training.

use super::Session;
use crate::chart::LineChart;
use crate::page::{Page, Section};
use crate::stdout;
use limpide::Result;
use limpide::files::write_atomically;
use limpide::train::{RangeTest, RangeTestOptions, range_test};
use std::path::Path;

/// Tries the rates on the run's network and training part, as they are, and draws the curve.
///
/// # Errors
/// A loss that is no number at the first rate already; those of writing.
pub fn run(mut session: Session, page: &Path, json: bool) -> Result<()> {
    let description = &session.description;
    let options = RangeTestOptions {
        batch_size: description.batch_size,
        seed: description.seed,
        threads: description.threads(),
        ..RangeTestOptions::default()
    };
    let optimizer = description.optimizer.build()?;
    let data = session.parts.plain_train()?;
    let found = range_test(&mut session.network, &*session.loss, &data, optimizer, &options)?;
    write_atomically(page, draw(&session, &found, &options).render().as_bytes())?;
    if json {
        stdout::json(&found)?;
    } else {
        stdout::line(format_args!("{}\nthe curve: {}", words(&found, &options), page.display()))?;
    }
    Ok(())
}

/// What was found, in words.
fn words(found: &RangeTest, options: &RangeTestOptions) -> String {
    let last = found.points.last().map_or(f64::NAN, |point| point.0);
    let tried = format!("{} rates from {} to {}", found.points.len(), short(options.min_lr), short(last));
    match found.suggestion.map(short) {
        Some(rate) => format!(
            "{tried}; the loss falls fastest near {rate}. Try --set optimizer.lr={rate}, or that as the highest rate of a schedule"
        ),
        None => format!("{tried}; the loss falls at none of them. Look at the data, the loss and the start values"),
    }
}

/// A rate in two digits: more would say more than the test knows.
fn short(rate: f64) -> f64 {
    format!("{rate:.1e}").parse().unwrap_or(rate)
}

fn draw(session: &Session, found: &RangeTest, options: &RangeTestOptions) -> Page {
    let mut chart = LineChart::new("learning rate", "smoothed loss").log_x().series("loss", found.points.clone());
    if let Some(rate) = found.suggestion {
        let at = |point: &&(f64, f64)| point.0 >= rate;
        let point = found.points.iter().find(at).copied();
        chart = chart.series(&format!("falls fastest: {}", short(rate)), point.into_iter().collect());
    }
    let figure = chart.figure("range-test", "Smoothed loss over the learning rate.");
    let about = format!(
        "{}.\n\nA training run of {} steps of {} samples over growing rates, from the start values of seed {}, by {}. It ends \
         early where the loss runs away. Rates work from where the curve begins to fall to where it turns.",
        words(found, options),
        options.steps,
        options.batch_size,
        options.seed,
        session.description.optimizer.build::<f32>().map_or(String::new(), |optimizer| optimizer.to_string()),
    );
    let section = Section::new("Learning rates", &about)
        .figure(&figure, "The loss of each step, before its update, smoothed over some ten steps.");
    Page::new("Which learning rates work").section(section)
}
