//! Charts ready made: the calibration of a verifier and the loss of a training.
//!
//! Both are plain [`Chart`]s whose title, size and axes can be changed before they are drawn.

use super::{Axis, Chart, Point, Series, Style};
use crate::metrics::Calibration;

/// A reliability diagram: the share of entries that are right against their score.
///
/// Marks stand at the mean score of their bin and carry the bin's interval; the closer to the
/// diagonal, the better calibrated. Bars are the share of all entries that fall into each bin: a
/// mark far off the diagonal over a low bar matters little.
///
/// ```
/// use tts_core::metrics::{Calibration, calibration};
/// use tts_core::plot::reliability;
/// let found = calibration(&[0.9, 0.8, 0.2], &[true, true, false], Calibration::BINS)?;
/// assert!(reliability(&found).svg()?.contains("calibration error 0.167"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn reliability(calibration: &Calibration) -> Chart {
    let title = format!(
        "Reliability (expected calibration error {:.3}, Brier score {:.3})",
        calibration.expected_error, calibration.brier
    );
    let bins = &calibration.bins;
    // A little less than the bin: edges that meet would leave a gap here and there by rounding.
    let width = bins.iter().map(|bin| 0.95 * (bin.high - bin.low)).reduce(f64::min);
    let counts = bins.iter().map(|bin| {
        let share = bin.count as f64 / calibration.count as f64;
        Point::new(f64::midpoint(bin.low, bin.high), share)
    });
    let marks =
        bins.iter().map(|bin| Point::with_interval(bin.mean_score, bin.share_right, bin.interval));
    Chart::new(
        title,
        Axis::linear("score").covering(0.0, 1.0),
        Axis::linear("share").covering(0.0, 1.0),
    )
    .with(Series::new("right in the bin (95 %)", Style::Marks, marks.collect()))
    .with(Series::new("calibrated", Style::Line, vec![Point::new(0.0, 0.0), Point::new(1.0, 1.0)]))
    .with(Series::new("entries in the bin", Style::Bars { width }, counts.collect()))
}

/// A loss curve: the loss in training and on held-out data against the step.
///
/// Points are pairs of step and loss. An empty list is left out, so a training without held-out
/// data has one curve.
///
/// ```
/// use tts_core::plot::loss_curve;
/// let chart = loss_curve("Head", &[(0.0, 0.7), (50.0, 0.4), (100.0, 0.3)], &[(100.0, 0.35)]);
/// assert_eq!(chart.series.len(), 2);
/// ```
pub fn loss_curve(
    title: impl Into<String>,
    training: &[(f64, f64)],
    held_out: &[(f64, f64)],
) -> Chart {
    let mut chart = Chart::new(title, Axis::linear("step"), Axis::linear("loss"));
    let lists = [("training", Style::Line, training), ("held out", Style::LineAndMarks, held_out)];
    for (name, style, points) in lists {
        if !points.is_empty() {
            let points = points.iter().map(|&(step, loss)| Point::new(step, loss)).collect();
            chart.series.push(Series::new(name, style, points));
        }
    }
    chart
}
