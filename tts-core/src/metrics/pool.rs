//! What selection would reach with fewer candidates, from one pool of many.
//!
//! best@k is exact: in the order of preference the i-th candidate (from zero) is the best of a
//! random subset of `k` with probability `C(n-i-1, k-1) / C(n, k)`. A vote has no such form; it is
//! held on every subset where there are no more of them than `draws`, else on `draws` random ones,
//! drawn without replacement. A subset keeps the pool's order, so first seen wins ties as it does
//! in [`crate::select`], and at `k = n` every metric is that of the whole pool. Classes of answers
//! are those of the whole pool. What a vote returns is the member of the winning class that is
//! preferred, as a search does ([`Selection`]): answers that count as one need not all be right.
//!
//! A pool is what was sampled: a sample that was cut, failed or could not be judged stays in it as what
//! it is ([`Sampled`]). It counts among the `n`, is never right, and is chosen only where a search
//! would choose it; so best@n of a pool is what best-of-n makes of the same samples, and a vote at
//! `n` is its vote.
//!
//! Source: Chen et al. 2021 (arXiv 2107.03374, section 2.1) for the unbiased pass@k, whose argument
//! (average over all subsets) holds for every selector.

use serde::{Deserialize, Serialize};

use super::random::{draw, next_subset, subsets_up_to};
use super::{MetricError, Sampled, pass_at_k};
use crate::seed;
use crate::select::{Vote, Weight, classes, preferred_first, weigh, winner};
use crate::{Aggregate, Rule, Scale, Selection};

/// How a subset of a pool is turned into right or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// Right if any candidate is: the bound of every selector.
    Pass,
    /// Right if the best scored candidate is, see [`crate::select::best`].
    Best,
    /// Right if the best scored candidate of the heaviest answer is, see [`crate::select::weighted`] for
    /// which answer that is.
    Vote(Weight),
    /// The same with the weights that the scorer's scale gives ([`crate::Scale::weights`]).
    Weighted,
}

/// The probability of being right on one problem with `k` candidates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number of candidates.
    pub k: usize,
    /// The estimated probability.
    pub value: f64,
    /// The standard error left by drawing subsets at random: zero if exact, and where all draws
    /// agree. It says nothing of how far another pool would differ.
    pub standard_error: f64,
    /// Whether all subsets were accounted for.
    pub exact: bool,
}

/// The candidates of one problem, graded.
///
/// ```
/// use tts_core::metrics::{Metric, Pool};
/// use tts_core::select::{Vote, Weight};
/// let votes = [Vote::new("1", 0.9), Vote::new("2", 0.2), Vote::new("2", 0.4)];
/// let pool = Pool::new(&votes, &[false, true, true], |a, b| a == b)?;
/// assert_eq!(pool.at_k(Metric::Vote(Weight::Count), 3, 100, 0)?.value, 1.0);
/// assert_eq!(pool.at_k(Metric::Best, 3, 100, 0)?.value, 0.0);
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pool {
    labels: Vec<Option<usize>>,
    scores: Vec<f64>,
    /// What each weighs by the scale.
    weights: Vec<f64>,
    scored: Vec<bool>,
    finished: Vec<bool>,
    correct: Vec<bool>,
    /// The candidates from the one `best` prefers to the one it likes least.
    preference: Vec<usize>,
    /// The place of each among these.
    rank: Vec<usize>,
}

/// The place of each candidate in an order of preference.
fn ranks(preference: &[usize]) -> Vec<usize> {
    let mut rank = vec![0; preference.len()];
    for (place, &candidate) in preference.iter().enumerate() {
        rank[candidate] = place;
    }
    rank
}

impl Pool {
    /// The pool of these candidates, `correct[i]` saying whether the answer of `votes[i]` is right.
    ///
    /// # Errors
    /// [`MetricError::Empty`] without candidates, [`MetricError::Length`] if `correct` does not
    /// match, [`MetricError::BadNumber`] for a score that is `NaN`.
    pub fn new(
        votes: &[Vote],
        correct: &[bool],
        same: impl FnMut(&str, &str) -> bool,
    ) -> Result<Self, MetricError> {
        if votes.is_empty() {
            return Err(MetricError::Empty { field: "votes" });
        }
        MetricError::check_length("correct", correct.len(), votes.len())?;
        let scores: Vec<f64> = votes.iter().map(|vote| vote.score).collect();
        if let Some(index) = scores.iter().position(|score| score.is_nan()) {
            return Err(MetricError::BadNumber { field: "scores", index, value: f64::NAN });
        }
        let labels = classes(votes.iter().map(Vote::parsed), same);
        let mut preference: Vec<usize> = (0..votes.len()).collect();
        preference.sort_by(|&a, &b| preferred_first(&votes[a], &votes[b]));
        let (weights, all) = (scores.clone(), vec![true; votes.len()]);
        let correct = correct.to_vec();
        Ok(Self {
            labels,
            scores,
            weights,
            scored: all.clone(),
            finished: all,
            correct,
            rank: ranks(&preference),
            preference,
        })
    }

    /// The pool of these samples, with scores of this scale that `aggregate` made of those of steps.
    ///
    /// ```
    /// use tts_core::metrics::{Metric, Pool, Sampled};
    /// use tts_core::{Aggregate, Scale};
    /// let right = Sampled { answer: Some("4".into()), score: Some(0.2), finished: true, right: true };
    /// let cut = Sampled { answer: Some("5".into()), score: Some(0.9), ..Sampled::default() };
    /// let samples = [right, cut, Sampled::default()];
    /// let pool = Pool::of_samples(&samples, Scale::PREFIX, Aggregate::ByScale, |a, b| a == b)?;
    /// assert_eq!(pool.at_k(Metric::Pass, 1, 1, 0)?.value, 1.0 / 3.0);
    /// // What was cut is not preferred to what was finished, however it scores.
    /// assert_eq!(pool.at_k(Metric::Best, 3, 1, 0)?.value, 1.0);
    /// # Ok::<(), tts_core::metrics::MetricError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Pool::new`].
    pub fn of_samples(
        samples: &[Sampled],
        scale: Scale,
        aggregate: Aggregate,
        same: impl FnMut(&str, &str) -> bool,
    ) -> Result<Self, MetricError> {
        let vote = |sample: &Sampled| Vote {
            answer: sample.answer.clone(),
            score: sample.score.unwrap_or(f64::NEG_INFINITY),
        };
        let votes: Vec<Vote> = samples.iter().map(vote).collect();
        let correct: Vec<bool> = samples.iter().map(|s| s.right && s.finished).collect();
        let mut pool = Self::new(&votes, &correct, same)?;
        let scores: Vec<Option<f64>> = samples.iter().map(|sample| sample.score).collect();
        pool.weights = scale.weights(Selection { rule: Rule::Weighted, aggregate }, &scores);
        pool.scored = scores.iter().map(Option::is_some).collect();
        pool.finished = samples.iter().map(|sample| sample.finished).collect();
        // As a search prefers them: what is finished, then what has an answer, then by score.
        pool.preference.sort_by_key(|&sample| !samples[sample].finished);
        pool.rank = ranks(&pool.preference);
        Ok(pool)
    }

    /// The number of candidates, at least one.
    #[expect(clippy::len_without_is_empty, reason = "a pool is never empty")]
    pub fn len(&self) -> usize {
        self.correct.len()
    }

    /// How many of them are right.
    pub fn right(&self) -> usize {
        self.correct.iter().filter(|&&right| right).count()
    }

    /// The probability that `k` candidates of this pool, taken at random, end in a right answer.
    ///
    /// `draws` bounds the subsets a vote is held on; the other metrics are exact without it. The
    /// result is a function of the arguments, `seed` included. A subset in which no candidate can
    /// be selected counts as wrong.
    ///
    /// # Errors
    /// [`MetricError::OutOfRange`] unless `1 <= k <= len()`, or for a vote with `draws` of zero.
    pub fn at_k(
        &self,
        metric: Metric,
        k: usize,
        draws: usize,
        seed: u64,
    ) -> Result<Estimate, MetricError> {
        self.at_k_in_stream(metric, k, draws, seed, 0)
    }

    /// The estimate drawn from a stream of the seed of its own.
    pub(super) fn at_k_in_stream(
        &self,
        metric: Metric,
        k: usize,
        draws: usize,
        seed: u64,
        stream: u64,
    ) -> Result<Estimate, MetricError> {
        MetricError::check_range("k", k, 1, self.len())?;
        let exact = |value| Estimate { k, value, standard_error: 0.0, exact: true };
        Ok(match metric {
            Metric::Pass => {
                let right = self.correct.iter().filter(|&&correct| correct).count();
                exact(pass_at_k(self.len(), right, k)?)
            }
            Metric::Best => exact(self.best_at_k(k)),
            Metric::Vote(_) | Metric::Weighted => {
                MetricError::check_range("draws", draws, 1, usize::MAX)?;
                let weights: Vec<f64> = match metric {
                    Metric::Vote(weight) => weigh(weight, self.scores.iter().copied()),
                    _ => self.weights.clone(),
                };
                if let Some(subsets) = subsets_up_to(self.len(), k, draws) {
                    exact(self.vote_on_all(k, &weights) as f64 / subsets as f64)
                } else {
                    let value =
                        self.vote_on_some(k, &weights, draws, seed, stream) as f64 / draws as f64;
                    let standard_error = (value * (1.0 - value) / draws as f64).sqrt();
                    Estimate { k, value, standard_error, exact: false }
                }
            }
        })
    }

    /// The exact best@k.
    fn best_at_k(&self, k: usize) -> f64 {
        let n = self.len();
        let mut probability = k as f64 / n as f64;
        let mut value = 0.0;
        for (rank, &candidate) in self.preference.iter().enumerate().take(n - k + 1) {
            if self.correct[candidate] {
                value += probability;
            }
            // From C(n-i-1, k-1) to C(n-i-2, k-1); the last one reached has factor zero.
            let left = n - rank - 1;
            probability *= (n - rank - k) as f64 / left.max(1) as f64;
        }
        f64::min(value, 1.0)
    }

    fn vote_on_all(&self, k: usize, weights: &[f64]) -> usize {
        let mut subset: Vec<usize> = (0..k).collect();
        let mut right = usize::from(self.vote(&subset, weights));
        while next_subset(&mut subset, self.len()) {
            right += usize::from(self.vote(&subset, weights));
        }
        right
    }

    fn vote_on_some(
        &self,
        k: usize,
        weights: &[f64],
        draws: usize,
        seed: u64,
        stream: u64,
    ) -> usize {
        let mut random = seed::stream(seed, stream);
        let mut deck: Vec<usize> = (0..self.len()).collect();
        (0..draws).filter(|_| self.vote(draw(&mut random, &mut deck, k), weights)).count()
    }

    fn vote(&self, subset: &[usize], weights: &[f64]) -> bool {
        // What was cut votes only where nothing is finished, as in a search.
        let any = subset.iter().any(|&sample| self.finished[sample]);
        let voters = || subset.iter().copied().filter(|&sample| self.finished[sample] || !any);
        // Where nobody was judged everybody weighs the same.
        let judged = voters().any(|sample| self.scored[sample]);
        let equal = if judged { Vec::new() } else { vec![1.0; weights.len()] };
        let weights = if judged { weights } else { &equal };
        let Some(first) = winner(voters(), &self.labels, weights) else { return false };
        let class = voters().filter(|&sample| self.labels[sample] == self.labels[first]);
        let chosen = class.min_by_key(|&sample| self.rank[sample]);
        chosen.is_some_and(|sample| self.correct[sample])
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
