//! The choice of an arm by difficulty, and what the same accuracy costs with it.
//!
//! Samples of their own, a probe, tell how easy each problem looks. At the mean tokens of every arm, the
//! best arm in each bin is chosen on one half of the problems and counted on the other; that curve is
//! compared with one arm at one budget: how many of its tokens the choice needs for the same accuracy. Beside
//! it stand the same choice with the probe as a gift, as it is published, the choice by the share of right
//! samples, which nobody has, and the best fixed arm, chosen in two folds likewise.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), sections 3.2 and 5.3, figure 4.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use tts_core::metrics::{Accuracy, bootstrap_interval};
use tts_core::task::Math;
use tts_core::{Aggregate, Rule, Scale, Task};
use tts_search::choose::{
    Bins, Budgeted, CostRatio, Level, Signal, Tried, by_budget, cost_ratio, fit,
};
use tts_search::evaluate::Method;
use tts_search::evaluate::attempts::Attempts;

use super::measure::{DRAWS, Point, sampled};
use super::recipe::{Arm, Recipe};
use super::way::Way;
use super::workshop::Workshop;
use crate::Error;

/// The probe's samples have a seed that no run has.
const PROBE: u64 = 0x9e0b_e000;
/// Splits the problems.
const SPLIT: u64 = 0;

/// What is asked about the choice between arms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// The arms that are chosen from.
    pub arms: Vec<String>,
    /// The arm that must be reached.
    pub baseline: String,
    /// Its budget.
    pub n: usize,
    /// Bins by how easy problems look.
    pub bins: NonZeroUsize,
    /// Who writes the probe.
    pub policy: String,
    /// Samples of the probe.
    pub probe: NonZeroUsize,
    /// What they are looked at for.
    #[serde(default)]
    pub signal: Signal,
    /// Who judges them, where that is looked at.
    #[serde(default)]
    pub scorer: Option<String>,
    /// How scores of steps become one.
    #[serde(default)]
    pub aggregate: Aggregate,
}

impl Chosen {
    /// Whether it can be asked of the recipe.
    pub(super) fn check(&self, recipe: &Recipe) -> Result<(), String> {
        let is_arm = |name: &String| recipe.arms.iter().any(|arm| arm.name == *name);
        if let Some(name) = self.arms.iter().find(|name| !is_arm(name)) {
            return Err(format!("choice: {name:?} is none of the arms"));
        }
        if self.arms.is_empty() {
            return Err("choice: arms is empty, expected at least one".into());
        }
        let knows = |arm: &&Arm| arm.strategy.pooled() == Some(Method::PassAtN);
        let mut own = recipe.arms.iter().filter(|arm| self.arms.contains(&arm.name));
        if let Some(arm) = own.find(knows) {
            return Err(format!("choice: arm {:?} knows the right answer", arm.name));
        }
        let (baseline, n) = (&self.baseline, self.n);
        if !recipe.arms.iter().any(|arm| arm.name == *baseline && arm.n.contains(&n)) {
            return Err(format!("choice: there is no arm {baseline:?} at N = {n}"));
        }
        match (self.signal, &self.scorer) {
            (Signal::Score, None) => Err("choice: the signal is a score, and nobody scores".into()),
            (Signal::Agreement, Some(_)) => {
                Err("choice: the signal is agreement, and a scorer is named".into())
            }
            _ if recipe.retrain => Err("choice: each seed has models of its own".into()),
            _ => Ok(()),
        }
    }
}

/// A problem's probe.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probed {
    /// How easy the problem looks.
    pub estimate: f64,
    /// Tokens that it took.
    pub tokens: f64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worth {
    /// Tokens of the probe, on average.
    pub probe_tokens: f64,
    /// The ways to choose.
    pub policies: Vec<Policy>,
}

/// A way to choose, at rising budgets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// At the mean tokens of every arm.
    pub levels: Vec<Found>,
    /// Its tokens over the baseline's, at the baseline's accuracy.
    pub ratio: CostRatio,
}

/// A choice at a budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Mean tokens of the dearest arm that could be chosen.
    pub budget: f64,
    /// Tokens a problem, with the probe where that is paid.
    pub tokens: f64,
    /// On the halves that had no say.
    pub accuracy: Accuracy,
    /// The arm that all problems would choose, by bin, the easiest first.
    pub arms: Vec<String>,
}

impl Workshop<'_> {
    /// The probe of every problem.
    ///
    /// # Errors
    /// When a model cannot be made, or a sample cannot be written or judged.
    pub fn probe(&self, asked: &Chosen) -> Result<Vec<Probed>, Error> {
        let made = self.model_seed(1);
        let samples = asked.probe.get();
        let pools = self.attempts(&asked.policy, &self.test()?, samples, (made, PROBE))?;
        let arm = Arm {
            name: "probe".into(),
            policy: asked.policy.clone(),
            strategy: Way::Method(Method::BestOfN),
            scorer: asked.scorer.clone(),
            every_step: false,
            advantage: None,
            judge: None,
            noise: None,
            aggregate: asked.aggregate,
            choose: Rule::default(),
            n: vec![samples],
            in_turn: false,
            x: None,
        };
        let scores = self.scores(&arm, &pools, (made, PROBE), samples)?;
        let scale = self.judge(&arm, made)?.map_or(Scale::UNSTATED, |judge| judge.scale());
        let probed = |(place, pool): (usize, &Attempts)| {
            let scores = scores.as_ref().map(|scores| &scores[place]);
            let drawn = sampled(&pool.attempts, scores, scale.resolve(asked.aggregate));
            let tokens = pool.attempts.iter().map(|attempt| attempt.generated).sum::<u64>();
            Probed { estimate: asked.signal.of(&drawn, Math.comparer()), tokens: tokens as f64 }
        };
        Ok(pools.iter().enumerate().map(probed).collect())
    }
}

/// What the choice is worth: of points with values and tokens by problem, the probe, and the shares of right
/// samples where these are known.
///
/// # Errors
/// When the baseline is none of the points, or there are fewer problems than bins.
pub fn worth(
    asked: &Chosen,
    points: &[Point],
    probed: &[Probed],
    shares: &[f64],
) -> Result<Worth, Error> {
    let tried = |point: &Point| Tried { values: point.values.clone(), costs: point.tokens.clone() };
    let own: Vec<&Point> = points.iter().filter(|point| asked.arms.contains(&point.arm)).collect();
    let arms: Vec<Tried> = own.iter().map(|point| tried(point)).collect();
    let at = |point: &&Point| point.arm == asked.baseline && point.n == asked.n;
    let baseline = points.iter().find(at).map(tried).ok_or("choice: no baseline")?;
    let baseline = Level { values: baseline.values, costs: baseline.costs };
    let estimates: Vec<f64> = probed.iter().map(|probed| probed.estimate).collect();
    let paid: Vec<f64> = probed.iter().map(|probed| probed.tokens).collect();
    let gift = vec![0.0; paid.len()];
    let bins = Bins::of(&estimates, asked.bins.get())?;
    let fixed = Bins { edges: Vec::new() };
    let policy = |name: &str, estimates: &[f64], bins: &Bins, probe: &[f64]| {
        let budgets = by_budget(estimates, bins, &arms, SPLIT)?;
        let mut levels = Vec::new();
        let mut found = Vec::new();
        for at in &budgets {
            let level = at.level(probe)?;
            found.push(Found {
                budget: at.budget,
                tokens: level.costs.iter().sum::<f64>() / level.costs.len() as f64,
                accuracy: bootstrap_interval(&level.values, DRAWS, 0)?,
                arms: by_all(at, estimates, bins, &arms, &own)?,
            });
            levels.push(level);
        }
        let ratio = cost_ratio(&levels, &baseline, DRAWS, 0)?;
        Ok::<_, Error>(Policy { name: name.to_owned(), levels: found, ratio })
    };
    let mut policies = vec![
        policy("by the probe, paid", &estimates, &bins, &paid)?,
        policy("by the probe, not paid", &estimates, &bins, &gift)?,
    ];
    if !shares.is_empty() {
        let bins = Bins::of(shares, asked.bins.get())?;
        policies.push(policy("by the share of right samples", shares, &bins, &gift)?);
    }
    policies.push(policy("the best fixed arm", &estimates, &fixed, &gift)?);
    Ok(Worth { probe_tokens: paid.iter().sum::<f64>() / paid.len() as f64, policies })
}

/// The names of the arms that all problems would choose within a budget.
fn by_all(
    at: &Budgeted,
    estimates: &[f64],
    bins: &Bins,
    arms: &[Tried],
    points: &[&Point],
) -> Result<Vec<String>, Error> {
    let mean = |arm: &Tried| arm.costs.iter().sum::<f64>() / arm.costs.len() as f64;
    let within: Vec<usize> = (0..arms.len()).filter(|&arm| mean(&arms[arm]) <= at.budget).collect();
    let own: Vec<Tried> = within.iter().map(|&arm| arms[arm].clone()).collect();
    let chosen = fit(estimates, bins, &own)?.arms;
    let name = |arm: usize| format!("{} {}", points[within[arm]].arm, points[within[arm]].n);
    Ok(chosen.into_iter().map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 40 problems, easy and hard in turn: sampling is right on the easy ones, search on the hard ones.
    fn study() -> (Chosen, Vec<Point>, Vec<Probed>) {
        let asked = serde_json::json!({
            "arms": ["samples", "search"], "baseline": "samples", "n": 16, "bins": 2, "policy": "p",
            "probe": 4, "signal": "agreement",
        });
        let asked = serde_json::from_value(asked).expect("sound");
        let point = |arm: &str, n: usize, [easy, hard]: [f64; 2]| {
            let values: Vec<f64> = [easy, hard].into_iter().cycle().take(40).collect();
            Point {
                arm: arm.into(),
                n,
                x: n as f64,
                accuracy: bootstrap_interval(&values, 10, 0).expect("forty"),
                generated_tokens: 10.0 * n as f64,
                scored_tokens: 0.0,
                operations: 0.0,
                by_difficulty: Vec::new(),
                tokens: vec![10.0 * n as f64; 40],
                values,
            }
        };
        let points = vec![
            point("samples", 2, [0.8, 0.0]),
            point("samples", 16, [0.9, 0.5]),
            point("search", 2, [0.2, 0.5]),
            point("search", 4, [0.3, 0.8]),
            point("unasked", 1, [1.0, 1.0]),
        ];
        let probed = |problem: usize| Probed {
            estimate: if problem.is_multiple_of(2) { 0.9 } else { 0.2 },
            tokens: 8.0,
        };
        (asked, points, (0..40).map(probed).collect())
    }

    #[test]
    fn the_probe_is_paid_where_that_is_said() {
        let (asked, points, probed) = study();
        let shares: Vec<f64> = probed.iter().map(|probed| probed.estimate).collect();
        let found = worth(&asked, &points, &probed, &shares).expect("a study");
        let [paid, gift, known, fixed] = &found.policies[..] else { panic!("{found:?}") };
        assert!((found.probe_tokens - 8.0).abs() < 1e-12);
        let budgets = |policy: &Policy| policy.levels.iter().map(|l| l.budget).collect::<Vec<_>>();
        assert_eq!(budgets(paid), [20.0, 40.0, 160.0]);
        // (0.8 + 0.5) / 2 for 20 tokens, (0.8 + 0.8) / 2 for 20 and 40: the baseline's 0.7 lies a third of
        // the way from 20 to 30.
        assert!((gift.levels[0].accuracy.mean - 0.65).abs() < 1e-12);
        assert_eq!(gift.levels[0].arms, ["samples 2", "search 2"]);
        assert!((gift.levels[1].accuracy.mean - 0.8).abs() < 1e-12);
        let ratio = |policy: &Policy| policy.ratio.ratio.expect("it gets there");
        assert!((ratio(gift) - (20.0 + 10.0 / 3.0) / 160.0).abs() < 1e-12, "{}", ratio(gift));
        assert!((ratio(paid) - (28.0 + 10.0 / 3.0) / 160.0).abs() < 1e-12, "{}", ratio(paid));
        assert_eq!(known.levels, gift.levels);
        // One arm for all gets there with the baseline alone.
        assert!((ratio(fixed) - 1.0).abs() < 1e-12);
        assert_eq!(fixed.levels[2].arms, ["samples 16"]);
        assert_eq!(worth(&asked, &points, &probed, &[]).expect("a study").policies.len(), 3);
    }
}
