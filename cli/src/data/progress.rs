//! A download's progress on stderr: a bar on a terminal, nothing elsewhere. It has no colours, so NO_COLOR changes nothing.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// The time between two drawings.
const PAUSE: Duration = Duration::from_millis(100);

/// The bar of one file.
pub struct Progress {
    name: String,
    /// Bytes there at the start, from an earlier download.
    before: u64,
    total: Option<u64>,
    started: Instant,
    drawn: Option<Instant>,
    on: bool,
}

impl Progress {
    /// A bar for a file of `total` bytes, of which `before` are there.
    pub fn new(name: &str, before: u64, total: Option<u64>) -> Self {
        let on = std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Progress { name: name.into(), before, total, started: Instant::now(), drawn: None, on }
    }

    /// Shows that `done` bytes are there, at most ten times a second.
    pub fn show(&mut self, done: u64) {
        if self.on && self.drawn.is_none_or(|drawn| drawn.elapsed() >= PAUSE) {
            self.drawn = Some(Instant::now());
            // The last write to a closed terminal may fail; the download goes on.
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", self.line(done, self.started.elapsed()));
        }
    }

    /// `name  [######------]  50 %  5.0/10.0 MB  2.5 MB/s`.
    fn line(&self, done: u64, time: Duration) -> String {
        let mega = |bytes: u64| bytes as f64 / 1e6;
        let speed = mega(done.saturating_sub(self.before)) / time.as_secs_f64().max(1e-3);
        match self.total.filter(|&total| total > 0) {
            Some(total) => {
                let part = (done as f64 / total as f64).min(1.0);
                let full = (part * 30.0) as usize;
                let bar = "#".repeat(full) + &"-".repeat(30 - full);
                let (percent, done, total) = (part * 100.0, mega(done), mega(total));
                format!("{}  [{bar}] {percent:3.0} %  {done:.1}/{total:.1} MB  {speed:.1} MB/s", self.name)
            }
            None => format!("{}  {:.1} MB  {speed:.1} MB/s", self.name, mega(done)),
        }
    }
}

impl Drop for Progress {
    /// Leaves the line empty for what is printed next.
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_part_size_and_speed() {
        let progress = Progress::new("file.gz", 2_000_000, Some(10_000_000));
        let line = progress.line(5_000_000, Duration::from_secs(2));
        assert_eq!(line, format!("file.gz  [{}{}]  50 %  5.0/10.0 MB  1.5 MB/s", "#".repeat(15), "-".repeat(15)));
        let unknown = Progress::new("file.gz", 0, None);
        assert_eq!(unknown.line(3_000_000, Duration::from_secs(1)), "file.gz  3.0 MB  3.0 MB/s");
    }
}
