//! The `limpide` command.

mod data;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A neural-network workshop in which nothing is a black box.
#[derive(Parser)]
#[command(version)]
struct Limpide {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List, fetch and check data sets
    #[command(subcommand)]
    Data(data::DataCommand),
}

fn main() -> ExitCode {
    let Command::Data(command) = Limpide::parse().command;
    data::run(command).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}
