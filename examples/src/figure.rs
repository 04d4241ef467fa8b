//! Accuracy against generated tokens, as a chart: a curve for each strategy over its budgets.

use std::path::Path;

use tts_core::plot::{Axis, Chart, PlotError, Point, Series, Style};

use crate::lineup::Strategy;
use crate::table::{Row, Table};

/// The chart of a table.
pub fn chart(table: &Table) -> Chart {
    let title = format!("{}, {} problems", table.task, table.problems);
    let x = Axis::log2("generated tokens a problem");
    let y = Axis::linear("accuracy, with 95 % interval");
    // Eight curves with their bands need more room than the default.
    let mut chart = Chart::new(title, x, y).sized(900, 600);
    let all = [Strategy::Greedy].into_iter().chain(Strategy::SEARCHED).chain(Strategy::POOLED);
    for strategy in all {
        let rows = table.rows.iter().filter(|row| row.strategy == strategy);
        let points: Vec<Point> = rows.map(point).collect();
        let style = if points.len() > 1 { Style::LineAndMarks } else { Style::Marks };
        if !points.is_empty() {
            chart = chart.with(Series::new(strategy.name(), style, points));
        }
    }
    chart
}

fn point(row: &Row) -> Point {
    Point::with_interval(row.generated_tokens, row.accuracy, row.ci95)
}

/// Writes the chart of a table as SVG.
///
/// # Errors
/// When there is nothing to draw, or the file cannot be written.
pub fn write(table: &Table, path: &Path) -> Result<(), PlotError> {
    chart(table).write(path)
}
