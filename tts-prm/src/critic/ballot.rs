//! Judgements as votes: sums or means of scores, over all of them or those that a meta-judge trusts most.
//!
//! `k` judgements of one problem, each of some or all of the responses; those that were refused are not among
//! them, so they add nothing to anybody. With the scores `S_ij` of response `i` in judgement `j`:
//!
//! * [`Vote::Sum`]: `S*_i = sum_j S_ij`. Of scores from 1 to 10 it takes the values `k` to `10k`, `9k + 1` of them, and so has
//!   fewer ties than one judgement. It needs all responses in each judgement.
//! * [`Vote::Mean`]: the mean of those judgements that are about the response. The same order, where all are about all.
//! * [`Vote::Winners`]: the share of judgements that put it first, equals sharing: the majority of pairwise judges.
//!
//! A meta-judge gives each judgement a score of its own; a response counts its `keep` judgements of highest such score,
//! earlier ones first among equals. `keep = k` is the plain vote, `keep = 1` the one most trusted. It throws votes
//! away, so a poor meta-judge does harm.
//!
//! Source: Liu et al. 2025, "Inference-Time Scaling for Generalist Reward Modeling" (arXiv 2504.02495), section 4,
//! equation 7 (voting) and meta reward modelling.

use std::borrow::Borrow;

use serde::{Deserialize, Serialize};
use tts_core::NodeId;

/// How scores of several judgements become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Vote {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum, where all responses are in each judgement.
    Sum,
    /// How often it is first, as a share of its judgements.
    Winners,
}

/// A judgement that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The last node of what was written.
    pub node: NodeId,
    /// Which of the samples of its jury it is of, from 0: one sample is about all responses, in one judgement or in several.
    pub sample: usize,
    /// The responses that it is about, by their places, in the order in which they were shown.
    pub shown: Vec<usize>,
    /// A score for each of them, in that order.
    pub scores: Vec<f64>,
    /// Of a judge of steps: what it says of each step.
    pub steps: Vec<f64>,
    /// What the meta-judge thinks of it; minus infinity where it was not judged.
    pub meta: f64,
}

impl Judgement {
    pub(super) fn score(&self, place: usize) -> Option<f64> {
        let at = self.shown.iter().position(|&shown| shown == place)?;
        self.scores.get(at).copied()
    }

    /// The share of a win that a response has.
    pub(super) fn win(&self, place: usize) -> Option<f64> {
        let own = self.score(place)?;
        let most = self.scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let first = self.scores.iter().filter(|&&score| score >= most).count();
        Some(if own >= most { 1.0 / first as f64 } else { 0.0 })
    }
}

/// What each of so many responses comes to by these judgements, as [`Ballot::totals`] has it.
pub(super) fn totals<J: Borrow<Judgement>>(
    judgements: &[J],
    responses: usize,
    vote: Vote,
    keep: Option<usize>,
) -> Vec<Option<f64>> {
    let total = |place: usize| {
        let mut own: Vec<(f64, f64)> = judgements
            .iter()
            .map(Borrow::borrow)
            .filter_map(|judgement: &Judgement| {
                let value = match vote {
                    Vote::Winners => judgement.win(place)?,
                    Vote::Mean | Vote::Sum => judgement.score(place)?,
                };
                Some((judgement.meta, value))
            })
            .collect();
        if let Some(keep) = keep {
            own.sort_by(|a, b| b.0.total_cmp(&a.0));
            own.truncate(keep);
        }
        let (sum, count) = (own.iter().map(|(_, value)| value).sum::<f64>(), own.len() as f64);
        let divisor = if vote == Vote::Sum { 1.0 } else { count };
        (count > 0.0).then(|| sum / divisor)
    };
    (0..responses).map(total).collect()
}

/// All judgements of one problem's responses.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ballot {
    /// How many responses there are.
    pub responses: usize,
    /// The judgements that were read, in the order in which they were asked for.
    pub judgements: Vec<Judgement>,
    /// How many were refused.
    pub refused: usize,
}

impl Ballot {
    /// What each response comes to by a vote over its `keep` most trusted judgements, or all; `None` for one that no
    /// judgement is about.
    ///
    /// ```
    /// use tts_core::NodeId;
    /// use tts_prm::critic::{Ballot, Judgement, Vote};
    /// let judgement = |scores: [f64; 2], meta| Judgement {
    ///     node: NodeId::ROOT, sample: 0, shown: vec![1, 0], scores: scores.to_vec(), steps: vec![], meta,
    /// };
    /// let judgements = vec![judgement([7.0, 6.0], 0.9), judgement([2.0, 9.0], 0.1)];
    /// let ballot = Ballot { responses: 2, judgements, refused: 1 };
    /// assert_eq!(ballot.totals(Vote::Sum, None), [Some(15.0), Some(9.0)]);
    /// assert_eq!(ballot.totals(Vote::Sum, Some(1)), [Some(6.0), Some(7.0)]);
    /// assert_eq!(ballot.totals(Vote::Winners, None), [Some(0.5), Some(0.5)]);
    /// ```
    pub fn totals(&self, vote: Vote, keep: Option<usize>) -> Vec<Option<f64>> {
        totals(&self.judgements, self.responses, vote, keep)
    }

    /// The places of the best total; none where no response has one.
    pub fn first(totals: &[Option<f64>]) -> Vec<usize> {
        let most = totals.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        let slack = 1e-9 * most.abs().max(1.0);
        let equal = |total: &Option<f64>| total.is_some_and(|total| total >= most - slack);
        (0..totals.len()).filter(|&place| equal(&totals[place])).collect()
    }

    /// Whether these totals say nothing of how a response compares: it has none, or no other has one.
    ///
    /// ```
    /// use tts_prm::critic::Ballot;
    /// assert!(Ballot::abstains(&[None, Some(3.0)], 0) && Ballot::abstains(&[Some(3.0), None], 0));
    /// assert!(!Ballot::abstains(&[Some(3.0), Some(3.0), None], 0));
    /// ```
    pub fn abstains(totals: &[Option<f64>], place: usize) -> bool {
        let judged = totals.iter().flatten().count();
        judged < 2 || totals.get(place).copied().flatten().is_none()
    }

    /// How often a response is chosen, where the judge chooses among those that it judged, equals by a draw, and a guess stands
    /// in for it as often as not all were: of `m` judged ones among `n` the first has `m / n` of a choice, and one that was
    /// not judged `1 / n`. So a judge that knows nothing gets what a guess gets, whomever it leaves out, and an item of which it
    /// says nothing ([`Ballot::abstains`]) is a guess.
    ///
    /// ```
    /// use tts_prm::critic::Ballot;
    /// assert_eq!(Ballot::share(&[Some(9.0), Some(7.0)], 0), 1.0);
    /// assert_eq!(Ballot::share(&[Some(9.0), Some(9.0)], 1), 0.5);
    /// assert_eq!(Ballot::share(&[None, None], 1), 0.5);
    /// assert_eq!(Ballot::share(&[None, Some(2.0)], 0), 0.5);
    /// assert_eq!(Ballot::share(&[Some(2.0), None], 0), 0.5);
    /// ```
    pub fn share(totals: &[Option<f64>], place: usize) -> f64 {
        let count = totals.len().max(1) as f64;
        if totals.get(place).copied().flatten().is_none() {
            return 1.0 / count;
        }
        let (first, judged) = (Self::first(totals), totals.iter().flatten().count() as f64);
        if first.contains(&place) { judged / count / first.len() as f64 } else { 0.0 }
    }

    /// The first of the best, or, with `draw`, one of the equals of which it names the place; `None` where no response has a
    /// total.
    pub fn best(totals: &[Option<f64>], mut draw: impl FnMut(usize) -> usize) -> Option<usize> {
        let best = Self::first(totals);
        match best.len() {
            0 => None,
            1 => Some(best[0]),
            count => best.get(draw(count)).or(best.first()).copied(),
        }
    }

    /// Of a judge of steps: the mean judgement of each step of a response.
    pub fn steps(&self, place: usize) -> Vec<f64> {
        let about = |judgement: &&Judgement| judgement.shown.contains(&place);
        let judged: Vec<&Judgement> = self.judgements.iter().filter(about).collect();
        let count = judged.iter().map(|judgement| judgement.steps.len()).max().unwrap_or(0);
        let mean = |step: usize| {
            let said = judged.iter().filter_map(|judgement| judgement.steps.get(step));
            said.sum::<f64>() / judged.len() as f64
        };
        (0..count).map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judgement(shown: &[usize], scores: &[f64], meta: f64) -> Judgement {
        let (shown, scores) = (shown.to_vec(), scores.to_vec());
        Judgement { node: NodeId::ROOT, sample: 0, shown, scores, steps: Vec::new(), meta }
    }

    fn ballot(responses: usize, judgements: Vec<Judgement>) -> Ballot {
        Ballot { responses, judgements, refused: 0 }
    }

    #[test]
    fn a_vote_depends_neither_on_the_order_shown_nor_on_that_of_judgements() {
        let (a, b) = (
            judgement(&[0, 1, 2], &[7.0, 3.0, 5.0], 0.2),
            judgement(&[2, 0, 1], &[9.0, 4.0, 1.0], 0.7),
        );
        // The same judgements, told in other orders.
        let (c, d) = (
            judgement(&[2, 1, 0], &[5.0, 3.0, 7.0], 0.2),
            judgement(&[1, 2, 0], &[1.0, 9.0, 4.0], 0.7),
        );
        let one = ballot(3, vec![a, b]);
        let other = ballot(3, vec![d, c]);
        for vote in [Vote::Mean, Vote::Sum, Vote::Winners] {
            for keep in [None, Some(1), Some(2)] {
                assert_eq!(one.totals(vote, keep), other.totals(vote, keep), "{vote:?} {keep:?}");
            }
        }
        assert_eq!(one.totals(Vote::Sum, None), [Some(11.0), Some(4.0), Some(14.0)]);
    }

    #[test]
    fn one_of_one_is_the_judgement_and_all_of_all_the_plain_vote() {
        let single = ballot(2, vec![judgement(&[1, 0], &[3.0, 8.0], 0.1)]);
        assert_eq!(single.totals(Vote::Sum, Some(1)), [Some(8.0), Some(3.0)]);
        let four: Vec<Judgement> = (0..4_u32)
            .map(|j| judgement(&[0, 1], &[f64::from(j), 5.0], f64::from(j % 3)))
            .collect();
        let four = ballot(2, four);
        for vote in [Vote::Mean, Vote::Sum, Vote::Winners] {
            assert_eq!(four.totals(vote, Some(4)), four.totals(vote, None));
            assert_eq!(four.totals(vote, Some(9)), four.totals(vote, None));
        }
        // The most trusted, the earlier of equals.
        assert_eq!(four.totals(Vote::Sum, Some(1)), [Some(2.0), Some(5.0)]);
        assert_eq!(four.totals(Vote::Sum, Some(3)), [Some(3.0), Some(15.0)]);
    }

    #[test]
    fn sums_of_ten_levels_have_nine_k_and_one() {
        for k in 1..=4_usize {
            let mut levels = std::collections::BTreeSet::new();
            for code in 0..10_usize.pow(u32::try_from(k).expect("small")) {
                let digits =
                    (0..u32::try_from(k).expect("small")).map(|j| code / 10_usize.pow(j) % 10 + 1);
                let judgements =
                    digits.map(|score| judgement(&[0], &[score as f64], 0.0)).collect();
                let total = ballot(1, judgements).totals(Vote::Sum, None)[0].expect("judged");
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "whole"
                )]
                levels.insert(total as usize);
            }
            assert_eq!(levels.len(), 9 * k + 1);
            assert_eq!((levels.first(), levels.last()), (Some(&k), Some(&(10 * k))));
        }
    }

    #[test]
    fn who_was_not_judged_has_no_total() {
        let none = Ballot { responses: 2, refused: 3, ..Ballot::default() };
        assert_eq!(none.totals(Vote::Mean, None), [None, None]);
        assert_eq!(Ballot::best(&none.totals(Vote::Mean, None), |_| 0), None);
        let one = ballot(2, vec![judgement(&[1], &[1.0], 0.0)]);
        // A low score is better than none.
        assert_eq!(Ballot::best(&one.totals(Vote::Mean, None), |_| 0), Some(1));
    }

    /// A coin of one number for each response, some of which were refused by chance: whatever it is read of, a guess.
    #[test]
    fn who_knows_nothing_gets_a_guess_whomever_it_leaves_out() {
        for count in 2..=4_usize {
            // Every order of the scores, and every choice of those that were judged.
            let orders: Vec<Vec<usize>> = (0..count.pow(u32::try_from(count).expect("small")))
                .map(|code| {
                    (0..count)
                        .map(|place| code / count.pow(u32::try_from(place).expect("small")) % count)
                        .collect()
                })
                .filter(|order: &Vec<usize>| (0..count).all(|score| order.contains(&score)))
                .collect();
            for judged in 0..=count {
                let (mut sum, mut all) = (0.0, 0);
                for mask in (0..1_u32 << count).filter(|mask| mask.count_ones() as usize == judged)
                {
                    for order in &orders {
                        let total =
                            |place: usize| (mask >> place & 1 == 1).then(|| order[place] as f64);
                        let totals: Vec<Option<f64>> = (0..count).map(total).collect();
                        sum += Ballot::share(&totals, 0);
                        all += 1;
                        let shares: f64 =
                            (0..count).map(|place| Ballot::share(&totals, place)).sum();
                        assert!((shares - 1.0).abs() < 1e-12, "{totals:?}");
                    }
                }
                assert!(
                    (sum / f64::from(all) - 1.0 / count as f64).abs() < 1e-12,
                    "{judged} of {count}"
                );
            }
        }
    }

    #[test]
    fn equals_are_drawn_among() {
        let totals = [Some(3.0), Some(7.0), None, Some(7.0)];
        assert_eq!(Ballot::best(&totals, |_| 0), Some(1));
        assert_eq!(Ballot::best(&totals, |count| count - 1), Some(3));
        assert_eq!(Ballot::best(&[Some(7.0), Some(8.0)], |_| 1), Some(1));
    }

    #[test]
    fn winners_share_a_win() {
        let two = ballot(
            3,
            vec![
                judgement(&[0, 1, 2], &[7.0, 7.0, 1.0], 0.0),
                judgement(&[0, 1], &[1.0, 2.0], 0.0),
            ],
        );
        assert_eq!(two.totals(Vote::Winners, None), [Some(0.25), Some(0.75), Some(0.0)]);
    }
}
