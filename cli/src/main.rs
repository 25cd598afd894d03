//! The `limpide` command.

use clap::{Parser, Subcommand};
use limpide::error::one_line;
use limpide::kernels::Level;
use limpide_cli::experiments::{command, gradients};
use limpide_cli::{bench, compare, conform, data, export, import, inspect, missing, report, serve, sweep, train};
use std::process::ExitCode;

/// A neural-network workshop in which nothing is a black box.
#[derive(Parser)]
#[command(name = "limpide", version, after_help = "Example: limpide report --out report")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Report(report::Arguments),
    Experiment(command::Arguments),
    Gradcheck(gradients::Arguments),
    Train(train::Arguments),
    Resume(train::ResumeArguments),
    Eval(train::EvalArguments),
    Predict(train::PredictArguments),
    Inspect(inspect::Arguments),
    Export(export::Arguments),
    Import(import::Arguments),
    Compare(compare::Arguments),
    Sweep(sweep::Arguments),
    Serve(serve::Arguments),
    /// List, fetch and check data sets
    #[command(subcommand, after_help = "Example: limpide data fetch mnist")]
    Data(data::DataCommand),
    Conform(conform::Arguments),
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    if cfg!(debug_assertions) {
        eprintln!("limpide: this is a debug build, many times slower; run `cargo run --release -- …` for speed");
    }
    if let Some(wrong) =
        std::env::var("LIMPIDE_SIMD").ok().filter(|name| !name.is_empty() && Level::named(name).is_none())
    {
        let names = Level::ALL.map(Level::name).join(", ");
        eprintln!("limpide: LIMPIDE_SIMD={wrong} is passed over: it takes {names}");
    }
    let result = match command {
        Command::Report(arguments) => report::command(&arguments),
        Command::Experiment(arguments) => command::command(&arguments),
        Command::Gradcheck(arguments) => gradients::command(&arguments),
        Command::Train(arguments) => train::command(&arguments),
        Command::Resume(arguments) => train::resume(&arguments),
        Command::Eval(arguments) => train::eval(&arguments),
        Command::Predict(arguments) => train::predict(&arguments),
        Command::Inspect(arguments) => inspect::command(&arguments),
        Command::Export(arguments) => export::command(&arguments),
        Command::Import(arguments) => import::command(&arguments),
        Command::Compare(arguments) => compare::command(&arguments),
        Command::Sweep(arguments) => sweep::command(&arguments),
        Command::Serve(arguments) => serve::command(&arguments),
        Command::Data(command) => data::run(command),
        Command::Conform(arguments) => conform::command(&arguments),
        Command::Bench(arguments) => bench::command(&arguments),
    };
    result.unwrap_or_else(|error| {
        // What a file has in its names must not steer the terminal; some messages have several lines.
        let lines: Vec<String> = error.to_string().split('\n').map(one_line).collect();
        let advice = missing::advice(&error).map_or_else(String::new, |advice| format!("; {advice}"));
        eprintln!("limpide: {}{advice}", lines.join("\n"));
        ExitCode::from(2)
    })
}
