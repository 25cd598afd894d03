//! `limpide inspect`: a network on paper, as its layers and as the plan that trains it.

use super::Common;
use super::folder::Folder;
use super::read::Setting;
use limpide::Result;
use limpide::model::{flops, summary};
use limpide::plan::Plan;
use std::path::PathBuf;
use std::process::ExitCode;

/// Show the network of a run: its layers with shapes and parameters, and the plan that it is trained by.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: limpide inspect recipes/digits.toml --plan --set batch_size=32")]
pub struct Arguments {
    /// The description of a run, or the folder of one.
    #[arg(value_name = "FILE.toml|RUN")]
    run: PathBuf,
    /// Show the plan: steps, the layers whose work each does, layout, bytes, FLOPs.
    #[arg(long)]
    plan: bool,
    /// A field of the description (may be given several times).
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<Setting>,
    #[command(flatten)]
    common: Common,
}

/// Runs the command.
///
/// # Errors
/// Those of reading the description, and of a network that does not take the data.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    let file = if arguments.run.is_dir() { Folder::open(&arguments.run)?.description() } else { arguments.run.clone() };
    let session = arguments.common.session(&file, &arguments.settings)?;
    let samples = &session.parts.train;
    let batch = session.description.batch_size.min(samples.len());
    let input = [&[batch], samples.sample_shape()].concat();
    let summary = summary(&session.network, &input)?;
    let flops = flops(&session.network, &input)?;
    let plan = if arguments.plan { Some(Plan::new(&session.network, &input)?) } else { None };
    if arguments.common.json {
        let layer = |row: &limpide::model::Row| serde_json::json!({"name": row.name, "module": row.module, "output": row.output, "parameters": row.parameters});
        let layers: Vec<_> = summary.rows.iter().map(layer).collect();
        let plan = plan.map(|plan| plan.lines());
        println!(
            "{:#}",
            serde_json::json!({"input": input, "layers": layers, "flops_per_step": flops.step(), "plan": plan})
        );
        return Ok(ExitCode::SUCCESS);
    }
    print!("{summary}");
    println!("\n{} FLOPs a step of {batch} samples, forward and back", flops.step());
    if let Some(plan) = plan {
        print!("\nplan: {plan}");
    }
    Ok(ExitCode::SUCCESS)
}
