//! What a judgement says, read strictly: a text that does not say exactly what was asked for is refused.
//!
//! A refused judgement abstains: it is no score of 0, and no neutral one either, it only costs what it cost. Of
//! several verdicts in one text the last counts, for judges change their minds and quote what they judge;
//! where the last cannot be read, an earlier one is not taken for it. What is read is what the judge
//! wrote, never what it was shown.
//!
//! | [`Reading`] | Judges | Says | Scores |
//! |---|---|---|---|
//! | `boxes` | any number of responses | `\boxed{7, 8}` | the whole numbers |
//! | `list` | any number of responses | `[8,7]`, between marks of the judge's own | the whole numbers |
//! | `best` | two or more | `\boxed{2}`, the number of the best | 1 for it, 0 for the others |
//! | `verdict` | two | `[[A]]`, `[[B]]`, `[[C]]` or other marks | 1 and 0, or a half each |
//! | `ranking` | two or more | `Ranking: [2] > [1] = [3]` | the share of the others that each is before |
//! | `json` | one | `{"score": 7.5}`, its key without escapes | the number |
//! | `number` | one | `[RESULT] 4` | the number |
//! | `letter` | one | `Grade: B` | its grade |
//! | `steps` | the steps of one | `\boxed{correct}` for each | 1 or 0 for each, or how probable right was |
//! | `decision` | one | a last word that it is made to say, `Yes` say | its value, or an expectation |
//! | `head` | one | a critique, as it likes | the score of a scorer that reads it: semi-scalar |
//!
//! Source: Liu et al. 2025, "Inference-Time Scaling for Generalist Reward Modeling" (arXiv 2504.02495), section
//! 2.2 and appendix, for scores in a box and their extraction; Zheng et al. 2023 (arXiv 2306.05685) for marks; Zhao et
//! al. 2025 (arXiv 2504.00891) and Khalifa et al. 2025 (arXiv 2504.16828) for judgements of steps; Ankner et al. 2024,
//! "Critique-out-Loud Reward Models" (arXiv 2408.11791), section 3, for a head behind a critique.

mod boxes;
pub mod decision;
mod forms;
mod json;
mod list;
mod marks;
mod refusal;
mod steps;

use serde::{Deserialize, Serialize};
use tts_core::Line;

pub use decision::{By, Decision};
pub use refusal::Refusal;

/// The greatest score, in either direction: sums and shares of such are numbers.
pub(super) const LARGEST: f64 = 1e9;

/// What a judgement said.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// One score for each response, in the order in which they were shown, on [`Reading::range`].
    pub scores: Vec<f64>,
    /// Of a judge of steps: one judgement, 0 to 1, for each step of the response.
    pub steps: Vec<f64>,
}

impl Said {
    fn of(scores: Vec<f64>) -> Self {
        Self { scores, steps: Vec::new() }
    }

    fn of_steps(steps: Vec<f64>) -> Self {
        let all = steps.iter().copied().fold(1.0, f64::min);
        Self { scores: vec![all], steps }
    }
}

/// How a judgement is read, see the [module](self).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Reading {
    /// Whole numbers from `low` to `high` in the last box, one for each response.
    Boxes {
        /// The least score.
        low: i64,
        /// The greatest.
        high: i64,
    },
    /// Whole numbers from `low` to `high` in the last list between these marks, one for each response.
    List {
        /// What opens a list, directly before its first number.
        open: String,
        /// What closes it.
        close: String,
        /// The least score.
        low: i64,
        /// The greatest.
        high: i64,
    },
    /// The number, from 1, of the best response in the last box.
    Best,
    /// The last of these marks: the first response is better, the second, or neither.
    Verdict {
        /// What says that the first is better.
        first: String,
        /// What says that the second is.
        second: String,
        /// What says that they are equal, if that may be said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tie: Option<String>,
    },
    /// All numbers, from 1, in order behind the last mark, `>` between them, `=` between equals.
    Ranking {
        /// What stands before the ranking.
        marker: String,
    },
    /// A number from `low` to `high` in a field of the last JSON object that has the field.
    Json {
        /// The field.
        field: String,
        /// The least score.
        low: f64,
        /// The greatest.
        high: f64,
    },
    /// A number from `low` to `high` behind the last mark.
    Number {
        /// What stands before the number.
        marker: String,
        /// The least score.
        low: f64,
        /// The greatest.
        high: f64,
    },
    /// A letter behind the last mark; its score is how many letters stand behind it: the first of five is worth 4, the last 0.
    Letter {
        /// What stands before the letter.
        marker: String,
        /// The letters, best first.
        letters: String,
    },
    /// A box for each step, with a word that says whether it is right; none is needed behind a wrong one.
    Steps {
        /// The word for right.
        right: String,
        /// The word for wrong.
        wrong: String,
        /// What a word is worth: 1 or 0, or how probable right was where it was drawn; no scorer reads it.
        #[serde(default, skip_serializing_if = "By::is_word")]
        by: By,
    },
    /// A last word that the judge is made to say behind its critique, or at once.
    Decision(Decision),
    /// The score of a scorer that reads the question to the judge and its critique, a reward model say
    /// ([`crate::RewardModel::outcome`]): the judge is semi-scalar, and says no score itself.
    Head {
        /// The scorer, by name ([`tts_core::Search::scorer_named`]).
        scorer: String,
        /// The least score.
        low: f64,
        /// The greatest.
        high: f64,
    },
}

impl Default for Reading {
    /// Scores from 1 to 10 in a box.
    fn default() -> Self {
        Self::Boxes { low: 1, high: 10 }
    }
}

impl Reading {
    /// What a judgement of `responses` says in words; `steps` is the number of steps of the one that a judge of steps
    /// judges.
    ///
    /// ```
    /// use tts_prm::critic::Reading;
    /// let boxes = Reading::Boxes { low: 1, high: 10 };
    /// assert_eq!(boxes.read("First \\boxed{1, 2}, no: \\boxed{7, 8}", 2, 0)?.scores, [7.0, 8.0]);
    /// for refused in ["\\boxed{7, 8, 9}", "\\boxed{11, 2}", "\\boxed{0, 2}", "\\boxed{7.5, 2}", "7, 8"] {
    ///     assert!(boxes.read(refused, 2, 0).is_err(), "{refused}");
    /// }
    /// # Ok::<(), tts_prm::critic::Refusal>(())
    /// ```
    ///
    /// # Errors
    /// Says what is missing, or what was found in its place.
    pub fn read(&self, said: &str, responses: usize, steps: usize) -> Result<Said, Refusal> {
        match self {
            Self::Boxes { low, high } => boxes::scores(said, responses, *low, *high).map(Said::of),
            Self::List { open, close, low, high } => {
                list::scores(said, (open, close), responses, (*low, *high)).map(Said::of)
            }
            Self::Best => boxes::best(said, responses).map(Said::of),
            Self::Verdict { first, second, tie } => {
                marks::verdict(said, first, second, tie.as_deref()).map(Said::of)
            }
            Self::Ranking { marker } => marks::ranking(said, marker, responses).map(Said::of),
            Self::Json { field, low, high } => {
                json::score(said, field, *low, *high).map(|score| Said::of(vec![score]))
            }
            Self::Number { marker, low, high } => {
                marks::number(said, marker, *low, *high).map(|score| Said::of(vec![score]))
            }
            Self::Letter { marker, letters } => {
                marks::letter(said, marker, letters).map(|score| Said::of(vec![score]))
            }
            Self::Steps { right, wrong, .. } => {
                let verdicts = steps::verdicts(said, right, wrong, steps)?;
                Ok(Said::of_steps(steps::by_word(&verdicts, steps)))
            }
            Self::Decision(decision) => decision.read(said).map(|score| Said::of(vec![score])),
            // It is not among the words.
            Self::Head { scorer, .. } => {
                Err(Refusal::missing(format!("score by the scorer {scorer:?}")))
            }
        }
    }

    /// What a judgement in a line says, by probability too, where it is read so, and of steps from a byte of its text on;
    /// `begin` are the words that were put before it.
    pub(super) fn read_line(
        &self,
        line: &Line,
        from: usize,
        begin: &str,
        (responses, steps): (usize, usize),
    ) -> Result<Said, Refusal> {
        let text = line.text();
        match self {
            Self::Steps { right, wrong, by: By::Probability } => {
                let verdicts = steps::verdicts(&text[from..], right, wrong, steps)?;
                steps::by_probability(&verdicts, (line, from), begin, steps).map(Said::of_steps)
            }
            Self::Steps { .. } => self.read(&text[from..], responses, steps),
            _ => self.read(&text, responses, steps),
        }
    }

    /// Whether a text says nothing of any step, so that what was said of them before stands.
    pub(super) fn is_silent(&self, text: &str) -> bool {
        match self {
            Self::Steps { right, wrong, .. } => steps::is_silent(text, right, wrong),
            _ => false,
        }
    }

    /// Where a step of a judgement ends: behind each box that is opened, so that the first token of a verdict is known.
    pub(super) fn delimiters(&self) -> Vec<String> {
        match self {
            Self::Steps { by: By::Probability, .. } => vec![boxes::COMMAND.to_owned()],
            _ => Vec::new(),
        }
    }

    /// The least and the greatest score that it gives.
    pub fn range(&self) -> [f64; 2] {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "scores are small")]
            Self::Boxes { low, high } | Self::List { low, high, .. } => [*low as f64, *high as f64],
            Self::Json { low, high, .. }
            | Self::Number { low, high, .. }
            | Self::Head { low, high, .. } => [*low, *high],
            Self::Letter { letters, .. } => [0.0, letters.chars().count().saturating_sub(1) as f64],
            Self::Decision(decision) => decision.range(),
            Self::Best | Self::Verdict { .. } | Self::Ranking { .. } | Self::Steps { .. } => {
                [0.0, 1.0]
            }
        }
    }

    /// The fewest and most responses that one judgement is about.
    pub fn takes(&self) -> [usize; 2] {
        match self {
            Self::Boxes { .. } | Self::List { .. } => [1, usize::MAX],
            Self::Best | Self::Ranking { .. } => [2, usize::MAX],
            Self::Verdict { .. } => [2, 2],
            Self::Json { .. }
            | Self::Number { .. }
            | Self::Letter { .. }
            | Self::Steps { .. }
            | Self::Decision(_)
            | Self::Head { .. } => [1, 1],
        }
    }

    /// What a response that is shown must not hold as it stands, lest a judge that quotes it be taken at its
    /// word.
    pub(super) fn marks(&self) -> Vec<String> {
        match self {
            Self::Boxes { .. } | Self::Best | Self::Steps { .. } => vec!["\\boxed".into()],
            Self::List { open, .. } => list::marks(open),
            Self::Verdict { first, second, tie } => {
                [Some(first), Some(second), tie.as_ref()].into_iter().flatten().cloned().collect()
            }
            Self::Ranking { marker }
            | Self::Number { marker, .. }
            | Self::Letter { marker, .. } => {
                vec![marker.clone()]
            }
            Self::Json { field, .. } => vec![format!("\"{field}\"")],
            Self::Decision(decision) => vec![decision.cue.trim().to_owned()],
            Self::Head { .. } => Vec::new(),
        }
    }

    /// # Errors
    /// A sentence that names the field at fault.
    pub fn check(&self) -> Result<(), String> {
        self.check_fields()?;
        let [low, high] = self.range();
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(format!("reading: scores from {low} to {high}, expected low below high"));
        }
        if low < -LARGEST || high > LARGEST {
            return Err(format!(
                "reading: scores from {low} to {high}, expected none beyond {LARGEST} on either side"
            ));
        }
        Ok(())
    }

    fn check_fields(&self) -> Result<(), String> {
        match self {
            Self::Boxes { .. } | Self::Best => Ok(()),
            Self::List { open, close, .. } => {
                blank("open", open)?;
                blank("close", close)?;
                if open.ends_with(list::number) {
                    return Err(format!("reading: open is {open:?}, which a number begins with"));
                }
                if close.starts_with(|c: char| c == ',' || c.is_ascii_digit()) {
                    return Err(format!("reading: close is {close:?}, which a list holds itself"));
                }
                Ok(())
            }
            Self::Verdict { first, second, tie } => {
                let marks =
                    [("first", Some(first)), ("second", Some(second)), ("tie", tie.as_ref())];
                let mut seen: Vec<&String> = Vec::new();
                for (field, mark) in marks {
                    let Some(mark) = mark else { continue };
                    if seen.contains(&mark) {
                        return Err(format!(
                            "reading: {mark:?} stands for two verdicts, the second as {field}"
                        ));
                    }
                    common(field, mark)?;
                    seen.push(mark);
                }
                Ok(())
            }
            Self::Ranking { marker } | Self::Number { marker, .. } => common("marker", marker),
            Self::Json { field, .. } => blank("field", field),
            Self::Letter { marker, letters } => {
                common("marker", marker)?;
                let mut seen = Vec::new();
                for letter in letters.chars().map(|letter| letter.to_ascii_uppercase()) {
                    if !letter.is_ascii_alphabetic() || seen.contains(&letter) {
                        return Err(format!(
                            "reading: letters are {letters:?}, expected each letter once"
                        ));
                    }
                    seen.push(letter);
                }
                if seen.len() < 2 {
                    return Err(format!("reading: letters are {letters:?}, expected at least two"));
                }
                Ok(())
            }
            Self::Steps { right, wrong, by } => {
                blank("right", right)?;
                blank("wrong", wrong)?;
                if right.eq_ignore_ascii_case(wrong) {
                    return Err(format!("reading: {right:?} is the word for right and for wrong"));
                }
                let first = |word: &str| word.trim().chars().next().map(|c| c.to_ascii_lowercase());
                match by {
                    By::Word => Ok(()),
                    By::Probability if first(right) != first(wrong) => Ok(()),
                    By::Probability => Err(format!(
                        "reading: {right:?} and {wrong:?} begin alike, so that their first tokens may be one: expected words \
                         that begin with different letters, or by word"
                    )),
                    By::Scorer(name) => Err(format!(
                        "reading: steps by the scorer {name:?}, expected by word or by probability"
                    )),
                }
            }
            Self::Decision(decision) => decision.check(),
            Self::Head { scorer, .. } => blank("scorer", scorer),
        }
    }
}

/// A text that a judge writes.
fn blank(field: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("reading: {field} is blank, expected what a judge writes"));
    }
    Ok(())
}

/// A text that a judge writes for this alone: no single letter or digit, which any word may hold and which no space in what is
/// judged can break.
fn common(field: &str, text: &str) -> Result<(), String> {
    blank(field, text)?;
    let mut chars = text.trim().chars();
    if let (Some(c), None) = (chars.next(), chars.next())
        && c.is_alphanumeric()
    {
        return Err(format!(
            "reading: {field} is {text:?}, which stands in any text: expected more than one letter or digit"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
