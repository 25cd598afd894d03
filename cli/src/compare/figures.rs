//! The figures of runs beside each other: a table for terminal and page, curves over each other.

use super::kept::{Kept, differences};
use crate::chart::{Cell, Figure, LineChart, Table};
use crate::train::figure;
use limpide::train::{Epoch, Metric};
use serde::Serialize;

/// What one run came to.
#[derive(Serialize)]
pub struct RunFigures {
    /// Its folder.
    pub run: String,
    /// Whether it has its result.
    pub finished: bool,
    /// Epochs done.
    pub epochs: usize,
    /// Seconds of training.
    pub seconds: f64,
    /// Best and last value of each figure that it measures.
    pub metrics: Vec<MetricFigures>,
    /// Mean loss and accuracy on the test part, when the run has looked at it.
    pub test: Option<limpide::train::Score>,
}

/// One figure of a run.
#[derive(Serialize)]
pub struct MetricFigures {
    /// Its name in logs.
    pub metric: Metric,
    /// The best value.
    pub best: f64,
    /// The first epoch that has it.
    pub best_epoch: usize,
    /// The value of the last epoch.
    pub last: f64,
}

impl RunFigures {
    /// The figures of a run that is kept.
    pub fn of(kept: &Kept) -> Self {
        let epochs = &kept.history.epochs;
        RunFigures {
            run: kept.folder.path().display().to_string(),
            finished: kept.outcome.is_some(),
            epochs: epochs.len(),
            seconds: kept.history.seconds().iter().sum(),
            metrics: Metric::ALL.into_iter().filter_map(|metric| MetricFigures::of(metric, epochs)).collect(),
            test: kept.outcome.as_ref().and_then(|outcome| outcome.test),
        }
    }

    fn metric(&self, metric: Metric) -> Option<&MetricFigures> {
        self.metrics.iter().find(|own| own.metric == metric)
    }
}

impl MetricFigures {
    fn of(metric: Metric, epochs: &[Epoch]) -> Option<Self> {
        let mut values = epochs.iter().filter_map(|epoch| Some((epoch.number, metric.of(epoch)?)));
        let first = values.next()?;
        let rest: Vec<(usize, f64)> = values.collect();
        let better = |best: (usize, f64), next: &(usize, f64)| match metric.better(next.1, best.1, 0.0) {
            true => *next,
            false => best,
        };
        let (best_epoch, best) = rest.iter().fold(first, better);
        Some(MetricFigures { metric, best, best_epoch, last: rest.last().unwrap_or(&first).1 })
    }
}

/// The names of the runs, over the rows of both tables.
pub fn head(runs: &[Kept]) -> Vec<String> {
    std::iter::once(String::new()).chain(runs.iter().map(|run| run.name.clone())).collect()
}

/// The settings that differ, a row each; a dash where a run has none.
pub fn settings(runs: &[Kept]) -> Vec<Vec<String>> {
    let row = |(path, values): (String, Vec<Option<String>>)| {
        std::iter::once(path).chain(values.into_iter().map(|value| value.unwrap_or_else(|| "–".into()))).collect()
    };
    differences(runs).into_iter().map(row).collect()
}

/// The figures, a row each; a dash where a run has none.
pub fn rows(figures: &[RunFigures]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = |name: &str, cell: &dyn Fn(&RunFigures) -> Option<String>| {
        let cells: Vec<Option<String>> = figures.iter().map(cell).collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "–".into()));
            rows.push(std::iter::once(name.to_string()).chain(cells).collect());
        }
    };
    row("epochs trained", &|own| Some(format!("{}{}", own.epochs, if own.finished { "" } else { " so far" })));
    row("seconds", &|own| Some(format!("{:.2}", own.seconds)));
    for metric in Metric::ALL {
        let name = metric.name().replace('_', " ");
        let text = |value: f64| match metric {
            Metric::TrainAccuracy | Metric::ValidationAccuracy => format!("{:.2} %", 100.0 * value),
            _ => figure(value),
        };
        row(&format!("{name}, best"), &|own| {
            let own = own.metric(metric)?;
            Some(format!("{} (epoch {})", text(own.best), own.best_epoch))
        });
        row(&format!("{name}, last"), &|own| Some(text(own.metric(metric)?.last)));
    }
    row("test loss", &|own| Some(figure(own.test?.loss)));
    row("test accuracy", &|own| Some(format!("{:.2} %", 100.0 * own.test?.accuracy?)));
    rows
}

/// Such rows on a page.
pub fn table(caption: &str, head: &[String], rows: &[Vec<String>]) -> Table {
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    rows.iter().fold(Table::new(caption, &head), |table, row| {
        let cells = row.iter().enumerate().map(|(column, cell)| match column {
            0 => Cell::from(cell.as_str()),
            _ => Cell::number(cell),
        });
        table.row(cells.collect())
    })
}

/// The curves of every figure that some run measures, a line a run.
pub fn curves(runs: &[Kept]) -> Vec<Figure> {
    let order = [Metric::ValidationLoss, Metric::TrainLoss, Metric::ValidationAccuracy, Metric::TrainAccuracy];
    order.into_iter().filter_map(|metric| curve(runs, metric)).collect()
}

fn curve(runs: &[Kept], metric: Metric) -> Option<Figure> {
    let share = matches!(metric, Metric::TrainAccuracy | Metric::ValidationAccuracy);
    let scale = if share { 100.0 } else { 1.0 };
    let points = |run: &Kept| -> Vec<(f64, f64)> {
        let epochs = run.history.epochs.iter();
        epochs.filter_map(|epoch| Some((epoch.number as f64, scale * metric.of(epoch)?))).collect()
    };
    let all: Vec<(&str, Vec<(f64, f64)>)> =
        runs.iter().map(|run| (run.name.as_str(), points(run))).filter(|(_, points)| !points.is_empty()).collect();
    if all.is_empty() {
        return None;
    }
    let name = metric.name().replace('_', " ");
    let positive = all.iter().all(|(_, points)| points.iter().all(|point| point.1 > 0.0));
    let title = if share { format!("{name} (%)") } else { name.clone() };
    let mut chart = LineChart::new("epoch", &title);
    if !share && positive {
        chart = chart.log_y();
    }
    let chart = all.into_iter().fold(chart, |chart, (name, points)| chart.series(name, points));
    Some(chart.figure(&metric.name().replace('_', "-"), &format!("The {name} of each run by epoch.")))
}
