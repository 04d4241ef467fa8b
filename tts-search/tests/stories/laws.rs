//! The laws that every method keeps, whatever it does.

use tts_core::*;
use tts_search::Forest;

/// What must be equal when two searches are.
fn core(outcome: &Outcome) -> (&Tree, Option<NodeId>, Stop, Cost, &[FailedLine], &[Unscored]) {
    let Outcome { tree, best, stop, usage, prompt_tokens: _, failed, unscored, curtailed: _ } =
        outcome;
    (tree, *best, *stop, usage.logical, failed, unscored)
}

fn same(one: &Outcome, other: &Outcome, what: &str) {
    assert!(core(one) == core(other), "{what}: another tree, answer or cost");
    assert_eq!(one.usage.rounds, other.usage.rounds, "{what}");
}

/// What nodes and roles cost is what the search cost.
fn adds_up(outcome: &Outcome) {
    let sum = |costs: &mut dyn Iterator<Item = Cost>| {
        costs.fold(Cost::default(), |mut sum, cost| {
            sum += cost;
            sum
        })
    };
    let cost = outcome.usage.logical;
    let nodes = sum(&mut outcome.tree.iter().map(|(_, node)| node.cost));
    let roles = sum(&mut outcome.tree.cost_by_role().into_values());
    for (what, sum) in [("nodes", nodes), ("roles", roles)] {
        let off = (sum.flops - cost.flops).abs();
        assert!(off <= 1e-9 * cost.flops, "{what}: {} operations of {}", sum.flops, cost.flops);
        assert_eq!(Cost { flops: cost.flops, ..sum }, cost, "{what}");
    }
}

/// A record that was cut after any line, or within one, goes on to the same end.
fn resumes<S: SearchStrategy + Clone>(
    search: &Search<'_>,
    strategy: &S,
    prompt: &Prompt,
    whole: &Outcome,
) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let run = || search.clone().record(&path).run(strategy.clone(), prompt.clone());
    same(&run().expect("runs"), whole, "recorded");
    let bytes = std::fs::read(&path).expect("a record");
    let retold = Retold::parse(&bytes, &path).expect("is told without its strategy");
    same(&retold.outcome, whole, "retold");
    assert_eq!(retold.stop, Some(whole.stop));
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(end, _)| end + 1);
    let ends: Vec<usize> = std::iter::once(0).chain(ends).collect();
    for pair in ends.windows(2) {
        for cut in [pair[0], pair[0].midpoint(pair[1])] {
            std::fs::write(&path, &bytes[..cut]).expect("written");
            same(&run().expect("resumes"), whole, "resumed");
            assert!(std::fs::read(&path).expect("a record") == bytes, "another record");
        }
    }
}

/// The laws for one strategy: alone or in company of eight, whole or resumed, as JSON, and that costs
/// add up. Returns what the problems came to.
pub(crate) fn one<S: SearchStrategy + Clone>(
    search: &Search<'_>,
    strategy: &S,
    prompts: &[Prompt],
) -> Vec<Outcome> {
    assert_eq!(prompts.len(), 8);
    let together = search.run_many(strategy, prompts.iter().cloned());
    let together: Vec<Outcome> = together.into_iter().map(|done| done.expect("runs")).collect();
    for (prompt, outcome) in prompts.iter().zip(&together) {
        let alone = search.run(strategy.clone(), prompt.clone()).expect("runs");
        same(&alone, outcome, "alone");
        adds_up(outcome);
        let json = serde_json::to_string(&outcome.tree).expect("JSON");
        let read: Tree = serde_json::from_str(&json).expect("a tree");
        assert_eq!(serde_json::to_string(&read).expect("JSON"), json);
    }
    resumes(search, strategy, &prompts[0], &together[0]);
    together
}

/// The laws of budgets: one that is not reached changes nothing, a hard one is kept, and one that ends a search
/// leaves records that resume.
fn within_budgets<S: SearchStrategy + Clone>(
    search: &Search<'_>,
    strategy: &S,
    prompts: &[Prompt],
    free: &[Outcome],
) {
    let cost = free[0].usage.logical;
    let limits = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of it"
        )]
        let part = |whole: u64| Some(((whole as f64 * share).ceil() as u64).max(1));
        let none = Budget::default;
        [
            Budget { samples: part(cost.samples), ..none() },
            Budget { generated_tokens: part(cost.generated_tokens), ..none() },
            Budget { calls: part(cost.calls), ..none() },
        ]
    };
    for mode in [Mode::Soft, Mode::Hard] {
        for budget in limits(0.6) {
            let budget =
                Budget { mode, reserve: budget.generated_tokens.map_or(0, |n| n / 4), ..budget };
            let search = search.clone().budget(budget);
            for (prompt, free) in prompts.iter().zip(free) {
                let outcome = search.run(strategy.clone(), prompt.clone()).expect("runs");
                adds_up(&outcome);
                let used = outcome.usage.logical;
                let kept = [
                    (budget.samples, used.samples),
                    (budget.generated_tokens, used.generated_tokens),
                    (budget.calls, used.calls),
                ];
                for (limit, used) in kept {
                    let within = limit.is_none_or(|limit| used <= limit);
                    assert!(mode == Mode::Soft || within, "{used} of {budget:?}");
                }
                let out = matches!(outcome.stop, Stop::Budget(_));
                // What was not cut short is what it would have been.
                assert!(out || mode == Mode::Hard || outcome.tree == free.tree, "{budget:?}");
                let nothing = outcome.tree.candidates().is_empty();
                assert!(outcome.best.is_some() || nothing, "{budget:?}");
            }
            let alone = search.run(strategy.clone(), prompts[0].clone()).expect("runs");
            let forest = search.run(Forest::of(1, strategy.clone()), prompts[0].clone());
            same(&forest.expect("runs"), &alone, "a forest of one within a budget");
            resumes(&search, strategy, &prompts[0], &alone);
        }
    }
}

/// All laws, for the strategy, for one copy of it, which is the strategy, and for two in one tree. Returns
/// what the problems came to.
pub(crate) fn hold<S: SearchStrategy + Clone>(
    search: &Search<'_>,
    strategy: &S,
    prompts: &[Prompt],
) -> Vec<Outcome> {
    let outcomes = one(search, strategy, prompts);
    let single = one(search, &Forest::of(1, strategy.clone()), prompts);
    for (copy, outcome) in single.iter().zip(&outcomes) {
        same(copy, outcome, "a forest of one");
    }
    within_budgets(search, strategy, prompts, &outcomes);
    let pairs = one(search, &Forest::of(2, strategy.clone()), prompts);
    let rounds = |outcome: &Outcome| outcome.usage.logical.samples;
    assert!(pairs.iter().zip(&outcomes).all(|(pair, one)| rounds(pair) > rounds(one)));
    outcomes
}
