//! What a driver costs a node, apart from models: strategies on a generator that writes nothing.
//!
//! `cargo run --release -p tts-benches --bin orchestration -- NAME NODES [--scored]`, where NAME is `best-of-n`,
//! `beam`, `tree`, `wide`, `depth`, or, always scored, `mcts` (NODES are simulations), `ab-mcts`, `ab-mcts-beta`
//! or `ab-mcts-m` (NODES are solutions).
//!
//! A generator with one token a step and a scorer that hashes the step leave only what the library
//! does itself: asking, splitting, appending, ranking, choosing. One line of JSON for each run.

use std::io::Write;
use std::time::Instant;

use tts_core::{
    Aggregate, BoxError, Completion, Expand, Finish, Generated, Generator, NodeId, Request, Scale,
    Search, SearchStrategy, Step, StepRule, Trajectory, Tree, Until, View, scorer,
};
use tts_search::tree::ab_mcts::{Beta, Mixed, Prior};
use tts_search::{AbMcts, Mcts};

/// Writes one token: a step, or all of a solution.
struct Blank;

impl Generator for Blank {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let line = |seed: u64, until: Until| {
            let token = u32::try_from(seed & 0xffff).unwrap_or(0);
            let step = Step { text: "x".into(), tokens: vec![token], ..Step::default() };
            let finish = if until == Until::End { Finish::Stop } else { Finish::Step };
            Ok(Completion { steps: vec![step], finish, prompt_tokens: 8 })
        };
        Ok(Generated::by_seed(batch, |request, seed| line(seed, request.until)))
    }
}

/// One round of so many lines.
struct Wide(usize);

impl SearchStrategy for Wide {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() { vec![Expand::end(NodeId::ROOT, self.0)] } else { Vec::new() }
    }
    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        tree.best(Aggregate::Last)
    }
}

/// A beam: the best `keep` of each round, each continued `branch` ways, until there are so many nodes.
struct Beam {
    keep: usize,
    branch: usize,
    nodes: usize,
}

impl SearchStrategy for Beam {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.tree().len() > self.nodes {
            return Vec::new();
        }
        if view.fresh() == [NodeId::ROOT] {
            return vec![Expand::step(NodeId::ROOT, self.keep * self.branch)];
        }
        let open = view.open();
        let ranked = view.ranked(&open, Aggregate::Last);
        ranked.iter().take(self.keep).map(|&id| Expand::step(id, self.branch)).collect()
    }
    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        tree.best(Aggregate::Last)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.first().map_or("best-of-n", String::as_str).to_owned();
    let nodes: usize = match arguments.get(1) {
        Some(number) => number.parse()?,
        None => 10_000,
    };
    let tree_search = name.contains("mcts");
    let scored = tree_search || arguments.iter().any(|argument| argument == "--scored");
    let judge = scorer::from_fn(|_: &Trajectory, step: &Step| {
        f64::from(step.tokens.first().copied().unwrap_or(0)) / 65536.0
    });
    let judge = judge.with_scale(if tree_search { Scale::OUTCOME } else { Scale::UNSTATED });
    let adaptive = |prior| Box::new(AbMcts { calls: nodes, prior, ..AbMcts::default() });
    let rule = StepRule { max_steps: u32::MAX, max_tokens: u32::MAX, ..StepRule::lines() };
    let mut search = Search::new(&Blank).rule(rule);
    if scored {
        search = search.scorer(judge);
    }
    let strategy: Box<dyn SearchStrategy> = match name.as_str() {
        "best-of-n" => Box::new(Wide(nodes)),
        "beam" => Box::new(Beam { keep: 4, branch: 4, nodes }),
        // Hundreds of decisions a round, as a tree search has with its leaves in one batch.
        "tree" => Box::new(Beam { keep: 256, branch: 4, nodes }),
        // A quarter of all nodes in one round, each a decision of its own.
        "wide" => Box::new(Beam { keep: nodes.div_ceil(4), branch: 1, nodes }),
        "depth" => Box::new(Beam { keep: 1, branch: 1, nodes }),
        "mcts" => Box::new(Mcts { simulations: nodes, ..Mcts::default() }),
        "ab-mcts" => adaptive(Prior::default()),
        "ab-mcts-beta" => adaptive(Prior::Beta(Beta::default())),
        "ab-mcts-m" => adaptive(Prior::Mixed(Mixed::default())),
        other => {
            let expected =
                "best-of-n, beam, tree, wide, depth, mcts, ab-mcts, ab-mcts-beta or ab-mcts-m";
            return Err(format!("{other:?}: expected {expected}").into());
        }
    };
    let start = Instant::now();
    let outcome = search.run(strategy, "a question")?;
    let seconds = start.elapsed().as_secs_f64();
    let made = outcome.tree.len() - 1;
    writeln!(
        std::io::stdout(),
        "{{\"search\":\"{name}\",\"nodes\":{made},\"scored\":{scored},\"seconds\":{seconds:.6},\"us_per_node\":{:.3},\"us_per_line\":{:.3}}}",
        1e6 * seconds / made as f64,
        1e6 * seconds / outcome.usage.logical.samples as f64
    )?;
    Ok(())
}
