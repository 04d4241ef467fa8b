//! What a choice between arms is worth: accuracy against cost, and the table of arms by bin behind each point.
//!
//! At the mean cost of every arm the best of those that cost no more is chosen for each bin, on one half of the
//! problems, and counted on the other ([`super::by_budget`]), or at every price of cost what is worth most
//! ([`super::by_price`]); the table is that of all problems ([`super::fit`]). What a problem's probe costs on top of its arm is paid. One bin is the best fixed arm. Beside a baseline the curve
//! is one number: how much less the same accuracy costs ([`super::cost_ratio`]).
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), sections 3.2 and 5.3, figure 4.

use tts_core::metrics::{Accuracy, bootstrap_interval};

use super::{
    Bins, Budgeted, ChooseError, CostRatio, Level, Tried, by_budget, by_price, cost_ratio, fit,
};

/// Draws of intervals and ratios.
const DRAWS: usize = 2_000;
/// Splits the problems.
const SPLIT: u64 = 0;

/// What a budget bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spend {
    /// The mean cost of every arm that may be chosen.
    Arm,
    /// The mean cost of the choice: what is saved in one bin is there for another.
    Choice,
}

/// A choice at a budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// The mean cost of the dearest arm that could be chosen, or of what all problems choose.
    pub budget: f64,
    /// What came of each problem by the choice of the half that it is not in, and what that cost with the probe.
    pub level: Level,
    /// The mean of it, with its interval over problems.
    pub accuracy: Accuracy,
    /// The arms that all problems would choose, by bin, the easiest first: places among all arms.
    pub arms: Vec<usize>,
}

impl Stage {
    /// The mean cost of a problem, with its probe.
    pub fn cost(&self) -> f64 {
        self.level.costs.iter().sum::<f64>() / self.level.costs.len() as f64
    }
}

/// A way to choose, at rising budgets.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// From the cheapest budget on.
    pub stages: Vec<Stage>,
    /// Its cost over that of the baseline, where it is as accurate; `None` without a baseline.
    pub ratio: Option<CostRatio>,
}

/// The curve of a choice by these estimates in these bins, between arms that were tried on the same problems. `paid` is
/// what the estimate costs by problem, whichever arm follows, and `spend` what budgets bound.
///
/// ```
/// use tts_search::choose::{Bins, Level, Spend, Tried, curve};
/// let estimates: Vec<f64> = (0..20).map(|place| f64::from(place % 2)).collect();
/// let arm = |easy: f64, hard: f64, cost: f64| Tried {
///     values: [hard, easy].into_iter().cycle().take(20).collect(),
///     costs: vec![cost; 20],
/// };
/// let arms = [arm(0.9, 0.2, 10.0), arm(0.9, 0.6, 40.0)];
/// let baseline = Level { values: arms[1].values.clone(), costs: vec![100.0; 20] };
/// let bins = Bins::of(&estimates, 2)?;
/// let found = curve(&estimates, &bins, &arms, (&[5.0; 20], Spend::Arm), Some(&baseline))?;
/// // The cheap arm for the easy half is as good: a mean of 25, and the probe.
/// let last = &found.stages[1];
/// assert_eq!((&last.arms[..], last.cost()), (&[0, 1][..], 30.0));
/// assert_eq!(found.ratio.and_then(|found| found.ratio), Some(0.3));
/// # Ok::<(), tts_search::choose::ChooseError>(())
/// ```
///
/// # Errors
/// As [`by_budget`], [`Budgeted::level`] and [`cost_ratio`].
pub fn curve(
    estimates: &[f64],
    bins: &Bins,
    arms: &[Tried],
    (paid, spend): (&[f64], Spend),
    baseline: Option<&Level>,
) -> Result<Curve, ChooseError> {
    let found: Vec<(Budgeted, Vec<usize>)> = match spend {
        Spend::Arm => {
            let all = by_budget(estimates, bins, arms, SPLIT)?.into_iter();
            let with = |at: Budgeted| -> Result<(Budgeted, Vec<usize>), ChooseError> {
                let chosen = by_all(&at, estimates, bins, arms)?;
                Ok((at, chosen))
            };
            all.map(with).collect::<Result<_, ChooseError>>()?
        }
        Spend::Choice => {
            let all = by_price(estimates, bins, arms, SPLIT)?.into_iter();
            all.map(|found| (found.at, found.arms)).collect()
        }
    };
    let mut stages = Vec::with_capacity(found.len());
    for (at, arms) in found {
        let level = at.level(paid)?;
        let accuracy = bootstrap_interval(&level.values, DRAWS, 0)
            .map_err(|error| ChooseError::input("values", error.to_string()))?;
        stages.push(Stage { budget: at.budget, level, accuracy, arms });
    }
    let levels = || stages.iter().map(|stage| stage.level.clone()).collect::<Vec<Level>>();
    let ratio = baseline.map(|baseline| cost_ratio(&levels(), baseline, DRAWS, 0)).transpose()?;
    Ok(Curve { stages, ratio })
}

/// The arms that all problems would choose within a budget.
fn by_all(
    at: &Budgeted,
    estimates: &[f64],
    bins: &Bins,
    arms: &[Tried],
) -> Result<Vec<usize>, ChooseError> {
    let mean = |arm: &Tried| arm.costs.iter().sum::<f64>() / arm.costs.len() as f64;
    let within: Vec<usize> = (0..arms.len()).filter(|&arm| mean(&arms[arm]) <= at.budget).collect();
    let own: Vec<Tried> = within.iter().map(|&arm| arms[arm].clone()).collect();
    Ok(fit(estimates, bins, &own)?.arms.into_iter().map(|arm| within[arm]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_of_one_bin_is_the_best_fixed_arm_and_the_probe_is_paid() {
        let tried = |value: f64, cost: f64| Tried { values: vec![value; 6], costs: vec![cost; 6] };
        let arms = [tried(0.5, 20.0), tried(0.4, 10.0), tried(0.9, 40.0)];
        let one = Bins { edges: Vec::new() };
        let found = curve(&[0.0; 6], &one, &arms, (&[1.0; 6], Spend::Arm), None).expect("a study");
        let told: Vec<(f64, f64, &[usize])> =
            found.stages.iter().map(|s| (s.budget, s.cost(), &s.arms[..])).collect();
        assert_eq!(told, [(10.0, 11.0, &[1][..]), (20.0, 21.0, &[0][..]), (40.0, 41.0, &[2][..])]);
        assert!((found.stages[2].accuracy.mean - 0.9).abs() < 1e-12 && found.ratio.is_none());
        let baseline = Level { values: vec![0.5; 6], costs: vec![42.0; 6] };
        let found = curve(&[0.0; 6], &one, &arms, (&[1.0; 6], Spend::Arm), Some(&baseline))
            .expect("a study");
        assert_eq!(found.ratio.and_then(|found| found.ratio), Some(0.5));
        let by_price = curve(&[0.0; 6], &one, &arms, (&[1.0; 6], Spend::Choice), None);
        let chosen = by_price.expect("a study").stages;
        // The second is on the way to the third, and worth less than what lies between.
        let told: Vec<(f64, &[usize])> = chosen.iter().map(|s| (s.cost(), &s.arms[..])).collect();
        assert_eq!(told, [(11.0, &[1][..]), (41.0, &[2][..])]);
        assert!(curve(&[0.0; 6], &one, &arms, (&[1.0; 5], Spend::Arm), None).is_err());
        assert!(curve(&[0.0; 6], &one, &[], (&[1.0; 6], Spend::Arm), None).is_err());
    }
}
