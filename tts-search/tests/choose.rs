//! The choice between strategies: bins, folds, ratios, and the strategy that chooses.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::{
    Aggregate, BoxError, Generated, Generator, LineError, NodeId, Outcome, Request, Scale, Search,
    SearchStrategy, Step, StepRule, StepScorer, Trajectory, Until, scorer,
};
use tts_search::choose::{
    Bins, Choice, ChooseError, ComputeOptimal, Level, Probe, Signal, Tried, cost_ratio,
    cost_ratio_within, fit, two_fold,
};
use tts_search::{BeamSearch, BestOfN, ChainOfThought, Recipe, SelfConsistency};

fn tried(values: &[f64], cost: f64) -> Tried {
    Tried { values: values.to_vec(), costs: vec![cost; values.len()] }
}

#[test]
fn bins_are_quantiles_and_equal_estimates_stay_together() {
    let bins = Bins::of(&[0.1, 0.9, 0.4, 0.6], 2).unwrap();
    assert_eq!(bins.edges, [0.5]);
    let of: Vec<usize> = [0.9, 0.5, 0.49, f64::NEG_INFINITY].iter().map(|&e| bins.bin(e)).collect();
    assert_eq!(of, [0, 0, 1, 1]);
    // Five of six are equal: two bins are left of three.
    let bins = Bins::of(&[1.0, 1.0, 1.0, 1.0, 1.0, 0.0], 3).unwrap();
    assert_eq!((bins.count(), bins.bin(1.0), bins.bin(0.5)), (2, 0, 1));
    // Problems that say nothing are the hardest.
    let bins = Bins::of(&[0.9, f64::NEG_INFINITY], 2).unwrap();
    assert_eq!((bins.bin(0.9), bins.bin(0.1), bins.bin(f64::NEG_INFINITY)), (0, 1, 1));
    let silent = [0.9, f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    assert_eq!(Bins::of(&silent, 4).unwrap().edges, [0.9]);
    for (estimates, count) in [(&[0.5][..], 2), (&[][..], 1), (&[0.5][..], 0), (&[f64::NAN][..], 1)]
    {
        assert!(Bins::of(estimates, count).is_err(), "{estimates:?} {count}");
    }
}

#[test]
fn the_best_arm_of_a_bin_is_taken_and_the_cheaper_of_equals() {
    let estimates = [0.9, 0.8, 0.2, 0.1];
    let bins = Bins::of(&estimates, 2).unwrap();
    let arms = [
        tried(&[1.0, 0.0, 0.0, 0.0], 1.0),
        tried(&[0.0, 1.0, 1.0, 1.0], 9.0),
        tried(&[1.0, 0.0, 1.0, 1.0], 8.0),
    ];
    assert_eq!(fit(&estimates, &bins, &arms).unwrap().arms, [0, 2]);
    // A bin without problems is chosen for by all of them.
    let empty = Bins { edges: vec![2.0, 0.5] };
    assert_eq!(fit(&estimates, &empty, &arms).unwrap().arms, [2, 0, 2]);
    let bad = [
        (vec![], "arms: none"),
        (vec![tried(&[1.0], 1.0)], "arms[0].values: 1 of 4"),
        (vec![tried(&[f64::NAN; 4], 1.0)], "arms[0].values"),
        (vec![tried(&[1.0; 4], f64::INFINITY)], "arms[0].costs"),
    ];
    for (arms, expected) in bad {
        for error in [
            fit(&estimates, &bins, &arms).unwrap_err(),
            two_fold(&estimates, &bins, &arms, 1).unwrap_err(),
        ] {
            let ChooseError::Input { .. } = &error else { panic!("{error}") };
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }
}

/// Estimates and arms of a few problems.
fn results() -> impl Strategy<Value = (Vec<f64>, Vec<Tried>)> {
    (4_usize..24).prop_flat_map(|problems| {
        let values = proptest::collection::vec(0_u8..5, problems);
        let arm = (values, 1_u8..9).prop_map(|(values, cost)| {
            let values: Vec<f64> = values.into_iter().map(|v| f64::from(v) / 4.0).collect();
            tried(&values, cost.into())
        });
        let estimates = proptest::collection::vec(0_u8..8, problems)
            .prop_map(|all| all.into_iter().map(f64::from).collect());
        (estimates, proptest::collection::vec(arm, 1..5))
    })
}

proptest! {
    /// On the problems that it was chosen on, a choice is as good as every fixed arm.
    #[test]
    fn a_choice_is_no_worse_where_it_was_made((estimates, arms) in results(), count in 1_usize..4) {
        let bins = Bins::of(&estimates, count).unwrap();
        let Choice { arms: chosen, .. } = fit(&estimates, &bins, &arms).unwrap();
        let sum = |value: &dyn Fn(usize) -> f64| (0..estimates.len()).map(value).sum::<f64>();
        let found = sum(&|p| arms[chosen[bins.bin(estimates[p])]].values[p]);
        for arm in &arms {
            prop_assert!(found >= sum(&|p| arm.values[p]) - 1e-9);
        }
    }

    /// Bins that end among no equals: none is empty, and there are two where anything differs.
    #[test]
    fn bins_tell_apart_what_differs((estimates, _) in results(), count in 1_usize..6) {
        let count = count.min(estimates.len());
        let bins = Bins::apart(&estimates, count).unwrap();
        prop_assert!(bins.count() <= count);
        let mut held = vec![0; bins.count()];
        for &estimate in &estimates {
            held[bins.bin(estimate)] += 1;
        }
        prop_assert!(held.iter().all(|&problems| problems > 0), "{held:?}");
        prop_assert!(bins.edges.windows(2).all(|pair| pair[0] > pair[1]));
        let differs = estimates.iter().any(|estimate| (estimate - estimates[0]).abs() > 0.0);
        prop_assert_eq!(bins.count() > 1, differs && count > 1);
        prop_assert!(Bins::apart(&estimates, estimates.len() + 1).is_err());
    }

    /// What a problem came to has no say in what is chosen for it.
    #[test]
    fn no_problem_chooses_for_itself(
        (estimates, arms) in results(),
        place in 0_usize..24,
        value in 0_u8..5,
        seed in 0_u64..99,
    ) {
        let place = place % estimates.len();
        let bins = Bins::of(&estimates, 2).unwrap();
        let before = two_fold(&estimates, &bins, &arms, seed).unwrap();
        let mut changed = arms.clone();
        for arm in &mut changed {
            arm.values[place] = f64::from(value);
            arm.costs[place] = 77.0;
        }
        let after = two_fold(&estimates, &bins, &changed, seed).unwrap();
        prop_assert_eq!(after.chosen[place], before.chosen[place]);
        for (place, &arm) in after.chosen.iter().enumerate() {
            prop_assert!((after.values[place] - changed[arm].values[place]).abs() < 1e-12);
            prop_assert!((after.costs[place] - changed[arm].costs[place]).abs() < 1e-12);
        }
    }
}

#[test]
fn folds_choose_for_each_other() {
    // In each bin the arms are right on one problem in two, and the halves disagree.
    let estimates = [1.0; 8];
    let bins = Bins::of(&estimates, 1).unwrap();
    let good = tried(&[1.0; 8], 2.0);
    let bad = tried(&[0.0; 8], 1.0);
    let found = two_fold(&estimates, &bins, &[bad.clone(), good.clone()], 3).unwrap();
    assert_eq!((found.chosen, found.values), (vec![1; 8], vec![1.0; 8]));
    // Of one arm right on one half alone each half takes the other's.
    let split = |seed| {
        let mut half = vec![0.0; 8];
        let probe = |place: usize| {
            let mut values = vec![0.0; 8];
            values[place] = 1.0;
            two_fold(&estimates, &bins, &[tried(&[0.1; 8], 1.0), tried(&values, 1.0)], seed)
                .unwrap()
        };
        // Who is in the half of problem 0 is not chosen for by it.
        for (half, chosen) in half.iter_mut().zip(probe(0).chosen) {
            *half = f64::from(u8::from(chosen == 0));
        }
        half
    };
    let half = split(3);
    assert!((half.iter().sum::<f64>() - 4.0).abs() < 1e-12, "{half:?}");
    assert_ne!(split(3), split(4), "the seed splits");
}

#[test]
fn a_ratio_is_read_along_the_best_so_far() {
    let level = |right: f64, cost: f64| Level { values: vec![right; 4], costs: vec![cost; 4] };
    let baseline = level(0.5, 100.0);
    let ratio = |policy: &[Level]| cost_ratio(policy, &baseline, 0, 1).unwrap().ratio;
    // At the first level already; in a straight line; past a level that lost; never.
    assert_eq!(ratio(&[level(0.5, 10.0), level(0.9, 20.0)]), Some(0.1));
    assert_eq!(ratio(&[level(0.7, 40.0), level(0.3, 20.0)]), Some(0.3));
    assert_eq!(ratio(&[level(0.4, 10.0), level(0.2, 20.0), level(0.6, 30.0)]), Some(0.2));
    assert_eq!(ratio(&[level(0.4, 10.0)]), None);
    let never = cost_ratio(&[level(0.4, 10.0)], &baseline, 50, 1).unwrap();
    assert_eq!((never.interval, never.reached), (None, 0.0));
    for (policy, baseline) in [
        (vec![], baseline.clone()),
        (vec![level(0.5, 0.0)], baseline.clone()),
        (vec![level(f64::NAN, 1.0)], baseline.clone()),
        (vec![level(0.5, 1.0)], Level { values: vec![0.5; 3], costs: vec![1.0; 3] }),
    ] {
        assert!(cost_ratio(&policy, &baseline, 10, 1).is_err());
    }
}

/// By hand: a margin lowers what must be reached, and never makes it dearer.
#[test]
fn a_margin_is_taken_off_what_must_be_reached() {
    let level = |right: f64, cost: f64| Level { values: vec![right; 4], costs: vec![cost; 4] };
    let (baseline, policy) = (level(0.5, 100.0), [level(0.3, 10.0), level(0.7, 50.0)]);
    let ratio = |margin: f64| {
        let found = cost_ratio_within(margin, &policy, &baseline, 20, 1).unwrap();
        found.ratio.unwrap()
    };
    for (margin, expected) in [(0.0, 0.3), (0.1, 0.2), (0.15, 0.15), (0.25, 0.1), (0.5, 0.1)] {
        assert!((ratio(margin) - expected).abs() < 1e-9, "{margin}: {}", ratio(margin));
    }
    let plain = cost_ratio(&policy, &baseline, 20, 1).unwrap();
    assert_eq!(cost_ratio_within(0.0, &policy, &baseline, 20, 1).unwrap(), plain);
    for margin in [-0.1, f64::NAN, f64::INFINITY] {
        let error = cost_ratio_within(margin, &policy, &baseline, 20, 1).unwrap_err().to_string();
        assert!(error.starts_with("margin: ") && error.contains("at least 0"), "{error}");
    }
}

/// Of problems that differ, the interval holds the ratio and is wider than nothing.
#[test]
fn intervals_are_over_problems() {
    let values: Vec<f64> = (0..200).map(|place| f64::from(u8::from(place % 3 == 0))).collect();
    let better: Vec<f64> = (0..200).map(|place| f64::from(u8::from(place % 5 < 2))).collect();
    let policy = [
        Level { values: vec![0.0; 200], costs: vec![10.0; 200] },
        Level { values: better, costs: vec![60.0; 200] },
    ];
    let baseline = Level { values, costs: vec![100.0; 200] };
    let found = cost_ratio(&policy, &baseline, 500, 7).unwrap();
    let (ratio, [low, high]) = (found.ratio.unwrap(), found.interval.unwrap());
    assert!((ratio - (10.0 + 50.0 * (67.0 / 80.0)) / 100.0).abs() < 1e-9, "{ratio}");
    assert!(low < ratio && ratio <= high && high <= 0.6, "{low} {ratio} {high}");
    assert!(found.reached > 0.5 && found.reached < 1.0, "{}", found.reached);
    assert_eq!(found, cost_ratio(&policy, &baseline, 500, 7).unwrap());
}

fn strategy(signal: Signal, edge: f64) -> ComputeOptimal<Recipe> {
    let easy = Recipe::from(BestOfN { n: 2, ..BestOfN::default() });
    let hard = Recipe::from(BeamSearch { keep: 2, branch: 3, ..BeamSearch::default() });
    ComputeOptimal {
        probe: 4,
        signal,
        reuse: false,
        bins: Bins { edges: vec![edge] },
        ..ComputeOptimal::of(vec![easy, hard])
    }
}

fn run(strategy: impl SearchStrategy, error: f64, seed: u64) -> Outcome {
    let world = ToyWorld { error, ..ToyWorld::default() };
    let oracle = Oracle::of(&world);
    let search = Search::new(world).scorer(oracle).rule(StepRule::lines()).seed(seed);
    search.run(strategy, world.prompt(1)).unwrap()
}

/// Children of the root: the probe, and what the chosen strategy asked for there.
fn first_lines(outcome: &Outcome) -> usize {
    outcome.tree[NodeId::ROOT].children.len()
}

#[test]
fn a_probe_decides_what_comes_next() {
    // Nothing goes wrong: all scores are 1, the bin is the easy one, and two samples more are drawn.
    let outcome = run(strategy(Signal::Score, 0.5), 0.0, 1);
    assert_eq!(first_lines(&outcome), 4 + 2);
    // Everything goes wrong: the beam, of six lines.
    let outcome = run(strategy(Signal::Score, 0.5), 0.9, 1);
    assert_eq!(first_lines(&outcome), 4 + 6);
    assert!(outcome.usage.logical.samples > 10, "the beam has rounds");
    // All samples agree where none goes wrong; four that err on each line do not.
    assert_eq!(first_lines(&run(strategy(Signal::Agreement, 0.9), 0.0, 1)), 4 + 2);
    assert_eq!(first_lines(&run(strategy(Signal::Agreement, 0.9), 0.6, 1)), 4 + 6);
}

/// Samples that failed were asked for: the share is the same in a search and of its samples afterwards.
#[test]
fn agreement_is_a_share_of_what_was_asked_for() {
    struct Half(ToyWorld);
    impl Generator for Half {
        fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
            let mut made = self.0.generate(batch)?;
            for line in made.iter_mut().flat_map(|made| made.lines.iter_mut().skip(1).step_by(2)) {
                *line = Err(LineError("hung up".into()));
            }
            Ok(made)
        }
    }
    let world = ToyWorld { error: 0.0, ..ToyWorld::default() };
    let (half, oracle) = (Half(world), Oracle::of(&world));
    let search = Search::new(&half).scorer(oracle).rule(StepRule::lines());
    let probe = SelfConsistency { n: 4, ..Default::default() };
    let outcome = search.run(probe, world.prompt(1)).unwrap();
    let (tree, ends) = (&outcome.tree, outcome.tree.candidates());
    assert_eq!((ends.len(), outcome.failed.len()), (2, 2));
    let samples = outcome.samples(Aggregate::ByScale, "");
    for (signal, expected) in [(Signal::Agreement, 0.5), (Signal::Score, 1.0)] {
        let live = signal.estimate(tree, &ends, 4, Aggregate::ByScale);
        let later = signal.of(&samples, tree.task().comparer());
        assert!((live - expected).abs() < 1e-12 && (later - live).abs() < 1e-12, "{live} {later}");
    }
    // So does the strategy that probes.
    let mut chooses = strategy(Signal::Agreement, 0.9);
    search.run(&mut chooses, world.prompt(1)).unwrap();
    assert!((chooses.state.unwrap().estimate - 0.5).abs() < 1e-12);
}

/// The chosen strategy's lines are drawn behind the probe's, which stay in the tree and are paid for.
#[test]
fn the_probe_is_paid_for_and_stays() {
    let outcome = run(strategy(Signal::Score, 0.5), 0.0, 3);
    let six = run(BestOfN { n: 6, ..BestOfN::default() }, 0.0, 3);
    assert_eq!(outcome.usage.logical.generated_tokens, six.usage.logical.generated_tokens);
    let texts = |outcome: &Outcome| -> Vec<String> {
        let candidates = outcome.tree.candidates();
        candidates.into_iter().map(|id| outcome.tree.text(id)).collect()
    };
    assert_eq!(texts(&outcome), texts(&six));
    // Of equals the first, of those that the strategy asked for.
    assert_eq!(outcome.best, outcome.tree.candidates().get(4).copied());
}

#[test]
fn a_second_search_begins_with_a_probe_again() {
    let world = ToyWorld { error: 0.3, ..ToyWorld::default() };
    let oracle = Oracle::of(&world);
    let search = Search::new(world).scorer(oracle).rule(StepRule::lines()).seed(5);
    let alone: Vec<String> = (0..6)
        .map(|place| {
            let outcome = search.run(strategy(Signal::Score, 0.5), world.prompt(place)).unwrap();
            serde_json::to_string(&outcome.tree).unwrap()
        })
        .collect();
    let mut used = strategy(Signal::Score, 0.5);
    for (place, expected) in (0..6).zip(&alone) {
        let outcome = search.run(&mut used, world.prompt(place)).unwrap();
        assert_eq!(&serde_json::to_string(&outcome.tree).unwrap(), expected);
    }
    assert!(used.state.is_some());
}

#[test]
fn recipes_hold_it_and_name_what_is_wrong() {
    let json = r#"{"strategy": "compute-optimal", "probe": 4, "signal": "agreement",
        "bins": {"edges": [0.75, 0.25]}, "arms": [
        {"strategy": "self-consistency", "n": 4}, {"strategy": "best-of-n", "n": 8},
        {"strategy": "beam-search", "keep": 4, "branch": 4}]}"#;
    let recipe = Recipe::from_json(json).unwrap();
    let needs = recipe.requires();
    assert!(needs.scorer.is_some(), "two of its arms need one");
    let again = serde_json::to_string(&recipe).unwrap();
    assert_eq!(Recipe::from_json(&again).unwrap(), recipe);
    let votes = ComputeOptimal {
        signal: Signal::Agreement,
        ..ComputeOptimal::of(vec![Recipe::from(SelfConsistency::default())])
    };
    assert_eq!(votes.requires().scorer, None);
    for (from, to, expected) in [
        ("[0.75, 0.25]", "[0.25, 0.75]", "expected falling numbers"),
        ("[0.75, 0.25]", "[0.75]", "3 arms for 2 bins"),
        ("\"probe\": 4", "\"probe\": 0", "probe is 0"),
        ("\"keep\": 4", "\"keep\": 0", "keep is 0"),
        ("\"signal\"", "\"signals\"", "unknown field"),
        (
            "{\"strategy\": \"best-of-n\", \"n\": 8}",
            "[\"best-of-n\", 8]",
            "recipe: expected an object",
        ),
    ] {
        assert!(json.contains(from), "{from}");
        let error = Recipe::from_json(&json.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

/// A fit of no arms in particular: the first for the easy half, the second for the hard one.
fn halves(edge: f64) -> Choice {
    Choice { probe: None, bins: Bins { edges: vec![edge] }, arms: vec![0, 1] }
}

#[test]
fn a_fit_is_made_a_strategy_with_its_probe() {
    let choice = Choice { arms: vec![1, 0], ..halves(0.5) };
    let arms = [Recipe::from(BestOfN::default()), Recipe::from(SelfConsistency::default())];
    let probe = Probe {
        samples: 3,
        signal: Signal::Score,
        aggregate: Aggregate::Last,
        until: Until::Steps(2),
    };
    let fitted = ComputeOptimal::fitted(&choice.clone().by(probe), &arms).unwrap();
    assert_eq!((&fitted.arms[0], &fitted.bins), (&arms[1], &choice.bins));
    assert_eq!((fitted.probing(), fitted.reuse), (probe, true));
    let recipe = Recipe::ComputeOptimal(Box::new(fitted));
    let json = serde_json::to_string(&recipe).unwrap();
    assert_eq!(Recipe::from_json(&json).unwrap(), recipe);
    for (choice, arms, expected) in [
        (&choice, &arms[..], "probe: none"),
        (&choice.clone().by(probe), &arms[..1], "arms: 1 of them, and number 1 is chosen"),
    ] {
        let error = ComputeOptimal::fitted(choice, arms).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    // The choice itself, too.
    let written = serde_json::to_string(&choice.clone().by(probe)).unwrap();
    assert_eq!(serde_json::from_str::<Choice>(&written).unwrap(), choice.clone().by(probe));
    let before = r#"{"bins":{"edges":[0.5]},"arms":[1,0]}"#;
    assert_eq!(serde_json::to_string(&choice).unwrap(), before);
    assert_eq!(serde_json::from_str::<Choice>(before).unwrap(), choice);
}

/// Recipes that were written before there was reuse mean what they meant, and keep their bytes.
#[test]
fn a_recipe_of_before_throws_its_probe_away() {
    let before = r#"{"strategy":"compute-optimal","probe":2,"signal":"score","bins":{"edges":[]},"arms":[{"strategy":"best-of-n","n":3,"select":{"rule":"best","aggregate":"by-scale"}}]}"#;
    let recipe = Recipe::from_json(before).unwrap();
    assert_eq!(serde_json::to_string(&recipe).unwrap(), before);
    assert_eq!(first_lines(&run(recipe, 0.3, 1)), 2 + 3);
    let reused = before.replace(r#""bins""#, r#""reuse":true,"bins""#);
    let recipe = Recipe::from_json(&reused).unwrap();
    assert_eq!(serde_json::to_string(&recipe).unwrap(), reused);
    assert_eq!(first_lines(&run(recipe, 0.3, 1)), 3);
    // Nor do answers change: all candidates are chosen from.
    for seed in 0..8 {
        let all = Recipe::from_json(&reused.replace(r#""n":3"#, r#""n":1"#)).unwrap();
        let two = BestOfN { n: 2, ..BestOfN::default() };
        assert_eq!(run(all, 0.4, seed).text(), run(two, 0.4, seed).text());
    }
}

/// Sure of the last step alone, and of no path as a whole.
fn last_alone() -> impl StepScorer {
    let score = |_: &Trajectory, step: &Step| if step.text.contains("answer") { 0.9 } else { 0.3 };
    scorer::from_fn(score).with_scale(Scale::PREFIX)
}

/// Numbers of a fit mean what they were fitted on: in this world all samples agree, and the verifier is sure of
/// their ends alone, so each way to look at a probe puts the problem into another bin.
#[test]
fn a_strategy_looks_at_its_probe_as_the_fit_did() {
    let world = ToyWorld { error: 0.0, ..ToyWorld::default() };
    let arms = [BestOfN { n: 2, ..BestOfN::default() }, BestOfN { n: 3, ..BestOfN::default() }];
    let usual = Probe { samples: 4, ..Probe::default() };
    for (probe, bin, estimate) in [
        (Probe { signal: Signal::Agreement, ..usual }, 0, 1.0),
        (Probe { aggregate: Aggregate::Last, ..usual }, 0, 0.9),
        (Probe { aggregate: Aggregate::Min, ..usual }, 1, 0.3),
        (Probe { until: Until::Step, aggregate: Aggregate::Last, ..usual }, 1, 0.3),
    ] {
        let mut fitted = ComputeOptimal::fitted(&halves(0.5).by(probe), &arms).unwrap();
        let search = Search::new(world).scorer(last_alone()).rule(StepRule::lines());
        let outcome = search.run(&mut fitted, world.prompt(1)).unwrap();
        let chosen = fitted.state.unwrap();
        assert_eq!(chosen.bin, bin, "{probe:?}");
        assert!((chosen.estimate - estimate).abs() < 1e-12, "{probe:?}: {}", chosen.estimate);
        assert_eq!(outcome.answer(), Some(world.answer(1)));
    }
}

#[test]
fn a_probe_that_means_nothing_is_refused() {
    let optimal = || ComputeOptimal::of(vec![SelfConsistency::default()]);
    for (strategy, expected) in [
        (
            ComputeOptimal { signal: Signal::Agreement, until: Until::Step, ..optimal() },
            "a probe that does not go to the end has no answers",
        ),
        (ComputeOptimal { until: Until::Tokens(9), ..optimal() }, "until is Tokens(9)"),
        (ComputeOptimal { until: Until::Steps(0), ..optimal() }, "until is Steps(0)"),
        (ComputeOptimal { probe: 0, ..optimal() }, "probe is 0"),
    ] {
        assert!(strategy.check().unwrap_err().contains(expected), "{expected}");
    }
    // An aggregate that means nothing on the scorer's scale.
    let world = ToyWorld::default();
    let odds = scorer::from_fn(|_, _| 2.0).with_scale(Scale::LOG_ODDS);
    let search = Search::new(world).scorer(odds).rule(StepRule::lines());
    let product = ComputeOptimal { aggregate: Aggregate::Product, ..optimal() };
    let error = search.run(product, world.prompt(0)).unwrap_err().to_string();
    assert!(error.contains("the aggregate product means nothing"), "{error}");
    assert!(search.run(optimal(), world.prompt(0)).is_ok());
}

/// Edges among the probabilities of one scorer say nothing of another's scores.
#[test]
fn a_fit_runs_by_the_scorer_that_it_was_fitted_on() {
    let world = ToyWorld::default();
    let fitted = |json: &str| {
        let recipe = format!(
            r#"{{"strategy": "compute-optimal", "probe": 2, "scorer": {json}, "bins": {{"edges": []}},
                "arms": [{{"strategy": "best-of-n", "n": 2}}]}}"#
        );
        Recipe::from_json(&recipe).unwrap()
    };
    let by = |scale: Scale, recipe: &Recipe| {
        let judge = scorer::from_fn(|_, _| 0.5).with_scale(scale);
        let search = Search::new(world).scorer(judge).rule(StepRule::lines());
        search.run(recipe.clone(), world.prompt(0)).map(|_| ()).map_err(|error| error.to_string())
    };
    let any = fitted(r#"{"unit": "probability"}"#);
    let last = fitted(r#"{"unit": "probability", "aggregate": "last"}"#);
    for recipe in [&any, &last] {
        assert_eq!(by(Scale::PREFIX, recipe), Ok(()));
        let error = by(Scale::LOG_ODDS, recipe).unwrap_err();
        assert!(
            error.contains("is fitted to probabilities, and the scorer gives log-odds"),
            "{error}"
        );
        let again = serde_json::to_string(recipe).unwrap();
        assert_eq!(&Recipe::from_json(&again).unwrap(), recipe);
    }
    assert_eq!(by(Scale::STEP, &any), Ok(()));
    let error = by(Scale::STEP, &last).unwrap_err();
    assert!(error.contains("paths by last, and the scorer's are by product"), "{error}");
    // Inside of another strategy it is the same fit.
    let inside = Recipe::from(tts_search::Forest::of(2, any.clone()));
    assert!(by(Scale::LOG_ODDS, &inside).unwrap_err().contains("is fitted to probabilities"));
    // The share of the most frequent answer is nobody's score.
    let votes = serde_json::to_string(&any).unwrap().replace("\"score\"", "\"agreement\"");
    assert_eq!(by(Scale::LOG_ODDS, &Recipe::from_json(&votes).unwrap()), Ok(()));
    let error = Recipe::from_json(&votes.replace("probability", "luck")).unwrap_err().to_string();
    assert!(error.contains("luck"), "{error}");
}

/// Texts of the candidates, and what they cost.
fn drawn(outcome: &Outcome) -> (Vec<String>, u64, Option<String>) {
    let candidates = outcome.tree.candidates();
    let texts = candidates.into_iter().map(|id| outcome.tree.text(id)).collect();
    (texts, outcome.usage.logical.generated_tokens, outcome.text())
}

#[test]
fn nothing_of_a_probe_is_drawn_twice() {
    let best = |n| BestOfN { n, ..BestOfN::default() };
    let behind =
        |probe, until, n| ComputeOptimal { probe, until, ..ComputeOptimal::of(vec![best(n)]) };
    for seed in 0..4 {
        let six = run(best(6), 0.4, seed);
        // The first four of the six, whole or begun, and none but them.
        let whole = run(behind(4, Until::End, 6), 0.4, seed);
        assert_eq!(drawn(&whole), drawn(&six));
        assert_eq!((whole.usage.logical.samples, whole.usage.rounds), (6, 2));
        let all = run(behind(6, Until::End, 6), 0.4, seed);
        assert_eq!((drawn(&all), all.usage.rounds), (drawn(&six), 1));
        for until in [Until::Step, Until::Steps(2)] {
            let begun = run(behind(4, until, 6), 0.4, seed);
            let (mut found, mut expected) = (drawn(&begun), drawn(&six));
            found.0.sort();
            expected.0.sort();
            assert_eq!(found, expected);
            assert_eq!((begun.usage.logical.samples, begun.usage.rounds), (4 + 4 + 2, 2));
        }
        // Of a larger probe the first are shown, all are in the tree, and the choice is among the first.
        let less = run(behind(4, Until::End, 2), 0.4, seed);
        let (texts, tokens, _) = drawn(&run(best(4), 0.4, seed));
        let text = run(best(2), 0.4, seed).text();
        assert_eq!((drawn(&less), less.usage.rounds), ((texts, tokens, text), 1));
    }
}

/// Samples that a strategy has not asked for have no vote in it, so it answers as it would alone.
#[test]
fn behind_a_probe_the_answer_is_that_of_the_strategy_alone() {
    let best = |n| BestOfN { n, ..BestOfN::default() };
    let behind = |probe, n| ComputeOptimal { probe, ..ComputeOptimal::of(vec![best(n)]) };
    let mut helped = 0;
    for seed in 0..24 {
        let alone = run(best(2), 0.4, seed).text();
        assert_eq!(run(behind(8, 2), 0.4, seed).text(), alone);
        helped += usize::from(run(best(8), 0.4, seed).text() != alone);
    }
    assert!(helped > 0, "the probe's other samples were never better");
    // The greedy line is right where samples err; none of the probe's is that line.
    let world = ToyWorld::default();
    for reuse in [true, false] {
        let greedy = ComputeOptimal { reuse, ..ComputeOptimal::of(vec![ChainOfThought {}]) };
        let outcome = run(greedy, 0.75, 3);
        assert_eq!(outcome.answer(), Some(world.answer(1)), "{reuse}");
        assert_eq!(outcome.usage.logical.samples, 8 + 1);
    }
}

/// By hand: of a probe of two whole lines a beam of four sees both first steps, and draws two; what it continues of
/// the two has a first continuation already.
#[test]
fn a_beam_goes_on_from_the_steps_of_its_probe() {
    let beam = BeamSearch { keep: 2, branch: 2, ..BeamSearch::default() };
    let optimal = ComputeOptimal { probe: 2, ..ComputeOptimal::of(vec![beam.clone()]) };
    let (plain, reused) = (run(beam, 0.0, 5), run(optimal, 0.0, 5));
    let tokens = |outcome: &Outcome, round| -> usize {
        let made = outcome.tree.iter().filter(|(_, node)| node.round == round);
        made.map(|(_, node)| node.step.tokens.len()).sum()
    };
    let children = |outcome: &Outcome| -> Vec<(String, u64)> {
        let tree = &outcome.tree;
        let first = tree[NodeId::ROOT].children.iter();
        first.map(|&id| (tree.text(id), tree[id].seed)).collect()
    };
    assert_eq!(children(&reused), children(&plain));
    // Nothing goes wrong, so all first steps are alike: two of the four are there, and of four second ones those
    // behind the first two nodes, which are kept as the first of equals.
    assert_eq!(2 * tokens(&reused, 2), tokens(&plain, 1));
    assert_eq!(2 * tokens(&reused, 3), tokens(&plain, 2));
    assert_eq!(reused.text(), plain.text());
}
