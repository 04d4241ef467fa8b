//! Curves of a run: what it is rewarded with and solves, how long its solutions are, what becomes of the policy.
//!
//! Steps are smoothed over their neighbours, about a hundred points a curve; measurements are drawn as they are,
//! with their intervals.
//!
//! Source: DeepSeek-AI 2025 (arXiv 2501.12948), figures 2 and 3, for accuracy and length along steps.

use std::path::Path;

use tts_core::plot::{Axis, Chart, Point, Series, Style};

use super::{Measured, Note, StepNote};
use crate::PrmError;

/// Points of a curve, about.
const POINTS: usize = 100;

/// The mean of a figure over neighbours; steps that do not have it are left out.
fn smooth(steps: &[&StepNote], of: impl Fn(&StepNote) -> Option<f64>) -> Vec<Point> {
    let each = steps.len().div_ceil(POINTS).max(1);
    let point = |chunk: &[&StepNote]| {
        let known: Vec<f64> = chunk.iter().filter_map(|step| of(step)).collect();
        let last = chunk.last()?;
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        (!known.is_empty()).then(|| Point::new(last.step as f64, mean))
    };
    steps.chunks(each).filter_map(point).collect()
}

fn chart(title: String, y: Axis, curves: Vec<(&str, Style, Vec<Point>)>) -> Chart {
    let curves = curves.into_iter().filter(|(_, _, points)| !points.is_empty());
    let new = Chart::new(title, Axis::linear("step"), y);
    curves.fold(new, |chart, (name, style, points)| chart.with(Series::new(name, style, points)))
}

/// The charts of a run, each with a name for its file: `reward`, `length`, `policy` and `groups`.
pub fn charts(title: &str, notes: &[Note]) -> Vec<(&'static str, Chart)> {
    let (mut steps, mut measured) = (Vec::new(), Vec::new());
    for note in notes {
        match note {
            Note::Step(step) => steps.push(&**step),
            Note::Measured(found) => measured.push(found),
        }
    }
    let known = |of: fn(&Measured) -> f64| -> Vec<Point> {
        measured.iter().map(|found| Point::new(found.step as f64, of(found))).collect()
    };
    let pass = measured
        .iter()
        .map(|found| Point::with_interval(found.step as f64, found.pass, found.interval));
    let (line, marks) = (Style::Line, Style::LineAndMarks);
    vec![
        (
            "reward",
            chart(
                format!("{title}: reward and accuracy"),
                Axis::linear("mean of samples"),
                vec![
                    ("reward", line, smooth(&steps, |step| Some(step.reward))),
                    ("right", line, smooth(&steps, |step| step.right)),
                    ("held out, one sample", marks, pass.collect()),
                    ("held out, majority", marks, known(|found| found.majority)),
                    ("held out, any", marks, known(|found| found.any)),
                ],
            ),
        ),
        (
            "length",
            chart(
                format!("{title}: length"),
                Axis::linear("generated tokens of a solution"),
                vec![
                    ("right", line, smooth(&steps, |step| step.right_tokens)),
                    ("not right", line, smooth(&steps, |step| step.wrong_tokens)),
                    ("held out", marks, known(|found| found.tokens)),
                ],
            ),
        ),
        (
            "policy",
            chart(
                format!("{title}: entropy and divergence"),
                Axis::linear("nats a token"),
                vec![
                    ("entropy", line, smooth(&steps, |step| Some(step.entropy))),
                    ("from the reference", line, smooth(&steps, |step| step.divergence)),
                    ("from who drew", line, smooth(&steps, |step| Some(step.drift))),
                ],
            ),
        ),
        (
            "groups",
            chart(
                format!("{title}: what is learnt from"),
                Axis::percent("share").covering(0.0, 1.0),
                vec![
                    ("groups of equal rewards", line, smooth(&steps, |step| Some(step.equal))),
                    ("samples that were cut", line, smooth(&steps, |step| Some(step.cut))),
                    ("tokens that were clipped", line, smooth(&steps, |step| Some(step.clipped))),
                ],
            ),
        ),
    ]
}

/// Writes the charts as SVG into a folder, those that have something to show.
///
/// # Errors
/// When a file cannot be written.
pub fn write_charts(folder: &Path, title: &str, notes: &[Note]) -> Result<(), PrmError> {
    for (name, chart) in charts(title, notes) {
        if !chart.series.is_empty() {
            chart
                .write(folder.join(format!("{name}.svg")))
                .map_err(|error| PrmError::reinforce("chart", error.to_string()))?;
        }
    }
    Ok(())
}
