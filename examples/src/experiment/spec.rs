//! How the models of an experiment are made, as a recipe says it.
//!
//! Models are named and may be made from each other: a policy from written solutions, a reward model
//! from a policy's solutions, a policy from what a reward model let through.

use serde::{Deserialize, Serialize};
use tts_core::Aggregate;
use tts_core::family::Grader;
use tts_models::remote::RemoteConfig;
use tts_models::train::{Precision, TrainConfig};
use tts_models::{ModelConfig, RopeScaling};
use tts_prm::curate::{Attempted, Curation, Revising};
use tts_prm::label::LabelKind;
use tts_prm::reinforce::ReinforceConfig;

use super::generative::Generative;
use super::recipe::EXACT;
use crate::pair;

/// Models that were made before a field was there keep their identity, and results theirs.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How a model is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelSpec {
    /// One of the models in `tts-prm/pair`: `generator`, `prm` or `orm`.
    Embedded(Part),
    /// A policy that learns from written solutions.
    Written(Written),
    /// A reward model that learns from a policy's solutions.
    Reward(Box<Reward>),
    /// A scalar reward model that learns which response of a panel is best.
    Preferred(Preferred),
    /// A judge of chains that writes.
    Generative(Box<Generative>),
    /// A reward model that is the log-ratio of two policies, and learns from outcomes alone.
    Implicit(Implicit),
    /// A policy that learns from its own solutions, or another one's.
    SelfTrained(Box<SelfTrained>),
    /// A policy that improves on earlier attempts.
    Revision(Box<Revised>),
    /// A policy that learnt from rewards of what it wrote itself.
    Reinforced(Box<Reinforced>),
    /// What a reinforced policy was after fewer steps: nothing is made, for that one keeps it.
    StepOf(StepOf),
    /// A policy of any size that learnt from another one's solutions.
    Distilled(Box<Distilled>),
    /// A model on servers: nothing is made.
    Served(Box<Served>),
    /// A judge of panels without a model, as a teacher: nothing is made.
    Grader(Grader),
}

/// A model on servers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Served {
    /// Where, and how it is asked.
    pub engine: RemoteConfig,
    /// What it judges, if it is a reward model; without, it writes.
    #[serde(default)]
    pub judges: Option<Judging>,
}

/// What a reward model on servers judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judging {
    /// Steps.
    Process,
    /// Finished solutions.
    Outcome,
}

/// A model of the embedded pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The generator.
    Generator,
    /// The process reward model.
    Prm,
    /// The outcome reward model.
    Orm,
}

impl Part {
    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generator => "generator",
            Self::Prm => "prm",
            Self::Orm => "orm",
        }
    }
}

/// The size of a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Width of the residual stream; the feed-forward layers have three times as much.
    pub width: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of attention.
    pub heads: usize,
}

impl Shape {
    /// A Llama decoder of this size.
    pub fn config(self, vocabulary: usize) -> ModelConfig {
        ModelConfig {
            vocab_size: vocabulary,
            hidden_size: self.width,
            intermediate_size: 3 * self.width,
            num_hidden_layers: self.layers,
            num_attention_heads: self.heads,
            num_key_value_heads: self.heads,
            head_dim: self.width / self.heads.max(1),
            max_position_embeddings: 512,
            rope_scaling: RopeScaling::None,
            ..pair::shape()
        }
    }
}

/// How long and how fast a model learns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Training {
    /// Updates.
    pub steps: usize,
    /// Examples an update.
    pub batch: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// What products are computed in: BF16 is faster where the processor has it, and slower where not.
    pub precision: Precision,
}

impl Default for Training {
    fn default() -> Self {
        Self { steps: 1_000, batch: 32, learning_rate: 1e-3, precision: Precision::F32 }
    }
}

impl Training {
    /// The settings of the run.
    pub fn config(self, seed: u64) -> TrainConfig {
        TrainConfig {
            steps: self.steps,
            batch: self.batch,
            learning_rate: self.learning_rate,
            warmup: (self.steps / 20).clamp(1, 100),
            precision: self.precision,
            seed,
            evaluate_every: (self.steps / 10).max(1),
            checkpoint_every: (self.steps / 10).max(1),
            ..TrainConfig::default()
        }
    }
}

/// What of a written solution is learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Learnt {
    /// All steps.
    #[default]
    Steps,
    /// The last line alone.
    Answer,
}

/// A policy that learns from written solutions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// A model to go on from.
    #[serde(default)]
    pub from: Option<String>,
    /// The size of one from nothing.
    #[serde(default)]
    pub shape: Option<Shape>,
    /// Problems with their solutions.
    pub problems: usize,
    /// What is learnt of them.
    #[serde(default)]
    pub learn: Learnt,
    /// How.
    pub train: Training,
}

/// Where labels come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Labels {
    /// The family's checker: whether a right solution can still follow.
    Exact,
    /// The share of so many rollouts of the policy that come out right.
    MonteCarlo {
        /// Rollouts of each prefix.
        rollouts: usize,
    },
}

/// What a reward model learns of labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// A label at the end of each step.
    Steps(LabelKind),
    /// A label of each step, as the product over its tokens.
    Tokens(LabelKind),
    /// The value of each prefix, as the product over all of its tokens.
    Prefixes,
    /// Whether the answer is right, at every token; the last one is used.
    Outcome,
    /// Whether the answer is right, as the product over all tokens.
    OutcomeTokens,
}

impl Reading {
    /// What it learns of values.
    pub fn kind(self) -> LabelKind {
        match self {
            Self::Steps(kind) | Self::Tokens(kind) => kind,
            Self::Prefixes | Self::Outcome | Self::OutcomeTokens => LabelKind::Soft,
        }
    }

    /// Whether it reads the logits of tokens.
    pub fn is_of_tokens(self) -> bool {
        matches!(self, Self::Tokens(_) | Self::Prefixes | Self::OutcomeTokens)
    }
}

/// Which of the solutions get a label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// So many a problem, the first ones.
    Uniform {
        /// Solutions of each problem.
        per_problem: usize,
    },
    /// So many a problem, mostly wrong ones that convince another reward model.
    Active {
        /// Solutions of each problem.
        per_problem: usize,
        /// Share of them that is wrong, where there are as many.
        wrong_share: f64,
        /// Who is to be convinced.
        judge: String,
        /// How its scores become one.
        aggregate: Aggregate,
    },
}

/// A reward model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reward {
    /// What it starts from.
    pub from: String,
    /// Who writes solutions and rollouts.
    pub policy: String,
    /// Problems.
    pub problems: usize,
    /// Solutions of each.
    pub solutions: usize,
    /// Where labels come from.
    pub labels: Labels,
    /// What is learnt of them.
    pub learn: Reading,
    /// Which solutions get one; all where nothing is said.
    #[serde(default)]
    pub choose: Option<Choice>,
    /// How.
    pub train: Training,
}

/// A scalar reward model from preferences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preferred {
    /// What it starts from.
    pub from: String,
    /// Panels.
    pub problems: usize,
    /// Which of the panels: others of other numbers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub draw: u64,
    /// Who writes judgements whose critiques of each response are read with it (a semi-scalar model); without, the response
    /// alone is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critic: Option<String>,
    /// How.
    pub train: Training,
}

/// An implicit reward model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Implicit {
    /// What it starts from, and is compared with.
    pub from: String,
    /// Who writes solutions.
    pub policy: String,
    /// Problems.
    pub problems: usize,
    /// Solutions of each.
    pub solutions: usize,
    /// What a nat of log-probability is worth.
    pub beta: f64,
    /// How.
    pub train: Training,
}

/// A round of self-training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTrained {
    /// What it starts from: the same base in every round.
    pub from: String,
    /// Who writes: the policy of the round before.
    pub policy: String,
    /// Problems.
    pub problems: usize,
    /// Which of the problems: rounds of other numbers draw others.
    #[serde(default, skip_serializing_if = "is_default")]
    pub draw: u64,
    /// Solutions of each.
    pub samples: usize,
    /// What is kept.
    pub keep: Curation,
    /// Who scores, where a score decides what is kept, and how scores of steps become one.
    #[serde(default)]
    pub judge: Option<(String, Aggregate)>,
    /// How.
    pub train: Training,
}

/// A policy that learns right solutions behind other attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revised {
    /// What it starts from.
    pub from: String,
    /// Who wrote the attempts.
    pub policy: String,
    /// Problems.
    pub problems: usize,
    /// Solutions of each.
    pub samples: usize,
    /// Attempts before a right solution, at most.
    pub attempts: usize,
    /// At least.
    #[serde(default, skip_serializing_if = "is_default")]
    pub least: usize,
    /// Of which kind.
    #[serde(default, skip_serializing_if = "is_default")]
    pub of: Attempted,
    /// How.
    pub train: Training,
}

/// A policy that learns from rewards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reinforced {
    /// What it starts from, and is held near if there is a divergence.
    pub from: String,
    /// Problems that it draws from.
    pub problems: usize,
    /// Which of the problems: others of other numbers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub draw: u64,
    /// Problems of the validation split that it is measured on as it learns; 0 for none.
    #[serde(default)]
    pub held_out: usize,
    /// Who scores steps, for rewards of steps and for samplers that go by scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<String>,
    /// Another sampler than independent solutions: a recipe of a search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampler: Option<tts_search::Recipe>,
    /// How.
    pub learn: ReinforceConfig,
}

/// A reinforced policy on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepOf {
    /// Which one; its `learn.keep` keeps the step.
    pub model: String,
    /// After how many steps.
    pub step: usize,
}

/// A policy that learns from another one's right solutions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distilled {
    /// A model to go on from.
    #[serde(default)]
    pub from: Option<String>,
    /// The size of one from nothing.
    #[serde(default)]
    pub shape: Option<Shape>,
    /// Who writes.
    pub teacher: String,
    /// Problems.
    pub problems: usize,
    /// Which of the problems: others of other numbers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub draw: u64,
    /// Solutions of each.
    pub samples: usize,
    /// What is kept.
    pub keep: Curation,
    /// Who was told the answer: asked once more where no solution is right (hinted sampling).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hinted: Option<String>,
    /// How.
    pub train: Training,
}

impl Revised {
    /// How its examples are put together.
    pub fn revising(&self) -> Revising {
        Revising { least: self.least, most: self.attempts, attempts: self.of }
    }
}

impl ModelSpec {
    /// Whether it is made by training, so that another seed would make another one.
    pub fn is_trained(&self) -> bool {
        !matches!(self, Self::Embedded(_) | Self::Served(_) | Self::Grader(_))
    }

    /// Whose weights it starts from.
    pub fn starts_from(&self) -> Option<&String> {
        match self {
            Self::Embedded(_) | Self::Served(_) | Self::Grader(_) | Self::StepOf(_) => None,
            Self::Written(written) => written.from.as_ref(),
            Self::Distilled(student) => student.from.as_ref(),
            Self::Reward(reward) => Some(&reward.from),
            Self::Preferred(scalar) => Some(&scalar.from),
            Self::Generative(judge) => Some(&judge.from),
            Self::Implicit(implicit) => Some(&implicit.from),
            Self::SelfTrained(round) => Some(&round.from),
            Self::Revision(revised) => Some(&revised.from),
            Self::Reinforced(policy) => Some(&policy.from),
        }
    }

    /// The models that it is made of.
    pub fn uses(&self) -> Vec<&String> {
        match self {
            Self::Embedded(_) | Self::Served(_) | Self::Grader(_) => Vec::new(),
            Self::Written(written) => written.from.iter().collect(),
            Self::Reward(reward) => {
                let mut uses = vec![&reward.from, &reward.policy];
                if let Some(Choice::Active { judge, .. }) = &reward.choose {
                    uses.push(judge);
                }
                uses
            }
            Self::Preferred(scalar) => [&scalar.from].into_iter().chain(&scalar.critic).collect(),
            Self::Generative(judge) => vec![&judge.from, &judge.policy],
            Self::Implicit(implicit) => vec![&implicit.from, &implicit.policy],
            Self::SelfTrained(round) => {
                let judge = round.judge.iter().map(|(judge, _)| judge);
                [&round.from, &round.policy].into_iter().chain(judge).collect()
            }
            Self::Revision(revised) => vec![&revised.from, &revised.policy],
            Self::Reinforced(policy) => {
                let judge = policy.judge.iter().filter(|name| *name != EXACT);
                [&policy.from].into_iter().chain(judge).collect()
            }
            Self::StepOf(of) => vec![&of.model],
            Self::Distilled(student) => {
                let teachers = [&student.teacher].into_iter().chain(&student.hinted);
                student.from.iter().chain(teachers).collect()
            }
        }
    }

    /// The scorer that judges what it learns from, if one does.
    pub(super) fn judge(&self) -> Option<&String> {
        match self {
            Self::Reward(reward) => match &reward.choose {
                Some(Choice::Active { judge, .. }) => Some(judge),
                _ => None,
            },
            Self::SelfTrained(round) => round.judge.as_ref().map(|(judge, _)| judge),
            Self::Reinforced(policy) => policy.judge.as_ref(),
            _ => None,
        }
    }

    /// Makes it smaller, for a quick run.
    pub(super) fn shrink(&mut self, by: usize) {
        let (problems, train) = match self {
            Self::Embedded(_) | Self::Served(_) | Self::Grader(_) => return,
            Self::Written(written) => (&mut written.problems, &mut written.train),
            Self::Reward(reward) => (&mut reward.problems, &mut reward.train),
            Self::Preferred(scalar) => (&mut scalar.problems, &mut scalar.train),
            Self::Generative(judge) => (&mut judge.problems, &mut judge.train),
            Self::Implicit(implicit) => (&mut implicit.problems, &mut implicit.train),
            Self::SelfTrained(round) => (&mut round.problems, &mut round.train),
            Self::Revision(revised) => (&mut revised.problems, &mut revised.train),
            Self::Distilled(student) => (&mut student.problems, &mut student.train),
            Self::Reinforced(policy) => {
                let ReinforceConfig { steps, keep, .. } = &mut policy.learn;
                let kept = (0..=*steps).filter(|&step| keep.keeps(step));
                keep.steps = kept.map(|step| step / by).collect();
                keep.steps.dedup();
                keep.every = 0;
                *steps = (*steps / by).max(2).min(*steps);
                policy.held_out = policy.held_out.min(20);
                policy.problems = (policy.problems / by).max(20).min(policy.problems);
                return;
            }
            Self::StepOf(of) => {
                of.step /= by;
                return;
            }
        };
        *problems = (*problems / by).max(20).min(*problems);
        train.steps = (train.steps / by).max(10).min(train.steps);
    }
}
