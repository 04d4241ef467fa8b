//! Answers that are names or short phrases, compared as question answering compares them.
//!
//! The answer is what stands behind the last "answer is", to the end of its line, for a name may hold points and
//! commas ("M. Night"); else it is found as that of [`Exact`]. Two are the same when they are after capitals, punctuation and the
//! articles `a`, `an` and `the` are left out, and spaces evened.
//!
//! Source: Rajpurkar et al. 2016 (arXiv 1606.05250, section 6.1) and the evaluation script of `HotpotQA`
//! (Yang et al. 2018, arXiv 1809.09600), whose exact match this is.

use super::{Exact, Task};

/// Names and short phrases.
///
/// ```
/// use tts_core::task::{Phrase, Task};
/// assert!(Phrase.same("the River Wend", "River Wend."));
/// assert!(!Phrase.same("River Wend", "the Wend"));
/// assert_eq!(Phrase.answer("It is in Harn.\nThe answer is Osleta.").as_deref(), Some("Osleta"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Phrase;

/// What an answer stands behind.
const IS: &str = "answer is";

/// The words that count.
fn words(text: &str) -> Vec<String> {
    let kept: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    let words = kept.split_whitespace().filter(|word| !["a", "an", "the"].contains(word));
    words.map(str::to_owned).collect()
}

impl Task for Phrase {
    fn name(&self) -> &'static str {
        "phrase"
    }

    fn answer(&self, solution: &str) -> Option<String> {
        let said = solution.to_ascii_lowercase().rfind(IS).and_then(|at| {
            let line = solution.get(at + IS.len()..)?.lines().next()?;
            let phrase = line.trim_matches([' ', ':', '*', '"', '.', '\t']);
            (!phrase.is_empty()).then(|| phrase.to_owned())
        });
        said.or_else(|| Exact.answer(solution))
    }

    fn same(&self, gold: &str, answer: &str) -> bool {
        let (gold, answer) = (words(gold), words(answer));
        !gold.is_empty() && gold == answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_the_rest_of_its_line() {
        for (text, answer) in [
            ("The answer is M. Night Shyamalan.", Some("M. Night Shyamalan")),
            (
                "The answer is no.\nThe final ANSWER IS: **12 May, 1990**\nDone.",
                Some("12 May, 1990"),
            ),
            ("So \\boxed{Harn}.", Some("Harn")),
            ("The answer is\nHarn", Some("Harn")),
            ("größer: the answer is größer", Some("größer")),
            ("", None),
        ] {
            assert_eq!(Phrase.answer(text).as_deref(), answer, "{text}");
        }
    }

    #[test]
    fn the_same_but_for_dress() {
        for (gold, answer) in [
            ("Gesellschaft mit beschränkter Haftung", "gesellschaft mit  beschränkter haftung"),
            ("O'Neill", "ONeill"),
            ("an A-side", "Aside"),
            ("yes", "Yes."),
        ] {
            assert!(Phrase.same(gold, answer), "{gold} {answer}");
        }
        for (gold, answer) in [("the", "a"), ("", ""), ("Anna", "nna"), ("12 May", "May 12")] {
            assert!(!Phrase.same(gold, answer), "{gold} {answer}");
        }
    }
}
