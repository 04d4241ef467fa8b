//! The next token from its logits: temperature, top-k, top-p, min-p, and its log-probability.
//!
//! Candidates are the tokens in order of falling logit, equals by id; top-k keeps the first `k`,
//! top-p the shortest beginning that holds `p` of the probability that is left, min-p those at
//! least so probable relative to the first. One uniform number then picks by the inverse of the
//! cumulative distribution. Without truncation the sum runs in the order of ids, which needs no
//! sorting. The log-probability that is reported is that of the model itself: at temperature 1,
//! before any truncation.
//!
//! Sources: top-k, Fan et al. 2018; top-p, Holtzman et al. 2020; min-p, Nguyen et al. 2024.

use tts_core::seed::{self, Rng};
use tts_core::{LineError, Sampling};

use crate::kernels::exp_in_place;

/// Draws a token; returns its id and its log-probability in nats.
///
/// # Errors
/// When a logit is not a number, or there is none.
pub fn sample(logits: &[f32], sampling: &Sampling, rng: &mut Rng) -> Result<(u32, f32), LineError> {
    let best = argmax(logits)?;
    let token = if sampling.is_greedy() { best } else { draw(logits, best, sampling, rng) };
    Ok((id(token), logprob(logits, best, token)))
}

/// The log-probability of `token` in nats.
///
/// # Errors
/// When a logit is not a number, or the token has none.
pub fn token_logprob(logits: &[f32], token: u32) -> Result<f32, LineError> {
    let best = argmax(logits)?;
    if token as usize >= logits.len() {
        return Err(LineError(format!("token {token} has no logit: there are {}", logits.len())));
    }
    Ok(logprob(logits, best, token as usize))
}

/// The `count` highest logits with their ids, highest first, equals by id.
pub fn top(logits: &[f32], count: usize) -> Vec<(u32, f32)> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
    order.into_iter().take(count).map(|token| (id(token), logits[token])).collect()
}

fn id(token: usize) -> u32 {
    u32::try_from(token).unwrap_or(u32::MAX)
}

/// The first of the highest logits.
fn argmax(logits: &[f32]) -> Result<usize, LineError> {
    let mut best: Option<(usize, f32)> = None;
    for (token, &logit) in logits.iter().enumerate() {
        if logit.is_nan() {
            return Err(LineError(format!("the logit of token {token} is not a number")));
        }
        if best.is_none_or(|(_, top)| logit > top) {
            best = Some((token, logit));
        }
    }
    match best {
        Some((token, logit)) if logit.is_finite() => Ok(token),
        _ => Err(LineError("no token has a finite highest logit".into())),
    }
}

fn logprob(logits: &[f32], best: usize, token: usize) -> f32 {
    let mut weights = logits.to_vec();
    exp_in_place(&mut weights, logits[best]);
    let sum: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
    #[expect(clippy::cast_possible_truncation, reason = "log-probabilities are f32")]
    let logprob = (f64::from(logits[token]) - f64::from(logits[best]) - sum.ln()) as f32;
    logprob.min(0.0)
}

fn draw(logits: &[f32], best: usize, sampling: &Sampling, rng: &mut Rng) -> usize {
    let inverse = 1.0 / sampling.temperature;
    let shift = logits[best] * inverse;
    let uniform = seed::uniform(rng);
    let all = sampling.top_k == 0 || sampling.top_k as usize >= logits.len();
    if all && sampling.top_p >= 1.0 && sampling.min_p <= 0.0 {
        let mut weights: Vec<f32> = logits.iter().map(|logit| logit * inverse).collect();
        exp_in_place(&mut weights, shift);
        return pick(&weights, uniform).unwrap_or(best);
    }
    let candidates = candidates(logits, best, sampling);
    let mut weights: Vec<f32> = candidates.iter().map(|&token| logits[token] * inverse).collect();
    exp_in_place(&mut weights, shift);
    let mut keep = weights.len();
    if sampling.top_p < 1.0 {
        // Of what top-k leaves; without it, of everything.
        let sum: f64 = if all {
            let mut every: Vec<f32> = logits.iter().map(|logit| logit * inverse).collect();
            exp_in_place(&mut every, shift);
            every.iter().map(|&weight| f64::from(weight)).sum()
        } else {
            weights.iter().map(|&weight| f64::from(weight)).sum()
        };
        let (mut mass, wanted) = (0.0, f64::from(sampling.top_p) * sum);
        let enough = weights.iter().position(|&weight| {
            mass += f64::from(weight);
            mass >= wanted
        });
        keep = enough.map_or(keep, |last| last + 1);
    }
    if sampling.min_p > 0.0 {
        // Weights are relative to the highest, which is 1.
        let probable = weights.iter().position(|&weight| weight < sampling.min_p);
        keep = keep.min(probable.unwrap_or(keep)).max(1);
    }
    pick(&weights[..keep], uniform).map_or(best, |index| candidates[index])
}

/// The tokens that truncation may leave, highest logit first, equals by id.
fn candidates(logits: &[f32], best: usize, sampling: &Sampling) -> Vec<usize> {
    let k = if sampling.top_k == 0 { logits.len() } else { sampling.top_k as usize };
    if k < logits.len() || sampling.min_p <= 0.0 {
        return shortlist(logits, k);
    }
    // What min-p is going to drop need not be sorted; the margin covers rounding.
    let floor = logits[best] + sampling.temperature * (sampling.min_p.ln() - 0.01);
    let mut tokens: Vec<usize> = (0..logits.len()).filter(|&t| logits[t] >= floor).collect();
    tokens.sort_unstable_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
    tokens
}

/// The `k` tokens with the highest logits, highest first, equals by id.
fn shortlist(logits: &[f32], k: usize) -> Vec<usize> {
    let by_rank = |a: &usize, b: &usize| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b));
    let mut tokens: Vec<usize> = (0..logits.len()).collect();
    if k < tokens.len() {
        tokens.select_nth_unstable_by(k, by_rank);
        tokens.truncate(k);
    }
    tokens.sort_unstable_by(by_rank);
    tokens
}

/// The first index at which the cumulative weight exceeds `uniform` of the whole.
fn pick(weights: &[f32], uniform: f64) -> Option<usize> {
    let sum: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
    let mut left = uniform * sum;
    let mut last = None;
    for (index, &weight) in weights.iter().enumerate() {
        if weight > 0.0 {
            left -= f64::from(weight);
            last = Some(index);
            if left < 0.0 {
                break;
            }
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(logits: &[f32], sampling: Sampling) -> Vec<f64> {
        let mut rng = seed::rng(17);
        let mut counts = vec![0.0; logits.len()];
        for _ in 0..40_000 {
            let (token, _) = sample(logits, &sampling, &mut rng).expect("finite");
            counts[token as usize] += 1.0 / 40_000.0;
        }
        counts
    }

    #[test]
    fn frequencies_follow_the_distribution() {
        // Probabilities 0.5, 0.25, 0.125, 0.125 at temperature 1. Standard deviation of a share
        // is at most 0.0025; the bound is 4 of them.
        let logits: Vec<f32> = [0.25_f32, 0.5, 0.125, 0.125].iter().map(|p| p.ln()).collect();
        let at = |sampling: Sampling| shares(&logits, sampling);
        let one = Sampling::temperature(1.0);
        let table: [(Sampling, [f64; 4]); 7] = [
            (one, [0.25, 0.5, 0.125, 0.125]),
            (Sampling::temperature(0.5), [4.0 / 22.0, 16.0 / 22.0, 1.0 / 22.0, 1.0 / 22.0]),
            (Sampling { top_k: 2, ..one }, [1.0 / 3.0, 2.0 / 3.0, 0.0, 0.0]),
            (Sampling { top_k: 3, ..one }, [2.0 / 7.0, 4.0 / 7.0, 1.0 / 7.0, 0.0]),
            (Sampling { top_p: 0.6, ..one }, [1.0 / 3.0, 2.0 / 3.0, 0.0, 0.0]),
            (Sampling { top_p: 0.3, ..one }, [0.0, 1.0, 0.0, 0.0]),
            (Sampling { min_p: 0.4, ..one }, [1.0 / 3.0, 2.0 / 3.0, 0.0, 0.0]),
        ];
        for (sampling, expected) in table {
            for (found, expected) in at(sampling).iter().zip(expected) {
                assert!((found - expected).abs() < 0.01, "{sampling:?}: {found} for {expected}");
            }
        }
    }

    #[test]
    fn greedy_draws_no_number_and_takes_the_first_of_equals() {
        let mut rng = seed::rng(1);
        let before = rng.clone();
        assert_eq!(sample(&[1.0, 3.0, 3.0], &Sampling::greedy(), &mut rng).map(|s| s.0), Ok(1));
        assert_eq!(rng, before);
    }

    #[test]
    fn the_logprob_is_the_models_own() {
        let logits = [2.0, 1.0, 0.0, -1e9];
        let exact = |i: usize| {
            let sum: f64 = logits.iter().map(|&l: &f32| f64::from(l).exp()).sum();
            f64::from(logits[i]) - sum.ln()
        };
        let sampling = Sampling { top_k: 1, temperature: 0.1, ..Sampling::default() };
        let (token, found) = sample(&logits, &sampling, &mut seed::rng(3)).expect("finite");
        assert_eq!(token, 0);
        assert!((f64::from(found) - exact(0)).abs() < 1e-6);
        assert!((f64::from(token_logprob(&logits, 2).expect("known")) - exact(2)).abs() < 1e-6);
        assert!(token_logprob(&logits, 4).is_err());
    }

    #[test]
    fn bad_logits_are_errors() {
        let greedy = Sampling::greedy();
        for logits in [
            vec![],
            vec![f32::NAN, 1.0],
            vec![1.0, f32::NAN],
            vec![f32::NEG_INFINITY; 2],
            vec![f32::INFINITY],
        ] {
            assert!(sample(&logits, &greedy, &mut seed::rng(0)).is_err(), "{logits:?}");
        }
    }
}
