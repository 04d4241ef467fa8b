//! Arms: the share of right answers on each problem, over seeds, and what it costs.
//!
//! Choices from a pool are evaluated on subsets of it ([`tts_core::metrics::Pool::at_k`]), all arms of a
//! policy on the same samples. Searches are run at each budget. Problems are the unit of all
//! intervals: seeds of one problem are no further evidence about other problems.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tts_core::family::Problem;
use tts_core::metrics::{self, Accuracy, Metric, Pool, Sampled};
use tts_core::select::Weight;
use tts_core::task::Math;
use tts_core::{Aggregate, Scale, Selection, Task};
use tts_prm::critic::{Judged, Jury};
use tts_search::evaluate::Comparison;
use tts_search::evaluate::Method;
use tts_search::evaluate::attempts::{Attempt, Attempts};
use tts_search::think::control;

use super::generative::Leader;
use super::recipe::{Advantages, Arm, EXACT};
use super::spec::is_default;
use super::way::Way;
use super::workshop::Workshop;
use crate::{Error, quickstart, setting};

/// Subsets that a vote is held on.
pub(super) const SUBSETS: usize = 100;
/// Draws of a bootstrap.
pub(super) const DRAWS: usize = 2_000;

/// An arm at a budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The curve.
    pub arm: String,
    /// Samples, or lines a round.
    pub n: usize,
    /// Place on the axis.
    pub x: f64,
    /// The mean over problems with its interval over problems.
    pub accuracy: Accuracy,
    /// Tokens generated a problem.
    pub generated_tokens: f64,
    /// Tokens scored a problem, those of questions to a judge that leads the search among them.
    pub scored_tokens: f64,
    /// Operations a problem, of policy and scorer, prompts left out: two a parameter and token.
    pub operations: f64,
    /// Operations that reinforcement of the policy has cost before, mean over seeds of training; `None` of a policy
    /// without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<f64>,
    /// Share of runs that are as long as the arm asks for; `None` where it asks for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<f64>,
    /// Accuracy in each fifth by difficulty, where that is asked for; a result without values by problem
    /// has it to a tenth of a percent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_difficulty: Vec<f64>,
    /// The share of seeds (or of subsets of the pools) right, by problem; in a table of its own.
    #[serde(skip)]
    pub values: Vec<f64>,
    /// Tokens generated, by problem, mean over seeds; in a table of its own, where the choice between arms is
    /// asked for.
    #[serde(skip)]
    pub tokens: Vec<f64>,
}

#[cfg(test)]
impl Point {
    /// With these values by problem, and the same tokens for each, for tests.
    pub(super) fn of(arm: &str, n: usize, tokens: f64, values: Vec<f64>) -> Self {
        Self {
            arm: arm.into(),
            n,
            x: n as f64,
            accuracy: metrics::bootstrap_interval(&values, 10, 0).expect("some problems"),
            generated_tokens: tokens,
            scored_tokens: 0.0,
            operations: tokens,
            training: None,
            control: None,
            by_difficulty: Vec::new(),
            tokens: vec![tokens; values.len()],
            values,
        }
    }
}

/// A search of one problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Single {
    /// Whether it was solved.
    pub correct: bool,
    /// Tokens generated.
    pub generated: u64,
    /// Tokens scored, and those of the questions that a judge was asked which led the search.
    pub scored: u64,
    /// Generated tokens that are such a judge's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub judged: u64,
}

/// Costs and outcomes on all problems under one seed.
pub(super) struct Run {
    values: Vec<f64>,
    tokens: Vec<f64>,
    scored: f64,
    /// Of the tokens those of a judge that led the searches, a problem.
    judged: f64,
    /// Share of the runs of a search that are as long as the arm asks for, if it does.
    control: Option<f64>,
}

impl Run {
    /// Of what nobody judged.
    pub(super) fn unjudged(values: Vec<f64>, tokens: Vec<f64>) -> Self {
        Self { values, tokens, scored: 0.0, judged: 0.0, control: None }
    }
}

/// What pools cost.
pub(super) struct Spent {
    /// Samples of each pool.
    samples: f64,
    /// Tokens generated, by problem.
    generated: Vec<u64>,
    /// Tokens scored a sample.
    judged: f64,
}

impl Spent {
    /// Of these pools, which are judged or not.
    pub(super) fn of(pools: &[Attempts], is_judged: bool) -> Self {
        let sum = |pool: &Attempts| pool.attempts.iter().map(|attempt| attempt.generated).sum();
        let all = || pools.iter().flat_map(|pool| &pool.attempts);
        let judged = all().flat_map(|attempt| &attempt.steps).map(|step| step.chars().count());
        let count = all().count() as f64;
        Self {
            samples: count / pools.len().max(1) as f64,
            generated: pools.iter().map(sum).collect(),
            judged: if is_judged { judged.sum::<usize>() as f64 / count } else { 0.0 },
        }
    }

    /// Of responses that are there already: so many tokens are scored a problem.
    pub(super) fn of_responses(problems: usize, judged: f64) -> Self {
        Self { samples: 1.0, generated: vec![0; problems], judged }
    }

    /// With so many tokens scored a sample.
    pub(super) fn judging(self, judged: f64) -> Self {
        Self { judged, ..self }
    }

    /// Values of `n` samples, which cost as those of the whole pool.
    pub(super) fn run(&self, values: Vec<f64>, n: usize) -> Run {
        let tokens = |&sum: &u64| sum as f64 * n as f64 / self.samples;
        let tokens = self.generated.iter().map(tokens).collect();
        Run { values, tokens, scored: self.judged * n as f64, judged: 0.0, control: None }
    }
}

/// Scores of the steps of each attempt at one problem.
pub(super) type Scores = Vec<Vec<f64>>;

impl Workshop<'_> {
    /// The pool of a policy.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn pool(&self, policy: &str, seed: u64) -> Result<Vec<Attempts>, Error> {
        self.attempts(policy, &self.test()?, self.recipe.pool, (self.model_seed(seed), seed))
    }

    /// What names a scorer in results.
    pub(super) fn scorer_identity(&self, arm: &Arm, seed: u64) -> Result<Value, Error> {
        let identity = |name: &String| {
            Ok::<_, Error>(if name == EXACT {
                json!(EXACT)
            } else {
                json!(self.identity(name, seed)?)
            })
        };
        let Some(name) = &arm.scorer else { return Ok(Value::Null) };
        let own = match arm.noise {
            Some(noise) => json!({ "noise": noise, "on": identity(name)? }),
            None => identity(name)?,
        };
        let Some(advantage) = &arm.advantage else {
            return Ok(if name == EXACT { own } else { json!([own, arm.every_step]) });
        };
        let other = match &advantage.scorer {
            Some(name) => identity(name)?,
            None => Value::Null,
        };
        let Advantages { tries, start, alpha, .. } = advantage;
        Ok(json!([own, arm.every_step, other, tries, start, alpha]))
    }

    /// The scores by an arm's scorer of pools of this size, of models made and samples drawn by these seeds.
    pub(super) fn scores(
        &self,
        arm: &Arm,
        pools: &[Attempts],
        (made, seed): (u64, u64),
        size: usize,
    ) -> Result<Option<Vec<Scores>>, Error> {
        let Some(scorer) = self.judge(arm, made)? else { return Ok(None) };
        let description = json!({
            "scores": self.scorer_identity(arm, made)?, "policy": self.identity(&arm.policy, made)?,
            "task": self.recipe.task, "temperature": self.recipe.temperature, "seed": seed,
            "pool": size, "problems": "test",
        });
        let family = self.family();
        let scores = self.unit(&description, pools.len(), |places, note| {
            let bar = quickstart::bar(&format!("{}: scores", arm.name), places.len())?;
            for &place in places {
                note(place, pools[place].scores(&*family, &*scorer)?)?;
                bar.inc(1);
            }
            bar.finish_and_clear();
            Ok(())
        })?;
        Ok(Some(scores))
    }

    /// An arm that chooses from a pool, at all of its budgets.
    fn pooled(
        &self,
        arm: &Arm,
        method: Method,
        problems: &[Problem],
        seed: u64,
    ) -> Result<Vec<Run>, Error> {
        let pools = if arm.in_turn {
            self.chains(&arm.policy, problems, self.recipe.pool, seed)?
        } else {
            self.pool(&arm.policy, seed)?
        };
        let made = (self.model_seed(seed), seed);
        let scores = self.scores(arm, &pools, made, self.recipe.pool)?;
        let scale = self.judge(arm, self.model_seed(seed))?.map_or(Scale::UNSTATED, |j| j.scale());
        if scores.is_some() {
            scale.check(Selection { rule: arm.rule(), aggregate: arm.aggregate })?;
        }
        let metric = match method {
            Method::Majority => Metric::Vote(Weight::Count),
            Method::Weighted => Metric::Weighted,
            Method::PassAtN => Metric::Pass,
            _ => Metric::Best,
        };
        let graded = |pool: usize, n: usize| {
            let scores = scores.as_ref().map(|scores| &scores[pool]);
            samples(&pools[pool].attempts[..n], scores, scale, arm.aggregate)
        };
        let whole: Vec<Pool> = (0..pools.len())
            .map(|pool| graded(pool, self.recipe.pool))
            .collect::<Result<_, _>>()?;
        let spent = Spent::of(&pools, arm.scorer.is_some());
        let at = |&n: &usize| {
            let value = |(place, pool): (usize, &Pool)| {
                let draws = tts_core::seed::mix(seed, place as u64);
                // Turns have an order: the first n are what n turns write.
                let first = if arm.in_turn { Some(graded(place, n)?) } else { None };
                let pool = first.as_ref().unwrap_or(pool);
                Ok(pool.at_k(metric, n, SUBSETS, draws)?.value)
            };
            let values = whole.iter().enumerate().map(value).collect::<Result<_, Error>>()?;
            Ok(spent.run(values, n))
        };
        arm.n.iter().map(at).collect()
    }

    /// An arm that searches, at one budget.
    fn searched(&self, arm: &Arm, problems: &[Problem], n: usize, seed: u64) -> Result<Run, Error> {
        let made = self.model_seed(seed);
        let recipe = arm.search(n)?;
        let leader = arm.judge.as_ref().map(|led| self.leader(led, made)).transpose()?;
        let mut description = json!({
            "search": recipe, "scorer": self.scorer_identity(arm, made)?,
            "policy": self.identity(&arm.policy, made)?, "task": self.recipe.task,
            "temperature": self.recipe.temperature, "seed": seed, "problems": "test",
        });
        if let (Some(leader), Some(led)) = (&leader, &arm.judge) {
            description["led"] = json!([leader.jury, self.identity(&led.by, made)?]);
        }
        // Without samples of a jury it is the strategy itself.
        let none = Jury { samples: 0, ..Jury::default() };
        let jury = leader.as_ref().map_or(none, |leader| leader.jury.clone());
        let strategy = Judged::of(recipe, jury);
        let policy = self.writer(&arm.policy, made)?;
        let scorer = self.judge(arm, made)?;
        let family = self.family();
        let mut search = self.search(&*policy, seed);
        if let Some(leader) = &leader {
            search = search.role(Leader::ROLE, &leader.model);
        }
        let singles: Vec<Single> = self.unit(&description, problems.len(), |places, note| {
            let bar = quickstart::bar(&format!("{} {n}", arm.name), places.len())?;
            let comparison = Comparison { search, family: &family, problems };
            let scorer = scorer.as_deref();
            for places in places.chunks(4 * setting::CONCURRENCY) {
                comparison.search(&strategy, scorer, places, |place, outcome| {
                    bar.inc(1);
                    let cost = &outcome.usage.logical;
                    let led = leader.as_ref().map(|leader| leader.spent(outcome));
                    let (judged, asked) = led.unwrap_or_default();
                    note(
                        place,
                        Single {
                            correct: comparison.is_solved(place, outcome),
                            generated: cost.generated_tokens,
                            scored: cost.scored_tokens + asked,
                            judged,
                        },
                    )
                })?;
            }
            bar.finish_and_clear();
            Ok(())
        })?;
        let mean = |of: fn(&Single) -> u64| {
            singles.iter().map(of).sum::<u64>() as f64 / problems.len() as f64
        };
        Ok(Run {
            values: singles.iter().map(|single| f64::from(u8::from(single.correct))).collect(),
            tokens: singles.iter().map(|single| single.generated as f64).collect(),
            scored: mean(|single| single.scored),
            judged: mean(|single| single.judged),
            control: arm.asked.and_then(|asked| {
                let lengths: Vec<u64> = singles.iter().map(|single| single.generated).collect();
                control(&lengths, asked.at(n))
            }),
        })
    }

    /// What reinforcement of a policy has cost, mean over seeds of models.
    fn mean_training(&self, policy: &str) -> Result<Option<f64>, Error> {
        let seeds = if self.recipe.retrain { self.recipe.seeds } else { 1 };
        let of = |seed| self.training_operations(policy, seed);
        let all = (1..=seeds).map(of).collect::<Result<Option<Vec<f64>>, Error>>()?;
        Ok(all.map(|all| all.iter().sum::<f64>() / all.len() as f64))
    }

    /// An arm at all of its budgets, over all seeds.
    ///
    /// # Errors
    /// When a model cannot be made, or a search fails; what was found is kept.
    pub fn measure(&self, arm: &Arm) -> Result<Vec<Point>, Error> {
        let problems = self.test()?;
        let mut all: Vec<Vec<Run>> = Vec::new();
        for seed in 1..=self.recipe.seeds {
            all.push(if let Way::Votes(votes) = arm.strategy {
                self.voted(arm, votes, &problems, seed)?
            } else if let Way::Rejection(_) = arm.strategy {
                self.rejected(arm, seed)?
            } else if let Way::Scores(_) = arm.strategy {
                self.scored(arm, &problems, seed)?
            } else if let (Some(method), None) = (arm.strategy.pooled(), &arm.judge) {
                self.pooled(arm, method, &problems, seed)?
            } else {
                let run = |&n: &usize| self.searched(arm, &problems, n, seed);
                arm.n.iter().map(run).collect::<Result<_, _>>()?
            });
        }
        let made = self.model_seed(1);
        let policy = self.writer(&arm.policy, made)?.cost().parameters as f64;
        let scorer = match &arm.judge {
            Some(led) => self.leader(led, made)?.model.cost(),
            None => self.judge(arm, made)?.map_or_else(Default::default, |judge| judge.cost()),
        };
        let scorer = scorer.parameters as f64;
        let training = self.mean_training(&arm.policy)?;
        let seeds = all.len() as f64;
        let point = |(place, &n): (usize, &usize)| {
            let mean = |of: &dyn Fn(&Run) -> f64| {
                all.iter().map(|runs| of(&runs[place])).sum::<f64>() / seeds
            };
            let value = |problem| mean(&|run| run.values[problem]);
            let values: Vec<f64> = (0..problems.len()).map(value).collect();
            let tokens = |problem| mean(&|run| run.tokens[problem]);
            let tokens: Vec<f64> = (0..problems.len()).map(tokens).collect();
            let generated = tokens.iter().sum::<f64>() / problems.len() as f64;
            let scored = mean(&|run| run.scored);
            let judged = mean(&|run| run.judged);
            Ok(Point {
                arm: arm.name.clone(),
                n,
                x: arm.x.unwrap_or(n as f64),
                accuracy: metrics::bootstrap_interval(&values, DRAWS, 0)?,
                generated_tokens: generated,
                scored_tokens: scored,
                operations: 2.0 * (policy * (generated - judged) + scorer * (scored + judged)),
                training,
                control: runs_in_length(&all, place),
                by_difficulty: Vec::new(),
                values,
                tokens,
            })
        };
        arm.n.iter().enumerate().map(point).collect()
    }
}

/// The share of runs at one budget that are as long as was asked for, over seeds.
fn runs_in_length(all: &[Vec<Run>], place: usize) -> Option<f64> {
    let shares: Option<Vec<f64>> = all.iter().map(|runs| runs[place].control).collect();
    shares.map(|shares| shares.iter().sum::<f64>() / shares.len() as f64)
}

/// A pool of attempts, with scores of this scale; what was cut off is in it as such.
fn samples(
    pool: &[Attempt],
    scores: Option<&Scores>,
    scale: Scale,
    by: Aggregate,
) -> Result<Pool, Error> {
    let by = scale.resolve(by);
    Ok(Pool::of_samples(&sampled(pool, scores, by), scale, by, Math.comparer())?)
}

/// Attempts as samples.
pub(super) fn sampled(pool: &[Attempt], scores: Option<&Scores>, by: Aggregate) -> Vec<Sampled> {
    let sample = |(place, attempt): (usize, &Attempt)| {
        let finished = !attempt.steps.is_empty();
        Sampled {
            // What was cut off has no final answer.
            answer: Math.answer(&attempt.steps.concat()).filter(|_| finished),
            score: scores.and_then(|scores| by.apply(scores[place].iter().copied())),
            finished,
            right: attempt.solved,
        }
    };
    pool.iter().enumerate().map(sample).collect()
}
