//! Families of problems in which every step can be checked exactly.
//!
//! A [`Family`] draws problems from a seed, writes the text of a right solution, tells of any
//! solution which steps are right, and what a state is worth. Problems are text that a person can
//! read and type; a step is a line. Which [`Split`] a problem belongs to is a function of its text,
//! so that training, validation and test are disjoint whatever the seeds.
//!
//! * [`Chain`]: step-by-step arithmetic with one right answer.
//! * [`Countdown`]: reach a number from others; many right solutions, dead ends, and the exact
//!   value of every state.
//! * [`Strides`]: chains of as many operations a line as the writer likes, with room to think longer.
//! * [`Recheck`]: chains with checks by another way, which can be told to wait and be cut short.
//! * [`Backtrack`]: Countdown with moves that are taken back.
//! * [`Panel`]: judgements of responses, by criteria that nobody is told.
//!
//! [`Checker`] is the exact oracle of a family; [`RandomPlayer`], [`Slipping`] and
//! [`Grader`] are policies without a model.

mod backtrack;
mod chain;
mod checker;
mod countdown;
mod expression;
mod numbers;
mod operation;
mod panel;
mod player;
mod recheck;
mod solved;
mod strides;
mod trace;

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use backtrack::Backtrack;
pub use chain::Chain;
pub use checker::{Checker, first_error, lines};
pub use countdown::{Countdown, CountdownLine};
pub use expression::Expression;
pub use numbers::Move;
pub use operation::Operation;
pub use panel::{Criterion, Grader, Panel, Principles};
pub use player::{RandomPlayer, Slipping};
pub use recheck::{Recheck, another_way};
pub use solved::Solved;
pub use strides::Strides;
pub use trace::TraceLine;

use crate::{Prompt, seed};

/// A text that is no problem of a family, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}: {problem}")]
pub struct FamilyError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl FamilyError {
    pub(crate) fn new(text: &str, problem: impl Into<String>) -> Self {
        Self { text: text.to_owned(), problem: problem.into() }
    }
}

/// What a problem is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// To learn from: 80 % of all texts.
    Train,
    /// To choose settings by: 10 %.
    Validation,
    /// To report: 10 %.
    Test,
}

impl Split {
    /// The split that a problem's text belongs to, as [`Problem::question`] has it.
    pub fn of(question: &str) -> Self {
        match seed::hash_text(0, question) % 10 {
            0 => Self::Test,
            1 => Self::Validation,
            _ => Self::Train,
        }
    }
}

/// A problem with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// As a person would type it, in the family's one way of writing.
    pub question: String,
    /// The final answer of every right solution.
    pub answer: String,
    /// Steps that a right solution needs.
    pub steps: usize,
}

/// A source of problems whose steps can be checked.
///
/// Steps are lines, with or without their line break. A question is given as [`Problem::question`]
/// has it; a text that is not written as one of the family's has no solution, no right step, and
/// the value 0.
pub trait Family: Send + Sync {
    /// What of the settings makes no sense, by field: then no problem is drawn, and none is read.
    ///
    /// ```
    /// use tts_core::family::{Family, Panel};
    /// let panel = Panel { responses: [9, 2], ..Panel::default() };
    /// assert_eq!(panel.wrong().as_deref(), Some("responses: 9 to 2, expected the fewer first"));
    /// ```
    fn wrong(&self) -> Option<String> {
        None
    }

    /// One problem, from the numbers of `rng` alone; `None` when none was found within the
    /// family's settings, as they may admit none.
    fn draw(&self, rng: &mut seed::Rng) -> Option<Problem>;

    /// Reads what a person typed.
    ///
    /// # Errors
    /// When it is no problem of this family, or has no solution; the error says what was expected.
    fn parse(&self, question: &str) -> Result<Problem, FamilyError>;

    /// What a model is given of a problem.
    fn prompt(&self, question: &str) -> Prompt {
        Prompt::text(format!("{question}\n"))
    }

    /// The steps of a right solution, each but the last with its line break; `None` when there is
    /// no solution.
    fn solve(&self, question: &str) -> Option<Vec<String>>;

    /// A written solution to learn from, of the numbers of `rng`: it may go wrong and notice it, or be cut short, where
    /// a family has such solutions. Unless it has, that of [`Family::solve`], all of it learnt.
    fn trace(&self, question: &str, rng: &mut seed::Rng) -> Option<Vec<TraceLine>> {
        let _ = rng;
        Some(self.solve(question)?.into_iter().map(TraceLine::new).collect())
    }

    /// For each step of a solution whether that step itself is right. What follows a wrong step is
    /// judged on its own terms; whoever wants labels stops at the first, see [`first_error`].
    fn check(&self, question: &str, steps: &[&str]) -> Vec<bool>;

    /// Whether a finished solution solves the problem.
    fn solved(&self, question: &str, steps: &[&str]) -> bool;

    /// The value of the state after these steps under the optimal policy: 1 while a right solution
    /// can still follow, or is there, else 0. Against the problem, whatever [`Family::check`] says
    /// of single steps.
    fn value(&self, question: &str, steps: &[&str]) -> f64;
}

macro_rules! forward {
    ($($owner:ty),*) => {$(
        impl<T: Family + ?Sized> Family for $owner {
            fn wrong(&self) -> Option<String> {
                (**self).wrong()
            }
            fn draw(&self, rng: &mut seed::Rng) -> Option<Problem> {
                (**self).draw(rng)
            }
            fn parse(&self, question: &str) -> Result<Problem, FamilyError> {
                (**self).parse(question)
            }
            fn prompt(&self, question: &str) -> Prompt {
                (**self).prompt(question)
            }
            fn solve(&self, question: &str) -> Option<Vec<String>> {
                (**self).solve(question)
            }
            fn trace(&self, question: &str, rng: &mut seed::Rng) -> Option<Vec<TraceLine>> {
                (**self).trace(question, rng)
            }
            fn check(&self, question: &str, steps: &[&str]) -> Vec<bool> {
                (**self).check(question, steps)
            }
            fn solved(&self, question: &str, steps: &[&str]) -> bool {
                (**self).solved(question, steps)
            }
            fn value(&self, question: &str, steps: &[&str]) -> f64 {
                (**self).value(question, steps)
            }
        }
    )*};
}
forward!(&T, Box<T>, Arc<T>);

/// What is wrong with fewest and most of something, which may be this little and this much.
fn wrong_range<T: PartialOrd + std::fmt::Display>(
    field: &str,
    [fewest, most]: [T; 2],
    [least, greatest]: [T; 2],
) -> Option<String> {
    if fewest > most {
        return Some(format!("{field}: {fewest} to {most}, expected the fewer first"));
    }
    let within = fewest >= least && most <= greatest;
    (!within)
        .then(|| format!("{field}: {fewest} to {most}, expected {least} to {greatest} at most"))
}

/// A whole number from `low` to `high`, uniform; `low` when `high` is below it.
fn between(rng: &mut seed::Rng, low: i64, high: i64) -> i64 {
    let width = high.saturating_sub(low).saturating_add(1).max(1) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "below width")]
    let offset = (rng.uniform() * width) as i64;
    low.saturating_add(offset)
}

/// Different problems of one split, without end for as long as the family has any: number `i` is
/// the same however many are taken. After 10,000 draws in a row without a new one the family counts
/// as exhausted, and after one that found no problem at all.
///
/// ```
/// use tts_core::family::{Chain, Split, problems};
/// let test: Vec<_> = problems(&Chain::default(), Split::Test, 1).take(5).collect();
/// assert!(test.iter().all(|problem| Split::of(&problem.question) == Split::Test));
/// ```
pub fn problems<F: Family + ?Sized>(
    family: &F,
    split: Split,
    seed: u64,
) -> impl Iterator<Item = Problem> {
    let mut seen = HashSet::new();
    let mut index = 0;
    std::iter::from_fn(move || {
        for _ in 0..10_000 {
            let problem = family.draw(&mut seed::rng(seed::mix(seed, index)))?;
            index += 1;
            if Split::of(&problem.question) == split && seen.insert(problem.question.clone()) {
                return Some(problem);
            }
        }
        None
    })
}
