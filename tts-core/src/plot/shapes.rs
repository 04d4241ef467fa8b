//! The drawn form of a series: bars, bands, lines, marks and the intervals of marks.
//!
//! Shapes are placed in pixels of the whole picture, which is why marks keep their size whatever
//! the axes.

use plotters::coord::Shift;
use plotters::prelude::{
    Cartesian2d, Circle, DrawingArea, DrawingAreaErrorKind, PathElement, Polygon, Rectangle,
    SVGBackend,
};
use plotters::style::Color;

use super::bars::Bars;
use super::line::Line;
use super::palette::{COLOURS, mark};
use super::{Chart, PlotError, Point, Scale, Series, Style};

/// The whole picture.
pub(super) type Picture<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A place in the picture in pixels from its upper left corner.
type Pixel = (i32, i32);

/// The width of lines and half the width of the caps of intervals, in pixels.
const STROKE: u32 = 2;
const CAP: i32 = 4;

/// More bands than these would bury each other if each were as deep as one alone.
const FEW: usize = 3;

/// A chart on its way into a picture.
pub(super) struct Shapes<'a, 'b> {
    /// The chart, checked.
    pub(super) chart: &'a Chart,
    /// Where its bars stand.
    pub(super) bars: &'a Bars,
    /// The picture.
    pub(super) picture: &'a Picture<'b>,
    /// The axes.
    pub(super) plot: &'a DrawingArea<SVGBackend<'b>, Cartesian2d<Line, Line>>,
    /// The lower end of the vertical axis in its own coordinate.
    pub(super) foot: f64,
}

impl Shapes<'_, '_> {
    /// Draws all series: bars behind bands, and both behind lines and marks.
    pub(super) fn draw(&self) -> Result<(), PlotError> {
        let all = 0..self.chart.series.len();
        all.clone().try_for_each(|series| self.draw_bars(series))?;
        all.clone().try_for_each(|series| self.draw_band(series))?;
        all.clone().try_for_each(|series| self.draw_intervals(series))?;
        { all }.try_for_each(|series| self.draw_points(series))
    }

    fn draw_bars(&self, series: usize) -> Result<(), PlotError> {
        for point in &self.chart.series[series].points {
            let place = self.chart.x.scale.coordinate(point.x);
            let Some([left, right]) = self.bars.edges(series, place) else { return Ok(()) };
            let top = self.chart.y.scale.coordinate(point.y);
            // A linear axis with bars shows zero, a logarithmic one never does.
            let foot = if self.chart.y.scale == Scale::Linear { 0.0 } else { self.foot };
            let corners =
                [self.plot.map_coordinate(&(left, foot)), self.plot.map_coordinate(&(right, top))];
            draw_bar(self.picture, series, corners)?;
        }
        Ok(())
    }

    /// The intervals of a line as one area.
    fn draw_band(&self, series: usize) -> Result<(), PlotError> {
        let points = &self.chart.series[series].points;
        if !self.has_band(series) || points.iter().all(|p| p.low.is_none() && p.high.is_none()) {
            return Ok(());
        }
        let upper = points.iter().map(|p| self.pixel(series, p, p.high.unwrap_or(p.y)));
        let lower = points.iter().rev().map(|p| self.pixel(series, p, p.low.unwrap_or(p.y)));
        let (upper, lower): (Vec<Pixel>, Vec<Pixel>) = (upper.collect(), lower.collect());
        let outline: Vec<Pixel> = upper.iter().chain(&lower).copied().collect();
        // Many bands over each other are paler, and told by their edges.
        let bands = (0..self.chart.series.len()).filter(|&other| self.has_band(other)).count();
        let depth = if bands > FEW { 0.6 / bands as f64 } else { 0.2 };
        let band = Polygon::new(outline, COLOURS[series].mix(depth).filled());
        self.picture.draw(&band).map_err(failed)?;
        if bands > FEW {
            for edge in [upper, lower] {
                let edge = PathElement::new(edge, COLOURS[series].mix(0.4).stroke_width(1));
                self.picture.draw(&edge).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// The intervals of marks and bars, one by one.
    fn draw_intervals(&self, series: usize) -> Result<(), PlotError> {
        if self.has_band(series) {
            return Ok(());
        }
        for point in &self.chart.series[series].points {
            let ends: Vec<Pixel> = [point.low, point.high]
                .map(|end| end.map(|end| self.pixel(series, point, end)))
                .into_iter()
                .flatten()
                .collect();
            let at = self.pixel(series, point, point.y);
            for end in ends {
                draw_line(self.picture, series, vec![at, end])?;
                draw_line(self.picture, series, vec![(end.0 - CAP, end.1), (end.0 + CAP, end.1)])?;
            }
        }
        Ok(())
    }

    fn draw_points(&self, series: usize) -> Result<(), PlotError> {
        let Series { style, points, .. } = &self.chart.series[series];
        let pixels: Vec<Pixel> = points.iter().map(|p| self.pixel(series, p, p.y)).collect();
        // A line through one point would not be seen.
        let alone = points.len() == 1 && *style == Style::Line;
        if alone || matches!(style, Style::Marks | Style::LineAndMarks) {
            for &pixel in &pixels {
                draw_mark(self.picture, series, pixel)?;
            }
        }
        if let Style::Line | Style::LineAndMarks = style {
            draw_line(self.picture, series, pixels)?;
        }
        Ok(())
    }

    fn has_band(&self, series: usize) -> bool {
        let series = &self.chart.series[series];
        matches!(series.style, Style::Line | Style::LineAndMarks) && series.points.len() > 1
    }

    /// Where the height `y` at a point of a series is in the picture.
    fn pixel(&self, series: usize, point: &Point, y: f64) -> Pixel {
        let place = self.chart.x.scale.coordinate(point.x);
        let place = self.bars.middle(series, place);
        self.plot.map_coordinate(&(place, self.chart.y.scale.coordinate(y)))
    }
}

/// Draws a bar between two opposite corners.
pub(super) fn draw_bar(
    picture: &Picture<'_>,
    series: usize,
    [one, other]: [Pixel; 2],
) -> Result<(), PlotError> {
    // The backend wants the upper left corner first.
    let corners =
        [(one.0.min(other.0), one.1.min(other.1)), (one.0.max(other.0), one.1.max(other.1))];
    let bar = Rectangle::new(corners, COLOURS[series].mix(0.45).filled());
    picture.draw(&bar).map_err(failed)
}

/// Draws a line in the colour of a series.
pub(super) fn draw_line(
    picture: &Picture<'_>,
    series: usize,
    pixels: Vec<Pixel>,
) -> Result<(), PlotError> {
    let line = PathElement::new(pixels, COLOURS[series].stroke_width(STROKE));
    picture.draw(&line).map_err(failed)
}

/// Draws the mark of a series.
pub(super) fn draw_mark(picture: &Picture<'_>, series: usize, at: Pixel) -> Result<(), PlotError> {
    let style = COLOURS[series].filled();
    let corners = mark(series);
    if corners.is_empty() {
        return picture.draw(&Circle::new(at, 4, style)).map_err(failed);
    }
    let corners: Vec<Pixel> = corners.iter().map(|(x, y)| (at.0 + x, at.1 + y)).collect();
    picture.draw(&Polygon::new(corners, style)).map_err(failed)
}

/// An error of the drawing library.
#[expect(clippy::needless_pass_by_value, reason = "the form that `map_err` calls")]
pub(super) fn failed(error: DrawingAreaErrorKind<std::io::Error>) -> PlotError {
    PlotError::Draw(error.to_string())
}
