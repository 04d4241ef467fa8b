//! An axis as the drawing library sees it: two ends, and ticks that are already chosen.
//!
//! The library's own axes choose ticks and labels without knowing how much room there is.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use super::ticks::Tick;

/// An axis in its scale's own coordinate.
pub(super) struct Line {
    /// The lower and the upper end.
    pub(super) ends: [f64; 2],
    /// The labelled places between them.
    pub(super) ticks: Vec<Tick>,
}

impl Ranged for Line {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let share = (value - self.ends[0]) / (self.ends[1] - self.ends[0]);
        #[expect(clippy::cast_possible_truncation, reason = "pixels of a picture of checked size")]
        let offset = (share * f64::from(last - first)).round() as i32;
        first + offset
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Asked once more for light lines between the labelled ones, of which there are none.
        if hint.weight().allow_light_points() {
            return vec![];
        }
        self.ticks.iter().map(|tick| tick.coordinate).collect()
    }

    fn range(&self) -> Range<f64> {
        self.ends[0]..self.ends[1]
    }
}

impl ValueFormatter<f64> for Line {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|tick| tick.coordinate.to_bits() == value.to_bits());
        tick.map(|tick| tick.label.clone()).unwrap_or_default()
    }
}
