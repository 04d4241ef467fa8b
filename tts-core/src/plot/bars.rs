//! Where bars stand: how wide they are and which series takes which part of a place.
//!
//! All bars of a chart have one width in the coordinate of the horizontal axis, so that several
//! series of them can stand side by side.

use super::{Chart, Style};

/// The bars of a chart.
pub(super) struct Bars {
    /// The indices of the series drawn as bars.
    series: Vec<usize>,
    /// The width of all bars at one place together, in the axis's own coordinate.
    width: f64,
}

impl Bars {
    /// The bars of a chart whose series have been checked.
    pub(super) fn of(chart: &Chart) -> Self {
        let mut found = Self { series: vec![], width: f64::INFINITY };
        let mut places = vec![];
        for (index, series) in chart.series.iter().enumerate() {
            if let Style::Bars { width } = series.style {
                found.series.push(index);
                found.width = found.width.min(width.unwrap_or(f64::INFINITY));
                places.extend(series.points.iter().map(|point| chart.x.scale.coordinate(point.x)));
            }
        }
        if found.width.is_infinite() {
            places.sort_by(f64::total_cmp);
            let distances = places.windows(2).map(|pair| pair[1] - pair[0]);
            let least = distances.filter(|&distance| distance > 0.0).fold(f64::INFINITY, f64::min);
            found.width = 0.8 * if least.is_finite() { least } else { 1.0 };
        }
        found
    }

    /// The left and the right edge of the bar of a series at `place`, `None` if it has no bars.
    pub(super) fn edges(&self, series: usize, place: f64) -> Option<[f64; 2]> {
        let slot = self.series.iter().position(|&index| index == series)?;
        let width = self.width / self.series.len() as f64;
        let left = place - self.width / 2.0 + slot as f64 * width;
        Some([left, left + width])
    }

    /// Where a point of a series stands: in the middle of its bar if it has one.
    pub(super) fn middle(&self, series: usize, place: f64) -> f64 {
        self.edges(series, place).map_or(place, |[left, right]| f64::midpoint(left, right))
    }
}
