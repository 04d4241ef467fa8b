//! Implicit rewards: how much more probable a trained model finds a step than the model it came from.
//!
//! A model that was trained on outcomes with the reward `r(y) = beta ln(p(y) / p_reference(y))`, as DPO
//! and its kin do, is a process reward model for free: the reward of a step is the sum of that ratio
//! over its tokens, and the rewards of all steps add up to that of the solution. Both models must share
//! the generator's tokens. Scores are log-odds that add up ([`Scale::LOG_ODDS`] by `Sum`).
//!
//! Source: Yuan et al. 2024, "Free Process Rewards without Process Labels" (arXiv:2412.01981), section
//! 3, proposition 3.1.

use tts_core::cost::ModelCost;
use tts_core::{Aggregate, BoxError, Given, Scale, Scored, StepScorer, Trajectory};
use tts_models::LanguageModel;

use crate::PrmError;

/// The log-ratio of two models, step by step, in nats times `beta`.
#[derive(Clone, Copy)]
pub struct ImplicitReward<'a> {
    /// What was trained.
    model: &'a dyn LanguageModel,
    /// What it came from.
    reference: &'a dyn LanguageModel,
    beta: f64,
}

impl std::fmt::Debug for ImplicitReward<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImplicitReward").field("beta", &self.beta).finish_non_exhaustive()
    }
}

impl<'a> ImplicitReward<'a> {
    /// What the paper trains with.
    pub const BETA: f64 = 0.05;

    /// The rewards of `model` over its `reference`.
    ///
    /// # Errors
    /// When `beta` is not a number above 0, or the models do not share one vocabulary.
    pub fn new(
        model: &'a dyn LanguageModel,
        reference: &'a dyn LanguageModel,
        beta: f64,
    ) -> Result<Self, PrmError> {
        let refuse = |field: &str, problem: String| {
            Err(PrmError::Solution { field: field.to_owned(), problem })
        };
        if !(beta.is_finite() && beta > 0.0) {
            return refuse("beta", format!("{beta}, expected a number above 0"));
        }
        let sizes = [model, reference].map(|model| model.tokenizer().vocab_size());
        if sizes[0] != sizes[1] {
            let problem = format!("{} and {} tokens, expected the same", sizes[0], sizes[1]);
            return refuse("reference", problem);
        }
        Ok(Self { model, reference, beta })
    }

    /// The tokens of the fresh steps of each path, after those before them.
    fn given(&self, batch: &[Trajectory]) -> Result<Vec<Given>, PrmError> {
        let given = |(index, path): (usize, &Trajectory)| {
            let mut context = self.model.encode(path.prompt())?;
            context.extend(path.judged_steps().iter().flat_map(|step| &step.tokens));
            for (place, step) in path.fresh_steps().iter().enumerate() {
                if step.tokens.is_empty() && !step.text.is_empty() {
                    let step = path.judged_steps().len() + place;
                    return Err(PrmError::step(index, step, "no tokens, only text"));
                }
            }
            let tokens = path.fresh_steps().iter().flat_map(|step| &step.tokens).copied();
            Ok(Given { context, tokens: tokens.collect() })
        };
        batch.iter().enumerate().map(given).collect()
    }
}

impl StepScorer for ImplicitReward<'_> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let given = self.given(batch)?;
        let own = self.model.logprobs(&given)?;
        let reference = self.reference.logprobs(&given)?;
        let mut scored = Vec::with_capacity(batch.len());
        for ((path, own), reference) in batch.iter().zip(own).zip(reference) {
            let mut ratios = own
                .iter()
                .zip(&reference)
                .map(|(own, reference)| f64::from(*own) - f64::from(*reference));
            let reward = |tokens: usize| self.beta * ratios.by_ref().take(tokens).sum::<f64>();
            let lengths = path.fresh_steps().iter().map(|step| step.tokens.len());
            scored.push(Scored::of(lengths.map(reward).collect()));
        }
        Ok(scored)
    }

    fn cost(&self) -> ModelCost {
        ModelCost::together([self.model.backbone_cost(), self.reference.backbone_cost()])
    }

    /// The log-odds of the outcome, which the steps add up to.
    fn scale(&self) -> Scale {
        Scale::LOG_ODDS.by(Aggregate::Sum)
    }

    fn identity(&self) -> Option<String> {
        let (model, reference) = (self.model.identity()?, self.reference.identity()?);
        Some(format!("{} x ln({model} / {reference})", self.beta))
    }

    fn vocabulary(&self) -> Option<u64> {
        self.model.vocabulary()
    }
}
