//! Best-of-N, majority and the weighted vote over one pool.
//!
//! A vote sums a weight over each class of equal answers and returns the first seen member of the
//! heaviest class; where two classes weigh the same, the class whose first member is seen first
//! wins. Majority is the vote in which everybody weighs one. Weights of a class are summed in
//! ascending order, so that the sum, and with it the winner, does not depend on the order of the
//! candidates by way of rounding.
//!
//! Source: Wang et al. 2022 (arXiv 2203.11171, section 2) for the majority; Li et al. 2022 (arXiv
//! 2206.02336, the voting verifier) and Snell et al. 2024 (arXiv 2408.03314, section 5.1) for the
//! weighted vote.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{Vote, better_first, classes};

/// What a candidate adds to the class of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Weight {
    /// One each: the majority.
    Count,
    /// The score as it is. Meant for scores that are not negative, such as probabilities: a
    /// negative score makes its class lighter the more members it has.
    #[default]
    Raw,
    /// The logistic function of the score, `1 / (1 + exp(-score))`: meant for logits.
    Sigmoid,
}

impl Weight {
    /// The weight of a candidate with this score.
    ///
    /// ```
    /// use tts_core::select::Weight;
    /// assert_eq!(Weight::Count.of(-3.0), 1.0);
    /// assert_eq!(Weight::Raw.of(-3.0), -3.0);
    /// assert_eq!(Weight::Sigmoid.of(0.0), 0.5);
    /// ```
    pub fn of(self, score: f64) -> f64 {
        match self {
            Self::Count => 1.0,
            Self::Raw => score,
            // An overflow of the exponential ends in the right limit, zero.
            Self::Sigmoid => 1.0 / (1.0 + (-score).exp()),
        }
    }
}

/// One answer of a pool and the weight behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Class {
    /// The candidates with this answer, in their order; never empty.
    pub members: Vec<usize>,
    /// The sum of the members' weights; `NaN` weights add nothing, and it is `NaN` only where
    /// every weight is, or where infinities of both signs meet. Only ratios mean something: where all
    /// scores are logits far below 0, weights are moved to where they are numbers still.
    pub weight: f64,
}

/// The candidate with the greatest score, or `None` of an empty pool.
///
/// Candidates without an answer count only where no candidate has one: a verifier may like a
/// truncated solution, and it can never be right.
///
/// ```
/// use tts_core::select::{Vote, best};
/// let pool = [Vote::new("7", 0.4), Vote::unparsable(0.9), Vote::new("8", 0.6)];
/// assert_eq!(best(&pool), Some(2));
/// ```
pub fn best(votes: &[Vote]) -> Option<usize> {
    // `min_by` keeps the first of equals.
    (0..votes.len()).min_by(|&a, &b| preferred_first(&votes[a], &votes[b]))
}

/// The order of preference of [`best`]: candidates with an answer first, then by score.
pub(crate) fn preferred_first(a: &Vote, b: &Vote) -> Ordering {
    let unparsable_last = a.parsed().is_none().cmp(&b.parsed().is_none());
    unparsable_last.then_with(|| better_first(a.score, b.score))
}

/// The first candidate of the most common answer, or `None` where no answer could be parsed.
///
/// ```
/// use tts_core::select::{Vote, majority};
/// let pool = ["1", "2", "2", "1"].map(|answer| Vote::new(answer, 0.0));
/// assert_eq!(majority(&pool, |a, b| a == b), Some(0)); // a tie: first seen
/// ```
pub fn majority(votes: &[Vote], same: impl FnMut(&str, &str) -> bool) -> Option<usize> {
    weighted(votes, same, Weight::Count)
}

/// The first candidate of the heaviest answer, or `None` where no answer could be parsed.
///
/// ```
/// use tts_core::select::{Vote, Weight, weighted};
/// let pool = [Vote::new("1", 0.9), Vote::new("2", 0.5), Vote::new("2", 0.5)];
/// assert_eq!(weighted(&pool, |a, b| a == b, Weight::Raw), Some(1));
/// ```
pub fn weighted(
    votes: &[Vote],
    same: impl FnMut(&str, &str) -> bool,
    weight: Weight,
) -> Option<usize> {
    let labels = classes(votes.iter().map(Vote::parsed), same);
    let weights = weigh(weight, votes.iter().map(|vote| vote.score));
    winner(0..votes.len(), &labels, &weights)
}

/// Every answer of the pool with its weight, in the order in which answers are first seen.
///
/// With [`Weight::Count`] the share of a class among all members is self-consistency's confidence.
///
/// ```
/// use tts_core::select::{Vote, Weight, tally};
/// let pool = ["1", "2", "2", ""].map(|answer| Vote::new(answer, 0.0));
/// let counted = tally(&pool, |a, b| a == b, Weight::Count);
/// assert_eq!(counted[1].members, [1, 2]);
/// assert_eq!(counted[1].weight, 2.0);
/// ```
pub fn tally(votes: &[Vote], same: impl FnMut(&str, &str) -> bool, weight: Weight) -> Vec<Class> {
    let labels = classes(votes.iter().map(Vote::parsed), same);
    let weights = weigh(weight, votes.iter().map(|vote| vote.score));
    count(0..votes.len(), &labels, &weights)
}

/// What candidates with these scores weigh, up to a factor that all of them share.
pub(crate) fn weigh(weight: Weight, scores: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let most = scores.clone().fold(f64::NEG_INFINITY, f64::max);
    // There the logistic function is the exponential, and would be 0 of all of them.
    let far = weight == Weight::Sigmoid && most.is_finite() && most < -500.0;
    scores.map(|score| if far { (score - most).exp() } else { weight.of(score) }).collect()
}

/// The winner among the `candidates` of a pool whose classes and weights are known.
pub(crate) fn winner(
    candidates: impl IntoIterator<Item = usize>,
    labels: &[Option<usize>],
    weights: &[f64],
) -> Option<usize> {
    count(candidates, labels, weights)
        .into_iter()
        .min_by(|a, b| better_first(a.weight, b.weight))
        .and_then(|class| class.members.first().copied())
}

/// The classes met among the `candidates`, in the order in which they are met.
fn count(
    candidates: impl IntoIterator<Item = usize>,
    labels: &[Option<usize>],
    weights: &[f64],
) -> Vec<Class> {
    let mut slots: Vec<Option<usize>> = vec![None; labels.len()];
    let mut found: Vec<Class> = Vec::new();
    for candidate in candidates {
        let Some(label) = labels[candidate] else { continue };
        let slot = *slots[label].get_or_insert_with(|| {
            found.push(Class { members: Vec::new(), weight: 0.0 });
            found.len() - 1
        });
        found[slot].members.push(candidate);
    }
    for class in &mut found {
        class.weight = sum(class.members.iter().map(|&member| weights[member]));
    }
    found
}

/// The sum of the numbers among `weights` in ascending order, `NaN` where there is none.
fn sum(weights: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = weights.filter(|weight| !weight.is_nan()).collect();
    if numbers.is_empty() {
        return f64::NAN;
    }
    numbers.sort_by(f64::total_cmp);
    numbers.into_iter().sum()
}

#[cfg(test)]
#[path = "vote_tests.rs"]
mod tests;
