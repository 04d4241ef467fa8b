//! The probability of the next word as a score: p(Yes), or an expectation over graded letters.
//!
//! Behind a text and a cue (`Is the answer correct (Yes/No)?`) each word of a [`Decision`] has a log-probability; the score
//! is the expectation of their values under the softmax of these, the exact one, where drawing words estimates it.
//! It is used in two ways:
//!
//! * as a named scorer of what a judge writes ([`super::By::Scorer`]): `GenRM` with a critique;
//! * with a question ([`NextWord::asking`]) as the scorer of a search: each solution is put into the template of a
//!   [`Judge`] and scored without a word being written, `GenRM` without a critique.
//!
//! A word of several tokens has the product of their probabilities. Scores of values from 0 to 1 are probabilities.
//!
//! Source: Zhang et al. 2024, "Generative Verifiers" (arXiv 2408.15240), equations 3 and 5; Liu et al. 2023, "G-Eval" (arXiv
//! 2303.16634), equation 1.

use tts_core::cost::ModelCost;
use tts_core::{BoxError, Given, Likelihood, Prompt, Scale, Scored, StepScorer, Trajectory};
use tts_models::LanguageModel;

use super::judge::Judge;
use super::read::Decision;
use super::response::Response;
use crate::PrmError;

/// How a model's text becomes token ids.
type Encode<'a, T> = Box<dyn Fn(&T) -> Result<Vec<u32>, BoxError> + Send + Sync + 'a>;

/// Scores by the next word, see the [module](self).
pub struct NextWord<'a> {
    likelihood: &'a dyn Likelihood,
    encode: Encode<'a, Prompt>,
    cue: Vec<u32>,
    decision: Decision,
    words: Vec<Vec<u32>>,
    asks: Option<Judge>,
    cost: ModelCost,
    identity: Option<String>,
}

impl std::fmt::Debug for NextWord<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NextWord").field("decision", &self.decision).finish_non_exhaustive()
    }
}

impl<'a> NextWord<'a> {
    /// By a model in this program.
    ///
    /// # Errors
    /// When the decision is refused ([`super::Reading::check`]), or a word cannot be encoded.
    pub fn of(model: &'a dyn LanguageModel, decision: Decision) -> Result<Self, PrmError> {
        let text = |text: &str| Ok(model.tokenizer().encode(text, false)?);
        let prompt = move |prompt: &Prompt| Ok(model.encode(prompt)?);
        let scorer = Self::new(model, prompt, text, decision)?;
        let identity = model.identity().map(|model| format!("next word of {model}"));
        Ok(Self { cost: model.cost(), identity, ..scorer })
    }

    /// By whatever tells log-probabilities, a server say; `encode` and `text` say the token ids of a prompt, and of a text
    /// that goes on.
    ///
    /// # Errors
    /// When the decision is refused, or a word cannot be encoded.
    pub fn new(
        likelihood: &'a dyn Likelihood,
        encode: impl Fn(&Prompt) -> Result<Vec<u32>, BoxError> + Send + Sync + 'a,
        text: impl Fn(&str) -> Result<Vec<u32>, BoxError>,
        decision: Decision,
    ) -> Result<Self, PrmError> {
        let refuse =
            |field: &str, problem: String| PrmError::Solution { field: field.to_owned(), problem };
        super::Reading::Decision(decision.clone())
            .check()
            .map_err(|problem| refuse("decision", problem))?;
        // A cue that ends in a space leaves the word without one.
        let open = decision.cue.ends_with(char::is_whitespace);
        let cue = text(&decision.cue).map_err(|error| refuse("cue", error.to_string()))?;
        let word = |(word, _): &(String, f64)| {
            let spaced = if open { word.clone() } else { format!(" {word}") };
            let tokens = text(&spaced).map_err(|error| refuse("words", error.to_string()))?;
            if tokens.is_empty() {
                return Err(refuse("words", format!("{word:?} is no token")));
            }
            Ok(tokens)
        };
        let words = decision.words.iter().map(word).collect::<Result<_, _>>()?;
        Ok(Self {
            likelihood,
            encode: Box::new(encode),
            cue,
            decision,
            words,
            asks: None,
            cost: ModelCost::default(),
            identity: None,
        })
    }

    /// The same of solutions, each put into the question of a judge.
    #[must_use]
    pub fn asking(self, judge: Judge) -> Self {
        Self { asks: Some(judge), ..self }
    }

    /// What stands before the word.
    fn context(&self, path: &Trajectory) -> Result<Vec<u32>, BoxError> {
        if let Some(judge) = &self.asks {
            let steps = path.steps().iter().map(|step| step.text.clone()).collect();
            let response = Response { steps, ..Response::text("") };
            let mut context = (self.encode)(&judge.question(path.prompt(), &[&response])?)?;
            context.extend(&self.cue);
            return Ok(context);
        }
        let mut context = (self.encode)(path.asked())?;
        let Some((last, before)) = path.steps().split_last() else {
            context.extend(&self.cue);
            return Ok(context);
        };
        context.extend(before.iter().flat_map(|step| step.tokens.iter().copied()));
        if last.text.contains(self.decision.cue.trim()) && last.given > 0 {
            // The decision itself: what was drawn behind the cue is looked past.
            context.extend(last.tokens.iter().take(last.given as usize));
        } else {
            context.extend(last.tokens.iter().take(last.kept() as usize));
            context.extend(&self.cue);
        }
        Ok(context)
    }

    /// The expectation under the softmax of these log-probabilities.
    fn expectation(&self, logprobs: &[f64]) -> f64 {
        let most = logprobs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = logprobs.iter().map(|logprob| (logprob - most).exp()).collect();
        let values = self.decision.words.iter().map(|(_, value)| *value);
        let sum: f64 = values.zip(&weights).map(|(value, weight)| value * weight).sum();
        sum / weights.iter().sum::<f64>()
    }
}

impl StepScorer for NextWord<'_> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let mut given = Vec::with_capacity(batch.len() * self.words.len());
        for path in batch {
            let context = self.context(path)?;
            let words = self.words.iter();
            given.extend(
                words.map(|tokens| Given { context: context.clone(), tokens: tokens.clone() }),
            );
        }
        let told = self.likelihood.logprobs(&given)?;
        let sums: Vec<f64> =
            told.iter().map(|word| word.iter().map(|&logprob| f64::from(logprob)).sum()).collect();
        if sums.len() != given.len() {
            return Err(
                format!("{} log-probabilities, expected {}", sums.len(), given.len()).into()
            );
        }
        let scores = batch.iter().zip(sums.chunks(self.words.len()));
        Ok(scores
            .map(|(path, logprobs)| {
                let score = self.expectation(logprobs);
                if !score.is_finite() {
                    return Scored::refused("none of the words has a probability here");
                }
                Scored::of(vec![score; path.fresh_steps().len()])
            })
            .collect())
    }

    fn scale(&self) -> Scale {
        let [low, high] = super::Reading::Decision(self.decision.clone()).range();
        if low >= 0.0 && high <= 1.0 { Scale::OUTCOME } else { Scale::REWARD }
    }

    fn cost(&self) -> ModelCost {
        self.cost
    }

    fn identity(&self) -> Option<String> {
        self.identity.clone()
    }
}
