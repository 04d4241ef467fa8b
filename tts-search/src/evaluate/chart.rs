//! Accuracy against generated tokens, as a chart: a curve for each strategy over its budgets.

use tts_core::plot::{Axis, Chart, Point, Series, Style};

use super::{Method, Row, Table};

/// The chart of a table.
pub fn chart(table: &Table) -> Chart {
    let title = format!("{}, {} problems", table.task, table.problems);
    let x = Axis::log2("generated tokens a problem");
    let y = Axis::linear("accuracy, with 95 % interval");
    // Eight curves with their bands need more room than the default.
    let mut chart = Chart::new(title, x, y).sized(900, 600);
    let all = [Method::Greedy].into_iter().chain(Method::SEARCHED).chain(Method::POOLED);
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
