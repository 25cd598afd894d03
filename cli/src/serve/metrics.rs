//! What the server has done, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper ends of the buckets of seconds.
const BUCKETS: [f64; 10] = [1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 0.1, 1.0, 10.0];

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    samples: AtomicU64,
    batches: AtomicU64,
    connections: AtomicU64,
    /// Of predictions: how many took no longer than each bucket's end, how many in all, and their nanoseconds.
    within: [AtomicU64; BUCKETS.len()],
    timed: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Metrics {
    /// A request to a path has been answered.
    pub fn request(&self, path: &'static str, status: u16) {
        *self.requests.lock().expect("no panic").entry((path, status)).or_default() += 1;
    }

    /// The network is given so many samples at once.
    pub fn batch(&self, samples: usize) {
        self.samples.fetch_add(samples as u64, Relaxed);
        self.batches.fetch_add(1, Relaxed);
    }

    /// A prediction took so long, from the request being there to the answer being ready.
    pub fn took(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        for (count, _) in self.within.iter().zip(BUCKETS).filter(|(_, end)| seconds <= *end) {
            count.fetch_add(1, Relaxed);
        }
        self.timed.fetch_add(1, Relaxed);
        self.nanoseconds.fetch_add(time.as_nanos() as u64, Relaxed);
    }

    /// One more connection is open.
    pub fn opened(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    /// One less.
    pub fn closed(&self) {
        self.connections.fetch_sub(1, Relaxed);
    }

    /// How many are open.
    pub fn open(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// The page that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let full = "a string is written to without fail";
        let head = |text: &mut String, name: &str, kind: &str, about: &str| {
            write!(text, "# HELP limpide_{name} {about}\n# TYPE limpide_{name} {kind}\n").expect(full);
        };
        head(&mut text, "requests_total", "counter", "Requests by path and status.");
        for ((path, status), count) in &*self.requests.lock().expect("no panic") {
            writeln!(text, "limpide_requests_total{{path=\"{path}\",status=\"{status}\"}} {count}").expect(full);
        }
        for (name, kind, about, value) in [
            ("samples_total", "counter", "Samples that the network was given.", &self.samples),
            ("batches_total", "counter", "Passes of the network.", &self.batches),
            ("connections", "gauge", "Connections that are open.", &self.connections),
        ] {
            head(&mut text, name, kind, about);
            writeln!(text, "limpide_{name} {}", value.load(Relaxed)).expect(full);
        }
        head(&mut text, "predict_seconds", "histogram", "Time of a prediction, without reading and sending.");
        for (count, end) in self.within.iter().zip(BUCKETS) {
            writeln!(text, "limpide_predict_seconds_bucket{{le=\"{end}\"}} {}", count.load(Relaxed)).expect(full);
        }
        let (count, seconds) = (self.timed.load(Relaxed), self.nanoseconds.load(Relaxed) as f64 / 1e9);
        writeln!(text, "limpide_predict_seconds_bucket{{le=\"+Inf\"}} {count}").expect(full);
        write!(text, "limpide_predict_seconds_sum {seconds}\nlimpide_predict_seconds_count {count}\n").expect(full);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_written_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        metrics.request("/predict", 200);
        metrics.request("/predict", 200);
        metrics.request("/predict", 400);
        metrics.batch(3);
        metrics.took(Duration::from_micros(300));
        metrics.took(Duration::from_secs(20));
        metrics.opened();
        let text = metrics.text();
        for line in [
            "# TYPE limpide_requests_total counter",
            "limpide_requests_total{path=\"/predict\",status=\"200\"} 2",
            "limpide_requests_total{path=\"/predict\",status=\"400\"} 1",
            "limpide_samples_total 3",
            "limpide_batches_total 1",
            "limpide_connections 1",
            "limpide_predict_seconds_bucket{le=\"0.00025\"} 0",
            "limpide_predict_seconds_bucket{le=\"0.0005\"} 1",
            "limpide_predict_seconds_bucket{le=\"10\"} 1",
            "limpide_predict_seconds_bucket{le=\"+Inf\"} 2",
            "limpide_predict_seconds_sum 20.0003",
            "limpide_predict_seconds_count 2",
        ] {
            assert!(text.lines().any(|own| own == line), "wants {line} in\n{text}");
        }
    }
}
