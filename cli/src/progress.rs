//! The progress bar of a training run, on stderr.

use crate::train::figure;
use limpide::train::Progress as Step;
use std::io::{IsTerminal, Stderr, Write};
use std::time::{Duration, Instant};

/// How often the bar is drawn anew.
const REFRESH: Duration = Duration::from_millis(100);
/// What a line takes at most: a terminal has 80 columns, and a line that fills them all goes on in the next row.
const COLUMNS: usize = 79;
/// Letters of a title at most, a long one's last being an ellipsis.
const TITLE: usize = 36;

/// A bar with loss, accuracy, samples per second and time left, as far as they have room; ten lines a run when the output is
/// no terminal, or one that cannot go back in a line.
#[derive(Debug)]
pub struct Progress<W: Write = Stderr> {
    title: String,
    on: bool,
    terminal: bool,
    /// When the bar was first shown, and how much of the run was done then: a run that goes on does not begin at 0.
    start: Option<(Instant, f64)>,
    drawn: Option<Instant>,
    /// Whether the last line shown is still to be ended.
    open: bool,
    out: W,
}

impl Progress {
    /// A bar on stderr under a title; a silent one when `on` is false.
    pub fn new(title: &str, on: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let out = std::io::stderr();
        Progress::onto(title, on, out.is_terminal() && !dumb, out)
    }
}

impl<W: Write> Progress<W> {
    fn onto(title: &str, on: bool, terminal: bool, out: W) -> Self {
        Progress { title: cut(title, TITLE), on, terminal, start: None, drawn: None, open: false, out }
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
        let columns = if self.terminal { COLUMNS } else { usize::MAX };
        let line =
            line(&self.title, step, columns, done, start.elapsed().as_secs_f64() / (done - begun) * (1.0 - done));
        self.open = self.terminal && !last;
        let text = match self.terminal {
            // Without going on in the next row (?7), for terminals that are narrower still.
            true => format!("\r\x1b[2K\x1b[?7l{line}\x1b[?7h{}", if last { "\n" } else { "" }),
            false => format!("{line}\n"),
        };
        self.write(&text);
    }

    fn write(&mut self, text: &str) {
        // A bar that cannot be shown is no reason to stop a run.
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

impl<W: Write> Drop for Progress<W> {
    /// Ends the line of a run that stopped early, for what is printed next.
    fn drop(&mut self) {
        if self.open {
            self.write("\n");
        }
    }
}

/// `title [███···]  epoch 2/5  loss 0.12  accuracy 97.00 %  7 s left  9000 samples/s`: of the last two and the bar as much as
/// there is room for. `left` is in seconds.
fn line(title: &str, step: &Step, columns: usize, done: f64, left: f64) -> String {
    let accuracy = step.score.accuracy.map(|share| format!("  accuracy {:5.2} %", 100.0 * share)).unwrap_or_default();
    let state = format!("  epoch {}/{}  loss {}{accuracy}", step.epoch, step.epochs, figure(step.score.loss));
    let rate = format!("  {:.0} samples/s", step.samples as f64 / step.seconds.max(1e-9));
    // The first step says nothing about those to come.
    let left = if left.is_finite() { format!("  {} left", clock(left)) } else { String::new() };
    let (long, short) = (format!(" {}", bar(done, 24)), format!(" {}", bar(done, 10)));
    let most = [
        long + &state + &left + &rate,
        short.clone() + &state + &left + &rate,
        short + &state + &left,
        state.clone() + &left,
    ]
    .map(|fields| format!("{title}{fields}"));
    let fitting = most.iter().find(|line| line.chars().count() <= columns);
    fitting.cloned().unwrap_or_else(|| cut(title, columns.saturating_sub(state.chars().count()).max(1)) + &state)
}

/// A text of so many letters at most.
fn cut(text: &str, letters: usize) -> String {
    match text.chars().count() > letters {
        true => text.chars().take(letters - 1).chain(['…']).collect(),
        false => text.to_string(),
    }
}

fn bar(done: f64, cells: usize) -> String {
    let full = ((done * cells as f64) as usize).min(cells);
    format!("[{}{}]", "█".repeat(full), "·".repeat(cells - full))
}

fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {:02} s", seconds / 60, seconds % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use limpide::train::Score;

    /// After a quarter of the ninth of 12 epochs.
    fn step(loss: f64, accuracy: Option<f64>) -> Step {
        let score = Score { loss, accuracy };
        Step { epoch: 9, epochs: 12, samples: 15_000, total: 60_000, score, seconds: 0.75 }
    }

    #[test]
    fn a_bar_fills_from_left_to_right() {
        assert_eq!(bar(0.0, 24).chars().filter(|&cell| cell == '█').count(), 0);
        assert_eq!(bar(1.0, 24).chars().filter(|&cell| cell == '█').count(), 24);
        assert!(bar(0.5, 10).starts_with("[█████·"));
    }

    #[test]
    fn a_line_fits_a_terminal_and_keeps_what_matters_most() {
        let short = line("n", &Step { samples: 60_000, ..step(0.25, None) }, COLUMNS, 0.75, f64::INFINITY);
        let whole = format!("n [{}{}]  epoch 9/12  loss 0.25000  80000 samples/s", "█".repeat(18), "·".repeat(6));
        assert_eq!(short, whole);
        let long = "regression, rate 0.1, batches of 10".repeat(3);
        // A title gives way to figures.
        let text = line(
            &cut(&long, TITLE),
            &Step { epoch: 1009, epochs: 2000, ..step(0.084_71, Some(0.9686)) },
            COLUMNS,
            0.5,
            7.0,
        );
        assert!(text.ends_with("…  epoch 1009/2000  loss 0.08471  accuracy 96.86 %"), "{text}");
        assert_eq!(text.chars().count(), COLUMNS);
        for title in ["mnist-dense", "autoencoder, latent 32", &cut(&long, TITLE)] {
            for left in [f64::INFINITY, 7.0, 725.0] {
                let text = line(title, &step(1.234_567e-12, Some(0.9782)), COLUMNS, 0.7, left);
                assert!(text.chars().count() <= COLUMNS, "{text}");
                let begin = text.split('…').next().unwrap();
                assert!(title.starts_with(begin) || begin.starts_with(title), "{text}");
                assert!(text.contains("  epoch 9/12  loss 1.2"), "{text}");
                assert!(text.contains("accuracy 97.82 %"), "{text}");
            }
        }
    }

    #[test]
    fn a_run_that_stops_early_ends_its_line_and_a_log_has_nothing_to_end() {
        let (mut terminal, mut log) = (Vec::new(), Vec::new());
        Progress::onto("n1", true, true, &mut terminal).show(&step(0.25, None));
        assert!(terminal.starts_with(b"\r\x1b[2K") && terminal.ends_with(b"\x1b[?7h\n"));
        Progress::onto("n1", true, false, &mut log).show(&Step { samples: 60_000, epoch: 8, ..step(0.25, None) });
        let text = String::from_utf8(log).unwrap();
        assert!(text.starts_with("n1 [") && text.ends_with("samples/s\n") && !text.contains('\x1b'), "{text:?}");
    }

    #[test]
    fn times_are_read_at_a_glance() {
        assert_eq!(clock(7.4), "7 s");
        assert_eq!(clock(125.0), "2 min 05 s");
    }
}
