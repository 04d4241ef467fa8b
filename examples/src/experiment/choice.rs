//! The choice of an arm by difficulty, and what the same accuracy costs with it.
//!
//! Samples of their own, a probe, tell how easy each problem looks. At the mean tokens of every arm, the
//! best arm in each bin is chosen on one half of the problems and counted on the other; that curve is
//! compared with one arm at one budget: how many of its tokens the choice needs for the same accuracy. Beside
//! it stand the same choice with the probe as a gift, as it is published, the choice by the share of right
//! samples, which nobody has, and the best fixed arm, chosen in two folds likewise.
//!
//! With `"reuse": true` it also stands there as [`ComputeOptimal`](tts_search::choose::ComputeOptimal) runs: the probe's
//! samples are the arm's first lines, so that only what the arm does not ask for comes on top ([`FirstLines`]). A probe
//! of `"until": "step"` costs first steps alone, which every arm shares. It is told at the mean tokens of every arm, as the
//! others are, and by price ([`tts_search::choose::by_price`]), where tokens that easy bins save are spent on others.
//! Where values do not tell what first steps cost, searches share none. What is counted as right is of samples apart from
//! the probe's in both, so that nothing of an arm's luck is in the estimate.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), sections 3.2 and 5.3, figure 4.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use tts_core::metrics::Accuracy;
use tts_core::task::Math;
use tts_core::{Aggregate, Rule, Scale, Task, Until};
use tts_search::choose::{
    Bins, CostRatio, FirstLines, Level, Probe, Signal, Spend, Stage, Tried, curve,
};
use tts_search::evaluate::Method;
use tts_search::evaluate::attempts::{Attempt, Attempts};

use super::measure::{Point, Scores, sampled};
use super::recipe::{Arm, Recipe};
use super::spec::is_default;
use super::way::Way;
use super::workshop::Workshop;
use crate::Error;

/// The probe's samples have a seed that no run has.
const PROBE: u64 = 0x9e0b_e000;

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
    /// How far the probe's samples go.
    #[serde(default = "to_the_end", skip_serializing_if = "is_to_the_end")]
    pub until: Until,
    /// Whether it is also told what the choice costs where arms go on from the probe's samples.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reuse: bool,
}

fn to_the_end() -> Until {
    Until::End
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_to_the_end(until: &Until) -> bool {
    *until == Until::End
}

impl Chosen {
    /// What is drawn, and what it is looked at for.
    pub fn drawn(&self) -> Probe {
        let &Self { signal, aggregate, until, .. } = self;
        Probe { samples: self.probe.get(), signal, aggregate, until }
    }

    /// What an arm asks for first of what the probe may have drawn.
    fn shared(&self, arm: &Arm, n: usize) -> Result<FirstLines, Error> {
        if arm.policy != self.policy || arm.in_turn || arm.judge.is_some() {
            return Ok(FirstLines::default());
        }
        match &arm.strategy {
            way if way.pooled().is_some() => Ok(FirstLines { whole: n, begun: 0 }),
            Way::Method(_) | Way::Recipe(_) => Ok(FirstLines::of(arm.search(n)?)),
            _ => Ok(FirstLines::default()),
        }
    }

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
            _ => self.drawn().check().map_err(|problem| format!("choice: {problem}")),
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
    /// Those of the first step of each sample; 0 where it is not asked what arms share.
    pub begun: f64,
}

/// Tokens of the first steps of an attempt, each a character as in all accounts of pools; none of what was cut off.
fn begun(attempt: &Attempt, steps: usize) -> u64 {
    attempt.steps.iter().take(steps).map(|step| step.chars().count() as u64).sum()
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
            asked: None,
        };
        let scores = self.scores(&arm, &pools, (made, PROBE), samples)?;
        let scale = self.judge(&arm, made)?.map_or(Scale::UNSTATED, |judge| judge.scale());
        let steps = asked.until.most_steps();
        let cut = |scores: &Scores| -> Scores {
            scores.iter().map(|all| all[..all.len().min(steps)].to_vec()).collect()
        };
        let probed = |(place, pool): (usize, &Attempts)| {
            let scores = scores.as_ref().map(|scores| cut(&scores[place]));
            let drawn = sampled(&pool.attempts, scores.as_ref(), scale.resolve(asked.aggregate));
            let sum =
                |of: &dyn Fn(&Attempt) -> u64| pool.attempts.iter().map(of).sum::<u64>() as f64;
            let tokens = match asked.until {
                Until::End => sum(&|attempt| attempt.generated),
                _ => sum(&|attempt| begun(attempt, steps)),
            };
            let begun = if asked.reuse { sum(&|attempt| begun(attempt, 1)) } else { 0.0 };
            Probed { estimate: asked.signal.of(&drawn, Math.comparer()), tokens, begun }
        };
        Ok(pools.iter().enumerate().map(probed).collect())
    }
}

/// What the choice is worth: of points of these arms with values and tokens by problem, the probe, and the shares of
/// right samples where these are known.
///
/// # Errors
/// When the baseline is none of the points, there are fewer problems than bins, or an arm is no strategy.
pub fn worth(
    asked: &Chosen,
    arms: &[Arm],
    points: &[Point],
    (probed, shares): (&[Probed], &[f64]),
) -> Result<Worth, Error> {
    let tried = |point: &Point| Tried { values: point.values.clone(), costs: point.tokens.clone() };
    let own: Vec<&Point> = points.iter().filter(|point| asked.arms.contains(&point.arm)).collect();
    let alone: Vec<Tried> = own.iter().map(|point| tried(point)).collect();
    let at = |point: &&Point| point.arm == asked.baseline && point.n == asked.n;
    let baseline = points.iter().find(at).map(tried).ok_or("choice: no baseline")?;
    let baseline = Level { values: baseline.values, costs: baseline.costs };
    let estimates: Vec<f64> = probed.iter().map(|probed| probed.estimate).collect();
    let paid: Vec<f64> = probed.iter().map(|probed| probed.tokens).collect();
    let gift = vec![0.0; paid.len()];
    let bins = Bins::of(&estimates, asked.bins.get())?;
    let fixed = Bins { edges: Vec::new() };
    let name = |arm: usize| format!("{} {}", own[arm].arm, own[arm].n);
    let policy =
        |of: &str, (estimates, bins): (&[f64], &Bins), arms: &[Tried], paid: (&[f64], Spend)| {
            let found = curve(estimates, bins, arms, paid, Some(&baseline))?;
            let level = |stage: &Stage| Found {
                budget: stage.budget,
                tokens: stage.cost(),
                accuracy: stage.accuracy,
                arms: stage.arms.iter().map(|&arm| name(arm)).collect(),
            };
            let ratio = found.ratio.ok_or("choice: no baseline")?;
            let levels = found.stages.iter().map(level).collect();
            Ok::<_, Error>(Policy { name: of.to_owned(), levels, ratio })
        };
    let (probe, unpaid) = ((&estimates[..], &bins), (&gift[..], Spend::Arm));
    let mut policies = vec![policy("by the probe, paid", probe, &alone, (&paid, Spend::Arm))?];
    if asked.reuse {
        let mut behind = alone.clone();
        for (tried, point) in behind.iter_mut().zip(&own) {
            let arm = arms.iter().find(|arm| arm.name == point.arm).ok_or("choice: no such arm")?;
            let first = asked.shared(arm, point.n)?;
            for (cost, probed) in tried.costs.iter_mut().zip(probed) {
                // A probe of first steps is nothing but these.
                let begun = if asked.until == Until::Step { probed.tokens } else { probed.begun };
                *cost += first.on_top(asked.probe.get(), probed.tokens, begun);
            }
        }
        policies.push(policy("by the probe, gone on from", probe, &behind, unpaid)?);
        let name = "by the probe, gone on from, by price";
        policies.push(policy(name, probe, &behind, (&gift, Spend::Choice))?);
    }
    policies.push(policy("by the probe, not paid", probe, &alone, unpaid)?);
    if !shares.is_empty() {
        let bins = Bins::of(shares, asked.bins.get())?;
        let name = "by the share of right samples";
        policies.push(policy(name, (shares, &bins), &alone, unpaid)?);
    }
    policies.push(policy("the best fixed arm", (&estimates, &fixed), &alone, unpaid)?);
    Ok(Worth { probe_tokens: paid.iter().sum::<f64>() / paid.len() as f64, policies })
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
            let values = [easy, hard].into_iter().cycle().take(40).collect();
            Point::of(arm, n, 10.0 * n as f64, values)
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
            begun: 2.0,
        };
        (asked, points, (0..40).map(probed).collect())
    }

    /// The arms of the points: of four samples as the probe has, and a beam that begins with N lines.
    fn arms() -> Vec<Arm> {
        let beam = serde_json::json!({"strategy": "beam-search", "keep": "N", "branch": 1});
        let arm = |name: &str, policy: &str, strategy: serde_json::Value| {
            let arm =
                serde_json::json!({"name": name, "policy": policy, "strategy": strategy, "n": [1]});
            serde_json::from_value(arm).expect("an arm")
        };
        vec![
            arm("samples", "p", "majority".into()),
            arm("search", "p", beam),
            arm("unasked", "q", "majority".into()),
        ]
    }

    #[test]
    fn the_probe_is_paid_where_that_is_said() {
        let (asked, points, probed) = study();
        let shares: Vec<f64> = probed.iter().map(|probed| probed.estimate).collect();
        let found = worth(&asked, &arms(), &points, (&probed, &shares)).expect("a study");
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
        let unknown = worth(&asked, &arms(), &points, (&probed, &[])).expect("a study");
        assert_eq!(unknown.policies.len(), 3);
    }

    /// By hand: of a probe of four samples (8 tokens, 2 of them in first steps), two samples leave half on top, and
    /// more nothing; a search takes the first steps of as many as it begins with.
    #[test]
    fn arms_that_go_on_from_the_probe_pay_for_the_rest_of_it() {
        let (asked, points, probed) = study();
        let asked = Chosen { reuse: true, ..asked };
        let found = worth(&asked, &arms(), &points, (&probed, &[])).expect("a study");
        let names: Vec<&str> = found.policies.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(names[..2], ["by the probe, paid", "by the probe, gone on from"]);
        let behind = &found.policies[1];
        let budgets: Vec<f64> = behind.levels.iter().map(|level| level.budget).collect();
        // samples 2; search 2; search 4; samples 16.
        let costs = [20.0 + 4.0, 20.0 + 7.0, 40.0 + 6.0, 160.0];
        assert_eq!(budgets, costs);
        assert_eq!(behind.levels[2].arms, ["samples 2", "search 4"]);
        assert!((behind.levels[2].tokens - 35.0).abs() < 1e-12);
        // A probe of first steps is shared by all that begin with as many lines.
        let steps: Vec<Probed> =
            probed.iter().map(|probed| Probed { tokens: 2.0, ..*probed }).collect();
        let asked = Chosen { until: Until::Step, signal: Signal::Score, ..asked };
        let found = worth(&asked, &arms(), &points, (&steps, &[])).expect("a study");
        let budgets: Vec<f64> = found.policies[1].levels.iter().map(|level| level.budget).collect();
        assert_eq!(budgets, [21.0, 40.0, 160.0]);
        // By price, from the cheapest arms on, and of those the better ones.
        let priced = &found.policies[2];
        assert_eq!(priced.name, "by the probe, gone on from, by price");
        assert!(priced.levels.windows(2).all(|pair| pair[0].budget < pair[1].budget));
        assert_eq!(priced.levels[0].arms, ["samples 2", "search 2"]);
        // What another policy writes, or a chain of turns, shares nothing.
        let all = arms();
        let in_turn = Arm { in_turn: true, ..all[0].clone() };
        for arm in [&all[2], &in_turn] {
            assert_eq!(asked.shared(arm, 4).expect("an arm"), FirstLines::default());
        }
    }

    #[test]
    fn a_recipe_of_before_is_written_as_it_was() {
        let (asked, _, _) = study();
        let json = serde_json::to_value(&asked).expect("JSON");
        assert!(json.get("until").is_none() && json.get("reuse").is_none(), "{json}");
        let steps = Chosen { until: Until::Step, reuse: true, ..asked };
        let json = serde_json::to_value(&steps).expect("JSON");
        assert_eq!((&json["until"], &json["reuse"]), (&"step".into(), &true.into()));
        assert_eq!(serde_json::from_value::<Chosen>(json).expect("sound"), steps);
    }
}
