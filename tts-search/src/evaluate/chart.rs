//! Charts of evaluations: accuracy against generated tokens, a curve for each strategy over its budgets,
//! and what would come of fewer samples.

use tts_core::metrics::Accuracy;
use tts_core::plot::{Axis, Chart, Point, Series, Style};

use super::{AtK, Method, Report, Row, Table};

/// The chart of a table.
pub fn chart(table: &Table) -> Chart {
    let title = format!("{}, {} problems", table.task, table.problems);
    let x = Axis::log2("generated tokens a problem");
    let y = Axis::percent("accuracy, with 95 % interval");
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

/// What would come of fewer samples a problem, by each way to choose among them.
pub(super) fn curve(report: &Report) -> Chart {
    type Of = fn(&AtK) -> Option<f64>;
    let title = format!("Fewer samples, {} problems", report.problems);
    let axes = (Axis::log2("samples a problem"), Axis::percent("problems solved"));
    let ways: [(&str, Of); 4] = [
        ("some sample right", |point| Some(point.pass)),
        ("majority", |point| Some(point.majority)),
        ("best score", |point| point.best),
        ("weighted vote", |point| point.weighted),
    ];
    let chart = Chart::new(title, axes.0, axes.1);
    ways.into_iter().fold(chart, |chart, (name, of)| {
        let points = report.curve.iter();
        let points: Vec<Point> =
            points.filter_map(|point| Some(Point::new(point.k as f64, of(point)?))).collect();
        if points.is_empty() {
            return chart;
        }
        chart.with(Series::new(name, Style::LineAndMarks, points))
    })
}

/// Accuracy against tokens within one run.
pub(super) fn anytime(report: &Report) -> Chart {
    let title = format!("Stopped earlier, {} problems", report.problems);
    let axes = (
        Axis::log2("generated tokens a problem, at most"),
        Axis::percent("accuracy, with 95 % interval"),
    );
    let points = report.anytime.iter().map(|point| {
        let Accuracy { mean, interval, .. } = point.accuracy;
        Point::with_interval(point.tokens as f64, mean, interval)
    });
    let series = Series::new("answer by then", Style::LineAndMarks, points.collect());
    Chart::new(title, axes.0, axes.1).with(series)
}
