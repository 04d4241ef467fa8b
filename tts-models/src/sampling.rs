//! The next token from its logits: temperature, top-k, top-p, min-p, and its log-probability.
//!
//! Candidates are the tokens in order of falling logit, equals by id; top-k keeps the first `k`,
//! top-p the shortest beginning that holds `p` of the probability that is left, min-p those at
//! least so probable relative to the first. One uniform number then picks by the inverse of the
//! cumulative distribution; without truncation the sum runs in the order of ids, which needs no
//! sorting. The log-probability that is reported is that of the model itself: at temperature 1,
//! before any truncation.
//!
//! Large vocabularies are never sorted: the largest logit of each 64 tells how large a logit must
//! be to rank, and only those are sorted. Sums of exponentials run in f32 within 1,024 tokens and
//! in f64 over them.
//!
//! Sources: top-k, Fan et al. 2018; top-p, Holtzman et al. 2020; min-p, Nguyen et al. 2024.

use std::cell::RefCell;

use tts_core::seed::{self, Rng};
use tts_core::{LineError, Sampling};

use crate::kernels::{exp_in_place, exp_sum, largest, largest_of_each};

/// Tokens whose exponentials are summed in f32.
const CHUNK: usize = 1024;

/// Tokens of which only the largest logit decides whether the others are looked at.
const GROUP: usize = 64;

/// What sampling needs for itself, kept from token to token.
#[derive(Default)]
struct Scratch {
    /// Sums of the exponentials of all logits, by chunk.
    sums: Vec<f64>,
    /// Largest logits, by group.
    tops: Vec<f32>,
    candidates: Vec<u32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Draws a token; returns its id and its log-probability in nats.
///
/// # Errors
/// When a logit is not a number, or none is finite and highest.
pub fn sample(logits: &[f32], sampling: &Sampling, rng: &mut Rng) -> Result<(u32, f32), LineError> {
    SCRATCH.with_borrow_mut(|scratch| {
        let most = scratch.normalise(logits)?;
        let sum: f64 = scratch.sums.iter().sum();
        let token = if sampling.is_greedy() {
            first(logits, most)
        } else {
            scratch.draw(logits, most, sampling, seed::uniform(rng))
        };
        Ok((token, logprob(logits[token as usize], most, sum)))
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
        Ok(logprob(logit, most, scratch.sums.iter().sum()))
    })
}

/// The `count` highest logits with their ids, highest first, equals by id.
pub fn top(logits: &[f32], count: usize) -> Vec<(u32, f32)> {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.rank(logits, count);
        scratch.candidates.iter().map(|&token| (token, logits[token as usize])).collect()
    })
}

/// The first token with the highest logit.
fn first(logits: &[f32], most: f32) -> u32 {
    let place = logits.iter().position(|&logit| logit >= most);
    u32::try_from(place.unwrap_or(0)).unwrap_or(u32::MAX)
}

fn logprob(logit: f32, most: f32, sum: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "log-probabilities are f32")]
    let logprob = (f64::from(logit) - f64::from(most) - sum.ln()) as f32;
    logprob.min(0.0)
}

impl Scratch {
    /// Exponentials at temperature 1; the highest logit.
    fn normalise(&mut self, logits: &[f32]) -> Result<f32, LineError> {
        let most = largest(logits);
        if !most.is_finite() {
            return Err(LineError("no token has a finite highest logit".into()));
        }
        self.exponentials(logits, most, 1.0);
        if self.sums.iter().any(|sum| sum.is_nan()) {
            let token = logits.iter().position(|logit| logit.is_nan()).unwrap_or_default();
            return Err(LineError(format!("the logit of token {token} is not a number")));
        }
        Ok(most)
    }

    /// Sums of `e^((logit - most) * inverse)` of all logits, by chunk.
    fn exponentials(&mut self, logits: &[f32], most: f32, inverse: f32) {
        self.sums.clear();
        let chunks = logits.chunks(CHUNK);
        self.sums.extend(chunks.map(|chunk| f64::from(exp_sum(chunk, inverse, most))));
    }

    /// The `count` tokens with the highest logits, highest first, equals by id.
    fn rank(&mut self, logits: &[f32], count: usize) {
        self.candidates.clear();
        if count == 0 {
            return;
        }
        largest_of_each(logits, GROUP, &mut self.tops);
        // At least `count` logits are as high as the `count`-th of the groups' highest.
        let floor = if count < self.tops.len() {
            let mut tops = self.tops.clone();
            let (_, floor, _) = tops.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
            *floor
        } else {
            f32::NEG_INFINITY
        };
        let firsts = (0_u32..).step_by(GROUP);
        for ((group, &top), first) in logits.chunks(GROUP).zip(&self.tops).zip(firsts) {
            if top >= floor {
                let high = (first..).zip(group).filter(|(_, logit)| **logit >= floor);
                self.candidates.extend(high.map(|(token, _)| token));
            }
        }
        let by_rank =
            |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
        if count < self.candidates.len() {
            self.candidates.select_nth_unstable_by(count, by_rank);
            self.candidates.truncate(count);
        }
        self.candidates.sort_unstable_by(by_rank);
    }

    fn draw(&mut self, logits: &[f32], most: f32, sampling: &Sampling, uniform: f64) -> u32 {
        let inverse = 1.0 / sampling.temperature;
        let k = sampling.top_k as usize;
        let all = k == 0 || k >= logits.len();
        let nucleus = sampling.top_p < 1.0;
        if all && (nucleus || sampling.min_p <= 0.0) {
            self.exponentials(logits, most, inverse);
            if !nucleus && sampling.min_p <= 0.0 {
                let picked = self.pick_any(logits, most, inverse, uniform);
                return picked.unwrap_or_else(|| first(logits, most));
            }
        }
        // Of everything, unless top-k leaves less.
        let total: f64 = self.sums.iter().sum();
        let mut count = if all { GROUP.min(logits.len()) } else { k };
        let weights = loop {
            self.rank(logits, count);
            let mut weights: Vec<f32> =
                self.candidates.iter().map(|&token| logits[token as usize]).collect();
            exp_in_place(&mut weights, inverse, most);
            let total = if all { total } else { weights.iter().copied().map(f64::from).sum() };
            let keep = kept(&weights, sampling, total);
            // What ends within the candidates does not depend on how many there are.
            if !all || keep < count || count == logits.len() {
                weights.truncate(keep);
                break weights;
            }
            count = (8 * count).min(logits.len());
        };
        match pick(&weights, uniform) {
            Some(index) => self.candidates[index],
            None => first(logits, most),
        }
    }

    /// The token at which the cumulative weight, in the order of ids, exceeds `uniform` of all.
    fn pick_any(&self, logits: &[f32], most: f32, inverse: f32, uniform: f64) -> Option<u32> {
        let mut left = uniform * self.sums.iter().sum::<f64>();
        let mut chosen = None;
        for (index, &sum) in self.sums.iter().enumerate() {
            if sum > 0.0 {
                chosen = Some((index, left));
                if left < sum {
                    break;
                }
            }
            left -= sum;
        }
        let (index, left) = chosen?;
        let mut weights = logits.chunks(CHUNK).nth(index)?.to_vec();
        exp_in_place(&mut weights, inverse, most);
        u32::try_from(index * CHUNK + place(&weights, left)?).ok()
    }
}

/// How many of the ranked weights truncation leaves, at least one.
fn kept(weights: &[f32], sampling: &Sampling, total: f64) -> usize {
    let mut keep = weights.len();
    if sampling.top_p < 1.0 {
        let (mut mass, wanted) = (0.0, f64::from(sampling.top_p) * total);
        let enough = weights.iter().position(|&weight| {
            mass += f64::from(weight);
            mass >= wanted
        });
        keep = enough.map_or(keep, |last| last + 1);
    }
    if sampling.min_p > 0.0 {
        // Weights are relative to the highest, which is 1.
        let improbable = weights.iter().position(|&weight| weight < sampling.min_p);
        keep = keep.min(improbable.unwrap_or(keep)).max(1);
    }
    keep
}

/// The first index at which the cumulative weight exceeds `uniform` of the whole.
fn pick(weights: &[f32], uniform: f64) -> Option<usize> {
    let sum: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
    place(weights, uniform * sum)
}

/// The first index at which the cumulative weight exceeds `left`, or the last with any weight.
fn place(weights: &[f32], mut left: f64) -> Option<usize> {
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

    /// Against sorting everything, over distributions of all shapes.
    #[test]
    fn truncation_keeps_what_a_full_sort_would() {
        let mut rng = seed::rng(4);
        for size in [1, 5, 63, 64, 65, 700, 5000] {
            for spread in [0.0, 0.1, 3.0, 20.0] {
                #[expect(clippy::cast_possible_truncation, reason = "test data")]
                let logits: Vec<f32> =
                    (0..size).map(|_| (seed::uniform(&mut rng) * spread).floor() as f32).collect();
                let mut order: Vec<usize> = (0..size).collect();
                order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
                for count in [1, 2, 40, 64, 100, 6000] {
                    let found: Vec<usize> =
                        top(&logits, count).iter().map(|(token, _)| *token as usize).collect();
                    assert_eq!(found, order[..count.min(size)]);
                }
                let weight = |token: usize| f64::from(logits[token] - logits[order[0]]).exp();
                let total: f64 = (0..size).map(weight).sum();
                for (top_p, min_p) in [(0.3, 0.0), (0.99, 0.0), (1.0, 0.01), (0.9, 0.2)] {
                    let mut mass = 0.0;
                    let mut kept = Vec::new();
                    for &token in &order {
                        if mass >= f64::from(top_p) * total || weight(token) < f64::from(min_p) {
                            break;
                        }
                        mass += weight(token);
                        kept.push(token);
                    }
                    let sampling = Sampling { top_p, min_p, ..Sampling::temperature(1.0) };
                    let sums = |uniform: f64| {
                        SCRATCH.with_borrow_mut(|scratch| {
                            let most = scratch.normalise(&logits).expect("finite");
                            scratch.draw(&logits, most, &sampling, uniform) as usize
                        })
                    };
                    // Both ends of the kept candidates, but for rounding at the edge of the nucleus.
                    assert_eq!(sums(0.0), kept[0]);
                    let last = sums(1.0 - 1e-12);
                    let near = order.iter().position(|&t| t == last).map_or(0, |at| at + 1);
                    assert!(near.abs_diff(kept.len()) <= 1, "{near} for {} of {size}", kept.len());
                }
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
