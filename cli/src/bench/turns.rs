//! Turns: a benchmark that waits before each epoch, so that two programs can measure alternately.

use crate::stdout;
use limpide::{Error, Result};
use std::io::stdin;

/// Whether to wait for a line on stdin before each epoch, and to say how long it took.
#[derive(Clone, Copy, Debug)]
pub struct Turns(pub bool);

impl Turns {
    /// Everything is loaded: waits for the first turn.
    ///
    /// # Errors
    /// When there is none.
    pub fn begin(self) -> Result<()> {
        self.say("{\"ready\": true}");
        if self.next() { Ok(()) } else { Err(Error::option("--turns", "a line on stdin for each turn", "no line")) }
    }

    /// An epoch is over.
    pub fn end(self, seconds: f64) {
        self.say(&format!("{{\"seconds\": {seconds}}}"));
    }

    /// Waits for the next turn. False when stdin has ended.
    pub fn next(self) -> bool {
        !self.0 || stdin().read_line(&mut String::new()).is_ok_and(|length| length > 0)
    }

    fn say(self, line: &str) {
        if self.0 {
            // Who does not listen will not give the next turn either.
            let _ = stdout::line(line);
        }
    }
}
