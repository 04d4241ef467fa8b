//! Says whether a finished solution of one problem is right: what rollouts are counted by.

use std::sync::Arc;

use tts_core::Task;
use tts_core::family::{Family, Solved};
use tts_core::task::Math;

use crate::GoldAnswer;

/// Judges finished solutions of one problem.
///
/// A closure is one: `|text: &str| Some(text.contains("42"))`.
pub trait Grade: Send + Sync {
    /// Whether the solution is right; `None` when it has no answer that could be.
    fn grade(&self, solution: &str) -> Option<bool>;
}

impl<F: Fn(&str) -> Option<bool> + Send + Sync> Grade for F {
    fn grade(&self, solution: &str) -> Option<bool> {
        self(solution)
    }
}

/// By the task of the problem: the verdict that searches and metrics have.
///
/// ```
/// use std::sync::Arc;
/// use tts_core::task::Choice;
/// use tts_prm::label::{ByTask, Grade};
/// let task = Arc::new(Choice::default());
/// let grade = ByTask { task, question: "Which?".into(), gold: "B".into() };
/// assert_eq!(grade.grade("So it is (b)."), Some(true));
/// ```
#[derive(Debug, Clone)]
pub struct ByTask {
    /// Says what is right.
    pub task: Arc<dyn Task>,
    /// The problem.
    pub question: String,
    /// Its right answer.
    pub gold: String,
}

impl Grade for ByTask {
    fn grade(&self, solution: &str) -> Option<bool> {
        self.task.verdict(&self.question, &self.gold, solution).of_answer()
    }
}

/// By the answer, as [`Math`] compares: a text that merely contains the gold answer's digits is not
/// right.
///
/// ```
/// use tts_prm::GoldAnswer;
/// use tts_prm::label::Grade;
/// let gold = GoldAnswer { gold: "1".into() };
/// assert_eq!(gold.grade("The answer is 1."), Some(true));
/// assert_eq!(gold.grade("The answer is 11."), Some(false));
/// assert_eq!(gold.grade(""), None);
/// ```
impl Grade for GoldAnswer {
    fn grade(&self, solution: &str) -> Option<bool> {
        Math.verdict("", &self.gold, solution).of_answer()
    }
}

/// By the exact checker of a problem family.
#[derive(Debug, Clone)]
pub struct InFamily<F> {
    /// The family.
    pub family: F,
    /// The problem, as [`tts_core::family::Problem::question`] has it.
    pub question: String,
}

impl<F: Family> Grade for InFamily<F> {
    fn grade(&self, solution: &str) -> Option<bool> {
        Solved(&self.family).verdict(&self.question, "", solution).of_answer()
    }
}
