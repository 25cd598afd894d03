//! The parts of the `limpide` command, one module a command, so that tests can call them without a process.

pub mod bench;
pub mod chart;
pub mod compare;
pub mod conform;
pub mod data;
pub mod experiments;
pub mod export;
pub mod import;
pub mod inspect;
pub mod missing;
pub mod model_file;
pub mod overwrite;
pub mod page;
pub mod progress;
pub mod report;
pub mod serve;
pub mod stdout;
pub mod sweep;
pub mod text;
pub mod train;
