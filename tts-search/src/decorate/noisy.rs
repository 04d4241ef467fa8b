//! A worse verifier, made of a good one: noise on the log-odds of every score.
//!
//! `logit(s') = logit(s) + sigma z`, with a normal `z` that depends on seed, prompt and path alone, so that a
//! step is misjudged alike in every batch and every search. What a search loses as `sigma` grows is what it
//! owes to its verifier: beams trust it most, particle filters less, votes hardly at all.
//!
//! Cost: that of the scorer.
//!
//! Source: none; the set-up by which Puri et al. 2025 (arXiv 2502.01618, section 1) argue for particle filters,
//! that process rewards are imperfect, made a dial.

use tts_core::cost::ModelCost;
use tts_core::scorer::Scored;
use tts_core::{BoxError, Scale, StepScorer, Trajectory, seed};

/// A scorer whose log-odds are off by normal noise.
///
/// ```
/// use tts_core::{Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::{BeamSearch, decorate::Noisy};
/// let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
/// let worse = Noisy::new(Oracle { noise: 0.1, seed: 1 }, 2.0, 7)?;
/// let beam = BeamSearch { keep: 2, branch: 4, ..Default::default() };
/// let outcome =
///     Search::new(&world).scorer(worse).rule(StepRule::lines()).run(beam, world.prompt(0))?;
/// assert!(outcome.answer().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Noisy<S> {
    scorer: S,
    sigma: f64,
    seed: u64,
}

/// What cannot be made noisy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoisyError {
    /// Only probabilities have log-odds.
    #[error("noise on log-odds needs probabilities, and the scorer gives {scale}")]
    Scale {
        /// What it gives.
        scale: Scale,
    },
    /// No standard deviation.
    #[error("sigma is {sigma}, expected a number of at least 0")]
    Sigma {
        /// What was given.
        sigma: f64,
    },
}

impl<S: StepScorer> Noisy<S> {
    /// Noise of this standard deviation, in nats of the odds.
    ///
    /// # Errors
    /// When the scorer gives no probabilities, or `sigma` is no standard deviation.
    pub fn new(scorer: S, sigma: f64, seed: u64) -> Result<Self, NoisyError> {
        if !(sigma >= 0.0 && sigma.is_finite()) {
            return Err(NoisyError::Sigma { sigma });
        }
        let scale = scorer.scale();
        if !matches!(scale.unit, tts_core::Unit::Probability) {
            return Err(NoisyError::Scale { scale });
        }
        Ok(Self { scorer, sigma, seed })
    }

    /// The scores of a path's fresh steps, each off by the noise of the path up to it.
    fn worse(&self, path: &Trajectory, mut scored: Scored) -> Scored {
        let mut at = seed::prompt(self.seed, path.prompt());
        for step in path.judged_steps() {
            at = seed::hash_text(at, &step.text);
        }
        for (step, score) in path.fresh_steps().iter().zip(&mut scored.scores) {
            at = seed::hash_text(at, &step.text);
            let odds = (score.clamp(1e-9, 1.0 - 1e-9) / (1.0 - score.clamp(1e-9, 1.0 - 1e-9))).ln();
            if self.sigma > 0.0 {
                *score = 1.0 / (1.0 + (-(odds + self.sigma * seed::rng(at).normal())).exp());
            }
        }
        scored
    }
}

impl<S: StepScorer> StepScorer for Noisy<S> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let scored = self.scorer.score(batch)?;
        // A wrong number of judgements is the driver's to find.
        let mut paths = batch.iter();
        Ok(scored
            .into_iter()
            .map(|one| match paths.next() {
                Some(path) => self.worse(path, one),
                None => one,
            })
            .collect())
    }

    fn scale(&self) -> Scale {
        self.scorer.scale()
    }

    fn cost(&self) -> ModelCost {
        self.scorer.cost()
    }

    fn identity(&self) -> Option<String> {
        let Self { sigma, seed, .. } = self;
        self.scorer.identity().map(|scorer| format!("{scorer} with noise {sigma} of seed {seed}"))
    }

    fn vocabulary(&self) -> Option<u64> {
        self.scorer.vocabulary()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tts_core::{Prompt, Step, scorer};

    use super::*;

    fn path(steps: &[&str], fresh: usize) -> Trajectory {
        let step = |text: &&str| Arc::new(Step { text: (*text).into(), ..Step::default() });
        let prompt = Arc::new(Prompt::from("a question"));
        Trajectory::new(prompt, steps.iter().map(step).collect(), fresh, false)
    }

    fn noisy(sigma: f64) -> Noisy<impl StepScorer> {
        let scorer = scorer::from_fn(|_, step| step.text.len() as f64 / 10.0);
        Noisy::new(scorer.with_scale(Scale::STEP), sigma, 3).expect("probabilities")
    }

    #[test]
    fn a_step_is_misjudged_alike_wherever_it_is_judged() {
        let scores = |steps: &[&str], fresh| {
            noisy(1.5).score(&[path(&["x"], 1), path(steps, fresh)]).expect("judged")[1]
                .scores
                .clone()
        };
        let whole = scores(&["ab", "abcd", "ab"], 3);
        assert_eq!(scores(&["ab", "abcd", "ab"], 1), whole[2..]);
        assert_eq!(scores(&["ab"], 1), whole[..1]);
        // The same words elsewhere are another step.
        assert!((whole[0] - whole[2]).abs() > 1e-6);
    }

    #[test]
    fn no_noise_is_the_scorer_itself() {
        let scores = noisy(0.0).score(&[path(&["ab", "abcd"], 2)]).expect("judged");
        assert_eq!(scores[0].scores, [0.2, 0.4]);
    }

    /// 20,000 log-odds: mean and variance within five standard errors.
    #[test]
    fn the_noise_is_normal() {
        let texts: Vec<String> = (0..20_000).map(|n| format!("{n:05}")).collect();
        let batch: Vec<Trajectory> = texts.iter().map(|text| path(&[text], 1)).collect();
        let scored = noisy(2.0).score(&batch).expect("judged");
        // Five letters are 0.5, whose log-odds are 0.
        let odds: Vec<f64> =
            scored.iter().map(|one| (one.scores[0] / (1.0 - one.scores[0])).ln()).collect();
        let count = odds.len() as f64;
        let mean = odds.iter().sum::<f64>() / count;
        let variance = odds.iter().map(|odds| odds * odds).sum::<f64>() / count;
        assert!(mean.abs() < 5.0 * 2.0 / count.sqrt(), "{mean}");
        assert!((variance - 4.0).abs() < 5.0 * 4.0 * (2.0 / count).sqrt(), "{variance}");
        let within = odds.iter().filter(|odds| odds.abs() < 2.0).count() as f64 / count;
        assert!((within - 0.6827).abs() < 5.0 * (0.6827 * 0.3173 / count).sqrt(), "{within}");
    }

    #[test]
    fn what_has_no_log_odds_is_refused() {
        let reward = || scorer::from_fn(|_, _| 3.0).with_scale(Scale::REWARD);
        assert!(matches!(Noisy::new(reward(), 1.0, 0), Err(NoisyError::Scale { .. })));
        let error = |sigma| {
            let scorer = scorer::from_fn(|_, _| 0.5).with_scale(Scale::STEP);
            Noisy::new(scorer, sigma, 0).expect_err("no deviation").to_string()
        };
        assert_eq!(error(-1.0), "sigma is -1, expected a number of at least 0");
        assert!(error(f64::NAN).contains("NaN") && error(f64::INFINITY).contains("inf"));
    }
}
