//! Sums of a step: over what was drawn, and over its updates.
//!
//! Source: none; means as Shao et al. 2024, Yu et al. 2025 and DeepSeek-AI 2025 draw them.

use std::collections::BTreeMap;

use tts_models::train::{PolicyFigures, Update};

use super::scores::Scores;
use super::step::Each;
use super::{Group, Mismatch, Solved, StepNote};

/// Over samples.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Every problem that was drawn.
    pub(super) drawn: Vec<Solved>,
    /// Groups of which something was drawn, and those of equal rewards.
    groups: usize,
    equal: usize,
    /// Problems of which nothing could be drawn.
    failed: usize,
    samples: usize,
    /// Of problems whose right answer is known.
    judged: usize,
    right: usize,
    cut: usize,
    reward: f64,
    /// Of each term, what it gave, and how many samples it knew something of.
    rewards: BTreeMap<String, (f64, usize)>,
    tokens: usize,
    right_tokens: usize,
    wrong_tokens: usize,
    nats: f64,
    scores: Scores,
}

impl Tally {
    /// Adds a group, with the rewards of its samples: their sums, and what each term gives.
    pub(super) fn add(&mut self, group: &Group, (rewards, each): (&[f64], &[Each]), equal: bool) {
        let (mut judged, mut own) = (0, 0);
        for sample in &group.samples {
            let tokens = sample.generated();
            self.scores.add(sample);
            let logprobs = sample.runs.iter().flat_map(|run| &run.logprobs);
            self.nats -= logprobs.map(|logprob| f64::from(*logprob)).sum::<f64>();
            self.cut += usize::from(!sample.is_finished());
            self.tokens += tokens;
            let Some(verdict) = sample.verdict else { continue };
            judged += 1;
            if verdict.is_right() {
                own += 1;
                self.right_tokens += tokens;
            } else {
                self.wrong_tokens += tokens;
            }
        }
        self.groups += 1;
        self.equal += usize::from(equal);
        self.samples += group.samples.len();
        self.judged += judged;
        self.right += own;
        self.reward += rewards.iter().sum::<f64>();
        for (name, reward) in each.iter().flatten() {
            let (sum, count) = self.rewards.entry(name.clone()).or_default();
            *sum += reward;
            *count += 1;
        }
        let samples = group.samples.len();
        let right = (judged > 0).then_some(own);
        self.drawn.push(Solved { problem: group.problem, right, samples });
    }

    /// Adds a problem of which nothing could be drawn.
    pub(super) fn add_failed(&mut self, problem: usize) {
        self.failed += 1;
        self.drawn.push(Solved { problem, right: None, samples: 0 });
    }

    /// Groups that were drawn, or were to be.
    pub(super) fn tried(&self) -> usize {
        self.groups + self.failed
    }

    /// Whether nothing could be drawn of any.
    pub(super) fn all_failed(&self) -> bool {
        self.groups == 0 && self.failed > 0
    }

    /// Puts its means into a note.
    pub(super) fn put(self, note: &mut StepNote) {
        let mean = |sum: f64, count: usize| sum / count.max(1) as f64;
        let known = |sum: usize, count: usize| (count > 0).then(|| sum as f64 / count as f64);
        let tokens = self.tokens;
        note.failed = self.failed;
        note.samples = self.samples;
        note.right = known(self.right, self.judged);
        note.cut = mean(self.cut as f64, self.samples);
        note.reward = mean(self.reward, self.samples);
        note.rewards =
            self.rewards.into_iter().map(|(name, (sum, count))| (name, mean(sum, count))).collect();
        note.equal = mean(self.equal as f64, self.groups);
        note.right_tokens = known(self.right_tokens, self.right);
        note.wrong_tokens = known(self.wrong_tokens, self.judged - self.right);
        note.tokens = tokens as u64;
        note.entropy = mean(self.nats, tokens);
        self.scores.put(note);
        note.drawn = self.drawn;
    }
}

/// Over tokens that are learnt, of who drew them and who learns.
#[derive(Debug, Default)]
pub(super) struct Apart {
    tokens: usize,
    sum: f64,
    most: f64,
    weights: Option<Weights>,
}

#[derive(Debug, Default)]
struct Weights {
    sum: f64,
    capped: usize,
}

impl Apart {
    /// Adds a token that was drawn with this log-probability, and has that one with who learns.
    pub(super) fn add(&mut self, drawn: f32, told: f32) {
        let apart = (f64::from(told) - f64::from(drawn)).abs();
        self.tokens += 1;
        self.sum += apart;
        self.most = self.most.max(apart);
    }

    /// Adds what a token weighs, and whether it was to weigh more than it may.
    pub(super) fn add_weight(&mut self, weight: f32, beyond: bool) {
        let weights = self.weights.get_or_insert_default();
        weights.sum += f64::from(weight);
        weights.capped += usize::from(beyond);
    }

    /// Its means; none of no tokens.
    pub(super) fn found(&self) -> Option<Mismatch> {
        let mean = |sum: f64| sum / self.tokens as f64;
        let weights = self.weights.as_ref();
        (self.tokens > 0).then(|| Mismatch {
            mean: mean(self.sum),
            most: self.most,
            weight: weights.map(|own| mean(own.sum)),
            capped: weights.map(|own| mean(own.capped as f64)),
        })
    }
}

/// Over updates.
#[derive(Debug, Default)]
pub(super) struct Figures {
    updates: usize,
    loss: f64,
    norm: f64,
    policy: PolicyFigures,
    /// Of the first update.
    first: PolicyFigures,
}

impl Figures {
    pub(super) fn add(&mut self, update: &Update) {
        let policy = update.policy.unwrap_or_default();
        if self.updates == 0 {
            self.first = policy;
        }
        self.updates += 1;
        self.loss += update.loss;
        self.norm += update.gradient_norm;
        self.policy += policy;
    }

    /// How far the policy was from who drew in the first update, mean over its tokens, in nats; none without one.
    pub(super) fn first_drift(&self) -> Option<f64> {
        (self.first.tokens > 0).then(|| self.first.drift / self.first.tokens as f64)
    }

    pub(super) fn put(&self, note: &mut StepNote, reference: bool) {
        let share = |sum: f64, figures: &PolicyFigures| sum / figures.tokens.max(1) as f64;
        let known = |sum: f64| (self.updates > 0).then(|| sum / self.updates as f64);
        note.learnt = self.policy.tokens;
        note.clipped = share(self.policy.clipped as f64, &self.policy);
        note.first_clipped = share(self.first.clipped as f64, &self.first);
        note.drift = share(self.policy.drift, &self.policy);
        note.divergence = reference.then(|| share(self.policy.divergence, &self.policy));
        note.loss = known(self.loss);
        note.gradient_norm = known(self.norm);
    }
}
