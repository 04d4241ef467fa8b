//! Implicit reward models: trained on outcomes alone, used over the model that they came from.
//!
//! The text of a step is encoded where its tokens are not known, as of pools that were read back, with
//! the end token behind a finished path, so that what is scored is what was learnt.
//!
//! Source: Yuan et al. 2024 (arXiv:2412.01981), section 3.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tts_core::cost::ModelCost;
use tts_core::{Aggregate, BoxError, Scale, Scored, Step, StepScorer, Trajectory};
use tts_models::LanguageModel;
use tts_models::train::Model;
use tts_models::weights::Dtype;
use tts_prm::ImplicitReward;
use tts_prm::train::{Solution, check_outcomes, implicit};

use super::spec::Implicit;
use super::workshop::{Purpose, Workshop};
use crate::Error;

/// One solution in so many is held out, by problem.
const HELD_OUT: u64 = 20;

/// An implicit reward with both of its models.
pub(super) struct Implied {
    pub(super) model: Box<dyn LanguageModel>,
    pub(super) reference: Box<dyn LanguageModel>,
    pub(super) beta: f64,
    /// Ends a solution.
    pub(super) end: u32,
}

impl Implied {
    fn reward(&self) -> Result<ImplicitReward<'_>, BoxError> {
        Ok(ImplicitReward::new(&*self.model, &*self.reference, self.beta)?)
    }

    /// The path with the tokens of every step.
    fn with_tokens(&self, path: &Trajectory) -> Result<Trajectory, BoxError> {
        let last = path.steps().len().saturating_sub(1);
        let step = |(place, step): (usize, &Arc<Step>)| -> Result<Arc<Step>, BoxError> {
            if !step.tokens.is_empty() {
                return Ok(Arc::clone(step));
            }
            let mut tokens = self.model.tokenizer().encode(&step.text, false)?;
            if path.is_finished() && place == last {
                tokens.push(self.end);
            }
            Ok(Arc::new(Step { text: step.text.clone(), tokens, ..Step::default() }))
        };
        let steps = path.steps().iter().enumerate().map(step).collect::<Result<_, _>>()?;
        let (prompt, fresh) = (Arc::new(path.prompt().clone()), path.fresh_steps().len());
        Ok(Trajectory::new(prompt, steps, fresh, path.is_finished()))
    }
}

impl StepScorer for Implied {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let batch =
            batch.iter().map(|path| self.with_tokens(path)).collect::<Result<Vec<_>, _>>()?;
        self.reward()?.score(&batch)
    }

    fn scale(&self) -> Scale {
        Scale::LOG_ODDS.by(Aggregate::Sum)
    }

    fn cost(&self) -> ModelCost {
        self.reward().map(|reward| reward.cost()).unwrap_or_default()
    }
}

impl Workshop<'_> {
    /// An implicit reward model.
    pub(super) fn implied(
        &self,
        spec: &Implicit,
        folder: &Path,
        seed: u64,
    ) -> Result<Value, Error> {
        let (decoder, tokenizer) = self.start(&spec.from, seed, folder)?;
        let reference = self.policy(&spec.from, seed)?;
        let problems = self.problems(Purpose::Verifier, seed, spec.problems)?;
        let attempts = self.attempts(&spec.policy, &problems, spec.solutions, (seed, seed))?;
        let end = decoder.config.eos_token_ids.first().copied().unwrap_or(0);
        let (mut learnt, mut held_out) = (Vec::new(), Vec::new());
        for attempts in &attempts {
            let prompt = self.family().prompt(&attempts.question);
            let prompt = tokenizer.encode(prompt.question(), false)?;
            let lot = tts_core::seed::hash_text(1, &attempts.question);
            let part = if lot.is_multiple_of(HELD_OUT) { &mut held_out } else { &mut learnt };
            for attempt in attempts.attempts.iter().filter(|attempt| !attempt.steps.is_empty()) {
                let encode = |step: &String| Ok(tokenizer.encode(step, false)?);
                let mut steps =
                    attempt.steps.iter().map(encode).collect::<Result<Vec<_>, Error>>()?;
                steps.last_mut().into_iter().for_each(|step| step.push(end));
                part.push(Solution::graded(prompt.clone(), steps, attempt.solved)?);
            }
        }
        check_outcomes(&learnt)?;
        let data = implicit(&learnt, &*reference, spec.beta)?;
        let held_out = implicit(&held_out, &*reference, spec.beta)?;
        let names = ("implicit reward model", folder);
        let train = (&spec.train, seed);
        let model = self.train(names, train, Model::from(decoder), &data, &held_out)?;
        // The ratio of two models is small beside either: 16 bits would round it away.
        model.decoder.save_as(folder, Dtype::F32, &[])?;
        Ok(json!({ "solutions": data.len() + held_out.len() }))
    }
}
