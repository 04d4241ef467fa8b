//! An axis: its label, its scale and what it shows at least.
//!
//! An axis covers all its data with a margin of a twentieth. Where the range asked for already
//! covers an end of the data, the axis ends exactly there: accuracies asked to cover 0 to 1 have an
//! axis from 0 to 1. Nothing is ever cut off.

use serde::{Deserialize, Serialize};

use super::ticks::{Tick, ticks};
use super::{PlotError, Scale};

/// One axis of a chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// What the axis shows, with its unit.
    pub label: String,
    /// How numbers are spread along it.
    pub scale: Scale,
    /// The range that it shows at least, the lower end first; data beyond widen it.
    pub covers: Option<[f64; 2]>,
    /// Whether shares are written as percentages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub percent: bool,
}

impl Axis {
    /// A linear axis as long as its data.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Linear, covers: None, percent: false }
    }

    /// A linear axis of shares, 0.25 written as 25 %.
    pub fn percent(label: impl Into<String>) -> Self {
        Self { percent: true, ..Self::linear(label) }
    }

    /// An axis of doublings as long as its data.
    pub fn log2(label: impl Into<String>) -> Self {
        Self { scale: Scale::Log2, ..Self::linear(label) }
    }

    /// An axis of decades as long as its data.
    pub fn log10(label: impl Into<String>) -> Self {
        Self { scale: Scale::Log10, ..Self::linear(label) }
    }

    /// The same axis, showing at least the numbers from `low` to `high`.
    #[must_use]
    pub fn covering(self, low: f64, high: f64) -> Self {
        Self { covers: Some([low, high]), ..self }
    }

    /// The labelled places between two ends in the axis's own coordinate, at most about `most`.
    pub(super) fn ticks(&self, ends: [f64; 2], most: usize) -> Vec<Tick> {
        if !(self.percent && self.scale == Scale::Linear) {
            return ticks(self.scale, ends, most);
        }
        let percents = ticks(self.scale, ends.map(|end| 100.0 * end), most);
        let share = |tick: Tick| Tick {
            coordinate: tick.coordinate / 100.0,
            label: format!("{} %", tick.label),
        };
        percents.into_iter().map(share).collect()
    }

    /// The ends of the axis in its own coordinate, given coordinates of all that it must show.
    pub(super) fn ends(
        &self,
        axis: &'static str,
        coordinates: impl Iterator<Item = f64>,
    ) -> Result<[f64; 2], PlotError> {
        let [low, high] = coordinates
            .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], c| [low.min(c), high.max(c)]);
        let covers = match self.covers {
            Some([low, high])
                if !(self.scale.shows(low) && self.scale.shows(high) && low < high) =>
            {
                return Err(PlotError::Range { axis, low, high });
            }
            covers => covers.map(|ends| ends.map(|end| self.scale.coordinate(end))),
        };
        let span = high - low;
        let margin = match self.scale {
            // A single number needs an axis with two ends too, further apart than rounding.
            _ if span > 1e-9 * low.abs().max(high.abs()) => span / 20.0,
            Scale::Linear if low.abs() > f64::MIN_POSITIVE => low.abs() / 2.0,
            _ => 0.5,
        };
        // Counts and losses have no room below zero, so neither has their axis.
        let foot = if self.scale == Scale::Linear && low >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
        let [covered_low, covered_high] = covers.unwrap_or([f64::INFINITY, f64::NEG_INFINITY]);
        let ends = [
            if covered_low <= low { covered_low } else { (low - margin).max(foot) },
            if high <= covered_high { covered_high } else { high + margin },
        ];
        if !(ends[1] - ends[0]).is_finite() || ends[1] <= ends[0] {
            let [low, high] = [low, high].map(|end| self.scale.value(end));
            return Err(PlotError::Range { axis, low, high });
        }
        Ok(ends)
    }
}
