//! Fitting a roofline to measurements.
//!
//! What is minimised is the mean of `|ln(predicted / measured)|`: relative errors, so that passes of
//! microseconds count as much as those of seconds, and not squared, so that a measurement that the
//! machine disturbed does not pull the law after it. The search moves one rate at a time, up or down
//! by a factor that shrinks once nothing helps any more. It needs no derivative, keeps every rate
//! positive, and gives the same result each time. Rates that the measurements say nothing about stay
//! where they begin: leaving costs a little.
//!
//! Source: Kolda, Lewis and Torczon 2003 (doi:10.1137/S003614450242889), section 2, compass search.

use serde::{Deserialize, Serialize};

use super::roofline::Rates;
use super::{Roofline, Work};

/// Work that was timed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// What was computed and moved.
    pub work: Work,
    /// Wall time.
    pub seconds: f64,
}

/// Why no law can be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LawError {
    /// Fewer measurements than the law has rates.
    #[error("{found} measurements, expected at least {needed}")]
    TooFew {
        /// How many there are.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A measurement that means nothing.
    #[error("measurement {index}: {field} is {value}, expected a finite number above 0")]
    BadNumber {
        /// Which measurement.
        index: usize,
        /// Which of its numbers.
        field: &'static str,
        /// The number.
        value: f64,
    },
    /// A strategy that cannot be planned, because it does not run.
    #[error("the strategy does not run: {problem}")]
    Strategy {
        /// What the search said.
        problem: String,
    },
}

/// What a rate costs that is `e` times its start, as mean error.
const LEAVING: f64 = 1e-4;
/// The factor of a first move.
const FIRST: f64 = 4.0;
/// The search ends when moves are smaller than this.
const LAST: f64 = 1.002;
/// Moves of each rate, at most: a bound on time, far beyond what fits take.
const ROUNDS: usize = 2_000;
/// The least and greatest sharpness of the corners: the sum, and all but the larger.
const SHARPNESS: [f64; 2] = [1.0, 16.0];

impl Roofline {
    /// The rates that explain the measurements best.
    ///
    /// # Errors
    /// When there are fewer than fourteen, or one is not a finite number above 0.
    pub fn fit(measured: &[Observation]) -> Result<Self, LawError> {
        let start = Self::default().to_list();
        let needed = start.len() + 1;
        if measured.len() < needed {
            return Err(LawError::TooFew { found: measured.len(), needed });
        }
        for (index, point) in measured.iter().enumerate() {
            let numbers = [("seconds", point.seconds), ("passes", point.work.passes)];
            for (field, value) in numbers.into_iter().chain([("flops", point.work.flops())]) {
                if !(value.is_finite() && value > 0.0) {
                    return Err(LawError::BadNumber { index, field, value });
                }
            }
        }
        let mut best = start;
        let mut least = error(&best, &start, measured);
        let mut factor = FIRST;
        for _ in 0..ROUNDS {
            let before = least;
            for rate in 0..best.len() {
                for by in [factor, 1.0 / factor] {
                    let mut moved = best;
                    moved[rate] *= by;
                    if rate + 1 == moved.len() {
                        moved[rate] = moved[rate].clamp(SHARPNESS[0], SHARPNESS[1]);
                    }
                    let found = error(&moved, &start, measured);
                    if found < least {
                        (best, least) = (moved, found);
                        break;
                    }
                }
            }
            if least >= before {
                factor = factor.sqrt();
                if factor < LAST {
                    break;
                }
            }
        }
        Ok(Self::from_list(best))
    }

    /// Errors of prediction, `|predicted / measured - 1|`, in the order of the measurements.
    pub fn errors(&self, measured: &[Observation]) -> Vec<f64> {
        let error =
            |point: &Observation| (self.seconds_of(&point.work) / point.seconds - 1.0).abs();
        measured.iter().map(error).collect()
    }
}

/// The mean of `|ln(predicted / measured)|`, and what leaving the start costs.
fn error(rates: &Rates, start: &Rates, measured: &[Observation]) -> f64 {
    let law = Roofline::from_list(*rates);
    let one = |point: &Observation| (law.seconds_of(&point.work) / point.seconds).ln().abs();
    let left = rates.iter().zip(start).map(|(rate, start)| (rate / start).ln().powi(2));
    measured.iter().map(one).sum::<f64>() / measured.len() as f64 + LEAVING * left.sum::<f64>()
}
