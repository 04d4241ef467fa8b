//! Rewards of steps: what a scorer says of each step becomes advantages of its tokens, and a guard.
//!
//! Whether process rewards help is argued about. Lightman et al. found that they choose better than rewards of
//! outcomes; DeepSeek-R1 left them out, because a policy that learns from a reward model soon writes what the
//! model likes in place of what is right. Both hold here: step scores add to the advantage of the outcome, and
//! two things keep them from taking its place.
//!
//! * *Form.* With [`Form::Sum`] the scores of all steps of a group are normalised together, and a token has the
//!   sum of those of the steps that end behind it: many steps that are well liked add up, which is what is
//!   exploited. With [`Form::Min`] a solution is worth its weakest step, and only the tokens up to the end of that
//!   step are praised or blamed: there is nothing to gain by more steps.
//!   With [`Form::Own`] a token has the score of its own step, and nothing of what follows: for scores that say what a
//!   step changed, those of a process advantage verifier say.
//! * *Guard.* Step scores never praise a solution whose outcome is wrong, nor blame one whose outcome is right.
//!
//! Or no scorer is asked: where the sampler branches, what became of a step says what it is worth ([`Steps::Tree`],
//! [`super::tree_advantages`]). Such values are outcomes, and need no guard: without one, what a wrong solution has in
//! common with right ones is praised.
//!
//! ```
//! use tts_prm::reinforce::{Form, step_advantages};
//! // Two solutions of two steps each, ending behind tokens 2 and 4.
//! let scored = [vec![(2, 0.9), (4, 0.8)], vec![(2, 0.9), (4, 0.2)]];
//! let found = step_advantages(&scored, &[4, 4], Form::Min);
//! assert!(found[0][0] > 0.0 && found[1][3] < 0.0);
//! ```
//!
//! Source: Shao et al. 2024 (arXiv 2402.03300), section 4.1.3 (sums); Cheng et al. 2025, PURE (arXiv 2504.15275),
//! section 3 (min-form credit, here in its limit of temperature 0); Lightman et al. 2023 (arXiv 2305.20050);
//! DeepSeek-AI 2025 (arXiv 2501.12948), section 4.2; Setlur et al. 2024 (arXiv 2410.08146), section 3.3 (a step's own
//! score as its advantage). The guard is this library's.

use serde::{Deserialize, Serialize};

use super::advantage::{Baseline, Spread, advantages};
use super::scores::of_step;
use super::{Passed, Sample, tree_advantages};
use crate::PrmError;

/// How scores of steps become advantages of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// The sum of what follows.
    Sum,
    /// The weakest step.
    #[default]
    Min,
    /// The step's own.
    Own,
}

/// Who says what a step is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Steps {
    /// The scorer.
    #[default]
    Scorer,
    /// What became of it in its tree; of samplers that branch.
    Tree,
}

/// Whether and how scores of steps are learnt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    /// Who says them.
    #[serde(skip_serializing_if = "super::config::is_default")]
    pub of: Steps,
    /// What they count beside the outcome.
    pub weight: f64,
    /// How they become advantages.
    pub form: Form,
    /// Whether they are kept from praising what is wrong and blaming what is right.
    pub guard: bool,
}

impl Default for Process {
    /// Half of what the outcome counts, by the weakest step, guarded.
    fn default() -> Self {
        Self { of: Steps::Scorer, weight: 0.5, form: Form::default(), guard: true }
    }
}

impl Process {
    /// # Errors
    /// When the weight is none, or the form is one of scores alone.
    pub(super) fn check(&self) -> Result<(), PrmError> {
        if self.of == Steps::Tree && self.form == Form::Min {
            let problem = "min, of differences that add up to the outcome: expected own or sum";
            return Err(PrmError::reinforce("process.form", problem));
        }
        if self.weight.is_finite() && self.weight > 0.0 {
            return Ok(());
        }
        let problem = format!("{}, expected a number above 0", self.weight);
        Err(PrmError::reinforce("process.weight", problem))
    }

    /// What the guard leaves of an advantage of a step.
    fn guarded(&self, advantage: f64, right: bool) -> f64 {
        match (self.guard, right) {
            (false, _) => advantage,
            (true, true) => advantage.max(0.0),
            (true, false) => advantage.min(0.0),
        }
    }

    /// What is added to the advantage of each token of each sample of a group, whose outcomes have these. What the
    /// guard held back is added to `held`.
    ///
    /// # Errors
    /// When a score is not a number.
    pub(super) fn advantages(
        &self,
        samples: &[Sample],
        outcome: &[f64],
        held: &mut Held,
    ) -> Result<Vec<Vec<f64>>, PrmError> {
        let mut found = match self.of {
            Steps::Scorer => self.by_scores(samples)?,
            Steps::Tree => {
                let samples = samples.iter().zip(outcome);
                let samples: Vec<(&[Passed], f64)> =
                    samples.map(|(sample, outcome)| (&sample.path[..], *outcome)).collect();
                tree_advantages(&samples, self.form)
            }
        };
        for (advantages, sample) in found.iter_mut().zip(samples) {
            let right = sample.is_right();
            let ends: Vec<usize> = match self.of {
                Steps::Scorer => sample.scored.iter().map(|step| step.end).collect(),
                Steps::Tree => sample.path.iter().map(|passed| passed.end).collect(),
            };
            for free in ends.into_iter().filter_map(|end| of_step(advantages, end)) {
                held.add(free, self.guarded(free, right));
            }
            for advantage in advantages.iter_mut() {
                *advantage = self.weight * self.guarded(*advantage, right);
            }
        }
        Ok(found)
    }

    /// Advantages of tokens by what the scorer says.
    fn by_scores(&self, samples: &[Sample]) -> Result<Vec<Vec<f64>>, PrmError> {
        let mut scored: Vec<Vec<(usize, f64)>> = Vec::with_capacity(samples.len());
        for (place, sample) in samples.iter().enumerate() {
            if let Some(bad) = sample.scored.iter().find(|step| !step.score.is_finite()) {
                let problem = format!("a step has the score {}, expected a number", bad.score);
                return Err(PrmError::reinforce(format!("sample {place}"), problem));
            }
            scored.push(sample.scored.iter().map(|step| (step.end, step.score)).collect());
        }
        let lengths: Vec<usize> = samples.iter().map(|sample| sample.tokens.len()).collect();
        Ok(step_advantages(&scored, &lengths, self.form))
    }
}

/// Of how many steps the guard took what they had to teach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Held {
    /// Steps with something to teach.
    steps: usize,
    /// Those that have nothing left.
    held: usize,
}

impl Held {
    fn add(&mut self, free: f64, guarded: f64) {
        if free != 0.0 {
            self.steps += 1;
            self.held += usize::from(guarded == 0.0);
        }
    }

    /// The share; none without steps.
    pub(super) fn share(self) -> Option<f64> {
        (self.steps > 0).then(|| self.held as f64 / self.steps as f64)
    }
}

/// For each solution of a group an advantage for each of its tokens, from steps as the places behind their last
/// tokens with their scores. A solution without steps has none, and none is compared with it.
pub fn step_advantages(
    scored: &[Vec<(usize, f64)>],
    lengths: &[usize],
    form: Form,
) -> Vec<Vec<f64>> {
    match form {
        Form::Sum => normalised(scored, lengths, true),
        Form::Own => normalised(scored, lengths, false),
        Form::Min => weakest(scored, lengths),
    }
}

/// Scores of all steps normalised together; `behind` for those of later steps too.
fn normalised(scored: &[Vec<(usize, f64)>], lengths: &[usize], behind: bool) -> Vec<Vec<f64>> {
    let all: Vec<f64> = scored.iter().flatten().map(|(_, score)| *score).collect();
    let normal = advantages(&[all], Baseline::Mean, Spread::Population);
    let mut normal = normal.into_iter().flatten();
    let solution = |(steps, &length): (&Vec<(usize, f64)>, &usize)| {
        let mut own = vec![0.0; length];
        let mut before = 0;
        for ((end, _), value) in steps.iter().zip(normal.by_ref()) {
            let first = if behind { 0 } else { before };
            own.iter_mut().take(*end).skip(first).for_each(|advantage| *advantage += value);
            before = *end;
        }
        own
    };
    scored.iter().zip(lengths).map(solution).collect()
}

fn weakest(scored: &[Vec<(usize, f64)>], lengths: &[usize]) -> Vec<Vec<f64>> {
    // The first of equals: what stands behind it has not been worse.
    let least =
        |steps: &Vec<(usize, f64)>| steps.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1));
    let least: Vec<Option<(usize, f64)>> = scored.iter().map(least).collect();
    let known: Vec<f64> = least.iter().flatten().map(|(_, score)| *score).collect();
    let normal = advantages(&[known], Baseline::Mean, Spread::Population);
    let mut normal = normal.into_iter().flatten();
    let solution = |(least, &length): (&Option<(usize, f64)>, &usize)| {
        let mut own = vec![0.0; length];
        if let (Some((end, _)), Some(value)) = (least, least.and_then(|_| normal.next())) {
            own.iter_mut().take(*end).for_each(|advantage| *advantage = value);
        }
        own
    };
    least.iter().zip(lengths).map(solution).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tts_core::{Finish, Prompt, Verdict};

    use super::super::sample::Scored;
    use super::*;

    fn sample(right: bool, scores: &[f64]) -> Sample {
        let scored = scores.iter().enumerate();
        Sample {
            prompt: Arc::new(Prompt::from("?")),
            begun: "?".into(),
            text: String::new(),
            answer: None,
            verdict: Some(if right { Verdict::Right } else { Verdict::Wrong }),
            finish: Finish::Stop,
            tokens: vec![0; 2 * scores.len()],
            runs: Vec::new(),
            scored: scored.map(|(at, &score)| Scored { end: 2 * at + 2, score }).collect(),
            value: scores.last().copied(),
            picked: false,
            path: Vec::new(),
        }
    }

    #[test]
    fn sums_are_of_what_ends_behind_a_token() {
        // Mean 0.5, deviation 0.5: -1, 1, 1, -1 but for the epsilon.
        let found = step_advantages(
            &[vec![(1, 0.0), (3, 1.0)], vec![(2, 1.0), (3, 0.0)]],
            &[4, 3],
            Form::Sum,
        );
        let unit = 0.5 / (0.5 + 1e-4);
        let expected = [vec![0.0, unit, unit, 0.0], vec![0.0, 0.0, -unit]];
        for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() < 1e-12, "{found}, {expected}");
        }
    }

    #[test]
    fn a_steps_own_score_is_of_its_own_tokens() {
        let scored = [vec![(1, 0.0), (3, 1.0)], vec![(2, 1.0), (3, 0.0)]];
        let found = step_advantages(&scored, &[4, 3], Form::Own);
        let unit = 0.5 / (0.5 + 1e-4);
        let expected = [vec![-unit, unit, unit, 0.0], vec![unit, unit, -unit]];
        for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() < 1e-12, "{found}, {expected}");
        }
        let min = Process { of: Steps::Tree, form: Form::Min, ..Process::default() };
        let error = min.check().unwrap_err().to_string();
        assert!(error.contains("process.form: min, of differences"), "{error}");
        // Settings of before are read, and are written as they were.
        let json = r#"{"weight":0.5,"form":"min","guard":true}"#;
        let process: Process = serde_json::from_str(json).unwrap();
        assert_eq!(process, Process::default());
        assert_eq!(serde_json::to_string(&process).unwrap(), json);
    }

    /// A long solution whose steps are all well liked gains by sums, and not by its weakest step.
    #[test]
    fn padding_is_worth_nothing_in_min_form() {
        let (short, long) = ([0.9, 0.9], [0.9, 0.9, 0.99, 0.99, 0.99, 0.99]);
        let first = |form: Form| {
            let steps = |scores: &[f64]| {
                scores.iter().enumerate().map(|(at, s)| (at + 1, *s)).collect::<Vec<_>>()
            };
            let found = step_advantages(&[steps(&short), steps(&long)], &[2, 6], form);
            found[1][0] - found[0][0]
        };
        assert!(first(Form::Sum) > 1.0);
        assert!(first(Form::Min).abs() < 1e-12);
    }

    #[test]
    fn a_guard_keeps_scores_from_taking_the_place_of_outcomes() {
        let group = [sample(false, &[0.99, 0.98]), sample(true, &[0.9, 0.1]), sample(true, &[])];
        for form in [Form::Sum, Form::Min] {
            let process = Process { of: Steps::Scorer, weight: 2.0, form, guard: true };
            let mut held = Held::default();
            let found = process.advantages(&group, &[0.0; 3], &mut held).unwrap();
            assert!(found[0].iter().all(|advantage| *advantage <= 0.0), "{found:?}");
            assert!(found[1].iter().all(|advantage| *advantage >= 0.0), "{found:?}");
            assert!(found[2].is_empty());
            // Praise of what is wrong, and blame of what is right, was held back.
            assert!(held.share().is_some_and(|share| share > 0.0 && share <= 1.0), "{held:?}");
            let mut none = Held::default();
            let free = Process { guard: false, ..process };
            let free = free.advantages(&group, &[0.0; 3], &mut none).unwrap();
            assert!(free[0][0] > 0.0 && free[1][0] < 0.0, "{free:?}");
            assert_eq!((none.share(), none.steps), (Some(0.0), held.steps));
        }
        let bad = [sample(true, &[f64::NAN])];
        let error = Process::default()
            .advantages(&bad, &[0.0], &mut Held::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains("sample 0: a step has the score NaN"), "{error}");
    }
}
