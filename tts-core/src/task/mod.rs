//! What counts as an answer, and as a right one.
//!
//! A [`Task`] finds the final answer in the text of a solution, tells whether two answers are the same,
//! and gives the verdict on a solution. Votes, outcomes, labels, rewards and metrics all ask the task of
//! the search ([`crate::Search::task`]): there is one way from text to verdict. [`Math`] is the default;
//! [`Exact`] compares text, [`Phrase`] names and phrases, [`Choice`] letters of multiple choice, [`Puzzle`] is
//! Countdown in words; families of problems that can be
//! checked step by step ([`family`]) have a task each, [`family::Solved`].

mod choice;
mod exact;
pub mod family;
mod letter;
pub mod math;
mod phrase;
mod puzzle;

use std::fmt::Debug;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use choice::Choice;
pub use exact::Exact;
pub use phrase::Phrase;
pub use puzzle::Puzzle;

use crate::Prompt;

/// What is thought of one solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Its answer is the right one.
    Right,
    /// Its answer is another one.
    Wrong,
    /// It has none.
    Unanswered,
}

impl Verdict {
    /// Whether it is right.
    pub fn is_right(self) -> bool {
        self == Self::Right
    }

    /// Whether its answer is right; `None` when it has none.
    pub fn of_answer(self) -> Option<bool> {
        match self {
            Self::Right => Some(true),
            Self::Wrong => Some(false),
            Self::Unanswered => None,
        }
    }
}

/// Tells whether two answers are the same, the right one first.
pub type Comparer<'a> = Box<dyn FnMut(&str, &str) -> bool + 'a>;

/// A kind of problem: how it is asked, what an answer is, and when two are the same.
pub trait Task: Debug + Send + Sync {
    /// Its name in settings, records and trees.
    fn name(&self) -> &str;

    /// How a model is asked; the question as a turn of the user, unless the task knows better.
    fn prompt(&self, question: &str) -> Prompt {
        Prompt::from(question)
    }

    /// The final answer in the text of a solution; `None` when it has none.
    fn answer(&self, solution: &str) -> Option<String>;

    /// Whether an answer is the same as another, the right one first where one is known to be right.
    fn same(&self, gold: &str, answer: &str) -> bool;

    /// [`Task::same`] for many comparisons: it may remember what it has read.
    fn comparer(&self) -> Comparer<'_> {
        Box::new(|gold, answer| self.same(gold, answer))
    }

    /// The verdict on a solution of a problem whose right answer is known.
    fn verdict(&self, question: &str, gold: &str, solution: &str) -> Verdict {
        let _ = question;
        match self.answer(solution) {
            None => Verdict::Unanswered,
            Some(answer) if self.same(gold, &answer) => Verdict::Right,
            Some(_) => Verdict::Wrong,
        }
    }

    /// What a solution is worth, from 0 to 1: that of a right one is 1 and of any other 0, unless the task knows of more or less
    /// right ones.
    ///
    /// ```
    /// use tts_core::task::{Math, Task};
    /// assert_eq!(["The answer is 0.5.", "The answer is 2."].map(|text| Math.credit("x?", "1/2", text)), [1.0, 0.0]);
    /// ```
    fn credit(&self, question: &str, gold: &str, solution: &str) -> f64 {
        f64::from(u8::from(self.verdict(question, gold, solution).is_right()))
    }

    /// Whether each step of a solution is right, in order; `None` of a task that looks at answers alone.
    ///
    /// ```
    /// use tts_core::family::{Chain, Solved};
    /// use tts_core::task::{Math, Task};
    /// let found = Solved(Chain::default()).steps("3+4*2", "=3+8\n=12");
    /// assert_eq!(found, Some(vec![true, false]));
    /// assert_eq!(Math.steps("3+4*2", "=3+8\n=12"), None);
    /// ```
    fn steps(&self, question: &str, solution: &str) -> Option<Vec<bool>> {
        let _ = (question, solution);
        None
    }
}

/// Mathematics: answers are exact numbers, formulas, lists, intervals and relations, see [`math`].
///
/// ```
/// use tts_core::task::{Math, Task, Verdict};
/// assert_eq!(Math.answer("So x = \\boxed{\\frac12}.").as_deref(), Some(r"\frac12"));
/// assert!(Math.same("0.5", r"\frac12"));
/// assert_eq!(Math.verdict("x?", "1/2", "I do not know"), Verdict::Unanswered);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Math;

impl Task for Math {
    fn name(&self) -> &'static str {
        "math"
    }

    fn answer(&self, solution: &str) -> Option<String> {
        math::extract(solution)
    }

    fn same(&self, gold: &str, answer: &str) -> bool {
        math::equivalent(gold, answer)
    }

    fn comparer(&self) -> Comparer<'_> {
        let mut readings = math::Readings::default();
        Box::new(move |gold, answer| readings.equivalent(gold, answer))
    }
}

/// A task of another program: what an answer is, is not known here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Foreign(pub(crate) String);

impl Task for Foreign {
    fn name(&self) -> &str {
        &self.0
    }

    fn answer(&self, _: &str) -> Option<String> {
        None
    }

    fn same(&self, gold: &str, answer: &str) -> bool {
        gold == answer
    }
}

/// The names of this library's own tasks.
pub const NAMES: [&str; 5] = ["math", "exact", "choice", "phrase", "countdown"];

/// A task of this library by its name.
///
/// # Errors
/// When the name is not one of [`NAMES`].
pub fn by_name(name: &str) -> Result<Arc<dyn Task>, String> {
    match name {
        "math" => Ok(Arc::new(Math)),
        "exact" => Ok(Arc::new(Exact)),
        "choice" => Ok(Arc::new(Choice::default())),
        "phrase" => Ok(Arc::new(Phrase)),
        "countdown" => Ok(Arc::new(Puzzle)),
        _ => Err(format!("{name:?} is not a task of this library: {}", NAMES.join(", "))),
    }
}
