//! The task of a family: a solution is right when the family's own checker says so.

use super::{Family, lines};
use crate::Prompt;
use crate::task::{Comparer, Math, Task, Verdict};

/// Problems of a family as a task. Answers are numbers; the verdict looks at the whole solution, so a
/// right number at the end of wrong steps is not right where the family wants each to hold.
///
/// ```
/// use tts_core::family::{Chain, Solved};
/// use tts_core::{Task, Verdict};
/// let task = Solved(Chain::default());
/// assert_eq!(task.verdict("3+4*2", "11", "=3+8\n=11"), Verdict::Right);
/// assert_eq!(task.verdict("3+4*2", "11", "=3+8\n=12"), Verdict::Wrong);
/// assert_eq!(task.verdict("3+4*2", "11", ""), Verdict::Unanswered);
/// ```
#[derive(Clone)]
pub struct Solved<F>(pub F);

impl<F> std::fmt::Debug for Solved<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Solved")
    }
}

impl<F: Family> Task for Solved<F> {
    fn name(&self) -> &'static str {
        "solved"
    }

    fn prompt(&self, question: &str) -> Prompt {
        self.0.prompt(question)
    }

    fn answer(&self, solution: &str) -> Option<String> {
        Math.answer(solution)
    }

    fn same(&self, gold: &str, answer: &str) -> bool {
        Math.same(gold, answer)
    }

    fn comparer(&self) -> Comparer<'_> {
        // Not `Math.comparer()`, which would borrow a temporary.
        let mut readings = crate::task::math::Readings::default();
        Box::new(move |gold, answer| readings.equivalent(gold, answer))
    }

    fn verdict(&self, question: &str, _: &str, solution: &str) -> Verdict {
        let steps = lines(solution);
        match (steps.is_empty(), self.0.solved(question.trim(), &steps)) {
            (true, _) => Verdict::Unanswered,
            (false, true) => Verdict::Right,
            (false, false) => Verdict::Wrong,
        }
    }

    fn steps(&self, question: &str, solution: &str) -> Option<Vec<bool>> {
        Some(self.0.check(question.trim(), &lines(solution)))
    }
}
