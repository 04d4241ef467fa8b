//! The choice at every budget: of the arms that cost no more, the best for problems of each difficulty.
//!
//! A budget is the mean cost of an arm over all problems; at each the arms that cost as much or less are
//! chosen from, in two folds ([`super::two_fold`]), so that a curve of accuracy against cost comes out in which
//! no problem had a say in what was chosen for it. With one bin it is the curve of the best fixed arm.
//!
//! [`by_price`] spends a budget over all problems together instead: cost has a price, and as it falls, dear arms are
//! chosen, first in the bins where they are right most often for it.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 3.2, equation 1; for prices, see [`super::fit_at_price`].

use serde::{Deserialize, Serialize};

use super::fit::{two_fold_at_price, within};
use super::{Bins, ChooseError, Folds, Level, Tried, fit_at_price, two_fold};

/// A choice among the arms of a budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgeted {
    /// The most that an arm may cost, on average over all problems.
    pub budget: f64,
    /// What was chosen, by place among all arms, and what it is worth.
    pub folds: Folds,
}

impl Budgeted {
    /// As a level of a curve, with what the estimate cost by problem put on top.
    ///
    /// # Errors
    /// When there is not one such cost a problem.
    pub fn level(&self, probe: &[f64]) -> Result<Level, ChooseError> {
        let Folds { values, costs, .. } = &self.folds;
        if probe.len() != costs.len() {
            let problem = format!("{} of {} problems", probe.len(), costs.len());
            return Err(ChooseError::input("probe", problem));
        }
        let costs = costs.iter().zip(probe).map(|(arm, probe)| arm + probe).collect();
        Ok(Level { values: values.clone(), costs })
    }
}

/// The choice at the mean cost of every arm, from the cheapest on; arms that cost the same are one budget.
///
/// ```
/// use tts_search::choose::{Bins, Tried, by_budget};
/// let estimates = [0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1];
/// let bins = Bins::of(&estimates, 2)?;
/// let arm = |easy: f64, hard: f64, cost: f64| Tried {
///     values: [[easy; 4], [hard; 4]].concat(),
///     costs: vec![cost; 8],
/// };
/// let arms = [arm(0.9, 0.1, 4.0), arm(0.6, 0.5, 4.0), arm(0.7, 0.6, 8.0)];
/// let found = by_budget(&estimates, &bins, &arms, 0)?;
/// assert_eq!(found.iter().map(|found| found.budget).collect::<Vec<_>>(), [4.0, 8.0]);
/// // Sampling for the easy half, search for the hard one; with more, the dear arm for the hard one.
/// assert_eq!(found[0].folds.chosen, [0, 0, 0, 0, 1, 1, 1, 1]);
/// assert_eq!(found[1].folds.chosen, [0, 0, 0, 0, 2, 2, 2, 2]);
/// # Ok::<(), tts_search::choose::ChooseError>(())
/// ```
///
/// # Errors
/// As [`super::fit`].
pub fn by_budget(
    estimates: &[f64],
    bins: &Bins,
    arms: &[Tried],
    seed: u64,
) -> Result<Vec<Budgeted>, ChooseError> {
    super::fit::check(estimates, arms)?;
    if estimates.is_empty() {
        return Err(ChooseError::input("estimates", "none, expected one a problem"));
    }
    let mean = |arm: &Tried| arm.costs.iter().sum::<f64>() / estimates.len() as f64;
    let means: Vec<f64> = arms.iter().map(mean).collect();
    let mut budgets = means.clone();
    budgets.sort_by(f64::total_cmp);
    budgets.dedup();
    let at = |budget: f64| {
        let places: Vec<usize> = (0..arms.len()).filter(|&arm| means[arm] <= budget).collect();
        let own: Vec<Tried> = places.iter().map(|&arm| arms[arm].clone()).collect();
        let mut folds = two_fold(estimates, bins, &own, seed)?;
        folds.chosen.iter_mut().for_each(|arm| *arm = places[*arm]);
        Ok(Budgeted { budget, folds })
    };
    budgets.into_iter().map(at).collect()
}

/// A choice at a price of cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Priced {
    /// The price.
    pub price: f64,
    /// The arm that all problems choose, by bin.
    pub arms: Vec<usize>,
    /// What that costs, on average over all problems, and what the choice of halves is worth.
    pub at: Budgeted,
}

/// The choice at every price at which another one is made, from the highest, where the cheapest arms are chosen, to
/// none at all.
///
/// ```
/// use tts_search::choose::{Bins, Tried, by_price};
/// let estimates = [0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1];
/// let bins = Bins::of(&estimates, 2)?;
/// let arm = |easy: f64, hard: f64, cost: f64| Tried {
///     values: [[easy; 4], [hard; 4]].concat(),
///     costs: vec![cost; 8],
/// };
/// let arms = [arm(0.8, 0.1, 2.0), arm(0.9, 0.7, 8.0)];
/// let found = by_price(&estimates, &bins, &arms, 0)?;
/// let told: Vec<_> = found.iter().map(|found| (&found.arms[..], found.at.budget)).collect();
/// // The dear arm for the hard half first, where it is right so much more often.
/// assert_eq!(told, [(&[0, 0][..], 2.0), (&[0, 1][..], 5.0), (&[1, 1][..], 8.0)]);
/// # Ok::<(), tts_search::choose::ChooseError>(())
/// ```
///
/// # Errors
/// As [`super::fit`].
pub fn by_price(
    estimates: &[f64],
    bins: &Bins,
    arms: &[Tried],
    seed: u64,
) -> Result<Vec<Priced>, ChooseError> {
    super::fit::check(estimates, arms)?;
    if estimates.is_empty() {
        return Err(ChooseError::input("estimates", "none, expected one a problem"));
    }
    let mut found: Vec<Priced> = Vec::new();
    for price in prices(estimates, bins, arms) {
        let chosen = fit_at_price(estimates, bins, arms, price)?.arms;
        if found.last().is_some_and(|before| before.arms == chosen) {
            continue;
        }
        let cost =
            |(place, &estimate): (usize, &f64)| arms[chosen[bins.bin(estimate)]].costs[place];
        let sum: f64 = estimates.iter().enumerate().map(cost).sum();
        let folds = two_fold_at_price(estimates, bins, arms, price, seed)?;
        let at = Budgeted { budget: sum / estimates.len() as f64, folds };
        found.push(Priced { price, arms: chosen, at });
    }
    Ok(found)
}

/// A price in each stretch in which the same is chosen, falling to 0.
fn prices(estimates: &[f64], bins: &Bins, arms: &[Tried]) -> Vec<f64> {
    let mut turns = Vec::new();
    for bin in 0..bins.count() {
        let places = within(estimates, bins, bin);
        let sum = |list: &[f64]| places.iter().map(|&place| list[place]).sum::<f64>();
        let all: Vec<(f64, f64)> =
            arms.iter().map(|arm| (sum(&arm.values), sum(&arm.costs))).collect();
        for &(right, cost) in &all {
            let better = all.iter().filter(|(other, dearer)| *other > right && *dearer > cost);
            turns.extend(better.map(|(other, dearer)| (other - right) / (dearer - cost)));
        }
    }
    turns.sort_by(|a, b| b.total_cmp(a));
    turns.dedup();
    // Between two turns; at one, two arms are worth the same.
    let above = turns.first().map(|first| 2.0 * first);
    let between = turns.windows(2).map(|pair| 0.5 * (pair[0] + pair[1]));
    above.into_iter().chain(between).chain([0.0]).filter(|price| price.is_finite()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 60 problems of five kinds, and arms that are each best for one of them.
    fn study() -> (Vec<f64>, Vec<Tried>) {
        let estimates: Vec<f64> = (0..60).map(|problem| f64::from(problem % 5)).collect();
        let arm = |kind: i32, cost: f64| Tried {
            values: (0..60).map(|problem| if problem % 5 == kind { 0.9 } else { 0.3 }).collect(),
            costs: vec![cost; 60],
        };
        (estimates, vec![arm(0, 3.0), arm(1, 1.0), arm(2, 2.0), arm(3, 5.0), arm(4, 4.0)])
    }

    #[test]
    fn no_budget_is_passed_and_more_of_it_buys_more() {
        let (estimates, arms) = study();
        let bins = Bins::of(&estimates, 5).expect("five kinds");
        let found = by_budget(&estimates, &bins, &arms, 7).expect("a study");
        assert_eq!(found.iter().map(|f| f.budget).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0, 5.0]);
        for (count, at) in (1..).zip(&found) {
            assert!(at.folds.costs.iter().all(|&cost| cost <= at.budget));
            let mean = at.folds.values.iter().sum::<f64>() / 60.0;
            // So many kinds have their arm by then.
            let kinds = f64::from(count);
            assert!(
                (mean - (0.9 * kinds + 0.3 * (5.0 - kinds)) / 5.0).abs() < 1e-12,
                "{count} {mean}"
            );
        }
    }

    /// With one bin, one arm for all: that of the most right.
    #[test]
    fn one_bin_is_the_best_fixed_arm() {
        let (estimates, mut arms) = study();
        arms[2].values = vec![0.5; 60];
        let one = Bins { edges: Vec::new() };
        let found = by_budget(&estimates, &one, &arms, 7).expect("a study");
        assert_eq!(found[0].folds.chosen, vec![1; 60]);
        assert_eq!(found[4].folds.chosen, vec![2; 60]);
    }

    #[test]
    fn what_the_estimate_cost_is_paid() {
        let (estimates, arms) = study();
        let one = Bins { edges: Vec::new() };
        let found = by_budget(&estimates, &one, &arms[1..2], 7).expect("a study");
        let level = found[0].level(&[0.5; 60]).expect("one a problem");
        assert_eq!(level.costs, vec![1.5; 60]);
        assert_eq!(level.values, arms[1].values);
        assert!(found[0].level(&[0.5; 59]).expect_err("too few").to_string().contains("59 of 60"));
        assert!(by_budget(&[], &one, &[Tried { values: vec![], costs: vec![] }], 0).is_err());
        assert!(by_budget(&estimates, &one, &[], 0).is_err());
    }

    /// Whatever is bought, nothing else that costs no more is right more often: over all choices of an arm a bin.
    #[test]
    fn no_choice_of_a_price_is_beaten_for_its_cost() {
        let (estimates, mut arms) = study();
        // What is right differs by bin and arm, and so does what it costs.
        for (number, arm) in (0_u32..).zip(&mut arms) {
            for place in 0..60_u32 {
                let at = usize::try_from(place).expect("small");
                arm.values[at] = f64::from((place % 5 * 7 + number * 3 + place / 30) % 11) / 10.0;
                arm.costs[at] = f64::from(1 + (number * 5 + place % 5) % 7);
            }
        }
        let bins = Bins::of(&estimates, 3).expect("five kinds");
        let count = bins.count();
        let worth = |chosen: &[usize]| {
            let of = |list: fn(&Tried) -> &Vec<f64>| -> f64 {
                let bin = |(place, &estimate): (usize, &f64)| {
                    list(&arms[chosen[bins.bin(estimate)]])[place]
                };
                estimates.iter().enumerate().map(bin).sum()
            };
            (of(|arm| &arm.values), of(|arm| &arm.costs))
        };
        let all: Vec<Vec<usize>> = (0..arms.len().pow(3))
            .map(|number| (0..3).map(|bin| number / arms.len().pow(bin) % arms.len()).collect())
            .map(|mut chosen: Vec<usize>| {
                chosen.truncate(count);
                chosen
            })
            .collect();
        let found = by_price(&estimates, &bins, &arms, 7).expect("a study");
        assert!(found.len() > 2, "{found:?}");
        for priced in &found {
            let (right, cost) = worth(&priced.arms);
            assert!((priced.at.budget - cost / 60.0).abs() < 1e-9);
            for other in &all {
                let (better, cheaper) = worth(other);
                assert!(cheaper > cost + 1e-9 || better <= right + 1e-9, "{priced:?} {other:?}");
            }
        }
        assert!(found.windows(2).all(|pair| {
            pair[0].price > pair[1].price && pair[0].at.budget < pair[1].at.budget
        }));
        // Without a price it is the fit.
        let last = found.last().expect("some");
        assert_eq!(last.arms, super::super::fit(&estimates, &bins, &arms).expect("a fit").arms);
        assert!(by_price(&[], &bins, &arms, 7).is_err());
    }

    #[test]
    fn a_price_that_is_none_is_refused() {
        let (estimates, arms) = study();
        let bins = Bins::of(&estimates, 2).expect("five kinds");
        for price in [-1.0, f64::NAN, f64::INFINITY] {
            let error = fit_at_price(&estimates, &bins, &arms, price).expect_err("a price");
            assert!(error.to_string().starts_with("price: "), "{error}");
            assert!(two_fold_at_price(&estimates, &bins, &arms, price, 1).is_err());
        }
    }
}
