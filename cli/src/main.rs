//! The `limpide` command.

use clap::{Parser, Subcommand};
use limpide_cli::conform;
use std::process::ExitCode;

/// A neural-network workshop in which nothing is a black box.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Conform(conform::Arguments),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Conform(arguments) => conform::command(&arguments),
    }
}
