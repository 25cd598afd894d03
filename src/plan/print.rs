//! A plan on paper: `limpide inspect --plan`.

use super::Plan;
use super::stage::Stage;
use crate::Real;
use crate::layers::LinearOptions;
use crate::tensor::shape_text;
use serde::Serialize;
use std::fmt;

/// One line of a printed plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The stage that begins here, and how its work is divided; empty within a stage.
    pub stage: String,
    /// The step.
    pub step: String,
    /// The modules whose work the step does.
    pub modules: String,
    /// How the numbers of its output lie.
    pub layout: String,
    /// Bytes of the output, for the plan's batch.
    pub bytes: usize,
    /// Additions and multiplications of the way forward, for the plan's batch.
    pub flops: u64,
}

impl<T: Real> Plan<T> {
    /// The plan as a table: one line a step.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let batch = self.rows as u64;
        for (place, stage) in self.stages.iter().enumerate() {
            match stage {
                Stage::Split(split) => {
                    let line = |step: &str, modules: &str, outputs: usize, inputs: usize| Line {
                        stage: String::new(),
                        step: step.into(),
                        modules: modules.into(),
                        layout: "as the modules".into(),
                        bytes: self.rows * outputs * size_of::<T>(),
                        flops: 2 * batch * (inputs * outputs) as u64,
                    };
                    let LinearOptions { in_features, out_features, .. } = split.options;
                    let stage = format!("{place}: {} parts of the outputs", split.outputs.len());
                    lines.push(Line { stage, ..line("dense, or sparse", &split.module, out_features, in_features) });
                    if let Some(head) = split.head() {
                        let [activation, dense] = &head.modules;
                        lines.push(line("activation", activation, out_features, 0));
                        lines.push(line("dense, of parts", dense, head.options.out_features, out_features));
                    }
                }
                Stage::Norm(norm) => lines.push(Line {
                    stage: format!("{place}: samples, and the whole batch"),
                    step: "batch norm".into(),
                    modules: norm.modules.clone(),
                    layout: "as the modules".into(),
                    bytes: self.rows * norm.sizes().1 * size_of::<T>(),
                    flops: 0,
                }),
                Stage::Join(join) => lines.push(Line {
                    stage: format!("{place}: parts of the batch"),
                    step: format!("sum with what went into {}", join.from),
                    modules: join.module.clone(),
                    layout: "as the modules".into(),
                    bytes: self.rows * join.len * size_of::<T>(),
                    flops: batch * join.len as u64,
                }),
                Stage::Whole(whole) => lines.push(Line {
                    stage: format!("{place}: the whole batch"),
                    step: "module".into(),
                    modules: whole.module.clone(),
                    layout: "as the modules".into(),
                    bytes: self.rows * whole.output_len * size_of::<T>(),
                    flops: 0,
                }),
                Stage::Chain(chain) => {
                    let slices = self.rows.div_ceil(chain.slice_rows(self.rows));
                    let title = match slices {
                        1 => format!("{place}: the whole batch"),
                        slices => format!("{place}: {slices} slices of the batch"),
                    };
                    for (number, planned) in chain.steps.iter().enumerate() {
                        lines.push(Line {
                            stage: if number == 0 { title.clone() } else { String::new() },
                            step: planned.step.name().into(),
                            modules: planned.modules.clone(),
                            layout: planned.step.layout().into(),
                            bytes: self.rows * planned.output_len * size_of::<T>(),
                            flops: batch * planned.flops,
                        });
                    }
                }
            }
        }
        lines
    }
}

/// A table: stage, step, the modules whose work the step does, layout, bytes of the output and FLOPs forward.
impl<T: Real> fmt::Display for Plan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        writeln!(f, "batch {}, sample {}, {}", self.rows, shape_text(&self.input), T::NAME)?;
        let width = |heading: &str, of: fn(&Line) -> &str| {
            lines.iter().map(|line| of(line).chars().count()).chain([heading.len()]).max().unwrap_or(0)
        };
        let a = width("stage", |line| &line.stage);
        let b = width("step", |line| &line.step);
        let c = width("modules", |line| &line.modules);
        let d = width("layout", |line| &line.layout);
        writeln!(
            f,
            "{:<a$}  {:<b$}  {:<c$}  {:<d$}  {:>10}  {:>12}",
            "stage", "step", "modules", "layout", "bytes", "FLOPs"
        )?;
        for Line { stage, step, modules, layout, bytes, flops } in &lines {
            writeln!(f, "{stage:<a$}  {step:<b$}  {modules:<c$}  {layout:<d$}  {bytes:>10}  {flops:>12}")?;
        }
        Ok(())
    }
}
