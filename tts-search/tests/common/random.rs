//! Random settings of every strategy, for laws that hold whatever they are.

use proptest::prelude::*;
use tts_core::*;
use tts_search::choose::{Bins, ComputeOptimal, Signal};
use tts_search::*;

use super::ORACLE;

pub(crate) fn aggregates() -> impl Strategy<Value = Aggregate> {
    use Aggregate::{ByScale, Last, Mean, Min, Product, Sum, SumLog};
    prop::sample::select(vec![ByScale, Last, Min, Mean, Product, Sum, SumLog])
}

pub(crate) fn selections() -> impl Strategy<Value = Selection> {
    use Rule::{Best, Majority, Weighted, WeightedExp, WeightedSigmoid};
    let rules = vec![Best, Majority, Weighted, WeightedExp, WeightedSigmoid];
    (prop::sample::select(rules), aggregates())
        .prop_map(|(rule, aggregate)| Selection { rule, aggregate })
        .prop_filter("means something", |&select| ORACLE.scale().check(select).is_ok())
}

pub(crate) fn beams() -> impl Strategy<Value = BeamSearch> {
    use Completed::{Compete, FreeSlot, Refill};
    let completed = prop::sample::select(vec![FreeSlot, Refill, Compete]);
    let duplicates = prop::sample::select(vec![Duplicates::Keep, Duplicates::Merge]);
    let first = prop::option::of(0_usize..4);
    (1_usize..4, 1_usize..4, first, aggregates(), completed, duplicates, selections()).prop_map(
        |(keep, branch, first, aggregate, completed, duplicates, select)| BeamSearch {
            first: first.map(|more| keep + more),
            keep,
            branch,
            aggregate,
            completed,
            duplicates,
            select,
            ..Default::default()
        },
    )
}

pub(crate) fn filters() -> impl Strategy<Value = ParticleFilter> {
    use particle::{Anneal, AnnealBy, Choose, Potential, Resampling, Weights};
    let potentials = vec![Potential::Odds, Potential::Probability, Potential::Exponential];
    let resampling = vec![Resampling::Multinomial, Resampling::Systematic, Resampling::Residual];
    let choose = vec![Choose::Best, Choose::Sample, Choose::Vote];
    let parts = (
        prop::sample::select(potentials),
        prop::sample::select(vec![Weights::Score, Weights::Ratio]),
        prop::sample::select(resampling),
        prop::sample::select(choose),
    );
    let numbers = (1_usize..6, prop::sample::select(vec![0.3, 0.5, 1.0]), 0.5..2.0, any::<bool>());
    let filters =
        (aggregates(), parts, numbers).prop_map(|(aggregate, parts, numbers)| ParticleFilter {
            n: numbers.0,
            aggregate,
            potential: parts.0,
            weights: parts.1,
            temperature: numbers.2,
            anneal: numbers.3.then(|| Anneal {
                by: [AnnealBy::Effective, AnnealBy::Entropy, AnnealBy::Linear { from: 2.0 }]
                    [numbers.0 % 3],
                steps: 5,
                ..Anneal::default()
            }),
            resampling: parts.2,
            resample_below: numbers.1,
            choose: parts.3,
            ..Default::default()
        });
    filters.prop_filter("has odds", |filter| {
        ORACLE.scale().check_probability(filter.aggregate).is_ok()
            || filter.potential == Potential::Exponential
    })
}

pub(crate) fn gibbs() -> impl Strategy<Value = ParticleGibbs> {
    (1_usize..4, filters()).prop_map(|(iterations, filter)| {
        let filter = ParticleFilter { n: filter.n + 1, ..filter };
        ParticleGibbs { iterations, filter, ..Default::default() }
    })
}

pub(crate) fn powers() -> impl Strategy<Value = PowerSampling> {
    (0.5..5.0, 1_u32..5, prop::option::of(5_u32..30), any::<bool>()).prop_map(
        |(alpha, steps, block, vote)| {
            let choose = if vote { sample::FromChain::Vote } else { sample::FromChain::Last };
            PowerSampling { alpha, steps, block, choose, ..Default::default() }
        },
    )
}

pub(crate) fn searches() -> impl Strategy<Value = Mcts> {
    use tree::mcts::{Backup, Bound, Choice, Prior};
    let bounds = prop_oneof![
        Just((Bound::Uct, Prior::Uniform)),
        Just((Bound::Puct, Prior::Uniform)),
        Just((Bound::Puct, Prior::Likelihood)),
    ];
    let choices = prop_oneof![
        Just(Choice::Visits),
        Just(Choice::Value),
        selections().prop_map(Choice::Select),
    ];
    let sizes = (1_usize..9, 1_usize..4, 1_usize..4, 0_usize..3);
    let backups = prop::sample::select(vec![Backup::Mean, Backup::Max]);
    (sizes, bounds, prop::option::of(0.0..2.0), backups, choices, aggregates()).prop_map(
        |(
            (simulations, leaves, branch, rollouts),
            (bound, prior),
            exploration,
            backup,
            choice,
            aggregate,
        )| {
            // JSON keeps a number of this many digits.
            let exploration = exploration.map(|k| f64::round(k * 64.0) / 64.0);
            Mcts {
                simulations,
                leaves,
                branch,
                rollouts,
                bound,
                prior,
                exploration,
                backup,
                choice,
                aggregate,
                ..Default::default()
            }
        },
    )
}

pub(crate) fn stops() -> impl Strategy<Value = StopWhen> {
    prop_oneof![
        (0.51..0.99).prop_map(StopWhen::Beta),
        (0.51..0.99).prop_map(StopWhen::Dirichlet),
        (0.1..1.0).prop_map(StopWhen::Share),
        (2_usize..4).prop_map(StopWhen::Settled),
        Just(StopWhen::Decided),
    ]
}

pub(crate) fn measures() -> impl Strategy<Value = Measure> {
    use Measure::{Bottom, Lowest, Mean, Tail};
    prop::sample::select(vec![Mean, Tail, Bottom, Lowest])
}

pub(crate) fn recipes() -> impl Strategy<Value = Recipe> {
    let leaf = prop_oneof![
        1 => Just(Recipe::from(ChainOfThought {})),
        1 => (1_usize..4, selections()).prop_map(|(n, select)| {
            ZeroShot { n, select, sampling: None, ..Default::default() }.into()
        }),
        1 => (1_usize..6).prop_map(|n| SelfConsistency { n, ..Default::default() }.into()),
        2 => (1_usize..6, selections()).prop_map(|(n, select)| BestOfN { n, select }.into()),
        2 => (1_usize..4, prop::option::of(1_usize..4), 4_usize..9, stops()).prop_map(
            |(first, round, most, stop)| {
                AdaptiveConsistency { first, round, most, stop, ..Default::default() }.into()
            }
        ),
        1 => (1_usize..6, prop::option::of(0.0..2.0)).prop_map(|(n, power)| {
            SelfCertainty { n, power, sampling: None }.into()
        }),
        1 => (1_usize..6, 1_u32..9, 0.1..1.0, measures(), any::<bool>()).prop_map(
            |(n, window, keep, measure, weighted)| {
                DeepConf { n, top: 5, window, measure, keep, weighted, ..Default::default() }.into()
            }
        ),
        1 => (1_usize..4, 1_usize..4, 1_u32..9, 0.1..1.0).prop_map(|(warm_up, round, window, keep)| {
            let most = warm_up + 2 * round;
            DeepConfOnline { warm_up, round, most, top: 5, window, keep, ..Default::default() }.into()
        }),
        1 => (1_usize..4, 1_u32..60, 0_usize..3, selections()).prop_map(|(n, most, waits, select)| {
            let (ends, wait) = (vec!["The answer".to_owned()], "Wait.\n".to_owned());
            let force = "The answer".to_owned();
            BudgetForcing { n, ends, most, waits, wait, force, select, ..Default::default() }.into()
        }),
        4 => beams().prop_map(Recipe::from),
        2 => (1_usize..7, 0.05..2.0, aggregates(), selections()).prop_map(
            |(width, temperature, aggregate, select)| {
                Rebase { width, temperature, aggregate, select, ..Default::default() }.into()
            }
        ),
        1 => (1_usize..6).prop_map(|n| StepBestOfN { n, ..Default::default() }.into()),
        2 => searches().prop_map(Recipe::from),
        2 => (1_usize..4, 1_usize..4, aggregates(), selections()).prop_map(
            |(trees, branch, aggregate, select)| {
                let n = trees * branch;
                Dvts { n, branch, aggregate, select, ..Default::default() }.into()
            }
        ),
        3 => filters().prop_map(Recipe::from),
        2 => gibbs().prop_map(Recipe::from),
        1 => powers().prop_map(Recipe::from),
    ];
    leaf.prop_recursive(2, 4, 1, |inner| {
        prop_oneof![
            (inner.clone(), 0_u32..4, any::<bool>(), aggregates()).prop_map(
                |(inner, depth, greedy, aggregate)| {
                    let sampling = Sampling::temperature(if greedy { 0.0 } else { 1.0 });
                    Lookahead { depth, sampling, aggregate, ..Lookahead::of(inner) }.into()
                }
            ),
            (inner.clone(), 2_usize..4, 0_usize..4).prop_map(|(inner, rounds, least)| {
                Converged { rounds, least, ..Converged::of(inner) }.into()
            }),
            (inner.clone(), 1_usize..4, prop::option::of(selections())).prop_map(
                |(inner, copies, select)| Forest { select, ..Forest::of(copies, inner) }.into()
            ),
            compute_optimals(inner).prop_map(Recipe::from),
        ]
    })
}

/// Probes of whole samples or first steps, before one to three of these strategies.
pub(crate) fn compute_optimals(
    arms: impl Strategy<Value = Recipe>,
) -> impl Strategy<Value = ComputeOptimal<Recipe>> {
    let aggregate = aggregates().prop_filter("means something", |&aggregate| {
        ORACLE.scale().check(Selection::best(aggregate)).is_ok()
    });
    let looks = prop_oneof![
        Just((Signal::Agreement, Until::End)),
        Just((Signal::Score, Until::End)),
        Just((Signal::Score, Until::Step)),
        Just((Signal::Score, Until::Steps(2))),
    ];
    // Edges that JSON keeps, rising by at least one.
    let edges = prop::collection::vec((1_u8..4).prop_map(f64::from), 0..3);
    (1_usize..5, looks, aggregate, any::<bool>(), edges, prop::collection::vec(arms, 3)).prop_map(
        |(probe, (signal, until), aggregate, reuse, steps, mut arms)| {
            arms.truncate(steps.len() + 1);
            let mut edges: Vec<f64> = steps
                .iter()
                .scan(0.0, |sum, step| {
                    *sum += step;
                    Some(*sum / 8.0)
                })
                .collect();
            edges.reverse();
            let bins = Bins { edges };
            let of = ComputeOptimal::of(arms);
            ComputeOptimal { probe, signal, aggregate, until, reuse, bins, ..of }
        },
    )
}

pub(crate) fn budgets() -> impl Strategy<Value = Budget> {
    let limit = |max: u64| prop::option::weighted(0.4, 1..max);
    (limit(30), limit(400), limit(400), limit(20), any::<bool>(), 0_u64..40).prop_map(
        |(samples, generated_tokens, scored_tokens, calls, hard, reserve)| Budget {
            samples,
            generated_tokens,
            scored_tokens,
            calls,
            reserve: reserve.min(generated_tokens.unwrap_or(40)),
            mode: if hard { Mode::Hard } else { Mode::Soft },
            ..Budget::default()
        },
    )
}
