//! The law of inference on this machine: measured, fitted on half of the points, checked on the rest.
//!
//! A [`Point`] is a model, a context, a number of lines, and whether the lines share their context.
//! Reading a prompt and writing behind it are timed apart, through the engine as searches use it;
//! memory is what the process holds beyond what it held before. Half of the points, drawn by lot, are
//! left out of the fit, and predicted. Points that would hold more than 4 GB of keys and values, or take more
//! than a minute, are predicted only, and marked.

mod journal;
mod measure;
mod models;
mod report;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use tts_core::cost::{LawError, ModelShape, Observation, Passes, Roofline};
use tts_core::seed;

pub use journal::Journal;
pub use measure::{Subject, measure, resident};
pub use models::{SIZES, Size, random};
pub use report::{charts, csv, summary, table};

/// Keys and values beyond which a point is predicted only, in bytes.
pub const MOST_BYTES: u64 = 4_000_000_000;
/// Seconds beyond which a point is predicted only.
pub const MOST_SECONDS: f64 = 60.0;
/// Rows of a pass that reads a prompt.
pub const PREFILL_ROWS: usize = 256;

/// Which half is fitted.
const LOT: u64 = 4;

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Reading one prompt.
    Prefill,
    /// Writing behind a prompt that all lines share.
    DecodeShared,
    /// Writing, each line behind a prompt of its own.
    DecodeOwn,
}

impl Phase {
    /// In tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prefill => "prefill",
            Self::DecodeShared => "decode, shared",
            Self::DecodeOwn => "decode, own",
        }
    }
}

/// A point of the law.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Which model.
    pub model: String,
    /// What the model weighs.
    pub shape: ModelShape,
    /// What is timed.
    pub phase: Phase,
    /// Tokens before the first that is written.
    pub context: u64,
    /// Lines that run together.
    pub lines: u64,
    /// The passes that it takes.
    pub passes: Passes,
    /// Median wall time of the passes; `None` where it is predicted only.
    pub seconds: Option<f64>,
    /// Memory held beyond what the process held without any model, in bytes; only where more should
    /// be held than ever before, because allocators do not give everything back.
    pub memory: Option<u64>,
    /// The same by formula: weights, and keys and values of all tokens that the engine holds then.
    pub expected_memory: u64,
    /// Whether the law was fitted to it.
    pub fitted: bool,
    /// Seconds by the law.
    pub predicted: f64,
}

impl Point {
    /// Tokens a second: read for prefill, written otherwise.
    pub fn rate(&self, seconds: f64) -> f64 {
        self.passes.rows / seconds
    }

    /// `|predicted / measured - 1|`.
    pub fn error(&self) -> Option<f64> {
        self.seconds.map(|seconds| (self.predicted / seconds - 1.0).abs())
    }

    fn observation(&self) -> Option<Observation> {
        let seconds = self.seconds?;
        Some(Observation { work: self.passes.work(&self.shape), seconds })
    }
}

/// The law of a machine, as it is written to a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Law {
    /// The processor.
    pub machine: String,
    /// Threads.
    pub threads: usize,
    /// The type of the weights.
    pub weights: String,
    /// Rates.
    pub roofline: Roofline,
    /// Everything that was measured or predicted.
    pub points: Vec<Point>,
}

impl Law {
    /// Reads a law that [`crate::law`] wrote.
    ///
    /// # Errors
    /// When the file cannot be read or is something else.
    pub fn from_file(path: &std::path::Path) -> Result<Self, crate::Error> {
        crate::files::read_json(path)
    }
}

/// Fits a law to half of the measured points, drawn by lot, and predicts all.
///
/// # Errors
/// When too few points were measured.
pub fn fit(points: &mut [Point]) -> Result<Roofline, LawError> {
    let mut measured: Vec<usize> =
        (0..points.len()).filter(|&index| points[index].seconds.is_some()).collect();
    measured.sort_by_key(|&index| seed::mix(LOT, index as u64));
    for (place, &index) in measured.iter().enumerate() {
        points[index].fitted = place < measured.len().div_ceil(2);
    }
    let fitted = points.iter().filter(|point| point.fitted);
    let law = Roofline::fit(&fitted.filter_map(Point::observation).collect::<Vec<_>>())?;
    for point in points {
        point.predicted = law.seconds(&point.shape, &point.passes);
    }
    Ok(law)
}

/// The median; of two in the middle, the upper one. `None` of nothing.
pub fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}

/// Threads that so many come to: 0 is one a core.
pub fn threads(asked: usize) -> usize {
    if asked > 0 { asked } else { std::thread::available_parallelism().map_or(1, usize::from) }
}

/// The processor's name, where the system tells.
pub fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    name.unwrap_or("unknown processor").to_owned()
}
