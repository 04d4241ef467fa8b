//! A model of tokens that is sure when it knows and unsure when it guesses.
//!
//! The first token says which, `a` or `b`, each half of the time. Sixteen tokens of thinking follow, with
//! probabilities about `(.96, .02, .02)` or `(.4, .3, .3)`, which depend on the last token, then the
//! answer: of the one who knows it is mostly `a`, of the one who guesses mostly `b`, and then
//! the end. Confidence over the three tokens that can occur is high for the one and low for the other.
//!
//! Source: none; a world for tests, as [`tts_core::toy`].

use tts_core::task::Task;
use tts_core::toy::Markov;

/// Tokens of thinking.
const THINKING: usize = 16;
/// Where the answer stands.
const ANSWER: usize = THINKING + 1;

/// The model.
pub(crate) fn model() -> Markov {
    Markov::new(|path| {
        let knows = path.first() == Some(&0);
        match (path.len(), knows) {
            (0, _) => vec![0.5, 0.5, 0.0, 0.0],
            (1..=THINKING, true) if path.last() == Some(&0) => vec![0.96, 0.02, 0.02, 0.0],
            (1..=THINKING, true) => vec![0.9, 0.05, 0.05, 0.0],
            (1..=THINKING, false) if path.last() == Some(&0) => vec![0.4, 0.3, 0.3, 0.0],
            (1..=THINKING, false) => vec![0.5, 0.25, 0.25, 0.0],
            (ANSWER, true) => vec![0.92, 0.04, 0.04, 0.0],
            (ANSWER, false) => vec![0.1, 0.8, 0.1, 0.0],
            _ => vec![0.0, 0.0, 0.0, 1.0],
        }
    })
}

/// The answer is the last letter of a whole text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastLetter;

impl Task for LastLetter {
    fn name(&self) -> &'static str {
        "last-letter"
    }

    fn answer(&self, solution: &str) -> Option<String> {
        solution.get(ANSWER..).filter(|answer| !answer.is_empty()).map(str::to_owned)
    }

    fn same(&self, gold: &str, answer: &str) -> bool {
        gold == answer
    }
}
