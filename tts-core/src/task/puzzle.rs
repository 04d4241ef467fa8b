//! Countdown as a task of data files: asked in words, solved a line at a time.
//!
//! The puzzle is the last line with an arrow of what is asked (`3 7 25 50 -> 132`), whatever words stand before
//! it; a solution is
//! right when each of its lines is a right step of [`family::Countdown`](super::family::Countdown) and the
//! last one leaves the target alone. Lines without a `;` are words between steps.
//!
//! Source: Gandhi et al. 2024 (arXiv 2404.03683), as of the family.

use super::family::{Countdown, Family, lines};
use super::{Math, Task, Verdict};

/// Countdown puzzles with numbers of up to seven digits.
///
/// ```
/// use tts_core::task::{Puzzle, Task, Verdict};
/// let asked = "Reach the target.\n\n3 7 25 50 -> 132";
/// let solved = "I multiply first.\n50*3=150; 7 25 150\n25-7=18; 18 150\n150-18=132; 132\nThe answer is 132.";
/// assert_eq!(Puzzle.verdict(asked, "132", solved), Verdict::Right);
/// assert_eq!(Puzzle.verdict(asked, "132", "The answer is 132."), Verdict::Unanswered);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Puzzle;

impl Puzzle {
    fn family() -> Countdown {
        Countdown { most: 1_000_000, ..Countdown::default() }
    }
}

/// The lines of a solution that are steps.
fn steps(solution: &str) -> Vec<&str> {
    lines(solution).into_iter().filter(|line| line.contains(';')).collect()
}

impl Task for Puzzle {
    fn name(&self) -> &'static str {
        "countdown"
    }

    fn answer(&self, solution: &str) -> Option<String> {
        let last = steps(solution).last()?.rsplit_once(';')?.1.trim().to_owned();
        (!last.is_empty()).then_some(last)
    }

    fn same(&self, gold: &str, answer: &str) -> bool {
        Math.same(gold, answer)
    }

    fn verdict(&self, question: &str, _: &str, solution: &str) -> Verdict {
        let puzzle = question.lines().rfind(|line| line.contains("->"));
        let puzzle = puzzle.map(|line| line.trim_start_matches(|c: char| !c.is_ascii_digit()));
        let steps = steps(solution);
        match (steps.is_empty(), Self::family().solved(puzzle.unwrap_or_default(), &steps)) {
            (true, _) => Verdict::Unanswered,
            (false, true) => Verdict::Right,
            (false, false) => Verdict::Wrong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_counts() {
        let asked = "3 7 25 50 -> 132\n";
        let right = "50*3=150; 7 25 150\n25-7=18; 18 150\n150-18=132; 132";
        assert_eq!(Puzzle.verdict(asked, "132", right), Verdict::Right);
        assert_eq!(Puzzle.answer(right).as_deref(), Some("132"));
        for wrong in [
            "50*3=150; 7 25 150\n25-7=18; 18 150",
            "50*3=151; 7 25 151\n25-7=18; 18 151\n151-19=132; 132",
            "132=132; 132",
        ] {
            assert_eq!(Puzzle.verdict(asked, "132", wrong), Verdict::Wrong, "{wrong}");
        }
        let shown =
            "Question: 1 2 3 -> 6\n1+2=3; 3 3\n3+3=6; 6\n\nQuestion: 3 7 25 50 -> 132\nAnswer:";
        assert_eq!(Puzzle.verdict(shown, "132", right), Verdict::Right);
        assert_eq!(Puzzle.verdict("", "132", right), Verdict::Wrong);
        assert_eq!(Puzzle.answer("nothing"), None);
    }
}
