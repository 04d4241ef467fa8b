//! Says whether a finished solution of one problem is right: what rollouts are counted by.

use tts_core::answer::{equivalent, extract};
use tts_core::family::{Family, lines};

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

/// By the answer, as [`equivalent`] compares: a text that merely contains the gold answer's digits
/// is not right.
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
        extract(solution).map(|answer| equivalent(&self.gold, &answer))
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
        let steps = lines(solution);
        (!steps.is_empty()).then(|| self.family.solved(&self.question, &steps))
    }
}
