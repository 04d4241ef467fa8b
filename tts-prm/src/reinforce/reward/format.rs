//! The reward of a form: marks in order, each exactly once, and something between them.
//!
//! With [`Format::enclosed`] marks come in pairs that open and close, as `<think>`, `</think>`, `<answer>`,
//! `</answer>`; within each pair something is said, and outside of them nothing. Without, marks divide a text
//! whose parts all say something: `#` before the answer, with work before it. So an answer without work, two
//! answers, an empty text and the question copied out are worth nothing. Where the template of a model ends by
//! opening the first pair, as those of models that think do, it is open already ([`Format::holds_behind`]).
//!
//! Source: DeepSeek-AI 2025 (arXiv 2501.12948), section 2.2.2 and table 1.

use serde::{Deserialize, Serialize};

use super::{Asked, Reward, of};
use crate::PrmError;
use crate::reinforce::Sample;

/// 1 where the marks of a finished solution are as they should be, else 0.
///
/// ```
/// use tts_prm::reinforce::Format;
/// let form = Format::default();
/// assert!(form.holds("<think>2 + 2 is 4.</think>\n<answer>4</answer>"));
/// assert!(!form.holds("<think></think><answer>4</answer>"));
/// let mark = Format { marks: vec!["####".into()], enclosed: false };
/// assert!(mark.holds("2 + 2 = 4\n#### 4") && !mark.holds("#### 4"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Format {
    /// The marks, in order; at least one, of them an even number if they enclose.
    pub marks: Vec<String>,
    /// Whether they come in pairs, outside of which nothing stands.
    pub enclosed: bool,
}

impl Default for Format {
    /// Those of R1-Zero's template.
    fn default() -> Self {
        let marks = ["<think>", "</think>", "<answer>", "</answer>"].map(str::to_owned);
        Self { marks: marks.to_vec(), enclosed: true }
    }
}

impl Format {
    /// Whether a text has the form.
    pub fn holds(&self, text: &str) -> bool {
        let mut rest = text;
        let mut parts = Vec::with_capacity(self.marks.len() + 1);
        for mark in &self.marks {
            let Some((before, behind)) = rest.split_once(mark.as_str()) else { return false };
            parts.push(before);
            rest = behind;
        }
        parts.push(rest);
        let once = self.marks.iter().all(|mark| text.matches(mark.as_str()).count() == 1);
        let fits = |(place, part): (usize, &&str)| {
            let inside = !self.enclosed || place % 2 == 1;
            part.trim().is_empty() != inside
        };
        once && parts.iter().enumerate().all(fits)
    }

    /// Whether a text has the form behind what its writer was shown: with pairs, a first mark that ends it counts as
    /// written.
    ///
    /// ```
    /// use tts_prm::reinforce::Format;
    /// let form = Format::default();
    /// assert!(form.holds_behind("Assistant: <think>\n", "2 + 2 is 4.</think><answer>4</answer>"));
    /// ```
    pub fn holds_behind(&self, begun: &str, text: &str) -> bool {
        match self.marks.first() {
            Some(first) if self.enclosed && begun.trim_end().ends_with(first.as_str()) => {
                self.holds(&format!("{first}{text}"))
            }
            _ => self.holds(text),
        }
    }

    /// # Errors
    /// When there are no marks, one is empty, stands twice or is part of another, or one encloses nothing.
    pub(crate) fn check(&self) -> Result<(), PrmError> {
        let wrong = |problem: String| Err(PrmError::reinforce("format.marks", problem));
        if self.marks.is_empty() || (self.enclosed && !self.marks.len().is_multiple_of(2)) {
            let expected = if self.enclosed { "pairs" } else { "at least one" };
            return wrong(format!("{} marks, expected {expected}", self.marks.len()));
        }
        for (place, mark) in self.marks.iter().enumerate() {
            if mark.trim().is_empty() {
                return wrong(format!("mark {place} is blank"));
            }
            let mut others = self.marks.iter().enumerate().filter(|(other, _)| *other != place);
            if let Some((_, other)) = others.find(|(_, other)| other.contains(mark.as_str())) {
                return wrong(format!("{mark:?} is in {other:?}, so that it never stands once"));
            }
        }
        Ok(())
    }
}

impl Reward for Format {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let holds = |own: &Sample| own.is_finished() && self.holds_behind(&own.begun, &own.text);
        asked.samples.iter().map(|sample| of(holds(sample))).collect()
    }
}
