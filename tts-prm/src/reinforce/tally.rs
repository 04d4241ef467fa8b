//! Sums of a step: over what was drawn, and over its updates.
//!
//! Source: none; means as Shao et al. 2024, Yu et al. 2025 and DeepSeek-AI 2025 draw them.

use tts_models::train::{PolicyFigures, Update};

use super::step::Each;
use super::{Group, Solved, StepNote};

/// Over samples.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Every problem that was drawn.
    pub(super) drawn: Vec<Solved>,
    /// Groups, and those of equal rewards.
    pub(super) groups: usize,
    equal: usize,
    samples: usize,
    /// Of problems whose right answer is known.
    judged: usize,
    right: usize,
    cut: usize,
    reward: f64,
    rewards: Each,
    tokens: usize,
    right_tokens: usize,
    wrong_tokens: usize,
    nats: f64,
}

impl Tally {
    /// Adds a group, with the rewards of its samples: their sums, and what each term gives.
    pub(super) fn add(&mut self, group: &Group, (rewards, each): (&[f64], &[Each]), equal: bool) {
        let (mut judged, mut own) = (0, 0);
        for sample in &group.samples {
            let tokens = sample.generated();
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
            *self.rewards.entry(name.clone()).or_default() += reward;
        }
        let samples = group.samples.len();
        let right = (judged > 0).then_some(own);
        self.drawn.push(Solved { problem: group.problem, right, samples });
    }

    /// Puts its means into a note.
    pub(super) fn put(self, note: &mut StepNote) {
        let mean = |sum: f64, count: usize| sum / count.max(1) as f64;
        let known = |sum: usize, count: usize| (count > 0).then(|| sum as f64 / count as f64);
        let tokens = self.tokens;
        note.samples = self.samples;
        note.right = known(self.right, self.judged);
        note.cut = mean(self.cut as f64, self.samples);
        note.reward = mean(self.reward, self.samples);
        note.rewards =
            self.rewards.into_iter().map(|(name, sum)| (name, mean(sum, self.samples))).collect();
        note.equal = mean(self.equal as f64, self.groups);
        note.right_tokens = known(self.right_tokens, self.right);
        note.wrong_tokens = known(self.wrong_tokens, self.judged - self.right);
        note.tokens = tokens as u64;
        note.entropy = mean(self.nats, tokens);
        note.drawn = self.drawn;
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
