//! Concurrent requests in one pass: whatever has come while the network was at work is answered together.

use super::metrics::Metrics;
use limpide::pipeline::{Pipeline, Predictions};
use limpide::{Tensor, tensor, tensor::values};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Samples of a batch from which on no further request joins it.
pub const MOST: usize = 1024;

/// Prepared samples, and where their answer goes.
pub struct Job {
    x: Tensor<f32>,
    to: SyncSender<limpide::Result<Predictions>>,
}

/// The way to the thread that answers. Clones lead to the same one; it ends when the last is gone.
#[derive(Clone)]
pub struct Batcher(Sender<Job>);

impl Batcher {
    /// The way, and the end of it for [`work`].
    pub fn new() -> (Self, Receiver<Job>) {
        let (to, from) = channel();
        (Batcher(to), from)
    }

    /// Answers prepared samples; none when the thread has died.
    pub fn answer(&self, x: Tensor<f32>) -> Option<limpide::Result<Predictions>> {
        let (to, from) = sync_channel(1);
        self.0.send(Job { x, to }).ok()?;
        from.recv().ok()
    }
}

/// Answers until nobody can ask any more. No request waits for others to come: a batch is what is there.
///
/// # Errors
/// A pipeline that does not say what goes in.
pub fn work(pipeline: &Pipeline, from: &Receiver<Job>, metrics: &Metrics) -> limpide::Result<()> {
    let mut ready = pipeline.ready(MOST)?;
    while let Ok(first) = from.recv() {
        let mut jobs = vec![first];
        let mut samples = jobs[0].x.shape()[0];
        while samples < MOST
            && let Ok(job) = from.try_recv()
        {
            samples += job.x.shape()[0];
            jobs.push(job);
        }
        metrics.batch(samples);
        // Every job was prepared by this pipeline, so all have the same shape but for their number.
        let answer = match &jobs[..] {
            [only] => ready.answer(&only.x),
            _ => {
                let all: Vec<f32> = jobs.iter().flat_map(|job| values(&job.x).iter().copied()).collect();
                let shape = [&[samples], ready.sample_shape()].concat();
                ready.answer(&tensor(&shape, all))
            }
        };
        hand_out(jobs, answer);
    }
    Ok(())
}

/// Gives each job its part of the answer. A client that has gone does not matter.
fn hand_out(jobs: Vec<Job>, answer: limpide::Result<Predictions>) {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let text = error.to_string();
            for job in jobs {
                let _ = job.to.send(Err(limpide::Error::option("the samples", "what the network takes", &text)));
            }
            return;
        }
    };
    if let [only] = &jobs[..] {
        let _ = only.to.send(Ok(answer));
        return;
    }
    let shape = answer.values.shape().to_vec();
    let each: usize = shape[1..].iter().product();
    let mut at = 0;
    for job in jobs {
        let own = job.x.shape()[0];
        let part = values(&answer.values)[at * each..(at + own) * each].to_vec();
        at += own;
        let values = tensor(&[&[own], &shape[1..]].concat(), part);
        let _ = job.to.send(Ok(Predictions { values, classes: answer.classes.clone(), unseen: Vec::new() }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use limpide::pipeline::{Input, Output};
    use limpide::{Sequential, layers::Linear};

    #[test]
    fn what_waits_is_answered_together() {
        let network = Sequential::<f32>::new().push(Linear::new(2, 1)).seed(1);
        let input = Input::Tensor { shape: Some(vec![2]), standardization: None, divisor: None, fit: None };
        let pipeline = Pipeline::new(network, input, Output::default()).unwrap();
        for (sizes, batches) in
            [(&[1][..], 1), (&[1, 2, 3, 0, 4], 1), (&[MOST - 1, 2, 3], 2), (&[MOST, 1], 2), (&[1, 3 * MOST, 1, 1], 2)]
        {
            let (batcher, jobs) = Batcher::new();
            let waiting: Vec<_> = sizes
                .iter()
                .enumerate()
                .map(|(place, &samples)| {
                    let x = tensor(&[samples, 2], (0..2 * samples).map(|n| (place + n) as f32).collect());
                    let (to, answer) = sync_channel(1);
                    batcher.0.send(Job { x: x.clone(), to }).unwrap();
                    (x, answer)
                })
                .collect();
            drop(batcher);
            let metrics = Metrics::default();
            work(&pipeline, &jobs, &metrics).unwrap();
            for (x, answer) in waiting {
                assert_eq!(answer.recv().unwrap().unwrap(), pipeline.predict(&x).unwrap(), "{sizes:?}");
            }
            let counted = [("samples", sizes.iter().sum::<usize>()), ("batches", batches)];
            for line in counted.map(|(name, count)| format!("limpide_{name}_total {count}")) {
                assert!(
                    metrics.text().lines().any(|own| own == line),
                    "{sizes:?}: wants {line} in\n{}",
                    metrics.text()
                );
            }
        }
    }
}
