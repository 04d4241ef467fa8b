//! Answers that are text: names, words, program output.
//!
//! The answer is what an explicit marker points to (`\boxed{}`, `####`, "the answer is"), else the last
//! line that is not blank. Two are the same when their words are, however they are spaced.

use super::{Task, math};

/// Answers compared as text.
///
/// ```
/// use tts_core::task::{Exact, Task};
/// assert_eq!(Exact.answer("She went on.\nThe answer is Osleta.").as_deref(), Some("Osleta"));
/// assert_eq!(Exact.answer("thinking\n  two words \n\n").as_deref(), Some("two words"));
/// let said = r"Maybe \boxed{4}?</think><answer>the tower of 1889</answer>";
/// assert_eq!(Exact.answer(said).as_deref(), Some("the tower of 1889"));
/// assert!(Exact.same("two words", "two  words") && !Exact.same("1/2", "0.5"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Exact;

impl Task for Exact {
    fn name(&self) -> &'static str {
        "exact"
    }

    fn answer(&self, solution: &str) -> Option<String> {
        let last = || solution.lines().map(str::trim).rfind(|line| !line.is_empty());
        math::marked(solution).or_else(|| last().map(str::to_owned))
    }

    fn same(&self, gold: &str, answer: &str) -> bool {
        gold.split_whitespace().eq(answer.split_whitespace())
    }
}
