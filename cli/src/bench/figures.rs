//! What a benchmark measured, for people and for machines.

use super::Settings;
use super::memory::Memory;
use super::modules::ModuleTime;
use crate::text::counted;
use limpide::Real;
use limpide::kernels::{level, peak};
use serde::Serialize;
use std::fmt;

/// The figures of one workload; its JSON object.
#[derive(Debug, Serialize)]
pub struct Figures {
    pub workload: &'static str,
    /// The network as constructed.
    pub network: String,
    pub data: String,
    pub dtype: &'static str,
    /// The instructions in use.
    pub simd: &'static str,
    pub threads: usize,
    pub batch: usize,
    pub epochs: usize,
    pub seconds_per_epoch: Vec<f64>,
    pub seconds_per_epoch_median: f64,
    pub us_per_step: f64,
    pub samples_per_second: f64,
    pub gflops: f64,
    /// What the same threads reach when nothing leaves the registers.
    pub peak_gflops: f64,
    pub peak_fraction: f64,
    /// The mean training loss of the last epoch, when something was trained.
    pub loss: Option<f64>,
    /// After the last epoch, where there are data.
    #[serde(flatten)]
    pub memory: Option<Memory>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<ModuleTime>,
}

/// What an epoch consists of.
pub struct Speed {
    pub samples: usize,
    pub steps: usize,
    pub flops: u64,
}

impl Figures {
    /// From the seconds of each epoch, of which there must be one; measures the peak.
    pub fn new<T: Real>(
        workload: &'static str,
        network: String,
        data: &str,
        settings: &Settings,
        batch: usize,
        seconds: Vec<f64>,
        speed: Speed,
    ) -> Self {
        let middle = median(&seconds);
        let gflops = speed.flops as f64 / middle / 1e9;
        let peak_gflops = peak::<T>(level(), settings.threads) / 1e9;
        Figures {
            workload,
            network,
            data: data.to_string(),
            dtype: T::NAME,
            simd: level().name(),
            threads: settings.threads,
            batch,
            epochs: seconds.len(),
            seconds_per_epoch_median: middle,
            us_per_step: middle / speed.steps as f64 * 1e6,
            samples_per_second: speed.samples as f64 / middle,
            gflops,
            peak_gflops,
            peak_fraction: gflops / peak_gflops,
            seconds_per_epoch: seconds,
            loss: None,
            memory: None,
            modules: Vec::new(),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let low = self.seconds_per_epoch.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.seconds_per_epoch.iter().copied().fold(0.0, f64::max);
        let threads = counted(self.threads, "thread");
        writeln!(f, "{}: {}", self.workload, self.network)?;
        writeln!(f, "  {}; batch {}, {threads}, {}, {} instructions", self.data, self.batch, self.dtype, self.simd)?;
        let middle = self.seconds_per_epoch_median;
        writeln!(f, "  {middle:.4} s an epoch, the median of {} ({low:.4} to {high:.4})", self.epochs)?;
        writeln!(f, "  {:.0} samples/s, {:.2} µs a step", self.samples_per_second, self.us_per_step)?;
        let percent = 100.0 * self.peak_fraction;
        writeln!(
            f,
            "  {:.1} GFLOP/s, products with 0 that were left out counted, {percent:.1} % of the {:.0} measured as the peak",
            self.gflops, self.peak_gflops
        )?;
        if let Some(loss) = self.loss {
            writeln!(f, "  loss of the last epoch {loss:.4}")?;
        }
        if let Some(Memory { data_mib, parameters_mib, peak_mib }) = &self.memory {
            write!(f, "  data {data_mib:.1} MiB as stored, parameters {parameters_mib:.2} MiB")?;
            writeln!(f, "{}", peak_mib.map_or_else(String::new, |most| format!(", process at most {most:.0} MiB")))?;
        }
        if self.modules.is_empty() {
            return Ok(());
        }
        let width = self.modules.iter().map(|row| row.module.chars().count()).max().unwrap_or(0);
        writeln!(f, "  module by module, one batch on one thread, nothing fused (µs):")?;
        writeln!(f, "    {:<14}{:<width$} {:>10} {:>10}", "", "", "forward", "backward")?;
        for ModuleTime { name, module, forward_us, backward_us } in &self.modules {
            let backward = backward_us.map_or_else(|| "–".to_string(), |time| format!("{time:.2}"));
            writeln!(f, "    {name:<14}{module:<width$} {forward_us:>10.2} {backward:>10}")?;
        }
        writeln!(f, "    (–: a loss gives its slope together with its terms, which is its forward here)")?;
        Ok(())
    }
}

/// The middle value; the mean of the two middle ones.
///
/// Panics when there is none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), 3.0);
    }
}
