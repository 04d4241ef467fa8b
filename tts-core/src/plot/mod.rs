//! Charts of curves with intervals, as SVG.
//!
//! A [`Chart`] is plain data: two axes, linear or logarithmic, and up to ten series of points, each
//! point with an interval if it has one. [`Chart::svg`] checks it and draws it; the same chart gives
//! the same bytes each time. Colours are told apart by colour-blind readers too, and no
//! text overlaps: titles wrap, lines that go on to the right edge are named there, the legend of the
//! others stands above the plot in as many rows as it needs, and axes carry as many labels as there is
//! room for. [`reliability`], [`loss_curve`] and
//! [`Series::accuracies`] draw what [`crate::metrics`] measures.
//!
//! Needs the feature `plot`.
//!
//! Source: Tufte 2001, The Visual Display of Quantitative Information, chapter 4, for leaving out
//! what is not data; Tol 2021, Colour Schemes, technical note SRON/EPS/TN/09-002 issue 3.2.
//!
//! ```
//! use tts_core::plot::{Axis, Chart, Point, Series, Style};
//! let votes = vec![
//!     Point::with_interval(1.0, 0.42, [0.38, 0.46]),
//!     Point::with_interval(4.0, 0.51, [0.47, 0.55]),
//!     Point::with_interval(16.0, 0.58, [0.54, 0.62]),
//! ];
//! let chart = Chart::new("Votes help", Axis::log2("candidates"), Axis::linear("accuracy"))
//!     .with(Series::new("majority", Style::LineAndMarks, votes));
//! assert!(chart.svg()?.starts_with("<svg"));
//! # Ok::<(), tts_core::plot::PlotError>(())
//! ```

mod axis;
mod bars;
mod chart;
mod check;
mod draw;
mod ends;
mod error;
mod legend;
mod line;
mod palette;
mod ready;
mod scale;
mod series;
mod shapes;
mod text;
mod ticks;

pub use axis::Axis;
pub use chart::Chart;
pub use error::PlotError;
pub use ready::{loss_curve, reliability};
pub use scale::Scale;
pub use series::{Point, Series, Style};

#[cfg(test)]
mod tests;
