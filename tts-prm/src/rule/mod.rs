//! Rules that judge steps without any model: arithmetic that must add up, and gold answers.
//!
//! [`Arithmetic`] finds every equation between numbers in the text of a step and checks it with
//! exact fractions. Understood are `+`, `-`, `*`, `×`, `x` between numbers, `÷`, `/`, `^`, `%`,
//! brackets, decimals, thousands separators, currency signs, words like `million`, `% of`, TeX's
//! `\frac`, `\times` and `\cdot`, and chains `a + b = c = d`. A decimal that the other side rounds
//! to counts as right. What is not understood is not judged: variables, mixed units, divisions by
//! zero, numbers beyond 128 bits.
//!
//! Source: checking the calculations of a solution goes back to the calculator annotations of
//! GSM8K (Cobbe et al. 2021, appendix C).

mod equation;
mod gold;
mod lexer;
mod rational;
mod value;

use tts_core::scorer::NEUTRAL;
use tts_core::{Aggregate, BoxError, Scale, Scored, StepScorer, Trajectory};

pub use equation::{Equation, equations};
pub use gold::{GoldAnswer, GoldAnswers};

/// Checks the arithmetic of each step: 1 when all its equations hold, 0 when one is false,
/// [`NEUTRAL`] when it has none.
///
/// Aggregates that fit: `Min` (one slip spoils a path; the default), or `Mean`. Never fails.
///
/// ```
/// use tts_prm::Arithmetic;
/// assert_eq!(Arithmetic::judge("She pays 3 × $4 = $12."), 1.0);
/// assert_eq!(Arithmetic::judge("10 / 3 = 3.33, so 3.33 + 1 = 4.34"), 0.0);
/// assert_eq!(Arithmetic::judge("On 3/4/2020 she bought 2-3 apples."), 0.5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arithmetic;

impl Arithmetic {
    /// The score of a text.
    pub fn judge(text: &str) -> f64 {
        let found = equations(text);
        if found.is_empty() {
            return NEUTRAL;
        }
        f64::from(u8::from(found.iter().all(|equation| equation.holds)))
    }
}

impl StepScorer for Arithmetic {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let one = |path: &Trajectory| {
            Scored::of(path.fresh_steps().iter().map(|step| Self::judge(&step.text)).collect())
        };
        Ok(batch.iter().map(one).collect())
    }

    /// One slip spoils a path; a step without equations says nothing of it.
    fn scale(&self) -> Scale {
        Scale::STEP.by(Aggregate::Min)
    }

    fn identity(&self) -> Option<String> {
        Some("arithmetic".into())
    }
}
