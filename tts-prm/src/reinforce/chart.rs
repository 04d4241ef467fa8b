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

/// The mean of a figure over neighbouring steps, at the last of them, of at most `points` groups; steps that do not
/// have it are left out, and so are groups without any.
///
/// ```
/// use tts_prm::reinforce::{StepNote, thinned};
/// let notes: Vec<StepNote> =
///     (1..=5).map(|step| StepNote { step, reward: step as f64, ..StepNote::default() }).collect();
/// let steps: Vec<&StepNote> = notes.iter().collect();
/// assert_eq!(thinned(&steps, 3, |step| Some(step.reward)), [(2, 1.5), (4, 3.5), (5, 5.0)]);
/// assert!(thinned(&steps, 3, |step| step.divergence).is_empty());
/// ```
pub fn thinned(
    steps: &[&StepNote],
    points: usize,
    of: impl Fn(&StepNote) -> Option<f64>,
) -> Vec<(usize, f64)> {
    let each = steps.len().div_ceil(points.max(1)).max(1);
    let point = |chunk: &[&StepNote]| {
        let known: Vec<f64> = chunk.iter().filter_map(|step| of(step)).collect();
        let last = chunk.last()?;
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        (!known.is_empty()).then_some((last.step, mean))
    };
    steps.chunks(each).filter_map(point).collect()
}

/// A smooth curve of a figure.
fn smooth(steps: &[&StepNote], of: impl Fn(&StepNote) -> Option<f64>) -> Vec<Point> {
    let points = thinned(steps, POINTS, of).into_iter();
    points.map(|(step, mean)| Point::new(step as f64, mean)).collect()
}

fn chart(title: String, y: Axis, curves: Vec<(&str, Style, Vec<Point>)>) -> Chart {
    let curves = curves.into_iter().filter(|(_, _, points)| !points.is_empty());
    let new = Chart::new(title, Axis::linear("step"), y);
    curves.fold(new, |chart, (name, style, points)| chart.with(Series::new(name, style, points)))
}

/// The charts of a run, each with a name for its file: `reward`, `length`, `policy`, `groups` and, where steps are
/// scored, `steps`.
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
    let apart = |step: &StepNote| step.mismatch.map(|found| found.mean);
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
                    ("sampler from trainer", line, smooth(&steps, apart)),
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
                    ("steps that the guard held", line, smooth(&steps, |step| step.guarded)),
                ],
            ),
        ),
        (
            "steps",
            chart(
                format!("{title}: scores of steps"),
                Axis::linear("weakest step of a sample"),
                vec![
                    ("all", line, smooth(&steps, |step| step.score)),
                    ("right", line, smooth(&steps, |step| step.score_right)),
                    ("not right", line, smooth(&steps, |step| step.score_wrong)),
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
