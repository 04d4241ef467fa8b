//! A chart as plain data, and the two ways out of it: a string or a file.
//!
//! A file is written beside its place and moved there, so that a reader never sees half of one.

use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Axis, PlotError, Series, check, draw};

/// A chart: series over two axes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// The title, wrapped where it is long; may be empty.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// One to ten series, later ones drawn above earlier ones.
    pub series: Vec<Series>,
    /// The width of the picture in pixels, 720 by default.
    pub width: u32,
    /// The height of the picture in pixels, 480 by default.
    pub height: u32,
}

impl Chart {
    /// The greatest number of series that can be told apart.
    pub const MOST_SERIES: usize = super::palette::COLOURS.len();

    /// A chart without series, 720 by 480 pixels.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self { title: title.into(), x, y, series: vec![], width: 720, height: 480 }
    }

    /// The same chart with one more series.
    #[must_use]
    pub fn with(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// The same chart in another size, in pixels.
    #[must_use]
    pub fn sized(self, width: u32, height: u32) -> Self {
        Self { width, height, ..self }
    }

    /// Draws the chart as one SVG element.
    ///
    /// # Errors
    /// [`PlotError::SeriesCount`] without series or with more than [`Self::MOST_SERIES`];
    /// [`PlotError::Empty`], [`PlotError::BadNumber`], [`PlotError::Interval`] or
    /// [`PlotError::BarWidth`] with the series at fault; [`PlotError::Range`] for an axis asked to
    /// cover what it cannot; [`PlotError::Size`] for a picture in which nothing is legible.
    pub fn svg(&self) -> Result<String, PlotError> {
        check::chart(self)?;
        draw::chart(self)
    }

    /// Writes the chart as an SVG file, in place of any file that is there.
    ///
    /// # Errors
    /// Those of [`Self::svg`], before anything is written, and [`PlotError::Write`] with the file.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), PlotError> {
        let path = path.as_ref();
        let svg = self.svg()?;
        crate::files::replace(path, |out| out.write_all(svg.as_bytes()))
            .map_err(|source| PlotError::Write { path: path.to_owned(), source })
    }
}
