//! What can be wrong with a chart.
//!
//! Each variant names the series, the axis or the file at fault.

use std::path::PathBuf;

/// A chart that cannot be drawn or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// A chart without series, or with more than can be told apart.
    #[error("`series` has {found} entries, outside 1..={most}")]
    SeriesCount {
        /// The number of series.
        found: usize,
        /// The greatest number allowed.
        most: usize,
    },
    /// A series without points.
    #[error("series `{series}` has no points")]
    Empty {
        /// The name of the series.
        series: String,
    },
    /// A number that has no place on its axis: not finite, or not positive on a logarithmic one.
    #[error("series `{series}`: `points[{index}].{field}` is {value} on a {scale} axis")]
    BadNumber {
        /// The name of the series.
        series: String,
        /// Where in the series.
        index: usize,
        /// The field of the point.
        field: &'static str,
        /// The number.
        value: f64,
        /// The scale of the axis: `linear` or `logarithmic`.
        scale: &'static str,
    },
    /// An interval whose ends are swapped.
    #[error("series `{series}`: `points[{index}]` has `low` {low} above `high` {high}")]
    Interval {
        /// The name of the series.
        series: String,
        /// Where in the series.
        index: usize,
        /// The lower end.
        low: f64,
        /// The upper end.
        high: f64,
    },
    /// Bars of no width.
    #[error("series `{series}`: `width` of bars is {width}, not a positive number")]
    BarWidth {
        /// The name of the series.
        series: String,
        /// The width.
        width: f64,
    },
    /// A range that an axis cannot show.
    #[error("the {axis} axis cannot show {low} to {high}")]
    Range {
        /// `x` or `y`.
        axis: &'static str,
        /// The lower end.
        low: f64,
        /// The upper end.
        high: f64,
    },
    /// A picture too small for its title, legend and labels, or too large to draw.
    #[error("`{field}` is {pixels} pixels, outside {least}..={most}")]
    Size {
        /// `width` or `height`.
        field: &'static str,
        /// Its value in pixels.
        pixels: u32,
        /// The least number of pixels that this chart needs.
        least: u32,
        /// The greatest number allowed.
        most: u32,
    },
    /// The drawing library failed.
    #[error("the chart cannot be drawn: {0}")]
    Draw(String),
    /// A file cannot be written.
    #[error("`{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}
