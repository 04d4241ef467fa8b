//! What the strategies that vote by a model's own confidence share: notes along a path, measures of them, the
//! vote.
//!
//! A measure turns the confidences `c_1 .. c_T` of a solution's tokens into one number. A *group* is a window of
//! `w` tokens in a row and weighs its mean; a solution shorter than that is one group.
//!
//! Source: Fu et al. 2025, "Deep Think with Confidence" (arXiv 2508.15260), section 3.1.

use serde::{Deserialize, Serialize};
use tts_core::select::{Class, Vote, Weight, tally};
use tts_core::{NodeId, Step, Tree};

/// How the confidences of tokens become that of a solution.
///
/// ```
/// use tts_search::sample::Measure;
/// let noted = [4.0, 4.0, 1.0, 1.0, 2.0, 6.0];
/// assert_eq!(Measure::Mean.of(&noted, 2), Some(3.0));
/// assert_eq!(Measure::Tail.of(&noted, 2), Some(4.0));
/// assert_eq!(Measure::Lowest.of(&noted, 2), Some(1.0));
/// assert_eq!(Measure::Mean.of(&[], 2), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Measure {
    /// The mean of all tokens.
    Mean,
    /// The mean of the last group: where the answer is drawn.
    Tail,
    /// The mean of the lowest tenth of all groups, at least one.
    #[default]
    Bottom,
    /// The lowest group.
    Lowest,
}

impl Measure {
    /// The confidence of a solution whose tokens have these, in groups of `window`; `None` when nothing was
    /// noted.
    pub fn of(self, noted: &[f32], window: usize) -> Option<f64> {
        if noted.is_empty() {
            return None;
        }
        let window = window.clamp(1, noted.len());
        let mean =
            |noted: &[f32]| noted.iter().map(|&c| f64::from(c)).sum::<f64>() / noted.len() as f64;
        match self {
            Self::Mean => Some(mean(noted)),
            Self::Tail => Some(mean(&noted[noted.len() - window..])),
            Self::Lowest => groups(noted, window).into_iter().reduce(f64::min),
            Self::Bottom => {
                let mut groups = groups(noted, window);
                groups.sort_by(f64::total_cmp);
                groups.truncate((groups.len() / 10).max(1));
                Some(groups.iter().sum::<f64>() / groups.len() as f64)
            }
        }
    }
}

/// The means of all windows, each the difference of two running sums.
fn groups(noted: &[f32], window: usize) -> Vec<f64> {
    let mut sums = vec![0.0];
    let mut sum = 0.0;
    for &confidence in noted {
        sum += f64::from(confidence);
        sums.push(sum);
    }
    let width = window as f64;
    sums.iter().zip(&sums[window..]).map(|(before, after)| (after - before) / width).collect()
}

/// What was noted of the generated tokens on the way to `id`.
pub(crate) fn noted(tree: &Tree, id: NodeId, of: fn(&Step) -> &[f32]) -> Vec<f32> {
    let path = tree.path(id);
    path.iter().flat_map(|&id| of(&tree[id].step).iter().copied()).collect()
}

/// The value below which the share `1 - keep` of these lies, linear between neighbours; `None` of none.
pub(crate) fn threshold(mut values: Vec<f64>, keep: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let place = (1.0 - keep) * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to last")]
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    Some(values[below] + (values[above] - values[below]) * (place - below as f64))
}

/// What a vote came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Elected {
    /// Of the lines with the winning answer the one of the greatest weight, the first of equals.
    pub(crate) node: NodeId,
    /// The answer's share of all weights.
    pub(crate) share: f64,
}

/// The vote of these lines by their weights; the answer seen first wins a tie.
pub(crate) fn elect(tree: &Tree, voters: &[(NodeId, f64)]) -> Option<Elected> {
    let vote = |&(id, weight): &(NodeId, f64)| Vote {
        answer: tree.answer(id).map(str::to_owned),
        score: weight,
    };
    let votes: Vec<Vote> = voters.iter().map(vote).collect();
    let mut same = tree.task().comparer();
    let classes = tally(&votes, &mut same, Weight::Raw);
    let all: f64 = classes.iter().map(|class| class.weight).sum();
    let heavier = |a, b| if weight(b) > weight(a) { b } else { a };
    let winner = classes.iter().reduce(heavier)?;
    let better = |a: usize, b: usize| if voters[b].1 > voters[a].1 { b } else { a };
    let best = winner.members.iter().copied().reduce(better)?;
    Some(Elected { node: voters[best].0, share: winner.weight / all })
}

fn weight(class: &Class) -> f64 {
    class.weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_sums_are_the_windows_computed_anew() {
        let noted: Vec<f32> = (0..500_u16).map(|i| f32::from(i * 37 % 101) / 7.0).collect();
        for window in [1, 2, 7, 100, 499, 500] {
            let fresh: Vec<f64> = noted
                .windows(window)
                .map(|w| w.iter().map(|&c| f64::from(c)).sum::<f64>() / window as f64)
                .collect();
            let found = groups(&noted, window);
            assert_eq!(found.len(), fresh.len());
            assert!(found.iter().zip(&fresh).all(|(a, b)| (a - b).abs() < 1e-9));
            let lowest = Measure::Lowest.of(&noted, window).expect("noted");
            let least = fresh.iter().copied().fold(f64::INFINITY, f64::min);
            assert!((lowest - least).abs() < 1e-9);
        }
    }

    #[test]
    fn the_bottom_is_a_tenth_of_the_groups_and_at_least_one() {
        let noted: Vec<f32> = (1..=20_u8).rev().map(f32::from).collect();
        // Twenty groups of one: the mean of 1 and 2.
        assert_eq!(Measure::Bottom.of(&noted, 1), Some(1.5));
        // Nineteen of two: one is taken.
        assert_eq!(Measure::Bottom.of(&noted, 2), Some(1.5));
        assert_eq!(Measure::Bottom.of(&noted, 20), Some(10.5));
        // Shorter than a group: the whole.
        for measure in [Measure::Mean, Measure::Tail, Measure::Bottom, Measure::Lowest] {
            assert_eq!(measure.of(&[1.0, 2.0], 2_048), Some(1.5));
            assert_eq!(measure.of(&[], 4), None);
        }
        assert_eq!(Measure::Tail.of(&noted, 4), Some(2.5));
    }

    #[test]
    fn thresholds_are_percentiles() {
        let values = vec![4.0, 1.0, 3.0, 2.0, 5.0];
        for (keep, expected) in [(1.0, 1.0), (0.75, 2.0), (0.5, 3.0), (0.1, 4.6), (0.9, 1.4)] {
            let found = threshold(values.clone(), keep).expect("values");
            assert!((found - expected).abs() < 1e-12, "{keep}: {found}");
        }
        assert_eq!(threshold(vec![7.0], 0.1), Some(7.0));
        assert_eq!(threshold(Vec::new(), 0.5), None);
    }
}
