//! What a strategy will cost before it runs, and the largest N within a budget.
//!
//! A [`Planner`] runs the strategy itself, through the library's own driver, on a model that writes
//! nothing ([`Planner::forecast`]): so tokens and operations are those that the search would count,
//! whatever the strategy, and a strategy of one's own is planned like any other. Each round becomes
//! forward passes with what its lines share, and a [`Roofline`] turns these into seconds.
//!
//! What it takes for granted: solutions of a known length, none that ends early, and an engine that
//! runs up to `max_lines` lines together and reads what is shared once.
//!
//! Source: Snell et al. 2024 (arXiv:2408.03314), section 3, for choosing a strategy's N by a budget.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::dry_run::{DryGenerator, DryScorer, Log, Scene};
use super::{LawError, ModelShape, Passes, Roofline};
use crate::{Cost, Prompt, Scale, Search, SearchStrategy, StepRule};

/// What judges steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judge {
    /// A head on the policy's own backbone: what it reads was computed by writing.
    OnBackbone,
    /// A model of its own.
    Model(ModelShape),
    /// Something that costs no passes: a rule, a checker.
    Free,
}

/// What a search is expected to look like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planner {
    /// The model that writes.
    pub policy: ModelShape,
    /// The model that judges.
    pub judge: Judge,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of a step.
    pub step_tokens: u32,
    /// Steps of a solution.
    pub steps: u32,
    /// Lines that run together, at most.
    pub max_lines: u64,
    /// Rows of a pass that reads a prompt, at most.
    pub prefill_rows: u64,
    /// What the judge's scores are: a strategy may refuse others.
    #[serde(default)]
    pub scale: Scale,
}

impl Default for Planner {
    /// A model that costs nothing, a prompt of 128 tokens, 8 steps of 32 tokens, 64 lines together.
    fn default() -> Self {
        Self {
            policy: ModelShape::default(),
            judge: Judge::Free,
            prompt_tokens: 128,
            step_tokens: 32,
            steps: 8,
            max_lines: 64,
            prefill_rows: 256,
            scale: Scale::PREFIX,
        }
    }
}

/// What a search will cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Forecast {
    /// As the search will count it.
    pub cost: Cost,
    /// Rounds of generation.
    pub rounds: u32,
    /// Passes of the policy.
    pub written: Passes,
    /// Passes of the judge.
    pub judged: Passes,
    /// Bytes of the keys and values of all that is written, prompt included, as far as the windows of layers keep them.
    pub key_value_bytes: u64,
    /// Wall time, with a [`Roofline`].
    pub seconds: Option<f64>,
}

/// A budget to plan within.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Wall time in seconds; needs a [`Roofline`].
    pub seconds: Option<f64>,
    /// Floating-point operations, as searches count them.
    pub flops: Option<f64>,
    /// Bytes of keys and values.
    pub key_value_bytes: Option<u64>,
}

impl Limits {
    /// Whether a forecast keeps within them; unknown seconds do not.
    pub fn hold(&self, forecast: &Forecast) -> bool {
        let seconds =
            self.seconds.is_none_or(|most| forecast.seconds.is_some_and(|found| found <= most));
        seconds
            && self.flops.is_none_or(|most| forecast.cost.flops <= most)
            && self.key_value_bytes.is_none_or(|most| forecast.key_value_bytes <= most)
    }
}

impl Planner {
    /// What a strategy will cost one problem.
    ///
    /// ```
    /// use tts_core::cost::{ModelShape, Planner};
    /// use tts_core::toy::Sample;
    /// let policy = ModelShape { layer_parameters: 1_000, layers: 2, ..Default::default() };
    /// let planner = Planner { policy, prompt_tokens: 100, ..Planner::default() };
    /// let forecast = planner.forecast(Sample { n: 4 }, None)?;
    /// assert_eq!(forecast.cost.generated_tokens, 4 * 8 * 32);
    /// # Ok::<(), tts_core::cost::LawError>(())
    /// ```
    ///
    /// # Errors
    /// When the strategy refuses its settings.
    pub fn forecast(
        &self,
        strategy: impl SearchStrategy,
        machine: Option<&Roofline>,
    ) -> Result<Forecast, LawError> {
        let scene = Scene {
            prompt_tokens: self.prompt_tokens,
            step_tokens: self.step_tokens.max(1),
            steps: self.steps.max(1),
            max_lines: self.max_lines,
            prefill_rows: self.prefill_rows,
            scale: self.scale,
        };
        let log = Mutex::new(Log::default());
        let generator = DryGenerator { scene, shape: self.policy, log: &log };
        let judge = match &self.judge {
            Judge::OnBackbone => self.policy,
            Judge::Model(shape) => *shape,
            Judge::Free => ModelShape::default(),
        };
        let scorer = DryScorer { scene, shape: judge, log: &log };
        let rule = StepRule {
            max_step_tokens: u32::MAX,
            max_tokens: u32::MAX,
            max_steps: scene.steps,
            ..StepRule::lines()
        };
        // Whoever is asked writes, or judges, alike.
        let needs = strategy.requires();
        let search = Search::new(&generator).scorer(&scorer).rule(rule);
        let search = needs.roles.iter().fold(search, |search, role| search.role(role, &generator));
        let search =
            needs.scorers.iter().fold(search, |search, name| search.scorer_named(name, &scorer));
        let outcome = search
            .run(strategy, Prompt::text("a problem"))
            .map_err(|error| LawError::Strategy { problem: error.to_string() })?;
        drop(search);
        let Log { written, judged, .. } =
            log.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (written, work) = written;
        let (judged, judging) = judged;
        let judged = if self.judge == Judge::Free { Passes::default() } else { judged };
        let seconds = machine.map(|machine| {
            let judging = match &self.judge {
                Judge::Model(_) => machine.seconds_of(&judging),
                Judge::OnBackbone | Judge::Free => 0.0,
            };
            machine.seconds_of(&work) + judging
        });
        let usage = outcome.usage;
        let tokens = self.prompt_tokens + usage.logical.generated_tokens;
        // Each line, and the prompt, may be gone on from.
        let bytes = |shape: &ModelShape| {
            shape.key_value_bytes(tokens, usage.logical.samples.saturating_add(1))
        };
        let judge_bytes = match &self.judge {
            Judge::Model(shape) => bytes(shape),
            Judge::OnBackbone | Judge::Free => 0,
        };
        Ok(Forecast {
            cost: usage.logical,
            rounds: usage.rounds,
            written,
            judged,
            key_value_bytes: bytes(&self.policy).saturating_add(judge_bytes),
            seconds,
        })
    }

    /// The largest `n` of at most `most` at which a strategy keeps within limits, with its forecast;
    /// `None` when not even `n = 1` does. Cost must not fall as `n` grows.
    ///
    /// # Errors
    /// When the strategy refuses its settings at some `n`.
    pub fn largest<S: SearchStrategy>(
        &self,
        limits: &Limits,
        machine: Option<&Roofline>,
        most: usize,
        strategy: impl Fn(usize) -> S,
    ) -> Result<Option<(usize, Forecast)>, LawError> {
        let within = |n: usize| {
            let forecast = self.forecast(strategy(n), machine)?;
            Ok::<_, LawError>(limits.hold(&forecast).then_some((n, forecast)))
        };
        let mut best = None;
        let mut step = 1;
        // Doubling finds a bound with few dry runs of many lines, bisection the place below it.
        let mut above = most.saturating_add(1);
        let mut next = 1;
        while next < above {
            match within(next)? {
                Some(found) => best = Some(found),
                None => above = next,
            }
            step *= 2;
            next = step;
        }
        if best.is_none() {
            return Ok(None);
        }
        let mut below = best.as_ref().map_or(0, |(n, _)| *n);
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            match within(middle)? {
                Some(found) => (below, best) = (middle, Some(found)),
                None => above = middle,
            }
        }
        Ok(best)
    }
}
