//! A decision: one word that the judge is made to say, read with how probable it was.
//!
//! A cue is put behind the critique, or behind the question alone, and a word is drawn. What that is worth:
//!
//! * [`By::Word`]: the value of the word, which has to stand there whole, unless nothing else was said. The mean over samples
//!   estimates the expectation.
//! * [`By::Probability`]: of two words, the expectation, with the log-probability of the one that was drawn:
//!   `p v(word) + (1 - p) v(other)`. It takes the two for all that could have been said, which holds as nearly as the
//!   model was taught to say one of them. A word that was drawn though it was not likely makes the other one sure:
//!   for a model that says other things too, [`By::Scorer`] compares the two words themselves.
//! * [`By::Scorer`]: the score of a named scorer, [`super::super::NextWord`] say, which reads the probabilities of
//!   all words: the exact expectation of a softmax over them, or, where it is said what all else is worth
//!   ([`Decision::outside`]), of their probabilities as they are. With Yes at 1, No at 0 and all else at 0 that is p(Yes), not
//!   p(Yes) over the sum of both.
//!
//! Source: Zhang et al. 2024, "Generative Verifiers" (arXiv 2408.15240), equations 3 to 5 (p(Yes), and its mean over
//! critiques); graded letters by expectation: Liu et al. 2023, "G-Eval" (arXiv 2303.16634), equation 1.

use serde::{Deserialize, Serialize};
use tts_core::judge::{Joint, beside, ends, is_word};

use super::{LARGEST, Refusal};

/// A last word, see the [module](self).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// What is put before the word.
    pub cue: String,
    /// The words, and what each is worth.
    pub words: Vec<(String, f64)>,
    /// What whatever else might be said is worth to a scorer that reads the words' probabilities, no less and no more than they
    /// are; `None` takes the words for all that could be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<f64>,
    /// The least that the probabilities of all words may come to, from 0 to 1: below it such a scorer refuses the decision, for the
    /// model would say something else.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub least: f64,
    /// How the word is read.
    #[serde(default)]
    pub by: By,
    /// Whether the judge writes a critique before.
    #[serde(default = "yes")]
    pub critique: bool,
}

fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if takes a reference"
)]
fn is_nothing(share: &f64) -> bool {
    *share <= 0.0
}

/// How a decision is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum By {
    /// The value of the word that was drawn.
    #[default]
    Word,
    /// The expectation of two words, by the probability of the one that was drawn.
    Probability,
    /// The score of the scorer of this name, from the least to the greatest value.
    Scorer(String),
}

impl By {
    pub(super) fn is_word(&self) -> bool {
        *self == Self::Word
    }
}

impl Default for Decision {
    /// Yes or no, behind a critique.
    fn default() -> Self {
        Self {
            cue: "\nIs the answer correct (Yes/No)?".into(),
            words: vec![("Yes".into(), 1.0), ("No".into(), 0.0)],
            outside: None,
            least: 0.0,
            by: By::Word,
            critique: true,
        }
    }
}

impl Decision {
    /// Grades, best first, from 1 down to 0 in even steps: with [`By::Scorer`] a rubric by expectation over letters.
    ///
    /// ```
    /// use tts_prm::critic::Decision;
    /// let grades = Decision::grades("ABCDE");
    /// assert_eq!(grades.words[1], ("B".to_owned(), 0.75));
    /// ```
    pub fn grades(letters: &str) -> Self {
        let last = letters.chars().count().saturating_sub(1).max(1) as f64;
        let grade =
            |(place, letter): (usize, char)| (letter.to_string(), 1.0 - place as f64 / last);
        let words = letters.chars().enumerate().map(grade).collect();
        Self { cue: "\nGrade:".into(), words, ..Self::default() }
    }

    /// The value of the word that stands behind the last cue, or is all that was said.
    pub(super) fn read(&self, said: &str) -> Result<f64, Refusal> {
        let cue = self.cue.trim();
        let said = said.rsplit_once(cue).map_or(said, |(_, said)| said).trim();
        let said = said.trim_start_matches(['*', '"']);
        // What follows on another line is no part of it.
        let line = said.lines().next().unwrap_or_default();
        let place = if let Some((place, rest)) = self.whole(line) {
            let named = beside(rest).is_some_and(|(other, joint)| {
                let other = self.whole(other);
                other.is_some_and(|(other, rest)| {
                    other != place && (joint == Joint::Other || ends(rest))
                })
            });
            (!named).then_some(place)
        } else {
            // What was cut by a limit of tokens.
            let bare = said.trim_end_matches(['*', '"', '.']);
            self.place(bare).ok().filter(|_| bare.chars().all(char::is_alphanumeric))
        };
        let place = place.ok_or_else(|| Refusal::value(said, self.expected()))?;
        Ok(self.words[place].1)
    }

    /// The longest word that a text begins with, and what stands behind it.
    fn whole<'t>(&self, text: &'t str) -> Option<(usize, &'t str)> {
        let words = self.words.iter().enumerate().filter_map(|(place, (word, _))| {
            let head = text.get(..word.len())?;
            let rest = &text[word.len()..];
            let mut next = rest.chars();
            let joined = match next.next() {
                // `N/A`, `No-one`.
                Some('/' | '-' | '|') => next.next().is_some_and(char::is_alphanumeric),
                next => next.is_some_and(char::is_alphanumeric),
            };
            let mut letters = word.chars().zip(head.chars());
            let article = match (letters.next(), letters.next()) {
                (Some((known, letter)), None) => is_word(letter, known, rest),
                _ => false,
            };
            let fits = head.eq_ignore_ascii_case(word) && !joined && !article;
            fits.then_some((place, rest))
        });
        words.min_by_key(|(_, rest)| rest.len())
    }

    /// The expectation of a word that was drawn with this log-probability, in nats.
    pub(crate) fn expectation(&self, word: &str, logprob: f64) -> Result<f64, Refusal> {
        let place = self.place(word)?;
        let value = self.words[place].1;
        let other = self.words.get(1 - place.min(1)).map_or(value, |(_, value)| *value);
        let p = logprob.exp().min(1.0);
        Ok(p * value + (1.0 - p) * other)
    }

    /// Which word a token begins: it has to tell one from all others.
    fn place(&self, token: &str) -> Result<usize, Refusal> {
        let token = token.trim().trim_start_matches(['*', '"']);
        let end = token.find(|c: char| !c.is_alphanumeric()).unwrap_or(token.len());
        let token = &token[..end];
        let begins = |word: &str| {
            let head = word.get(..token.len().min(word.len()));
            !token.is_empty()
                && token.len() <= word.len()
                && head.is_some_and(|head| head.eq_ignore_ascii_case(token))
        };
        let mut fitting = self.words.iter().enumerate().filter(|(_, (word, _))| begins(word));
        match (fitting.next(), fitting.next()) {
            (Some((place, _)), None) => Ok(place),
            _ => Err(Refusal::value(token, self.expected())),
        }
    }

    fn expected(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|(word, _)| word.as_str()).collect();
        format!("one of the words {}", words.join(", "))
    }

    pub(super) fn range(&self) -> [f64; 2] {
        let values = || self.words.iter().map(|(_, value)| *value);
        [values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max)]
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.cue.trim().is_empty() {
            return Err("decision: cue is blank, expected the words before the decision".into());
        }
        if self.words.len() < 2 {
            return Err(format!("decision: {} words, expected at least 2", self.words.len()));
        }
        for (place, (word, value)) in self.words.iter().enumerate() {
            // Sums and shares of such are numbers, and NaN is not within.
            if !(-LARGEST..=LARGEST).contains(value) {
                return Err(format!(
                    "decision: words: {word:?} is worth {value}, expected a number from -{LARGEST} to {LARGEST}"
                ));
            }
            if word.trim().is_empty() || word.trim() != word {
                return Err(format!(
                    "decision: the word {word:?}, expected one without spaces around"
                ));
            }
            let lower = |word: &str| word.to_lowercase();
            if self.words[..place].iter().any(|(other, _)| lower(other) == lower(word)) {
                return Err(format!("decision: the word {word:?} stands twice"));
            }
            // The probability of the beginning holds that of the whole.
            let mut others = self.words.iter().filter(|(other, _)| lower(other) != lower(word));
            if let Some((other, _)) =
                others.find(|(other, _)| lower(other).starts_with(&lower(word)))
            {
                return Err(format!(
                    "decision: the word {other:?} begins with {word:?}, expected words of which none begins another"
                ));
            }
        }
        let [low, high] = self.range();
        if let Some(outside) = self.outside
            && !(low..=high).contains(&outside)
        {
            return Err(format!(
                "decision: outside is {outside}, expected a number from {low} to {high}, as the words are worth"
            ));
        }
        if !(0.0..=1.0).contains(&self.least) {
            return Err(format!("decision: least is {}, expected 0 to 1", self.least));
        }
        if self.by == By::Probability && self.words.len() != 2 {
            let words = self.words.len();
            return Err(format!("decision: by probability takes two words, found {words}"));
        }
        Ok(())
    }
}
