//! Recipes: everything that decides what an experiment finds, as JSON.
//!
//! A recipe names models, each with how it is made, arms, each a policy with a way of searching at
//! some budgets, what is compared, and what is drawn. The file is the experiment: no number of it stands
//! in code. [`Recipe::quick`] is the same at a fraction of the size, to see that it runs.
//!
//! Source: none; a format of this library.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::family::{Backtrack, Chain, Countdown, Family, Panel, Recheck, Strides};
use tts_core::{Aggregate, Rule, Selection, StepRule};
use tts_search::evaluate::Method;

use super::choice::Chosen;
use super::generative::Led;
use super::matched::Matching;
use super::spec::{ModelSpec, is_default};
use super::thinking::Asked;
use super::way::Way;
use crate::families::Families;
use crate::{Error, setting};

/// The problems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Arithmetic with one right answer.
    Chain(Chain),
    /// Reaching a number from others: steps that are right may lead nowhere.
    Countdown(Countdown),
    /// Arithmetic of as many operations a line as the writer likes.
    Strides(Strides),
    /// Arithmetic with checks, and an answer behind `#`.
    Recheck(Recheck),
    /// Reaching a number from others, with moves that are taken back.
    Backtrack(Backtrack),
    /// Judging responses, by criteria that nobody is told.
    Panel(Panel),
}

impl Task {
    /// The family with its exact checker.
    pub fn family(&self) -> Arc<dyn Family> {
        match self {
            Self::Chain(chain) => Arc::new(chain.clone()),
            Self::Countdown(countdown) => Arc::new(countdown.clone()),
            Self::Strides(strides) => Arc::new(strides.clone()),
            Self::Recheck(recheck) => Arc::new(recheck.clone()),
            Self::Backtrack(backtrack) => Arc::new(backtrack.clone()),
            Self::Panel(panel) => Arc::new(panel.clone()),
        }
    }

    /// Every character of its problems and solutions.
    pub fn alphabet(&self) -> &'static str {
        let family = match self {
            Self::Chain(_) => Families::Chain,
            Self::Countdown(_) => Families::Countdown,
            Self::Strides(_) => Families::Strides,
            Self::Recheck(_) => Families::Recheck,
            Self::Backtrack(_) => Families::Backtrack,
            Self::Panel(_) => Families::Panel,
        };
        family.alphabet()
    }
}

/// What a step has changed, beside what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advantages {
    /// A reward model of advantages; without one they are taken from the values.
    #[serde(default)]
    pub scorer: Option<String>,
    /// Tries of the prover, for advantages from values.
    pub tries: NonZeroU32,
    /// Value of the prompt, for advantages from values.
    pub start: f64,
    /// How much an advantage counts.
    pub alpha: f64,
}

/// A way of answering, at some budgets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// The curve that it belongs to.
    pub name: String,
    /// Who writes.
    pub policy: String,
    /// How answers are found: the name of a method, or a recipe.
    pub strategy: Way,
    /// Who judges: a reward model, or `exact` for the checker.
    #[serde(default)]
    pub scorer: Option<String>,
    /// Ask an outcome reward model of every step.
    #[serde(default)]
    pub every_step: bool,
    /// Judge by value plus advantage.
    #[serde(default)]
    pub advantage: Option<Advantages>,
    /// A judge that writes, in the place of a scorer: whatever the search finds is judged before it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<Led>,
    /// Standard deviation of a noise on the scorer's log-odds, in nats: each step is misjudged alike in
    /// all arms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
    /// How scores of steps become one.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// How a search chooses among finished paths; strategies that choose from a pool each have their rule.
    #[serde(default)]
    pub choose: Rule,
    /// Samples, or lines a round.
    pub n: Vec<usize>,
    /// Samples are written in turn, each behind the latest before it; else side by side.
    #[serde(default)]
    pub in_turn: bool,
    /// Place on the horizontal axis, where that is not N.
    #[serde(default)]
    pub x: Option<f64>,
    /// How long a run of a search is asked to be: the report says how many are, and what length is worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

impl Arm {
    /// How it chooses among finished paths: by the rule of its method, where that has one.
    pub(super) fn rule(&self) -> Rule {
        match self.strategy.pooled() {
            Some(Method::Weighted) => Rule::Weighted,
            Some(_) => Rule::Best,
            None => self.choose,
        }
    }

    /// The search at a budget.
    ///
    /// # Errors
    /// As [`Way::search`].
    pub(super) fn search(&self, n: usize) -> Result<tts_search::Recipe, Error> {
        self.strategy.search(n, Selection { rule: self.rule(), aggregate: self.aggregate })
    }
}

/// Two curves, point by point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The one.
    pub first: String,
    /// What is subtracted from it.
    pub second: String,
    /// What is the same for both.
    #[serde(default)]
    pub at: At,
    /// Budgets of the one that are compared, at equal accuracy those of the other; all where nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub n: Vec<usize>,
    /// By how much the one may be less accurate, at equal accuracy.
    #[serde(default, skip_serializing_if = "is_default")]
    pub margin: f64,
    /// What is compared are gains over one sample of these arms, of the first over the one and of the second over the
    /// other: their difference is one of differences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<[String; 2]>,
}

impl Comparison {
    /// Whether both have a point of this N, at one place of the axis.
    pub(super) fn meets(&self, arms: &[Arm], n: usize) -> bool {
        let own = places(arms, &self.first).into_iter().filter(|place| place.0 == n);
        let other = places(arms, &self.second);
        let met = |at: (usize, f64)| {
            other.iter().any(|place| place.0 == at.0 && place.1.total_cmp(&at.1).is_eq())
        };
        own.into_iter().any(met)
    }
}

/// The budgets of a curve, and where each stands on the axis.
pub(super) fn places(arms: &[Arm], name: &str) -> Vec<(usize, f64)> {
    let own = arms.iter().filter(|arm| arm.name == name);
    own.flat_map(|arm| arm.n.iter().map(|&n| (n, arm.x.unwrap_or(n as f64)))).collect()
}

/// What two points have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// N, and the place on the axis.
    #[default]
    N,
    /// Generated tokens: the second is taken at its point that costs as much, to 5 %.
    Tokens,
    /// Operations, of policy and scorer, likewise.
    Operations,
    /// Nothing: the second is taken at one sample.
    One,
    /// Accuracy: how many of the second's tokens the first takes, see [`super::saved()`].
    Accuracy,
}

/// What is drawn along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Along {
    /// Samples, or lines a round.
    #[default]
    N,
    /// Generated tokens.
    Tokens,
    /// Operations, of policy and scorer.
    Operations,
    /// What each arm says.
    X,
    /// Operations that reinforcement of the policy has cost, with a curve for each N.
    Training,
}

/// Reward models against what is true of each step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// Who wrote the solutions.
    pub policy: String,
    /// Solutions of each problem.
    pub samples: usize,
    /// The reward models, and how their scores of steps become that of a solution.
    pub models: BTreeMap<String, Aggregate>,
}

/// Difficulty of the problems: fifths by the share of right samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graded {
    /// Whose samples tell it.
    pub policy: String,
    /// Samples of each problem, apart from all others.
    pub samples: usize,
}

/// An experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What it shows, as a heading.
    pub title: String,
    /// What was published, and where.
    pub claim: String,
    /// What the set-up cannot tell, and why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub limits: String,
    /// The problems.
    pub task: Task,
    /// How tokens are drawn.
    pub temperature: f32,
    /// Longest solution, in tokens; as [`setting::short_rule`] has it where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest: Option<u32>,
    /// Held-out problems.
    pub problems: usize,
    /// How often everything is run.
    pub seeds: u64,
    /// Whether each seed makes its own models.
    #[serde(default)]
    pub retrain: bool,
    /// Samples of a problem that choices are made from; more than N, for subsets.
    pub pool: usize,
    /// How each model is made.
    pub models: BTreeMap<String, ModelSpec>,
    /// What is measured.
    pub arms: Vec<Arm>,
    /// What is compared.
    #[serde(default)]
    pub compare: Vec<Comparison>,
    /// Reward models against the truth.
    #[serde(default)]
    pub judged: Option<Judged>,
    /// Arms by how difficult the problems are.
    #[serde(default)]
    pub difficulty: Option<Graded>,
    /// The choice between arms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Chosen>,
    /// Arms of a small model beside a large one, at as many operations, pretraining included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<Matching>,
    /// Shares of held-out solutions: the report says when each model made by reinforcement first got so many right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub until: Vec<f64>,
    /// What is drawn along.
    #[serde(default)]
    pub along: Along,
    /// What the axis shows, where arms say their place on it.
    #[serde(default)]
    pub axis: Option<String>,
}

/// A quick run takes this share of problems, examples and updates.
const QUICK: usize = 10;

impl Recipe {
    /// Reads a recipe.
    ///
    /// # Errors
    /// When the file cannot be read, or is no recipe.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// Reads a recipe from text.
    ///
    /// # Errors
    /// When it is none; the error names the place or the field.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let recipe: Self = serde_json::from_str(text)?;
        recipe.check()?;
        Ok(recipe)
    }

    /// Whether the other would find the same: all is equal but texts, and how scores become one where
    /// there are none.
    pub fn asks_as(&self, other: &Self) -> bool {
        let bare = |mut recipe: Self| {
            let unscored = |arm: &&mut Arm| arm.scorer.is_none() && arm.judge.is_none();
            for arm in recipe.arms.iter_mut().filter(unscored) {
                (arm.aggregate, arm.choose) = Default::default();
            }
            recipe
        };
        bare(self.clone()) == bare(other.clone().told_as(self))
    }

    /// The same with what another tells of the same results: its title, claim and limits, whether it says what arms
    /// share with the probe, and which models it compares at as many operations.
    #[must_use]
    pub fn told_as(mut self, other: &Self) -> Self {
        if let (Some(choice), Some(other)) = (&mut self.choice, &other.choice) {
            choice.reuse = other.reuse;
        }
        self.matched.clone_from(&other.matched);
        self.title.clone_from(&other.title);
        self.claim.clone_from(&other.claim);
        self.limits.clone_from(&other.limits);
        self
    }

    /// Where steps and solutions end.
    pub fn rule(&self) -> StepRule {
        let rule = setting::short_rule();
        StepRule { max_tokens: self.longest.unwrap_or(rule.max_tokens), ..rule }
    }

    /// Whether tokens by problem are kept: something is computed from them.
    pub fn needs_tokens(&self) -> bool {
        self.choice.is_some() || self.compare.iter().any(|pair| pair.at == At::Accuracy)
    }

    /// The policies that revise.
    pub fn revising(&self) -> BTreeSet<&String> {
        self.arms.iter().filter(|arm| arm.in_turn).map(|arm| &arm.policy).collect()
    }

    /// Whether one trained model each stands for what training makes, for all seeds.
    pub fn holds_luck_of_training(&self) -> bool {
        !self.retrain && self.models.values().any(ModelSpec::is_trained)
    }

    /// The same in minutes: a tenth of problems, examples and updates, one seed, N up to 16, compared
    /// at equal N alone.
    #[must_use]
    pub fn quick(mut self) -> Self {
        self.problems = (self.problems / QUICK).max(60).min(self.problems);
        self.seeds = 1;
        self.pool = self.pool.min(32);
        for arm in &mut self.arms {
            let least = arm.n.iter().copied().min();
            arm.n.retain(|&n| n <= 16 || Some(n) == least);
            // A search is of its size, whatever the pool.
            if arm.strategy.is_pooled() {
                arm.n.iter_mut().for_each(|n| *n = (*n).min(self.pool));
            }
        }
        // What costs as much may be among the budgets that are left out.
        let arms = &self.arms;
        self.compare.retain_mut(|pair| {
            let (all, alone) = (pair.n.is_empty(), matches!(pair.at, At::One | At::Accuracy));
            let other = pair.at == At::Accuracy;
            let places = places(arms, if other { &pair.second } else { &pair.first });
            let has = |n: usize| places.iter().any(|place| place.0 == n);
            let kept = |&n: &usize| if alone { has(n) } else { pair.meets(arms, n) };
            let n: Vec<usize> = pair.n.iter().copied().filter(kept).collect();
            let met = alone || places.iter().any(|&(n, _)| pair.meets(arms, n));
            pair.n = n;
            let kept = !matches!(pair.at, At::Tokens | At::Operations);
            kept && if all { met } else { !pair.n.is_empty() }
        });
        if let Some(choice) = &mut self.choice {
            let budgets = self.arms.iter().filter(|arm| arm.name == choice.baseline);
            choice.n = budgets.flat_map(|arm| arm.n.iter().copied()).max().unwrap_or(choice.n);
        }
        for spec in self.models.values_mut() {
            spec.shrink(QUICK);
        }
        self
    }
}

/// The name of the exact checker as a scorer.
pub(super) const EXACT: &str = "exact";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn arm(more: &Value) -> Arm {
        let mut arm = json!({ "name": "a", "policy": "p", "strategy": "weighted", "n": [4] });
        for (field, value) in more.as_object().expect("fields") {
            arm[field] = value.clone();
        }
        serde_json::from_value(arm).expect("an arm")
    }

    #[test]
    fn a_method_that_is_led_by_a_judge_has_its_own_rule() {
        let led = json!({ "by": "j", "samples": 1 });
        for (more, rule) in [
            (json!({ "judge": led }), Rule::Weighted),
            (json!({ "strategy": "best-of-n", "judge": led }), Rule::Best),
            (json!({ "strategy": "beam", "judge": led, "choose": "weighted" }), Rule::Weighted),
            (json!({ "strategy": "beam", "judge": led }), Rule::Best),
        ] {
            let recipe = serde_json::to_value(arm(&more).search(4).expect("a search"));
            let found = recipe.expect("JSON")["select"]["rule"].clone();
            assert_eq!(found, json!(rule), "{more}");
        }
    }

    #[test]
    fn points_meet_at_one_n_and_one_place() {
        let arms = [
            arm(&json!({ "n": [1, 4] })),
            arm(&json!({ "n": [16], "x": 3.0 })),
            arm(&json!({ "name": "b", "n": [4, 9, 16] })),
        ];
        let pair = json!({ "first": "a", "second": "b" });
        let pair: Comparison = serde_json::from_value(pair).expect("a pair");
        let met: Vec<usize> = (0..20).filter(|&n| pair.meets(&arms, n)).collect();
        assert_eq!(met, [4]);
        assert_eq!(places(&arms, "a"), [(1, 1.0), (4, 4.0), (16, 3.0)]);
    }
}
