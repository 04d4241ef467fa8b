//! How a token is drawn: sums of exponentials, ranks, truncation, the inverse of the distribution.

use tts_core::seed::Rng;
use tts_core::{LineError, Sampling};

use crate::kernels::{exp_in_place, exp_sum, largest, largest_of_each};

/// Tokens whose exponentials are summed in f32.
const CHUNK: usize = 1024;

/// Tokens of which only the largest logit decides whether the others are looked at.
const GROUP: usize = 64;

/// What sampling needs for itself, kept from token to token.
#[derive(Default)]
pub(super) struct Scratch {
    /// Sums of the exponentials of all logits, by chunk.
    sums: Vec<f64>,
    /// Largest logits, by group.
    tops: Vec<f32>,
    candidates: Vec<u32>,
}

/// What a token was drawn among: weights `e^((logit - most) * inverse)`, and their sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Odds {
    inverse: f32,
    mass: f64,
}

impl Odds {
    /// A token that was not drawn: there was no other.
    const NONE: Self = Self { inverse: 0.0, mass: 1.0 };

    /// The log-probability in nats of a token among them.
    pub(super) fn logprob(self, logit: f32, most: f32) -> f32 {
        let below = f64::from(logit) - f64::from(most);
        #[expect(clippy::cast_possible_truncation, reason = "log-probabilities are f32")]
        let logprob = (below * f64::from(self.inverse) - self.mass.ln()) as f32;
        logprob.min(0.0)
    }
}

/// The first token with the highest logit.
fn first(logits: &[f32], most: f32) -> u32 {
    let place = logits.iter().position(|&logit| logit >= most);
    u32::try_from(place.unwrap_or(0)).unwrap_or(u32::MAX)
}

impl Scratch {
    /// Exponentials at temperature 1; the highest logit.
    pub(super) fn normalise(&mut self, logits: &[f32]) -> Result<f32, LineError> {
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

    /// The sum of the exponentials.
    pub(super) fn mass(&self) -> f64 {
        self.sums.iter().sum()
    }

    /// Sums of `e^((logit - most) * inverse)` of all logits, by chunk.
    fn exponentials(&mut self, logits: &[f32], most: f32, inverse: f32) {
        self.sums.clear();
        let chunks = logits.chunks(CHUNK);
        self.sums.extend(chunks.map(|chunk| f64::from(exp_sum(chunk, inverse, most))));
    }

    /// The `count` tokens with the highest logits, highest first, equals by id.
    pub(super) fn rank(&mut self, logits: &[f32], count: usize) -> &[u32] {
        self.candidates.clear();
        if count == 0 {
            return &self.candidates;
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
        &self.candidates
    }

    /// The next token, and what it was drawn among.
    pub(super) fn sample(
        &mut self,
        logits: &[f32],
        most: f32,
        sampling: &Sampling,
        rng: &mut Rng,
    ) -> (u32, Odds) {
        if sampling.is_greedy() {
            return (first(logits, most), Odds::NONE);
        }
        self.draw(logits, most, sampling, rng.uniform())
    }

    /// The token that a uniform number picks.
    pub(super) fn draw(
        &mut self,
        logits: &[f32],
        most: f32,
        sampling: &Sampling,
        uniform: f64,
    ) -> (u32, Odds) {
        let inverse = 1.0 / sampling.temperature;
        let k = sampling.top_k as usize;
        let all = k == 0 || k >= logits.len();
        let nucleus = sampling.top_p < 1.0;
        if all && (nucleus || sampling.min_p <= 0.0) {
            self.exponentials(logits, most, inverse);
            if !nucleus && sampling.min_p <= 0.0 {
                let odds = Odds { inverse, mass: self.mass() };
                let picked = self.pick_any(logits, most, odds, uniform);
                return (picked.unwrap_or_else(|| first(logits, most)), odds);
            }
        }
        // Of everything, unless top-k leaves less.
        let total = self.mass();
        let mut count = if all { GROUP.min(logits.len()) } else { k };
        let weights = loop {
            let ranked = self.rank(logits, count);
            let mut weights: Vec<f32> =
                ranked.iter().map(|&token| logits[token as usize]).collect();
            exp_in_place(&mut weights, inverse, most);
            let total = if all { total } else { sum(&weights) };
            let keep = kept(&weights, sampling, total);
            // What ends within the candidates does not depend on how many there are.
            if !all || keep < count || count == logits.len() {
                weights.truncate(keep);
                break weights;
            }
            count = (8 * count).min(logits.len());
        };
        let odds = Odds { inverse, mass: sum(&weights) };
        let token = match place(&weights, uniform * odds.mass) {
            Some(index) => self.candidates[index],
            None => first(logits, most),
        };
        (token, odds)
    }

    /// The token at which the cumulative weight, in the order of ids, exceeds `uniform` of all.
    fn pick_any(&self, logits: &[f32], most: f32, odds: Odds, uniform: f64) -> Option<u32> {
        let mut left = uniform * odds.mass;
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
        exp_in_place(&mut weights, odds.inverse, most);
        u32::try_from(index * CHUNK + place(&weights, left)?).ok()
    }
}

/// The sum of weights, front to back.
fn sum(weights: &[f32]) -> f64 {
    weights.iter().copied().map(f64::from).sum()
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
