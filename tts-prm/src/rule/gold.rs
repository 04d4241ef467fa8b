//! Outcome rules: a finished solution is right when its answer is the gold answer.
//!
//! The last step of a finished path scores 1 or 0, by [`Math`]'s verdict on the text of the
//! whole path. Everything else is [`NEUTRAL`]: a search must
//! gain nothing from an oracle before the end. For upper bounds and for tests; with a held-out
//! gold answer a search that uses it measures nothing.

use std::collections::HashMap;

use tts_core::scorer::NEUTRAL;
use tts_core::task::Math;
use tts_core::{BoxError, Scale, Scored, StepScorer, Task, Trajectory};

use crate::PrmError;

/// The outcome rule for one problem, or for problems that share an answer.
///
/// ```
/// use std::sync::Arc;
/// use tts_core::{Prompt, Step, StepScorer, Trajectory};
/// use tts_prm::GoldAnswer;
///
/// let step = Step { text: r"So it is \boxed{0.5}.".into(), ..Step::default() };
/// let path = Trajectory::new(Arc::new(Prompt::from("1/2?")), vec![Arc::new(step)], 1, true);
/// let rule = GoldAnswer { gold: "1/2".into() };
/// assert_eq!(rule.score(&[path])?[0].scores, [1.0]);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoldAnswer {
    /// The gold answer.
    pub gold: String,
}

/// The outcome rule for many problems, by their question ([`tts_core::Prompt::question`]).
///
/// # Errors
/// [`StepScorer::score`] fails when it meets a question without a gold answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoldAnswers {
    answers: HashMap<String, String>,
}

impl GoldAnswers {
    /// From pairs of question and gold answer; of two answers to one question the last holds.
    pub fn new<Q: Into<String>, A: Into<String>>(pairs: impl IntoIterator<Item = (Q, A)>) -> Self {
        let answers = pairs.into_iter().map(|(q, a)| (q.into(), a.into())).collect();
        Self { answers }
    }

    /// The gold answer to a question.
    pub fn get(&self, question: &str) -> Option<&str> {
        self.answers.get(question).map(String::as_str)
    }
}

fn judge(path: &Trajectory, gold: &str) -> Scored {
    let mut scores = vec![NEUTRAL; path.fresh_steps().len()];
    if let Some(last) = scores.last_mut()
        && path.is_finished()
    {
        let verdict = Math.verdict(path.prompt().question(), gold, &path.text());
        *last = f64::from(u8::from(verdict.is_right()));
    }
    Scored::of(scores)
}

impl StepScorer for GoldAnswer {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        Ok(batch.iter().map(|path| judge(path, &self.gold)).collect())
    }

    fn scale(&self) -> Scale {
        Scale::OUTCOME
    }
}

impl StepScorer for GoldAnswers {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let one = |path: &Trajectory| {
            let question = path.prompt().question();
            let gold = self.get(question).ok_or_else(|| PrmError::UnknownQuestion {
                question: question.chars().take(200).collect(),
            })?;
            Ok(judge(path, gold))
        };
        batch.iter().map(one).collect()
    }

    fn scale(&self) -> Scale {
        Scale::OUTCOME
    }
}
