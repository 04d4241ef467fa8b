//! The next token from its logits: temperature, top-k, top-p, min-p, and what is said of it.
//!
//! Candidates are the tokens in order of falling logit, equals by id; top-k keeps the first `k`,
//! top-p the shortest beginning that holds `p` of the probability that is left, min-p those at
//! least so probable relative to the first. One uniform number then picks by the inverse of the
//! cumulative distribution; without truncation the sum runs in the order of ids, which needs no
//! sorting. The log-probability that is reported is that of the model itself: at temperature 1,
//! before any truncation. What a [`Watch`] asks for is computed beside it, from the same logits, and
//! changes nothing that is drawn.
//!
//! Large vocabularies are never sorted: the largest logit of each 64 tells how large a logit must
//! be to rank, and only those are sorted. Sums of exponentials run in f32 within 1,024 tokens and
//! in f64 over them.
//!
//! Sources: top-k, Fan et al. 2018; top-p, Holtzman et al. 2020; min-p, Nguyen et al. 2024.

mod draw;
mod signals;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use tts_core::seed::Rng;
use tts_core::{LineError, Sampling, Watch};

use draw::Scratch;
pub use signals::Signals;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// A token that was drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampled {
    /// Its id.
    pub token: u32,
    /// Its log-probability in nats under the model: at temperature 1, before any truncation.
    pub logprob: f32,
    /// What was asked to be noted.
    pub signals: Signals,
}

/// Draws a token, and notes of it what `watch` asks for.
///
/// ```
/// use tts_core::{Sampling, Watch, seed};
/// let logits = [0.7_f32, 0.1, 0.1, 0.1].map(f32::ln);
/// let watch = Watch { certainty: true, ..Watch::default() };
/// let drawn = tts_models::engine::sampling::sample(&logits, &Sampling::greedy(), &watch, &mut seed::rng(1))?;
/// assert_eq!(drawn.token, 0);
/// assert!((drawn.signals.certainty.unwrap() - 0.429813).abs() < 1e-6);
/// # Ok::<(), tts_core::LineError>(())
/// ```
///
/// # Errors
/// When a logit is not a number, or none is finite and highest.
pub fn sample(
    logits: &[f32],
    sampling: &Sampling,
    watch: &Watch,
    rng: &mut Rng,
) -> Result<Sampled, LineError> {
    SCRATCH.with_borrow_mut(|scratch| {
        let most = scratch.normalise(logits)?;
        let sum = scratch.mass();
        let (token, odds) = scratch.sample(logits, most, sampling, rng);
        let logit = logits[token as usize];
        let signals = scratch.signals(logits, most, sum, watch, odds.logprob(logit, most));
        Ok(Sampled { token, logprob: logprob(logit, most, sum), signals })
    })
}

/// Takes the token of a rank, 0 for the most probable one, as [`Sampling::first`] asks, and notes of it what
/// `watch` asks for.
///
/// # Errors
/// Those of [`sample`], and when there are not as many tokens.
pub fn ranked(logits: &[f32], rank: u32, watch: &Watch) -> Result<Sampled, LineError> {
    let Some(&(token, logit)) = top(logits, (rank as usize).saturating_add(1)).get(rank as usize)
    else {
        let problem = format!("no token has the rank {rank}: there are {}", logits.len());
        return Err(LineError(problem));
    };
    SCRATCH.with_borrow_mut(|scratch| {
        let most = scratch.normalise(logits)?;
        let sum = scratch.mass();
        let signals = scratch.signals(logits, most, sum, watch, 0.0);
        Ok(Sampled { token, logprob: logprob(logit, most, sum), signals })
    })
}

/// The log-probability of `token` in nats.
///
/// # Errors
/// When a logit is not a number, or the token has none.
pub fn token_logprob(logits: &[f32], token: u32) -> Result<f32, LineError> {
    let Some(&logit) = logits.get(token as usize) else {
        return Err(LineError(format!("token {token} has no logit: there are {}", logits.len())));
    };
    SCRATCH.with_borrow_mut(|scratch| {
        let most = scratch.normalise(logits)?;
        Ok(logprob(logit, most, scratch.mass()))
    })
}

/// The `count` highest logits with their ids, highest first, equals by id.
pub fn top(logits: &[f32], count: usize) -> Vec<(u32, f32)> {
    SCRATCH.with_borrow_mut(|scratch| {
        let ranked = scratch.rank(logits, count);
        ranked.iter().map(|&token| (token, logits[token as usize])).collect()
    })
}

impl Scratch {
    /// What is noted of a token that was drawn with this log-probability.
    fn signals(
        &mut self,
        logits: &[f32],
        most: f32,
        sum: f64,
        watch: &Watch,
        drawn: f32,
    ) -> Signals {
        let count = watch.confidence as usize;
        Signals {
            confidence: (count > 0)
                .then(|| signals::confidence(logits, self.rank(logits, count), most, sum)),
            certainty: watch.certainty.then(|| signals::certainty(logits, most, sum)),
            drawn: watch.drawn.then_some(drawn),
        }
    }
}

/// The log-probability of a logit, where `sum` is that of all `e^(logit - most)`.
fn logprob(logit: f32, most: f32, sum: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "log-probabilities are f32")]
    let logprob = (f64::from(logit) - f64::from(most) - sum.ln()) as f32;
    logprob.min(0.0)
}
