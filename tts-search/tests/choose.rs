//! The choice between strategies: bins, folds, ratios, and the strategy that chooses.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::{
    Aggregate, BoxError, Generated, Generator, LineError, NodeId, Outcome, Request, Search,
    SearchStrategy, StepRule,
};
use tts_search::choose::{
    Bins, Choice, ChooseError, ComputeOptimal, Level, Signal, Tried, cost_ratio, fit, two_fold,
};
use tts_search::{BeamSearch, BestOfN, Recipe, SelfConsistency};

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
        let live = signal.estimate(tree, &ends, 4);
        let later = signal.of(&samples, tree.task().comparer());
        assert!((live - expected).abs() < 1e-12 && (later - live).abs() < 1e-12, "{live} {later}");
    }
    // So does the strategy that probes.
    let mut chooses = strategy(Signal::Agreement, 0.9);
    search.run(&mut chooses, world.prompt(1)).unwrap();
    assert!((chooses.state.unwrap().estimate - 0.5).abs() < 1e-12);
}

/// The chosen strategy's lines are drawn behind the probe's, which stay candidates and are paid for.
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
    assert_eq!(outcome.best, six.best);
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
    let choice = Choice { bins: Bins { edges: vec![0.5] }, arms: vec![1, 0] };
    let arms = [Recipe::from(BestOfN::default()), Recipe::from(SelfConsistency::default())];
    let fitted = ComputeOptimal::fitted(&choice, &arms).unwrap();
    assert_eq!((fitted.arms[0].clone(), fitted.bins), (arms[1].clone(), choice.bins.clone()));
    assert_eq!(ComputeOptimal::fitted(&choice, &arms[..1]), None);
}
