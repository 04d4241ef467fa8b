//! Countdown with ways that are taken back: a stream of search in words.
//!
//! The problems and lines of [`Countdown`], and one line more: `<` takes the last move back. So a solution may try
//! a move, see that it leads nowhere, and go back, as often as it likes:
//!
//! ```text
//! 3 7 25 50 -> 132
//! 25*7=175; 3 50 175
//! 50*3=150; 150 175
//! 175-150=25; 25
//! <
//! <
//! <
//! 50*3=150; 7 25 150
//! 25-7=18; 18 150
//! 150-18=132; 132
//! ```
//!
//! Written solutions take up to [`Backtrack::detours`] ways that lead nowhere, each followed to its end, and take
//! them back move by move. A move is right when it is legal, whether or not it leads on; `<` is right where there is
//! a move to take back, and it was not taken back there before. What leads nowhere can be taken back, so that the
//! value of a state is 1 as long as all of its lines are right.
//!
//! Source: Gandhi et al. 2024, "Stream of Search" (arXiv 2404.03683), section 3, for searches written out with
//! their dead ends; detours from a known solution, in place of a heuristic search, bound their length.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::trace::joined;
use super::{Countdown, Family, FamilyError, Problem, TraceLine, wrong_range};
use crate::seed::{self, Rng};

/// Takes the last move back.
const BACK: &str = "<";

/// Reaching a number from others, with moves that can be taken back.
///
/// ```
/// use tts_core::family::{Backtrack, Family};
/// let family = Backtrack::default();
/// let steps = ["25*7=175; 3 50 175\n", "<\n", "50*3=150; 7 25 150\n", "25-7=18; 18 150\n", "150-18=132; 132"];
/// assert_eq!(family.check("3 7 25 50 -> 132", &steps), [true; 5]);
/// assert!(family.solved("3 7 25 50 -> 132", &steps));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backtrack {
    /// The problems.
    pub countdown: Countdown,
    /// Fewest and most detours of a written solution, equally often; fewer where no move leads nowhere.
    pub detours: [usize; 2],
    /// Decides the detours of written solutions.
    pub seed: u64,
}

impl Default for Backtrack {
    /// The problems of [`Countdown`], up to three detours.
    fn default() -> Self {
        Self { countdown: Countdown::default(), detours: [0, 3], seed: 0 }
    }
}

/// Whether a step takes a move back.
fn is_back(step: &str) -> bool {
    step.trim() == BACK
}

/// The moves that stand after these steps; `None` when more are taken back than were done.
fn standing<'s>(steps: &[&'s str]) -> Option<Vec<&'s str>> {
    let mut moves = Vec::new();
    for &step in steps {
        if is_back(step) {
            moves.pop()?;
        } else {
            moves.push(step);
        }
    }
    Some(moves)
}

impl Backtrack {
    /// The lines of a solution with detours.
    fn write(&self, question: &str, rng: &mut Rng) -> Option<Vec<TraceLine>> {
        let path = self.countdown.solve(question)?;
        let path: Vec<&str> = path.iter().map(|line| line.trim_end()).collect();
        let [fewest, most] = self.detours;
        let mut detours = fewest + rng.below(most.saturating_sub(fewest) + 1);
        let mut lines: Vec<String> = Vec::new();
        for place in 0..path.len() {
            // Spread over the moves that are left; behind the last but one every detour is one move long.
            let left = path.len() - place;
            let here = if left == 1 { detours } else { rng.below(detours + 1) };
            // What was taken back here is not tried again.
            let mut tried = HashSet::new();
            for _ in 0..here {
                let detour = self.detour(question, (&path[..place], &tried), rng);
                tried.extend(detour.iter().flatten().take(1).cloned());
                lines.extend(detour.into_iter().flatten());
            }
            detours -= here;
            lines.push(path[place].to_owned());
        }
        Some(joined(lines.into_iter().map(TraceLine::new)))
    }

    /// Moves from here that lead nowhere, to their end, and back again, the first none of those tried; `None` where
    /// there is none.
    fn detour(
        &self,
        question: &str,
        (before, tried): (&[&str], &HashSet<String>),
        rng: &mut Rng,
    ) -> Option<Vec<String>> {
        let mut way: Vec<String> = before.iter().map(|step| (*step).to_owned()).collect();
        loop {
            let steps: Vec<&str> = way.iter().map(String::as_str).collect();
            let mut moves: Vec<String> =
                self.countdown.moves(question, &steps).iter().map(ToString::to_string).collect();
            if way.len() == before.len() {
                // Only the first can lead on: behind a dead end all is dead.
                moves.retain(|line| {
                    let mut steps = steps.clone();
                    steps.push(line);
                    !tried.contains(line) && self.countdown.value(question, &steps) <= 0.0
                });
            }
            if moves.is_empty() {
                break;
            }
            let chosen = rng.below(moves.len());
            way.push(moves.swap_remove(chosen));
        }
        let moves = way.split_off(before.len());
        let back = vec![BACK.to_owned(); moves.len()];
        (!moves.is_empty()).then(|| moves.into_iter().chain(back).collect())
    }
}

impl Family for Backtrack {
    /// Its steps are the moves that stand in the end. Settings that make no sense admit no problem.
    fn wrong(&self) -> Option<String> {
        let own = wrong_range("detours", self.detours, [0, usize::MAX]);
        own.or_else(|| self.countdown.wrong())
    }

    fn draw(&self, rng: &mut Rng) -> Option<Problem> {
        if self.wrong().is_some() { None } else { self.countdown.draw(rng) }
    }

    fn parse(&self, question: &str) -> Result<Problem, FamilyError> {
        if let Some(problem) = self.wrong() {
            return Err(FamilyError::new(question, problem));
        }
        self.countdown.parse(question)
    }

    /// The same detours for the same question: they are drawn from its text.
    fn solve(&self, question: &str) -> Option<Vec<String>> {
        let mut rng = seed::rng(seed::hash_text(self.seed, question));
        Some(self.write(question, &mut rng)?.into_iter().map(|line| line.text).collect())
    }

    fn trace(&self, question: &str, rng: &mut Rng) -> Option<Vec<TraceLine>> {
        self.write(question, rng)
    }

    fn check(&self, question: &str, steps: &[&str]) -> Vec<bool> {
        let mut moves: Vec<&str> = Vec::new();
        // The moves up to each that was taken back.
        let mut taken: HashSet<Vec<String>> = HashSet::new();
        let plain = |step: &&str| step.split_whitespace().collect::<String>();
        let check = steps.iter().map(|&step| {
            if is_back(step) {
                let way: Vec<String> = moves.iter().map(plain).collect();
                return moves.pop().is_some() && taken.insert(way);
            }
            moves.push(step);
            self.countdown.check(question, &moves).last() == Some(&true)
        });
        check.collect()
    }

    /// Whether every line is right, and the moves that stand in the end solve the problem.
    fn solved(&self, question: &str, steps: &[&str]) -> bool {
        let last = steps.last().is_some_and(|step| !is_back(step));
        let right = || self.check(question, steps).iter().all(|right| *right);
        let ends = || standing(steps).is_some_and(|moves| self.countdown.solved(question, &moves));
        last && right() && ends()
    }

    /// 1 as long as every line is right, else 0: a move that leads nowhere can be taken back.
    fn value(&self, question: &str, steps: &[&str]) -> f64 {
        let known = self.countdown.parse(question).is_ok();
        f64::from(u8::from(known && self.check(question, steps).iter().all(|right| *right)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{Split, problems};

    #[test]
    fn detours_lead_nowhere_and_are_taken_back() {
        let family = Backtrack { detours: [1, 2], ..Backtrack::default() };
        for problem in problems(&family, Split::Train, 3).take(60) {
            let question = problem.question.as_str();
            let steps = family.solve(question).expect("solvable");
            let steps: Vec<&str> = steps.iter().map(|step| step.trim_end()).collect();
            let back = steps.iter().filter(|step| is_back(step)).count();
            assert_eq!(steps.len(), 3 + 2 * back, "{steps:?}");
            assert!((1..=6).contains(&back), "{steps:?}");
            // No way is gone twice.
            assert!(family.check(question, &steps).iter().all(|right| *right), "{steps:?}");
            // From the first move of a detour on the target is out of reach, as Countdown has it.
            let first = steps.iter().position(|step| is_back(step)).expect("a detour");
            assert!(family.countdown.value(question, &steps[..first]) <= 0.0, "{steps:?}");
        }
    }

    #[test]
    fn hostile_solutions_are_not_right() {
        let family = Backtrack::default();
        let right = ["50*3=150; 7 25 150", "25-7=18; 18 150", "150-18=132; 132"];
        let with =
            |more: &[&'static str]| -> Vec<&str> { more.iter().chain(&right).copied().collect() };
        for (steps, solved) in [
            (with(&[]), true),
            (with(&["25*7=175; 3 50 175", "<"]), true),
            // Taken back what was not done, wrong though taken back, solved and taken back, nothing at all.
            (with(&["<"]), false),
            // Tried and taken back twice in the same place; once in each of two places.
            (with(&["25*7=175; 3 50 175", "<", "25*7=175; 3 50 175", "<"]), false),
            (with(&["25*7=175; 3 50 175", "<", "25*7=175;  3 50 175", "<"]), false),
            (with(&["25*7=175; 3 50 175", "<", "50*7=350; 3 25 350", "<"]), true),
            (with(&["25*7=176; 3 50 176", "<"]), false),
            (right.iter().copied().chain(["<"]).collect(), false),
            (vec![], false),
            (vec!["132"], false),
        ] {
            assert_eq!(family.solved("3 7 25 50 -> 132", &steps), solved, "{steps:?}");
        }
        let broken = Backtrack { detours: [2, 1], ..Backtrack::default() };
        let error = broken.parse("3 7 25 50 -> 132").unwrap_err().to_string();
        assert!(error.contains("detours: 2 to 1"), "{error}");
        assert_eq!(problems(&broken, Split::Train, 3).next(), None);
    }
}
