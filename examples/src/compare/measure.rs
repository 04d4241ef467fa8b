//! Methods: the share of right answers on each problem, over seeds, and the cost.

use serde::Serialize;
use tts_core::answer;
use tts_core::metrics::{self, Accuracy, Metric, Pool};
use tts_core::select::{Vote, Weight};

use super::experiment::{Experiment, pool, search};
use super::journal::{Graded, Single};
use crate::Error;
use crate::judge::Judge;
use crate::lineup::Strategy;

/// Subsets that a vote is held on.
const SUBSETS: usize = 200;
/// Draws of a bootstrap.
pub(super) const DRAWS: usize = 2000;

/// One method.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// The strategy.
    pub strategy: Strategy,
    /// Its budget.
    pub n: usize,
    /// Its scorer, if it has one.
    pub scorer: Option<Judge>,
    /// The mean over problems with its interval over problems.
    pub accuracy: Accuracy,
    /// Tokens generated a problem.
    pub generated_tokens: f64,
    /// Tokens scored a problem.
    pub scored_tokens: f64,
    /// The share of seeds (or of subsets of the pools) right, by problem.
    #[serde(skip)]
    pub values: Vec<f64>,
}

impl Measured {
    fn new(
        (strategy, n, scorer): (Strategy, usize, Option<Judge>),
        values: Vec<f64>,
        generated_tokens: f64,
        scored_tokens: f64,
    ) -> Result<Self, Error> {
        let accuracy = metrics::bootstrap_interval(&values, DRAWS, 0)?;
        Ok(Self { strategy, n, scorer, accuracy, generated_tokens, scored_tokens, values })
    }

    /// The name in tables.
    pub fn name(&self) -> String {
        if self.strategy == Strategy::Greedy {
            return self.strategy.to_string();
        }
        self.name_at(&self.n.to_string())
    }

    /// The name with another budget.
    pub(super) fn name_at(&self, n: &str) -> String {
        let scorer = self.scorer.map_or_else(String::new, |judge| format!(" by {}", judge.name()));
        format!("{} {n}{scorer}", self.strategy)
    }
}

/// All methods of an experiment.
#[derive(Debug)]
pub struct Methods {
    /// The methods.
    pub all: Vec<Measured>,
    /// The pools, by seed and then by problem.
    seeds: Vec<Vec<Graded>>,
    /// Tokens of one sample, generated and judged, on average.
    each: [f64; 2],
}

impl Methods {
    /// Measures what an experiment has run.
    ///
    /// # Errors
    /// When results are missing.
    pub fn of(experiment: &Experiment<'_>) -> Result<Self, Error> {
        let (plan, journal) = (&experiment.plan, &experiment.journal);
        let count = experiment.arena.problems.len();
        let seeds: Result<Vec<Vec<Graded>>, Error> =
            plan.seeds().map(|seed| journal.all(&pool(plan.pool, seed), count)).collect();
        let seeds = seeds?;
        let samples = (count * seeds.len() * plan.pool).max(1) as f64;
        let mean = |tokens: fn(&Graded) -> u64| {
            seeds.iter().flatten().map(tokens).sum::<u64>() as f64 / samples
        };
        let each = [mean(|pool| pool.generated), mean(|pool| pool.judged)];
        let mut methods = Self { all: Vec::new(), seeds, each };
        let greedy: Vec<Single> = journal.all("greedy", count)?;
        methods.all.push(singles((Strategy::Greedy, 1, None), &[greedy])?);
        for &n in &plan.budgets {
            methods.push(Strategy::Majority, n, None)?;
            for (judge, _) in &experiment.judges {
                methods.push(Strategy::BestOfN, n, Some(*judge))?;
                methods.push(Strategy::Weighted, n, Some(*judge))?;
            }
            methods.push(Strategy::PassAtN, n, None)?;
        }
        for (judge, _) in experiment.judges.iter().filter(|(judge, _)| judge.guides()) {
            for strategy in Strategy::SEARCHED {
                let beams = plan.beams();
                let budgets = if strategy == Strategy::Beam { &beams } else { &plan.budgets };
                for &n in budgets {
                    let unit = |seed| search(strategy, n, *judge, seed);
                    let found: Result<Vec<Vec<Single>>, Error> =
                        plan.seeds().map(|seed| journal.all(&unit(seed), count)).collect();
                    methods.all.push(singles((strategy, n, Some(*judge)), &found?)?);
                }
            }
        }
        Ok(methods)
    }

    fn push(&mut self, strategy: Strategy, n: usize, judge: Option<Judge>) -> Result<(), Error> {
        let measured = self.pooled(strategy, n, judge)?;
        self.all.push(measured);
        Ok(())
    }

    /// A method that chooses from `n` samples of the pools.
    ///
    /// # Errors
    /// When `n` is 0 or more than the pools hold.
    pub fn pooled(
        &self,
        strategy: Strategy,
        n: usize,
        judge: Option<Judge>,
    ) -> Result<Measured, Error> {
        let metric = match strategy {
            Strategy::Majority => Metric::Vote(Weight::Count),
            Strategy::Weighted => Metric::Vote(Weight::Raw),
            Strategy::PassAtN => Metric::Pass,
            _ => Metric::Best,
        };
        let problems = self.seeds.first().map_or(0, Vec::len);
        let mut values = vec![0.0; problems];
        for (seed, pools) in (0..).zip(&self.seeds) {
            for (place, graded) in pools.iter().enumerate() {
                let pool = votes(graded, judge)?;
                let draws = tts_core::seed::mix(seed, place as u64);
                values[place] += pool.at_k(metric, n, SUBSETS, draws)?.value;
            }
        }
        for value in &mut values {
            *value /= self.seeds.len() as f64;
        }
        let [generated, judged] = self.each.map(|tokens| tokens * n as f64);
        let scored = if judge.is_some() { judged } else { 0.0 };
        Measured::new((strategy, n, judge), values, generated, scored)
    }

    /// Tokens that one sample takes to generate, on average.
    pub fn tokens_of_a_sample(&self) -> f64 {
        self.each[0]
    }

    /// Samples in a pool.
    pub fn pool(&self) -> usize {
        self.seeds.iter().flatten().map(|pool| pool.correct.len()).min().unwrap_or(0)
    }

    /// A method that was measured.
    pub fn get(&self, strategy: Strategy, n: usize, judge: Option<Judge>) -> Option<&Measured> {
        self.all.iter().find(|m| (m.strategy, m.n, m.scorer) == (strategy, n, judge))
    }
}

/// The pool of one problem as seen by one scorer; by none, with equal scores.
fn votes(graded: &Graded, judge: Option<Judge>) -> Result<Pool, Error> {
    let scores = match judge {
        None => vec![1.0; graded.answers.len()],
        Some(judge) => graded
            .scores
            .get(&judge)
            .ok_or_else(|| format!("the pools were not scored by {}", judge.name()))?
            .clone(),
    };
    let votes: Vec<Vote> = graded
        .answers
        .iter()
        .zip(scores)
        .map(|(answer, score)| Vote { answer: answer.clone(), score })
        .collect();
    let mut readings = answer::Readings::default();
    Ok(Pool::new(&votes, &graded.correct, |a, b| readings.equivalent(a, b))?)
}

/// A method that was run once a seed.
fn singles(
    name: (Strategy, usize, Option<Judge>),
    seeds: &[Vec<Single>],
) -> Result<Measured, Error> {
    let problems = seeds.first().map_or(0, Vec::len);
    let share = |place: usize| {
        let right = seeds.iter().filter(|found| found[place].correct).count();
        right as f64 / seeds.len() as f64
    };
    let runs = (problems * seeds.len()).max(1) as f64;
    let mean =
        |tokens: fn(&Single) -> u64| seeds.iter().flatten().map(tokens).sum::<u64>() as f64 / runs;
    let values = (0..problems).map(share).collect();
    Measured::new(name, values, mean(|s| s.generated), mean(|s| s.scored))
}
