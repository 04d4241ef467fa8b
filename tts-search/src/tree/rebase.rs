//! REBASE, reward balanced search: share each round's lines out over the paths by their scores.
//!
//! ```text
//! width 8, temperature 0.2      round 1: 8 first steps, one of them finished: 7 are left
//!
//! 0.9   weight 1       ceil(7 x 1     / 1.154) = 7      7 lines
//! 0.5   weight 0.135   nothing is left                  0
//! 0.1   weight 0.018                                    0
//! ```
//!
//! Like a beam it has a width, but instead of keeping the best paths and continuing each as often, it
//! shares the width out over all of them in proportion to `exp(score / temperature)`. From the best to
//! the worst, path `j` is continued
//!
//! ```text
//! n_j = ceil(left x e_j / (e_j + e_{j+1} + ...)),   left -= n_j,   e_j = exp(score_j / temperature)
//! ```
//!
//! times, so the lines of a round add up exactly, and rounding favours the best. (The paper rounds each share of
//! one softmax over all paths, which need not add up; taking them in turn is what its authors' code does.) A path that has ended
//! leaves and takes one of the width with it, whether it finished or was cut by a limit. A path that
//! nobody judged weighs nothing, unless nobody judged any. Equals stay in the order in which they were
//! made, and share evenly.
//!
//! Cost: `width` lines in the first round, and in each later one as many as paths have not ended yet:
//! at most what `width` samples cost, each step judged once.
//!
//! When: a scorer of steps that is better than chance, at budgets from about 8; it keeps more
//! of the tree alive than a beam. Not with a scorer of whole solutions alone, whose scores of first
//! steps say nothing. The temperature is in the scores' own unit, 0.2 suits probabilities: at
//! infinity all are continued alike, near 0 only the best are.
//!
//! Source: Wu et al. 2024, "Inference Scaling Laws" (arXiv 2408.00724); shares in turn, width and temperature
//! of the authors' code.

use serde::{Deserialize, Serialize};
use tts_core::{Aggregate, Expand, NodeId, Requirements, SearchStrategy, Selection, Tree, View};

use crate::sample::lines::at_least_one;

/// Shares lines out by scores.
///
/// ```
/// use tts_core::{Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::Rebase;
///
/// let world = ToyWorld { additions: 5, error: 0.4, ..ToyWorld::default() };
/// let oracle = Oracle { noise: 0.2, seed: 0 };
/// let outcome = Search::new(&world)
///     .scorer(&oracle)
///     .rule(StepRule::lines())
///     .run(Rebase { width: 16, ..Default::default() }, world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// // Each of the width ended in a path of its own.
/// assert_eq!(outcome.tree.finished().count(), 16);
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rebase {
    /// Lines of the first round, and paths that end.
    pub width: usize,
    /// How evenly the width is shared, in the unit of the scores.
    pub temperature: f64,
    /// The score that is weighed.
    pub aggregate: Aggregate,
    /// How the answer is chosen among all finished paths. Its aggregate is its own.
    pub select: Selection,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where a [`Rebase`] stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// The width, less the paths that have ended.
    width: usize,
}

impl Default for Rebase {
    /// A width of 16 at temperature 0.2, and the weighted vote.
    fn default() -> Self {
        Self {
            width: 16,
            temperature: 0.2,
            aggregate: Aggregate::ByScale,
            select: Selection::weighted(),
            state: State::default(),
        }
    }
}

impl Rebase {
    /// How often paths with these scores, which stand from best to worst, are continued, `width` times
    /// in all.
    fn shares(width: usize, scores: &[f64], temperature: f64) -> Vec<usize> {
        // Of each path, the weight of it and all worse ones, in units of its own: no exponential
        // overflows, and those of equals are whole numbers, which no rounding can lift to the next.
        let mut rest = vec![1.0; scores.len()];
        for (place, pair) in scores.windows(2).enumerate().rev() {
            // Both may be minus infinity.
            let behind = if pair[0] > pair[1] { (pair[1] - pair[0]) / temperature } else { 0.0 };
            rest[place] += behind.exp() * rest[place + 1];
        }
        let mut left = width;
        let share = |rest: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "at most left"
            )]
            let share = (left as f64 / rest).ceil() as usize;
            left -= share.min(left);
            share
        };
        rest.into_iter().map(share).collect()
    }
}

impl SearchStrategy for Rebase {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state.width = self.width;
        }
        let open = view.open();
        self.state.width = self.state.width.saturating_sub(view.fresh().len() - open.len());
        let ranked = view.ranked(&open, self.aggregate);
        let scores: Vec<f64> = ranked.iter().map(|&id| view.score(id, self.aggregate)).collect();
        let shares = Self::shares(self.state.width, &scores, self.temperature);
        let lines = ranked.into_iter().zip(shares).filter(|&(_, share)| share > 0);
        lines.map(|(id, share)| Expand::step(id, share)).collect()
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        self.select.pick(tree)
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("rebase", "width", self.width)?;
        if self.temperature.is_finite() && self.temperature > 0.0 {
            return Ok(());
        }
        Err(format!("rebase: temperature is {}, expected a number above 0", self.temperature))
    }

    fn requires(&self) -> Requirements {
        Requirements::scorer("rebase", [self.select, Selection::best(self.aggregate)])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_by_hand() {
        // exp(-2) = 0.1353 and exp(-4) = 0.0183: 8 / 1.1537 = 6.93, then 1 / 1.1353 = 0.88.
        assert_eq!(Rebase::shares(8, &[0.9, 0.5, 0.1], 0.2), [7, 1, 0]);
        // 20 / 1.1537 = 17.3, 2 / 1.1353 = 1.76.
        assert_eq!(Rebase::shares(20, &[0.9, 0.5, 0.1], 0.2), [18, 2, 0]);
        // exp(-0.5) = 0.6065: 10 / 1.9744 = 5.06, 4 / 1.6065 = 2.49, 1.
        assert_eq!(Rebase::shares(10, &[0.9, 0.8, 0.7], 0.2), [6, 3, 1]);
        assert_eq!(Rebase::shares(9, &[0.9, 0.5, 0.1], 1e9), [4, 3, 2]);
        assert_eq!(Rebase::shares(7, &[0.9, 0.5, 0.5], 1e-9), [7, 0, 0]);
        assert_eq!(Rebase::shares(7, &[0.9, 0.9, 0.5], 1e-9), [4, 3, 0]);
        assert_eq!(Rebase::shares(4, &[0.3], 0.2), [4]);
        assert_eq!(Rebase::shares(0, &[0.3, 0.2], 0.2), [0, 0]);
        assert!(Rebase::shares(3, &[], 0.2).is_empty());
        // Equals share evenly, whatever stands above them and however their sums would round.
        assert_eq!(Rebase::shares(6, &[0.7; 3], 0.2), [2, 2, 2]);
        assert_eq!(Rebase::shares(49, &[0.1; 49], 0.3), [1; 49]);
        // Far below any exponential, and not judged at all.
        assert_eq!(Rebase::shares(4, &[-2000.0, -2000.1, -9000.0], 0.2), [3, 1, 0]);
        let none = f64::NEG_INFINITY;
        assert_eq!(Rebase::shares(4, &[0.1, none, none], 0.2), [4, 0, 0]);
        assert_eq!(Rebase::shares(4, &[none, none], 0.2), [2, 2]);
    }

    proptest! {
        #[test]
        fn shares_add_up_and_favour_the_better(
            width in 0_usize..300, mut scores in prop::collection::vec(-1.0..1.0, 1..40),
            temperature in 0.001..100.0,
        ) {
            scores.sort_by(|a: &f64, b| b.total_cmp(a));
            let shares = Rebase::shares(width, &scores, temperature);
            prop_assert_eq!(shares.iter().sum::<usize>(), width);
            prop_assert_eq!(shares.len(), scores.len());
            // By the formula above, in plain numbers: apart from where a quotient is whole.
            let weights: Vec<f64> = scores.iter().map(|s| ((s - scores[0]) / temperature).exp()).collect();
            let mut left = width;
            for (place, &share) in shares.iter().enumerate() {
                let rest: f64 = weights[place..].iter().sum();
                let exact = left as f64 * weights[place] / rest;
                if rest > 0.0 && (exact - exact.round()).abs() > 1e-6 {
                    prop_assert!((share as f64 - exact.ceil()).abs() < 0.5);
                }
                left -= share;
            }
        }
    }
}
