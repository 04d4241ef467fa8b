//! A strategy that is chosen by a probe keeps the laws, whatever stands behind it.

use std::collections::BTreeSet;

use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::choose::{Bins, ComputeOptimal, Signal};
use tts_search::decorate::Retry;
use tts_search::{BeamSearch, BestOfN, Lookahead, Recipe, Revision};

use crate::addition::problem;
use crate::laws;
use crate::sums::Sums;

const SOLVER: Sums = Sums { skill: 0.4, eye: 0.8 };
const WORLD: ToyWorld = ToyWorld { additions: 3, error: 0.35, seed: 1 };

fn search() -> Search<'static> {
    let search = Search::new(WORLD).scorer(Oracle { noise: 0.3, seed: 1 });
    search.rule(StepRule::lines()).sampling(Sampling::temperature(1.0)).seed(5)
}

fn prompts() -> Vec<Prompt> {
    (0..8).map(|number| WORLD.prompt(number)).collect()
}

/// How easy each problem looks.
fn estimates(strategy: &ComputeOptimal<Recipe>) -> Vec<f64> {
    let bins = Bins { edges: Vec::new() };
    let plain = ComputeOptimal { bins, arms: strategy.arms[..1].to_vec(), ..strategy.clone() };
    let estimate = |prompt: Prompt| {
        let mut strategy = plain.clone();
        search().run(&mut strategy, prompt).expect("runs");
        strategy.state.expect("chosen").estimate
    };
    prompts().into_iter().map(estimate).collect()
}

/// With a third of the problems for each arm.
fn in_thirds(strategy: ComputeOptimal<Recipe>) -> ComputeOptimal<Recipe> {
    let bins = Bins::of(&estimates(&strategy), 3).expect("eight problems");
    let strategy = ComputeOptimal { bins, ..strategy };
    let bin = |estimate| strategy.bins.bin(estimate);
    let found: BTreeSet<usize> = estimates(&strategy).into_iter().map(bin).collect();
    assert_eq!(found.len(), 3, "each arm is chosen: {:?}", strategy.bins);
    strategy
}

#[test]
fn a_choice_keeps_the_laws() {
    let beam = || Recipe::from(BeamSearch { keep: 2, branch: 3, ..Default::default() });
    let arms = vec![
        Recipe::from(BestOfN { n: 6, ..Default::default() }),
        Recipe::from(Retry::of(beam())),
        Recipe::from(Lookahead::of(beam())),
    ];
    let whole = in_thirds(ComputeOptimal { probe: 4, ..ComputeOptimal::of(arms) });
    laws::hold(&search(), &whole, &prompts());
    laws::one(&search(), &ComputeOptimal { reuse: false, ..whole.clone() }, &prompts());
    laws::hold(&search(), &in_thirds(ComputeOptimal { until: Until::Step, ..whole }), &prompts());
}

#[test]
fn a_choice_of_chains_keeps_the_laws() {
    let chains = |chains, length| {
        let select = Selection::majority();
        Recipe::from(Revision { chains, length, select, ..Default::default() })
    };
    let strategy = ComputeOptimal {
        probe: 3,
        signal: Signal::Agreement,
        bins: Bins { edges: vec![0.9, 0.5] },
        ..ComputeOptimal::of(vec![chains(1, 4), chains(2, 3), chains(4, 2)])
    };
    let prompts: Vec<Prompt> = (0..8).map(problem).collect();
    let search = Search::new(SOLVER).scorer(SOLVER).seed(5);
    let outcomes = laws::hold(&search, &strategy, &prompts);
    // Chains begin with samples of the probe, and what revises them is asked for behind it.
    assert!(outcomes.iter().all(|outcome| outcome.usage.rounds > 1));
}
