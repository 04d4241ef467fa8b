//! Settings of a run of reinforcement, as recipes have them.
//!
//! A step draws solutions of [`ReinforceConfig::problems`] problems, rewards them, and learns from them in
//! [`ReinforceConfig::parts`] parts, [`ReinforceConfig::epochs`] times over. Results are a function of the model,
//! the problems, these settings and their seed.
//!
//! Source: defaults as in Shao et al. 2024 (arXiv 2402.03300), section 4.2 and DeepSeek-AI 2025 (arXiv 2501.12948),
//! but for sizes and learning rate, which are those of a decoder of about a million parameters.

use serde::{Deserialize, Serialize};
use tts_core::StepRule;
use tts_models::train::{Precision, Ratio, TrainConfig};

use super::{
    Adjust, Baseline, Curriculum, Equal, Importance, Keeping, Objective, On, Process, Recording,
    RewardSpec, Scheme, Steps, Term,
};
use crate::PrmError;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
pub(super) fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Whether a setting is as where nothing is said.
pub(super) fn is_default<T: Default + PartialEq>(setting: &T) -> bool {
    *setting == T::default()
}

/// Where the log-probabilities come from that ratios are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Old {
    /// From who wrote: no further pass. Its arithmetic must be the trainer's, in f32.
    #[default]
    Written,
    /// From the trainer, anew: ratios are 1 to the bit at first, whatever weights the engine holds.
    Recomputed,
}

/// What becomes of samples that were cut by a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// They are learnt like all others.
    #[default]
    Learn,
    /// They count in the group, and nothing is learnt of them (overlong filtering).
    Mask,
}

/// How fast weights move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Learning {
    /// Learning rate, the same for all updates behind the warm-up.
    pub rate: f64,
    /// Updates over which it rises from 0.
    pub warmup: usize,
    /// Decoupled weight decay. With any, weights move where there is nothing to learn.
    pub weight_decay: f64,
    /// Largest Euclidean norm of the gradient of all weights together.
    pub clip: f64,
    /// Numbers that matrices are multiplied in.
    pub precision: Precision,
    /// Threads; 0 for one a core. Their number changes no bit.
    pub threads: usize,
    /// The embedding and so many of the first layers stay as they are.
    pub frozen_layers: usize,
}

impl Default for Learning {
    /// A constant rate of 1e-4, no decay, norms up to 1, in f32.
    fn default() -> Self {
        Self {
            rate: 1e-4,
            warmup: 0,
            weight_decay: 0.0,
            clip: 1.0,
            precision: Precision::F32,
            threads: 0,
            frozen_layers: 0,
        }
    }
}

impl Learning {
    /// # Errors
    /// Naming the setting that is out of range.
    fn check(&self) -> Result<(), PrmError> {
        let ranges = [
            ("rate", self.rate, f64::MIN_POSITIVE..=10.0),
            ("weight_decay", self.weight_decay, 0.0..=10.0),
            ("clip", self.clip, f64::MIN_POSITIVE..=f64::MAX),
        ];
        for (field, value, range) in ranges {
            if !range.contains(&value) {
                let problem = format!("{value}, expected {} to {}", range.start(), range.end());
                return Err(PrmError::reinforce(format!("learn.{field}"), problem));
            }
        }
        Ok(())
    }
}

/// What is measured on held-out problems as the policy learns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Measuring {
    /// Steps between two measurements, beside one before the first step and one after the last; 0 for these alone.
    pub every: usize,
    /// Solutions of each problem.
    pub samples: usize,
    /// Temperature at which they are drawn; 0 is greedy.
    pub temperature: f32,
}

impl Default for Measuring {
    /// Every 20 steps, 4 solutions, at temperature 1.
    fn default() -> Self {
        Self { every: 20, samples: 4, temperature: 1.0 }
    }
}

/// How a policy learns from rewards.
///
/// ```
/// use tts_prm::reinforce::{ReinforceConfig, Scheme};
/// let config: ReinforceConfig = serde_json::from_str(
///     r#"{"scheme": "dapo", "adjust": {"equal": "drop"}, "rewards": [{"of": {"right": {}}}]}"#,
/// )?;
/// assert_eq!(config.scheme, Scheme::Dapo);
/// let error = serde_json::from_str::<ReinforceConfig>(r#"{"group": 8}"#).unwrap_err();
/// assert!(error.to_string().contains("unknown field `group`"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReinforceConfig {
    /// Steps: solutions are drawn, rewarded, and learnt from.
    pub steps: usize,
    /// Problems of a step.
    pub problems: usize,
    /// Solutions of each, of the usual sampler.
    pub samples: usize,
    /// Updates that a step's problems are shared out among, in order.
    pub parts: usize,
    /// How often all of them are learnt.
    pub epochs: usize,
    /// What is learnt of rewards.
    pub scheme: Scheme,
    /// What of it is otherwise.
    pub adjust: Adjust,
    /// What a solution is worth: a sum.
    pub rewards: Vec<Term>,
    /// Whether scores of steps are learnt beside it.
    pub process: Option<Process>,
    /// What becomes of samples that were cut.
    pub cut: Cut,
    /// Steps between two after which the reference becomes the policy as it is; 0 for never.
    #[serde(skip_serializing_if = "is_zero")]
    pub refresh: usize,
    /// Where the log-probabilities come from that ratios are of.
    pub old: Old,
    /// How tokens are weighted for being likelier with who learns than they were as they were drawn, by whatever weights
    /// and sampling; none for no weights. Only with recomputed log-probabilities.
    pub importance: Option<Importance>,
    /// Which problems come when.
    pub curriculum: Curriculum,
    /// How fast weights move.
    pub learn: Learning,
    /// Where steps and solutions end.
    pub rule: StepRule,
    /// What each solution begins with, put there by nobody's choice: read, and not learnt; nothing unless said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub begin: String,
    /// What is measured on held-out problems.
    pub measure: Measuring,
    /// Steps between two savings of the state, beside one at the end; 0 for that alone.
    pub save_every: usize,
    /// Which samples are kept to be read, of a run with a folder. Nothing is learnt otherwise for it.
    #[serde(skip_serializing_if = "Recording::is_default")]
    pub record: Recording,
    /// Whose weights are kept on the way, by [`super::Reinforce::keep`]. Nothing is learnt otherwise for it.
    #[serde(skip_serializing_if = "Keeping::is_default")]
    pub keep: Keeping,
    /// Where all randomness comes from.
    pub seed: u64,
}

impl Default for ReinforceConfig {
    /// GRPO, 300 steps of 32 problems with 8 solutions each, for right answers; lines are steps.
    fn default() -> Self {
        Self {
            steps: 300,
            problems: 32,
            samples: 8,
            parts: 1,
            epochs: 1,
            scheme: Scheme::default(),
            adjust: Adjust::default(),
            rewards: vec![RewardSpec::Right(super::Right {}).into()],
            process: None,
            cut: Cut::default(),
            refresh: 0,
            old: Old::default(),
            importance: None,
            curriculum: Curriculum::default(),
            learn: Learning::default(),
            rule: StepRule { max_step_tokens: 200, max_tokens: 200, ..StepRule::lines() },
            begin: String::new(),
            measure: Measuring::default(),
            save_every: 10,
            record: Recording::default(),
            keep: Keeping::default(),
            seed: 0,
        }
    }
}

impl ReinforceConfig {
    /// What is learnt of rewards, as scheme and adjustments say.
    pub fn objective(&self) -> Objective {
        self.scheme.objective().adjusted(self.adjust)
    }

    /// Settings of the trainer.
    pub(super) fn training(&self) -> TrainConfig {
        let Learning { rate, warmup, weight_decay, clip, precision, threads, frozen_layers } =
            self.learn;
        TrainConfig {
            // Over how many the rate falls: it does not, so that a run may go on for longer.
            steps: 1,
            learning_rate: rate,
            final_rate: 1.0,
            warmup,
            weight_decay,
            clip,
            precision,
            threads,
            frozen_layers,
            seed: self.seed,
            ..TrainConfig::default()
        }
    }

    /// Whether each reward, and all of them together, can be what a sample is worth.
    fn check_rewards(&self, baseline: Baseline) -> Result<(), PrmError> {
        let wrong = |field: &str, problem: String| Err(PrmError::reinforce(field, problem));
        for (place, term) in self.rewards.iter().enumerate() {
            term.of.check()?;
            if let RewardSpec::Overlong(overlong) = &term.of {
                let (free, most) = (overlong.most - overlong.margin, self.rule.max_tokens);
                if free >= most as usize {
                    let problem = format!(
                        "nothing up to {free} tokens (most {} less margin {}), and rule.max_tokens ends a solution at \
                         {most}: expected less",
                        overlong.most, overlong.margin
                    );
                    return wrong(&format!("rewards[{place}].overlong"), problem);
                }
            }
            if term.on != On::All && baseline == Baseline::Batch {
                let problem = "of some problems, beside a baseline of the batch, which compares all: expected all";
                return wrong(&format!("rewards[{place}].on"), problem.to_owned());
            }
            if !term.weight.is_finite() {
                let problem = format!("{}, expected a number", term.weight);
                return wrong(&format!("rewards[{place}].weight"), problem);
            }
            if term.factor && (term.weight - 1.0).abs() > 0.0 {
                let problem = format!("{}, of a factor, which has none: expected 1", term.weight);
                return wrong(&format!("rewards[{place}].weight"), problem);
            }
        }
        if let Some(factor) = self.rewards.iter().find(|term| term.factor) {
            let below = |term: &&Term| term.of.may_be_below_zero() || term.weight < 0.0;
            if let Some(place) = self.rewards.iter().position(|term| below(&term)) {
                let name = factor.of.name();
                let problem = format!(
                    "below 0, beside the factor {name}: the worse its verdict, the better; expected terms of at least 0"
                );
                return wrong(&format!("rewards[{place}]"), problem);
            }
        }
        for (place, term) in self.rewards.iter().enumerate() {
            let name = term.of.name();
            if self.rewards[..place].iter().any(|earlier| earlier.of.name() == name) {
                return wrong(&format!("rewards[{place}]"), format!("{name} stands there twice"));
            }
        }
        Ok(())
    }

    /// # Errors
    /// Naming the setting that is out of range, or means nothing beside another.
    pub fn check(&self) -> Result<(), PrmError> {
        let wrong = |field: &str, problem: String| Err(PrmError::reinforce(field, problem));
        for (field, count) in [
            ("steps", self.steps),
            ("problems", self.problems),
            ("parts", self.parts),
            ("epochs", self.epochs),
            ("measure.samples", self.measure.samples),
        ] {
            if count == 0 {
                return wrong(field, "0, expected at least 1".to_owned());
            }
        }
        self.learn.check()?;
        let temperature = self.measure.temperature;
        if !(temperature.is_finite() && temperature >= 0.0) {
            let problem = format!("{temperature}, expected a number of at least 0");
            return wrong("measure.temperature", problem);
        }
        if temperature <= 0.0 && self.measure.samples > 1 {
            let problem =
                format!("{}, at a temperature of 0 all the same: expected 1", self.measure.samples);
            return wrong("measure.samples", problem);
        }
        if self.old == Old::Written && self.learn.precision != Precision::F32 {
            let problem = "those of who wrote, beside a trainer that rounds: expected recomputed, or \
                           learn.precision of f32";
            return wrong("old", problem.to_owned());
        }
        let objective = self.objective();
        objective.check()?;
        let least = if objective.baseline == Baseline::Batch { 1 } else { 2 };
        if self.samples < least {
            let problem = format!(
                "{}, expected at least {least}: a reward is compared with those of the same problem",
                self.samples
            );
            return wrong("samples", problem);
        }
        if self.parts > self.problems {
            return wrong("parts", format!("{}, of {} problems", self.parts, self.problems));
        }
        self.check_rewards(objective.baseline)?;
        self.process.iter().try_for_each(Process::check)?;
        let scored = self.process.is_some_and(|process| process.of == Steps::Scorer);
        if scored && objective.equal != Equal::Keep {
            let problem = "scores of steps, which a group of equal rewards has too: expected equal to be keep";
            return wrong("process", problem.to_owned());
        }
        if self.process.is_some() && objective.ratio == Ratio::Sequence {
            let problem = "scores of steps with ratios of sequences, which are one for all steps";
            return wrong("process", problem.to_owned());
        }
        if let Some(importance) = &self.importance {
            importance.check()?;
            if self.old == Old::Written {
                let problem = "weights against who wrote, whose log-probabilities are taken as they are: \
                               expected old to be recomputed";
                return wrong("importance", problem.to_owned());
            }
        }
        if self.refresh > 0 && objective.beta <= 0.0 {
            let problem = "of a reference that nothing is held near: expected beta above 0";
            return wrong("refresh", problem.to_owned());
        }
        self.keep.check(self.steps)?;
        self.curriculum.check()?;
        self.rule.check().map_err(|problem| PrmError::reinforce("rule", problem))
    }
}
