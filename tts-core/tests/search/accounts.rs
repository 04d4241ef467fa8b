//! Budgets, costs and frequencies.

use proptest::prelude::*;

use super::*;
use tts_core::toy::{Oracle, Sample, ToyWorld};
use tts_core::*;

/// A toy world with a price.
struct Priced(ToyWorld, cost::ModelCost);

impl Generator for Priced {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        self.0.generate(batch)
    }
    fn cost(&self) -> cost::ModelCost {
        self.1
    }
}

#[test]
fn operations_are_those_of_one_pass_over_every_token() {
    let model =
        |parameters| cost::ModelCost { parameters, layers: 2, query_width: 3, windows: None };
    let (policy, reviser) = (Priced(world(), model(10)), Priced(world(), model(1000)));
    struct Judge(cost::ModelCost);
    impl StepScorer for Judge {
        fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
            let scores = |path: &Trajectory| vec![0.5; path.fresh_steps().len()];
            Ok(batch.iter().map(|path| Scored::of(scores(path))).collect())
        }
        fn cost(&self) -> cost::ModelCost {
            self.0
        }
    }
    let judge = Judge(model(100));
    let prompt = world().prompt(0);
    let length = prompt.question().len() as u64;
    let outcome =
        Search::new(&policy).scorer(&judge).run(Sample { n: 2 }, prompt.clone()).expect("runs");
    let mut expected = model(10).flops(0, length) + model(100).flops(0, length);
    for id in outcome.tree.finished() {
        let tokens = outcome.tree.tokens(id);
        expected += model(10).flops(length, tokens) + model(100).flops(length, tokens);
    }
    let found = outcome.usage.logical.flops;
    assert!((found - expected).abs() < 1e-6 * expected, "{found} for {expected}");

    struct Asks;
    impl SearchStrategy for Asks {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            let role = Some("reviser".to_owned());
            if view.fresh() != [NodeId::ROOT] {
                return Vec::new();
            }
            vec![Expand { role, ..Expand::end(NodeId::ROOT, 1) }]
        }
    }
    let outcome = Search::new(&policy).role("reviser", &reviser).run(Asks, prompt).expect("runs");
    let tokens = outcome.tree.tokens(outcome.best.expect("an answer"));
    assert!((outcome.usage.logical.flops - model(1000).flops(0, length + tokens)).abs() < 1e-3);
}

#[test]
fn a_budget_too_small_to_share_still_gives_an_answer() {
    let budget = Budget { mode: Mode::Hard, ..Budget::tokens(300) };
    let outcome = run(Sample { n: 256 }, 0, budget);
    assert!(outcome.answer().is_some() && outcome.usage.logical.generated_tokens <= 300);
}

#[test]
fn samples_are_right_as_often_as_the_error_rate_says() {
    // 400 problems, p = 0.7^5 = 0.168 plus the chance that slips cancel out; standard deviation
    // of the mean 0.019. A world that ignored its error rate, or drew the same numbers for every
    // problem, is off by more than the 4 sigma allowed here.
    let world = world();
    let oracle = Oracle::of(&world);
    let outcomes = Search::new(world)
        .scorer(oracle)
        .sampling(Sampling::temperature(1.0))
        .run_many(&Sample { n: 4 }, (0..400).map(|i| world.prompt(i)));
    let clean = |n: usize| -> f64 {
        let good = outcomes.iter().filter(|outcome| {
            let tree = &outcome.as_ref().expect("runs").tree;
            tree.finished().take(n).any(|id| tree.score(id, Aggregate::Min) == Some(1.0))
        });
        good.count() as f64 / 400.0
    };
    let p = 0.7_f64.powi(5);
    for n in [1, 2, 4] {
        let expected = 1.0 - (1.0 - p).powi(n);
        let sigma = (expected * (1.0 - expected) / 400.0).sqrt();
        let found = clean(usize::try_from(n).expect("small"));
        assert!(
            (found - expected).abs() < 4.0 * sigma,
            "best of {n}: {found}, expected {expected}"
        );
    }
}

fn budgets() -> impl Strategy<Value = Budget> {
    let limit = |max: u64| prop::option::weighted(0.4, 1..max);
    (
        limit(40),
        limit(600),
        limit(600),
        limit(30),
        prop::option::weighted(0.4, 1_u32..12),
        any::<bool>(),
        0_u64..40,
    )
        .prop_map(
            |(samples, generated_tokens, scored_tokens, calls, rounds, hard, reserve)| Budget {
                samples,
                generated_tokens,
                scored_tokens,
                calls,
                rounds: Some(rounds.unwrap_or(25)),
                reserve: reserve.min(generated_tokens.unwrap_or(40)),
                mode: if hard { Mode::Hard } else { Mode::Soft },
                ..Budget::default()
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn budgets_hold(budget in budgets(), problem in 0_u64..20, which in 0..3) {
        let outcome = match which {
            0 => run(Sample { n: 9 }, problem, budget),
            1 => run(Stepwise { n: 5 }, problem, budget),
            _ => run(Restless, problem, budget),
        };
        let cost = outcome.usage.logical;
        if budget.mode == Mode::Hard {
            for (limit, used) in [
                (budget.samples, cost.samples), (budget.generated_tokens, cost.generated_tokens),
                (budget.scored_tokens, cost.scored_tokens), (budget.calls, cost.calls),
            ] {
                prop_assert!(limit.is_none_or(|limit| used <= limit), "{used} of {limit:?}: {budget:?}");
            }
            prop_assert!(outcome.usage.rounds <= budget.rounds.unwrap_or(u32::MAX));
        }
        // Soft: without the last round (and the line from the reserve) the budget was not out.
        let last_round = outcome.usage.rounds;
        let before: u64 = outcome.tree.iter().filter(|(_, n)| n.round + 1 < last_round)
            .map(|(_, n)| n.cost.generated_tokens).sum();
        prop_assert!(budget.generated_tokens.is_none_or(|limit| before <= limit));
    }

    #[test]
    fn nodes_add_up_to_the_outcome(budget in budgets(), problem in 0_u64..20) {
        let outcome = run(Restless, problem, budget);
        let mut sum = Cost::default();
        outcome.tree.iter().for_each(|(_, node)| sum += node.cost);
        prop_assert_eq!(sum.samples, outcome.usage.logical.samples);
        prop_assert_eq!(sum.generated_tokens, outcome.usage.logical.generated_tokens);
        prop_assert_eq!(sum.scored_tokens, outcome.usage.logical.scored_tokens);
        prop_assert_eq!(sum.calls, outcome.usage.logical.calls);
    }

    #[test]
    fn trees_survive_json(budget in budgets(), problem in 0_u64..20) {
        let outcome = run(Restless, problem, budget);
        let json = serde_json::to_string(&outcome).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Outcome>(&json).expect("parses"), outcome);
    }

    #[test]
    fn nothing_closed_is_expanded_and_limits_hold(budget in budgets(), problem in 0_u64..20) {
        let tree = run(Restless, problem, budget).tree;
        for (id, node) in tree.iter() {
            prop_assert!(node.depth <= 9);
            prop_assert!(node.open || (node.children.is_empty() && node.rollouts.is_empty()));
            prop_assert!(tree.generated(id) <= 1024);
            if let Some(parent) = node.parent {
                prop_assert!(parent < id);
                prop_assert!(node.kind == NodeKind::Rollout || tree[parent].kind == NodeKind::Committed);
            }
        }
    }
}
