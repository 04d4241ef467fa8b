//! What is run: pools and searches for each seed, a pool apart for difficulty.

use std::time::Duration;

use indicatif::ProgressBar;
use tts_core::StepScorer;

use super::journal::{Graded, Journal, Single};
use crate::arena::Arena;
use crate::judge::Judge;
use crate::lineup::Strategy;
use crate::{Error, pools, quick};

/// Problems that are sampled, and then scored, together.
const CHUNK: usize = 128;
/// The pool of difficulty has a seed that no run will have.
const APART: u64 = 0x0d1f_f1c0;

/// How much of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The first seed.
    pub seed: u64,
    /// How many seeds.
    pub seeds: u64,
    /// Budgets, ascending, each a square.
    pub budgets: Vec<usize>,
    /// Samples in a pool.
    pub pool: usize,
    /// Samples a problem that tell how difficult it is.
    pub difficulty: usize,
}

impl Plan {
    /// The seeds.
    pub fn seeds(&self) -> impl Iterator<Item = u64> {
        self.seed..self.seed + self.seeds
    }

    /// Budgets of beam search: one more than asked for, the smallest square with at least twice the
    /// tokens, so that lookahead at the greatest budget has a beam of equal tokens between two
    /// that are known.
    pub fn beams(&self) -> Vec<usize> {
        let mut beams = self.budgets.clone();
        let most = beams.last().copied().unwrap_or(1);
        let root = (2 * most).isqrt();
        beams.push(if root * root < 2 * most { (root + 1) * (root + 1) } else { root * root });
        beams
    }
}

/// The name of the pools of a seed.
pub(super) fn pool(size: usize, seed: u64) -> String {
    format!("pool {size}, seed {seed}")
}

/// The name of the pools that tell difficulty.
pub(super) fn apart(size: usize) -> String {
    format!("difficulty {size}")
}

/// The name of a search.
pub(super) fn search(strategy: Strategy, n: usize, judge: Judge, seed: u64) -> String {
    format!("{strategy} {n} {}, seed {seed}", judge.name())
}

/// Everything that a comparison runs.
pub struct Experiment<'a> {
    /// Generator, problems, checker; the seed is the plan's.
    pub arena: Arena<'a>,
    /// The scorers that are compared.
    pub judges: Vec<(Judge, Box<dyn StepScorer>)>,
    /// How much.
    pub plan: Plan,
    /// Where results go.
    pub journal: Journal,
}

impl std::fmt::Debug for Experiment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Experiment").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl Experiment<'_> {
    /// Runs what the journal lacks.
    ///
    /// # Errors
    /// When a search, a scorer or the journal fails.
    pub fn run(&mut self) -> Result<(), Error> {
        let plan = self.plan.clone();
        self.searches(Strategy::Greedy, 1, None, plan.seed, "greedy")?;
        self.pools(plan.difficulty, plan.seed ^ APART, &apart(plan.difficulty), false)?;
        for seed in plan.seeds() {
            self.pools(plan.pool, seed, &pool(plan.pool, seed), true)?;
            for place in 0..self.judges.len() {
                let judge = self.judges[place].0;
                if !judge.guides() {
                    continue;
                }
                for strategy in Strategy::SEARCHED {
                    let beams = plan.beams();
                    let budgets = if strategy == Strategy::Beam { &beams } else { &plan.budgets };
                    for &n in budgets {
                        let unit = search(strategy, n, judge, seed);
                        self.searches(strategy, n, Some(place), seed, &unit)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn searches(
        &mut self,
        strategy: Strategy,
        n: usize,
        judge: Option<usize>,
        seed: u64,
        unit: &str,
    ) -> Result<(), Error> {
        let arena = Arena { seed, ..self.arena };
        let missing = self.journal.missing(unit, arena.problems.len());
        let judge = judge.map(|place| &self.judges[place]);
        let aggregate = judge.map_or(tts_core::Aggregate::Last, |(judge, _)| judge.aggregate());
        let recipe = strategy.search(n, aggregate)?;
        let scorer = judge.map(|(_, scorer)| &**scorer);
        let progress = progress(unit, missing.len())?;
        let journal = &mut self.journal;
        arena.search(&recipe, scorer, &missing, |place, outcome| {
            progress.inc(1);
            let single = Single {
                correct: arena.is_solved(place, outcome),
                generated: outcome.usage.logical.generated_tokens,
                scored: outcome.usage.logical.scored_tokens,
            };
            journal.note(unit, place, &single)
        })?;
        progress.finish_and_clear();
        Ok(())
    }

    fn pools(&mut self, size: usize, seed: u64, unit: &str, scored: bool) -> Result<(), Error> {
        let arena = Arena { seed, ..self.arena };
        let missing = self.journal.missing(unit, arena.problems.len());
        let progress = progress(unit, missing.len())?;
        for places in missing.chunks(CHUNK) {
            let pools = pools::draw(&arena, size, places, |_, _| {
                progress.inc(1);
                Ok(())
            })?;
            let mut graded: Vec<Graded> = pools
                .iter()
                .map(|pool| Graded {
                    answers: pool.iter().map(|sample| sample.answer.clone()).collect(),
                    correct: pool.iter().map(|sample| sample.correct).collect(),
                    generated: pool.iter().map(|sample| sample.generated).sum(),
                    judged: pool.iter().map(|sample| sample.judged).sum(),
                    ..Graded::default()
                })
                .collect();
            for (judge, scorer) in self.judges.iter().filter(|_| scored) {
                let scores = pools::score(scorer, judge.aggregate(), &pools, |_| ())?;
                for (graded, scores) in graded.iter_mut().zip(scores) {
                    graded.scores.insert(*judge, scores);
                }
            }
            for (&place, graded) in places.iter().zip(&graded) {
                self.journal.note(unit, place, graded)?;
            }
        }
        progress.finish_and_clear();
        Ok(())
    }
}

fn progress(unit: &str, length: usize) -> Result<ProgressBar, Error> {
    let progress = quick::bar(unit, length)?;
    progress.enable_steady_tick(Duration::from_secs(1));
    Ok(progress)
}
