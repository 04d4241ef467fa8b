//! Particle Gibbs, stepped by hand on handmade trees.

mod common;

use common::ByHand;
use tts_core::*;
use tts_search::particle::{Choose, Resampling};
use tts_search::{ParticleFilter, ParticleGibbs};

fn by_hand<S: SearchStrategy>(strategy: S, scale: Scale) -> ByHand<S> {
    let search = ByHand::new(strategy);
    ByHand { tree: search.tree.with_scale(scale), strategy: search.strategy }
}

fn systematic(n: usize) -> ParticleFilter {
    ParticleFilter { n, resampling: Resampling::Systematic, ..Default::default() }
}

fn gibbs(n: usize, iterations: usize) -> ParticleGibbs {
    ParticleGibbs { iterations, filter: systematic(n), ..Default::default() }
}

/// The reference ends at 0.9; after its first step it was worth next to nothing.
#[test]
fn the_reference_weighs_what_it_did_at_this_step() {
    for resampling in [Resampling::Multinomial, Resampling::Systematic] {
        let filter = ParticleFilter { resampling, ..systematic(2) };
        let mut search = by_hand(ParticleGibbs { filter, ..gibbs(2, 2) }, Scale::PREFIX);
        assert_eq!(search.start(), [(0, 2)]);
        let mut first = vec![search.leaf(0, Finish::Length, 0.5)];
        first.extend(search.open(0, &[1e-7]));
        assert_eq!(search.next(&first), [(2, 2)]);
        let lost = search.leaf(2, Finish::Length, 0.5);
        let reference = search.stop(2, 0.9);
        // The first iteration is over: one line beside the reference.
        assert_eq!(search.next(&[lost, reference]), [(0, 1)]);
        assert_eq!(search.strategy.state.references(), [reference]);
        let free = search.open(0, &[0.9]);
        assert_eq!(search.next(&free), [(free[0].0, 1)], "{resampling:?}");
        // Now it weighs as much as what it has come to.
        let end = search.stop(free[0].0, 0.9);
        assert_eq!(search.next(&[end]), []);
        assert_eq!(search.strategy.state.references().len(), 2);
    }
}

#[test]
fn whoever_draws_the_reference_goes_on_from_where_it_stands() {
    let mut search = by_hand(gibbs(2, 2), Scale::PREFIX);
    search.start();
    let first = search.open(0, &[0.99, 1e-7]);
    assert_eq!(search.next(&first), [(1, 2)]);
    let second = search.open(1, &[0.99, 1e-7]);
    assert_eq!(search.next(&second), [(3, 2)]);
    let ends = [search.stop(3, 0.99), search.stop(3, 1e-7)];
    assert_eq!(search.next(&ends), [(0, 1)]);
    assert_eq!(search.strategy.state.references(), [ends[0]]);
    // The other particle has finished at once, and is worth nothing: it is drawn away, to a copy of the
    // reference, which has come one step far.
    let poor = search.stop(0, 1e-7);
    assert_eq!(search.next(&[poor]), [(1, 1)]);
    // Its next step too; and nobody is awaited where only the reference goes on.
    let poor = search.stop(1, 1e-7);
    assert_eq!(search.next(&[poor]), [(3, 1)]);
    let last = search.stop(3, 0.5);
    assert_eq!(search.next(&[last]), []);
}

#[test]
fn the_reference_comes_to_its_end_alone() {
    // Nothing is drawn: the free particle finishes at once, the reference needs three steps.
    let filter = ParticleFilter { resample_below: 0.0, ..systematic(2) };
    let mut search = by_hand(ParticleGibbs { filter, ..gibbs(2, 3) }, Scale::PREFIX);
    search.start();
    let first = search.open(0, &[0.5]);
    search.next(&first);
    let second = search.open(1, &[0.5]);
    search.next(&second);
    let end = search.stop(2, 0.5);
    assert_eq!(search.next(&[end]), [(0, 1)]);
    let short = search.stop(0, 1e-7);
    assert_eq!(search.next(&[short]), [(0, 1)]);
    // It weighed 0.5 at its end, and was chosen again.
    assert_eq!(search.strategy.state.references(), [end, end]);
}

#[test]
fn an_iteration_without_a_solution_keeps_the_reference() {
    let mut search = by_hand(gibbs(2, 3), Scale::PREFIX);
    search.start();
    // Both are lost: the next one has no reference.
    let first = [search.leaf(0, Finish::Length, 0.5), search.leaf(0, Finish::Length, 0.5)];
    assert_eq!(search.next(&first), [(0, 2)]);
    let ends = [search.stop(0, 0.9), search.stop(0, 1e-7)];
    assert_eq!(search.next(&ends), [(0, 1)]);
    assert_eq!(search.strategy.state.references(), [ends[0]]);
    // The line beside it fails: it is chosen again.
    assert_eq!(search.next(&[]), []);
    assert_eq!(search.strategy.state.references(), [ends[0]; 2]);
    assert_eq!(search.next(&[]), []);
}

#[test]
fn gibbs_chooses_by_all_iterations() {
    let pick = |choose| {
        let filter = ParticleFilter { choose, resample_below: 0.0, ..systematic(2) };
        let mut search = by_hand(ParticleGibbs { filter, ..gibbs(2, 2) }, Scale::PREFIX);
        search.start();
        let mut end = |text: &str, score| {
            search.tree.grow(
                NodeId::ROOT,
                &format!("The answer is {text}."),
                Finish::Stop,
                Some(score),
            )
        };
        // First iteration: 1 with 0.9, and 2 with odds of 1; the reference is drawn.
        let first = [end("1", 0.9), end("2", 1e-7)];
        assert_eq!(search.next(&first), [(0, 1)]);
        let grow = search.tree.grow(NodeId::ROOT, "The answer is 3.", Finish::Stop, Some(0.95));
        assert_eq!(search.next(&[grow]), []);
        (search.pick(), search.strategy.state.references().last().map(|id| id.0))
    };
    // 1 weighs 1 + 9/28, 3 weighs 19/28.
    assert_eq!(pick(Choose::Vote).0, Some(1));
    assert_eq!(pick(Choose::Best).0, Some(3));
    let (sample, last) = pick(Choose::Sample);
    assert_eq!(sample, last);
}

#[test]
fn a_budget_is_split_where_a_reference_has_company() {
    for (n, expected) in [(1, (1, 1)), (3, (1, 3)), (4, (2, 2)), (10, (3, 3)), (16, (4, 4))] {
        let gibbs = ParticleGibbs::square(n);
        assert_eq!((gibbs.iterations, gibbs.filter.n), expected, "{n}");
    }
}

#[test]
fn impossible_chains_are_refused_with_a_reason() {
    for (gibbs, expected) in [
        (ParticleGibbs { iterations: 0, ..Default::default() }, "iterations is 0"),
        (gibbs(1, 2), "n is 1, expected at least 2"),
    ] {
        let error = gibbs.check().expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    assert!(gibbs(1, 1).check().is_ok());
    for resampling in [Resampling::Multinomial, Resampling::Systematic, Resampling::Residual] {
        let filter = ParticleFilter { resampling, ..systematic(2) };
        assert_eq!(ParticleGibbs { filter, ..gibbs(2, 2) }.check(), Ok(()));
    }
}
