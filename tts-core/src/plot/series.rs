//! Points that belong together.
//!
//! A point may have an interval: along a line the intervals join into a shaded band, at marks and
//! bars they are bars with caps. One end alone is drawn from the point to that end.

use serde::{Deserialize, Serialize};

use crate::metrics;

/// A point and, where it is known, how far to trust its height.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Where on the horizontal axis.
    pub x: f64,
    /// Where on the vertical axis.
    pub y: f64,
    /// The lower end of the interval of `y`.
    pub low: Option<f64>,
    /// The upper end of the interval of `y`.
    pub high: Option<f64>,
}

impl Point {
    /// A point without an interval.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, low: None, high: None }
    }

    /// A point with the interval of its `y`, the lower end first.
    pub fn with_interval(x: f64, y: f64, [low, high]: [f64; 2]) -> Self {
        Self { x, y, low: Some(low), high: Some(high) }
    }
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// A line through the points in their order.
    Line,
    /// A line with a mark at each point, for curves of few points.
    #[default]
    LineAndMarks,
    /// Marks alone, for points that do not follow one another.
    Marks,
    /// Bars from zero, or from the foot of a logarithmic axis, behind everything else. Several
    /// series of bars stand side by side.
    Bars {
        /// The width of all bars at one place together, in units of the horizontal axis (doublings
        /// or decades on a logarithmic one); eight tenths of the least distance if not given.
        width: Option<f64>,
    },
}

/// A named list of points in one style.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The name in the legend; without a name the series is not in the legend.
    pub name: String,
    /// How it is drawn.
    pub style: Style,
    /// The points, at least one.
    pub points: Vec<Point>,
}

impl Series {
    /// A series of points.
    pub fn new(name: impl Into<String>, style: Style, points: Vec<Point>) -> Self {
        Self { name: name.into(), style, points }
    }

    /// The accuracies of [`metrics::curve`] against the number of candidates, with their intervals.
    ///
    /// ```
    /// use tts_core::metrics::{Accuracy, Point};
    /// use tts_core::plot::{Axis, Chart, Series};
    /// let accuracy = Accuracy { mean: 0.4, interval: [0.3, 0.5], problems: 90 };
    /// let series = Series::accuracies("votes", &[Point { k: 8, accuracy }]);
    /// let axes = (Axis::log2("candidates"), Axis::linear("accuracy").covering(0.0, 1.0));
    /// assert!(Chart::new("Accuracy", axes.0, axes.1).with(series).svg().is_ok());
    /// ```
    pub fn accuracies(name: impl Into<String>, points: &[metrics::Point]) -> Self {
        let points = points.iter().map(|point| {
            Point::with_interval(point.k as f64, point.accuracy.mean, point.accuracy.interval)
        });
        Self::new(name, Style::LineAndMarks, points.collect())
    }
}
