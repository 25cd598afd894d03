//! What a benchmark holds in memory, in MiB: the data as stored, the parameters, and the most that the process ever had.

use limpide::data::{Dataset, Inputs, Target, Targets};
use limpide::{Module, Real};
use serde::Serialize;

const MIB: f64 = (1 << 20) as f64;

/// The figures of one workload; fields of its JSON object.
#[derive(Debug, Serialize)]
pub struct Memory {
    pub data_mib: f64,
    pub parameters_mib: f64,
    /// Where the system tells.
    pub peak_mib: Option<f64>,
}

impl Memory {
    /// As things stand now.
    pub fn now<T: Real>(data: &Dataset<T>, network: &dyn Module<T>) -> Self {
        let inputs = match &data.inputs {
            Inputs::Real(values) => values.len() * size_of::<T>(),
            Inputs::Bytes { values, .. } => values.len(),
            Inputs::Stored { .. } => 0,
        };
        let targets = match &data.targets {
            Targets::Given(Target::Values(values)) => values.len() * size_of::<T>(),
            Targets::Given(Target::Classes(labels)) => labels.len() * size_of::<i64>(),
            Targets::Inputs => 0,
        };
        let parameters = network.parameters().iter().map(|(_, value)| value.len() * size_of::<T>()).sum::<usize>();
        Memory {
            data_mib: (inputs + targets) as f64 / MIB,
            parameters_mib: parameters as f64 / MIB,
            peak_mib: most_resident(),
        }
    }
}

/// The high-water mark of this process's resident memory, as Linux counts it.
fn most_resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok().map(|kib: f64| kib / 1024.0)
}
