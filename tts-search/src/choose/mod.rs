//! The choice between strategies: difficulty from a cheap probe, a policy fitted on problems with known answers.
//!
//! No strategy is best everywhere: a beam helps on hard problems and harms on easy ones, where it finds the
//! scorer's errors. [`ComputeOptimal`] is a strategy that samples a little, takes that for how difficult
//! the problem is, and becomes the strategy that is best for such problems. Which one that is, [`fit`] reads
//! off results on other problems, and [`two_fold`] says what the choice is worth without looking at the problems
//! that it was made on. What the probe is ([`Probe`]) belongs to the fit. [`by_budget`] makes a
//! curve of it, [`cost_ratio`] turns two curves into how much less the same accuracy costs, and
//! [`matched`] is the bookkeeping of a small model that thinks longer beside a large one. [`curve`] puts these together:
//! what experiments and the command `choose` report.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), sections 3.2, 5.3, 6.2 and 7.

mod budgets;
mod fit;
pub mod matched;
mod optimal;
mod probe;
mod ratio;
mod reuse;
mod signal;
mod study;

pub use budgets::{Budgeted, Priced, by_budget, by_price};
pub use fit::{Bins, Choice, Folds, Tried, fit, fit_at_price, two_fold, two_fold_at_price};
pub use optimal::ComputeOptimal;
pub use probe::Probe;
pub use ratio::{CostRatio, Level, cost_ratio, cost_ratio_within};
pub use reuse::FirstLines;
pub use signal::Signal;
pub use study::{Curve, Spend, Stage, curve};

/// Why a choice could not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChooseError {
    /// A number is out of range, or there are too few of something.
    #[error("{field}: {problem}")]
    Input {
        /// What it is about.
        field: String,
        /// What was found, and what was expected.
        problem: String,
    },
}

impl ChooseError {
    fn input(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Input { field: field.into(), problem: problem.into() }
    }
}
