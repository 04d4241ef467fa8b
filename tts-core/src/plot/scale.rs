//! Linear and logarithmic scales.
//!
//! Everything behind the check works in the scale's own coordinate: the number itself, its binary
//! or its decimal logarithm. Equal distances there are equal distances on the page.

use serde::{Deserialize, Serialize};

/// How numbers are spread along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Equal differences are equal distances.
    #[default]
    Linear,
    /// Equal ratios are equal distances, labelled at powers of two. Numbers must be positive.
    Log2,
    /// Equal ratios are equal distances, labelled at powers of ten. Numbers must be positive.
    Log10,
}

impl Scale {
    /// The coordinate of a number that the scale can show.
    pub(super) fn coordinate(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log2 => value.log2(),
            Self::Log10 => value.log10(),
        }
    }

    /// The number at a coordinate.
    pub(super) fn value(self, coordinate: f64) -> f64 {
        match self {
            Self::Linear => coordinate,
            Self::Log2 => coordinate.exp2(),
            Self::Log10 => 10_f64.powf(coordinate),
        }
    }

    /// Whether the scale has a place for a number.
    pub(super) fn shows(self, value: f64) -> bool {
        value.is_finite() && (self == Self::Linear || value > 0.0)
    }

    /// The kind of scale in words.
    pub(super) fn kind(self) -> &'static str {
        if self == Self::Linear { "linear" } else { "logarithmic" }
    }
}
