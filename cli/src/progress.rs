//! The progress bar of a training run, on stderr.

use crate::train::figure;
use limpide::train::Progress as Step;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often the bar is drawn anew.
const REFRESH: Duration = Duration::from_millis(100);
/// Cells of the bar.
const WIDTH: usize = 24;

/// A bar with loss, accuracy, samples per second and time left; one line an epoch when stderr is not a terminal.
#[derive(Debug)]
pub struct Progress {
    title: String,
    on: bool,
    terminal: bool,
    /// When the bar was first shown, and how much of the run was done then: a run that goes on does not begin at 0.
    start: Option<(Instant, f64)>,
    drawn: Option<Instant>,
}

impl Progress {
    /// A bar under a title; a silent one when `on` is false.
    pub fn new(title: &str, on: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Progress { title: title.to_string(), on, terminal, start: None, drawn: None }
    }

    /// Shows where the run stands.
    pub fn show(&mut self, step: &Step) {
        let done = ((step.epoch - 1) as f64 + step.samples as f64 / step.total as f64) / step.epochs as f64;
        let (start, begun) = *self.start.get_or_insert((Instant::now(), done));
        let last = step.epoch == step.epochs && step.samples == step.total;
        let due = self.drawn.is_none_or(|drawn| drawn.elapsed() >= REFRESH);
        // A log file gets ten lines a run, a terminal a bar that moves.
        let tenth = step.samples == step.total && step.epoch.is_multiple_of(step.epochs.div_ceil(10));
        if !self.on || !(last || if self.terminal { due } else { tenth }) {
            return;
        }
        self.drawn = Some(Instant::now());
        let left = start.elapsed().as_secs_f64() / (done - begun) * (1.0 - done);
        let rate = step.samples as f64 / step.seconds.max(1e-9);
        let accuracy = step.score.accuracy.map(|share| format!("  accuracy {:5.2} %", 100.0 * share));
        let line = format!(
            "{} {}  epoch {}/{}  loss {}{}  {:.0} samples/s{}",
            self.title,
            bar(done),
            step.epoch,
            step.epochs,
            figure(step.score.loss),
            accuracy.unwrap_or_default(),
            rate,
            // The first step says nothing about those to come.
            if left.is_finite() { format!("  {} left", clock(left)) } else { String::new() },
        );
        let mut stderr = std::io::stderr().lock();
        // A bar that cannot be shown is no reason to stop a run.
        let _ = match (self.terminal, last) {
            (true, false) => write!(stderr, "\r\x1b[2K{line}").and_then(|()| stderr.flush()),
            (true, true) => writeln!(stderr, "\r\x1b[2K{line}"),
            (false, _) => writeln!(stderr, "{line}"),
        };
    }
}

fn bar(done: f64) -> String {
    let full = ((done * WIDTH as f64) as usize).min(WIDTH);
    format!("[{}{}]", "█".repeat(full), "·".repeat(WIDTH - full))
}

fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {:02} s", seconds / 60, seconds % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_from_left_to_right() {
        assert_eq!(bar(0.0).chars().filter(|&cell| cell == '█').count(), 0);
        assert_eq!(bar(1.0).chars().filter(|&cell| cell == '█').count(), WIDTH);
        assert!(bar(0.5).starts_with("[█"));
    }

    #[test]
    fn times_are_read_at_a_glance() {
        assert_eq!(clock(7.4), "7 s");
        assert_eq!(clock(125.0), "2 min 05 s");
    }
}
