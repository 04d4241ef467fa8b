//! The driver in the toy world: same tree in any company, budgets, failures, cancelling, resuming.

#![expect(clippy::items_after_statements, reason = "a double beside the test that needs it")]

mod accounts;
mod bounds;
mod charges;
mod company;
mod deadlines;
mod failures;
mod lines;
mod money;
mod questions;
mod reads;
mod records;
mod replay;
mod retold;
mod shares;
mod texts;

use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;

/// Samples `n` steps, keeps going from each until it ends: the step-by-step twin of `Sample`.
#[derive(Debug, Clone)]
struct Stepwise {
    n: usize,
}

impl SearchStrategy for Stepwise {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let n = if view.fresh() == [NodeId::ROOT] { self.n } else { 1 };
        view.open().into_iter().map(|id| Expand::step(id, n)).collect()
    }
}

/// Keeps the best half and branches each twice; wants rollouts now and then; never ends by itself.
#[derive(Debug, Clone)]
struct Restless;

impl SearchStrategy for Restless {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let open: Vec<NodeId> = view.open();
        let committed: Vec<NodeId> = open
            .iter()
            .copied()
            .filter(|&id| view.tree()[id].kind == NodeKind::Committed)
            .collect();
        let ranked = view.ranked(&committed, Aggregate::Last);
        let keep = ranked.len().div_ceil(2).min(4);
        let mut expands: Vec<Expand> =
            ranked[..keep].iter().map(|&id| Expand::step(id, 2)).collect();
        if let Some(&first) = ranked.first() {
            expands.push(Expand {
                kind: NodeKind::Rollout,
                until: Until::Steps(2),
                sampling: Some(Sampling::greedy()),
                ..Expand::step(first, 1)
            });
        }
        if expands.is_empty() {
            // All paths ended: start over from the root.
            expands.push(Expand::step(NodeId::ROOT, 2));
        }
        expands
    }
}

/// Five additions, nearly one in three wrong.
fn world() -> ToyWorld {
    ToyWorld { additions: 5, error: 0.3, seed: 1 }
}

/// Runs a strategy under a budget, with a noisy judge.
fn run(strategy: impl SearchStrategy, problem: u64, budget: Budget) -> Outcome {
    let (world, oracle) = (world(), Oracle { noise: 0.3, seed: 5 });
    Search::new(world)
        .scorer(oracle)
        .rule(StepRule { max_steps: 9, ..StepRule::lines() })
        .sampling(Sampling::temperature(1.0))
        .budget(budget)
        .seed(3)
        .run(strategy, world.prompt(problem))
        .expect("runs")
}

/// Fails lines by their seed, whole batches, or answers nonsense.
struct Faulty {
    world: ToyWorld,
    fails: fn(&Request, u64) -> bool,
}

impl Generator for Faulty {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let mut made = self.world.generate(batch)?;
        for (request, generated) in batch.iter().zip(&mut made) {
            for (&seed, line) in request.seeds.iter().zip(&mut generated.lines) {
                if (self.fails)(request, seed) {
                    *line = Err(LineError("the server hung up".into()));
                }
            }
        }
        Ok(made)
    }
}
