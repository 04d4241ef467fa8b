//! Scores of steps, told: what a scorer says of the steps of samples, what is learnt of it, and what the guard held
//! back.
//!
//! A policy that learns from scores writes in the end what the scorer likes. Whether it is still what is right shows
//! in two curves: the weakest step of right samples, and that of others. While the first lies above the second the
//! scorer tells them apart; where both rise and what is right does not, it is being cheated, and the samples show
//! which steps it praised.
//!
//! Source: none; what DeepSeek-AI 2025 (arXiv 2501.12948), section 4.2, say of reward models that are exploited, and
//! Lightman et al. 2023 (arXiv 2305.20050) of what they tell apart, in figures.

use serde::{Deserialize, Serialize};
use tts_core::SearchStrategy;

use super::process::Held;
use super::{Group, Reinforce, Sample, StepNote};
use crate::PrmError;

/// A step of a sample that was scored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoredStep {
    /// The place behind its last token, among all behind the prompt.
    pub end: usize,
    /// The place behind its last byte in the text.
    pub text: usize,
    /// What the scorer says of it, on the scorer's scale; or, where a tree says what its steps are worth
    /// ([`super::Steps::Tree`]), the mean reward of the samples that run through it.
    pub score: f64,
    /// What its tokens learn of the scores, beside the outcome's advantage; none where scores are not learnt
    /// ([`super::Process`]), or nothing was learnt of the group.
    pub advantage: Option<f64>,
}

impl ScoredStep {
    /// Those of a sample, first to last.
    pub(super) fn of(sample: &Sample) -> Vec<Self> {
        let text = |end: usize| {
            let passed = sample.path.iter().find(|passed| passed.end == end);
            passed.map_or(sample.text.len(), |passed| passed.text.min(sample.text.len()))
        };
        let steps = sample.scored.iter();
        steps
            .map(|step| Self {
                end: step.end,
                text: text(step.end),
                score: step.score,
                advantage: None,
            })
            .collect()
    }
}

/// The value at the last token of a step.
pub(super) fn of_step(tokens: &[f64], end: usize) -> Option<f64> {
    tokens.get(end.checked_sub(1)?).copied()
}

#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn found(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// Over samples whose steps were scored: their weakest steps.
#[derive(Debug, Default)]
pub(super) struct Scores {
    all: Mean,
    right: Mean,
    wrong: Mean,
}

impl Scores {
    pub(super) fn add(&mut self, sample: &Sample) {
        let scores = sample.scored.iter().map(|step| step.score);
        let Some(least) = scores.min_by(f64::total_cmp) else { return };
        self.all.add(least);
        match sample.verdict {
            Some(verdict) if verdict.is_right() => self.right.add(least),
            Some(_) => self.wrong.add(least),
            None => {}
        }
    }

    pub(super) fn put(&self, note: &mut StepNote) {
        note.score = self.all.found();
        note.score_right = self.right.found();
        note.score_wrong = self.wrong.found();
    }
}

/// What scores of steps add to the advantages of a step's groups.
#[derive(Debug, Default)]
pub(super) struct Praise {
    /// For each token of each sample of each group.
    pub(super) tokens: Vec<Vec<Vec<f64>>>,
    /// Share of the steps with something to learn that the guard took it from; none where scores are not learnt.
    pub(super) guarded: Option<f64>,
}

impl<S: SearchStrategy + Clone + std::fmt::Debug> Reinforce<'_, S> {
    /// # Errors
    /// When a score is not a number.
    pub(super) fn praise(
        &self,
        groups: &[Group],
        outcome: &[Vec<f64>],
    ) -> Result<Praise, PrmError> {
        let Some(process) = &self.config.process else {
            let none = |group: &Group| {
                group.samples.iter().map(|sample| vec![0.0; sample.tokens.len()]).collect()
            };
            return Ok(Praise { tokens: groups.iter().map(none).collect(), guarded: None });
        };
        let mut held = Held::default();
        let mut tokens = Vec::with_capacity(groups.len());
        for (group, outcome) in groups.iter().zip(outcome) {
            tokens.push(process.advantages(&group.samples, outcome, &mut held)?);
        }
        Ok(Praise { tokens, guarded: held.share() })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tts_core::{Finish, NodeId, Prompt, Verdict};

    use super::super::{Passed, Scored};
    use super::*;

    fn sample(verdict: Option<Verdict>, scores: &[f64]) -> Sample {
        let steps = || scores.iter().enumerate();
        Sample {
            prompt: Arc::new(Prompt::from("?")),
            begun: "?".into(),
            text: "ab\n".repeat(scores.len()),
            answer: None,
            verdict,
            finish: Finish::Stop,
            tokens: vec![0; 2 * scores.len()],
            runs: Vec::new(),
            scored: steps().map(|(at, &score)| Scored { end: 2 * at + 2, score }).collect(),
            value: None,
            picked: false,
            path: steps()
                .map(|(at, _)| Passed { node: NodeId::ROOT, end: 2 * at + 2, text: 3 * at + 3 })
                .collect(),
        }
    }

    #[test]
    fn weakest_steps_of_right_and_of_other_samples_are_told_apart() {
        let mut scores = Scores::default();
        for own in [
            sample(Some(Verdict::Right), &[0.9, 0.5, 0.8]),
            sample(Some(Verdict::Right), &[0.7]),
            sample(Some(Verdict::Wrong), &[0.25, 1.0]),
            sample(Some(Verdict::Wrong), &[]),
            sample(None, &[0.55]),
        ] {
            scores.add(&own);
        }
        let mut note = StepNote::default();
        scores.put(&mut note);
        let near = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-12;
        assert!(near(note.score, 0.5) && near(note.score_right, 0.6), "{note:?}");
        assert!(near(note.score_wrong, 0.25), "{note:?}");
        Scores::default().put(&mut note);
        assert_eq!((note.score, note.score_right, note.score_wrong), (None, None, None));
        // A journal of a run that scored nothing says nothing of it, as before.
        let line = serde_json::to_string(&note).unwrap();
        assert!(!line.contains("score") && !line.contains("guarded"), "{line}");
        assert_eq!(serde_json::from_str::<StepNote>(&line).unwrap(), note);
    }

    #[test]
    fn steps_are_found_again_in_text_and_tokens() {
        let found = ScoredStep::of(&sample(None, &[0.9, 0.5]));
        let places: Vec<_> = found.iter().map(|step| (step.end, step.text)).collect();
        assert_eq!(places, [(2, 3), (4, 6)]);
        assert_eq!(of_step(&[0.1, 0.2, 0.3], 2), Some(0.2));
        assert_eq!((of_step(&[0.1], 0), of_step(&[0.1], 2)), (None, None));
    }
}
