//! Ctrl-C: the first one asks the run to finish its step, the second ends the process.

use limpide::train::{Callback, Flow, Progress};
use limpide::{Module, Real, Result};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether Ctrl-C has been pressed since [`catch`].
static PRESSED: AtomicBool = AtomicBool::new(false);

/// The exit code of a process that Ctrl-C has ended.
pub const EXIT_CODE: u8 = 130;

/// Takes Ctrl-C (and, on Unix, a polite kill) into the program's own hands.
pub fn catch() {
    let handler = || {
        if PRESSED.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(EXIT_CODE));
        }
    };
    // Where no handler can be set, Ctrl-C ends the process at once, and the last checkpoint is as good as ever.
    let _ = ctrlc::set_handler(handler);
}

/// Whether the run has been interrupted.
pub fn pressed() -> bool {
    PRESSED.load(Ordering::Relaxed)
}

/// Stops a run after the step in which Ctrl-C comes.
pub struct StopWhenPressed;

impl<T: Real> Callback<T> for StopWhenPressed {
    fn on_step(&mut self, _: &Progress, _: &dyn Module<T>) -> Result<Flow> {
        Ok(if pressed() { Flow::Stop } else { Flow::Continue })
    }
}
