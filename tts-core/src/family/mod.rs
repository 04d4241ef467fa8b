//! Families of problems in which every step can be checked exactly.
//!
//! A [`Family`] draws problems from a seed, writes the text of a right solution, and tells of any
//! solution which steps are right. Problems are text that a person can read and type. Which
//! [`Split`] a problem belongs to is a function of its text, so that training, validation and test
//! are disjoint whatever the seeds.
//!
//! * [`Chain`]: step-by-step arithmetic with one right answer.
//! * `Countdown`: reach a number from others; many right answers, dead ends, and the exact value
//!   of every state.

mod chain;
//mod countdown;
mod expression;

use std::collections::HashSet;

pub use chain::Chain;
//pub use countdown::Countdown;
pub use expression::{Expression, Operation};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// To learn from: 80 % of all texts.
    Train,
    /// To choose settings by: 10 %.
    Validation,
    /// To report: 10 %.
    Test,
}

impl Split {
    /// The split that a problem's text belongs to.
    pub fn of(question: &str) -> Self {
        match seed::root(0, question) % 10 {
            0 => Self::Test,
            1 => Self::Validation,
            _ => Self::Train,
        }
    }
}

/// A problem with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Problem {
    /// As a person would type it.
    pub question: String,
    /// The right answer; where many are right, one of them.
    pub answer: String,
    /// Steps that a right solution needs.
    pub steps: usize,
}

/// A source of problems whose steps can be checked.
pub trait Family: Send + Sync {
    /// One problem, from the numbers of `rng` alone.
    fn draw(&self, rng: &mut seed::Rng) -> Problem;

    /// Reads what a person typed.
    ///
    /// # Errors
    /// When it is no problem of this family; the error says what was expected.
    fn parse(&self, question: &str) -> Result<Problem, FamilyError>;

    /// What a model is given of a problem.
    fn prompt(&self, question: &str) -> Prompt {
        Prompt::text(format!("{question}\n"))
    }

    /// The steps of a right solution, each but the last with its line break; `None` when there is
    /// no solution.
    fn solve(&self, question: &str) -> Option<Vec<String>>;

    /// For each step of a solution, given by their texts, whether that step itself is right. What
    /// follows a wrong step is judged on its own terms; whoever wants labels stops at the first.
    fn check(&self, question: &str, steps: &[&str]) -> Vec<bool>;

    /// Whether a finished solution solves the problem.
    fn solved(&self, question: &str, steps: &[&str]) -> bool;
}

/// Different problems of one split, without end for as long as the family has any: number `i` is
/// the same however many are taken. After 10,000 repeats in a row the family counts as exhausted.
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
            let problem = family.draw(&mut seed::rng(seed::mix(seed, index)));
            index += 1;
            if Split::of(&problem.question) == split && seen.insert(problem.question.clone()) {
                return Some(problem);
            }
        }
        None
    })
}
