//! Particle filters and particle Gibbs, stepped by hand on handmade trees.

mod common;

use common::ByHand;
use proptest::prelude::*;
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::particle::{Anneal, Choose, Potential, Resampling, Weights, effective_sample_size};
use tts_search::{Lookahead, ParticleFilter, ParticleGibbs};

fn by_hand<S: SearchStrategy>(strategy: S, scale: Scale) -> ByHand<S> {
    let search = ByHand::new(strategy);
    ByHand { tree: search.tree.with_scale(scale), strategy: search.strategy }
}

fn systematic(n: usize) -> ParticleFilter {
    ParticleFilter { n, resampling: Resampling::Systematic, ..Default::default() }
}

/// The weights of particles that have all ended at these scores.
fn weights(filter: ParticleFilter, scale: Scale, scores: &[f64]) -> Vec<f64> {
    let mut search = by_hand(ParticleFilter { n: scores.len(), ..filter }, scale);
    assert_eq!(search.start(), [(0, scores.len())]);
    let ends: Vec<NodeId> = scores.iter().map(|&score| search.stop(0, score)).collect();
    assert_eq!(search.next(&ends), []);
    // Nothing was drawn after the last step: each is still there, once.
    let (nodes, weights): (Vec<NodeId>, Vec<f64>) = search.strategy.state.particles().unzip();
    assert_eq!(nodes, ends);
    weights
}

fn close(found: &[f64], expected: &[f64]) {
    let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(near && found.len() == expected.len(), "{found:?}, expected {expected:?}");
}

#[test]
fn weights_by_potential_scale_and_temperature() {
    use Potential::{Exponential, Odds, Probability};
    let of = |potential, temperature| ParticleFilter {
        potential,
        temperature,
        ..ParticleFilter::default()
    };
    let scores = [0.9, 0.5, 0.2];
    let odds = [0.878_049, 0.097_561, 0.024_390];
    for (filter, scale, scores, expected) in [
        // Odds 9, 1, 1/4.
        (of(Odds, 1.0), Scale::PREFIX, scores, odds),
        // Their roots 3, 1, 1/2.
        (of(Odds, 2.0), Scale::PREFIX, scores, [3.0 / 4.5, 1.0 / 4.5, 0.5 / 4.5]),
        (of(Probability, 1.0), Scale::PREFIX, scores, [0.5625, 0.3125, 0.125]),
        // exp(0.7), exp(0.3), 1.
        (
            of(Exponential, 1.0),
            Scale::PREFIX,
            scores,
            [0.461_494, 0.309_349, 0.229_172].map(|w| w / 1.000_015),
        ),
        (of(Odds, 1.0), Scale::LOG_ODDS, [9_f64.ln(), 0.0, -4_f64.ln()], odds),
        (
            of(Probability, 1.0),
            Scale::LOG_ODDS,
            [9_f64.ln(), 0.0, -4_f64.ln()],
            [0.5625, 0.3125, 0.125],
        ),
        (of(Odds, 1.0), Scale::REWARD, [2_f64.ln(), 0.0, 0.0], [0.5, 0.25, 0.25]),
        (
            of(Probability, 1.0),
            Scale::LOG_PROBABILITY,
            [0.5_f64.ln(), 0.25_f64.ln(), 0.25_f64.ln()],
            [0.5, 0.25, 0.25],
        ),
        // A rounding error, certainty and its opposite: clipped.
        (of(Odds, 1.0), Scale::PREFIX, [1.0, 1.0 + 1e-7, 0.0], [0.5, 0.5, 0.0]),
        (of(Probability, 1.0), Scale::PREFIX, [0.0, -1e-7, 0.0], [1.0 / 3.0; 3]),
        // A sum of probabilities is none.
        (
            ParticleFilter { aggregate: Aggregate::Sum, ..of(Odds, 1.0) },
            Scale::PREFIX,
            [0.9 + 2_f64.ln(), 0.9, 0.9],
            [0.5, 0.25, 0.25],
        ),
    ] {
        let found = weights(filter.clone(), scale, &scores);
        close(&found, &expected);
        // With ratios the first step is judged against nothing: the same.
        close(
            &weights(ParticleFilter { weights: Weights::Ratio, ..filter }, scale, &scores),
            &found,
        );
    }
    close(&[effective_sample_size(&odds)], &[1.28027]);
    assert!(effective_sample_size(&[]) + effective_sample_size(&[0.0, 0.0]) <= 0.0);
}

#[test]
fn certainty_is_clipped_by_the_published_number() {
    let log = |score| Potential::Odds.log(score, Scale::PREFIX, Aggregate::ByScale);
    let expected = (1e7_f64 - 1.0).ln();
    close(&[log(1.0), log(0.0), log(-1e-9)], &[expected, -expected, -expected]);
    // A product may be smaller, and still tells paths apart.
    let product = |score| Potential::Odds.log(score, Scale::STEP, Aggregate::ByScale);
    assert!((product(1e-12) - 1e-12_f64.ln()).abs() < 1e-9);
    assert!(product(0.0).is_finite());
    let logs = |log| Potential::Odds.log(log, Scale::STEP, Aggregate::SumLog);
    close(&[logs(0.8_f64.ln()), logs(-800.0)], &[4_f64.ln(), f64::MIN_POSITIVE.ln()]);
    let odds = |score| Potential::Probability.log(score, Scale::LOG_ODDS, Aggregate::ByScale);
    close(&[odds(-800.0), odds(800.0), odds(0.0)], &[-800.0, 0.0, 0.5_f64.ln()]);
}

#[test]
fn particles_go_on_by_weight_and_finished_ones_wait() {
    let mut search = by_hand(systematic(4), Scale::PREFIX);
    search.start();
    // Odds 3, 1/3, 1/3, 1/3: of four draws the first has three for certain and the rest one.
    let mut first = vec![search.stop(0, 0.75)];
    first.extend(search.open(0, &[0.25, 0.25, 0.25]));
    let wanted = search.next(&first);
    assert_eq!(wanted.len(), 1);
    assert!(wanted[0].0 >= 2 && wanted[0].1 == 1, "{wanted:?}");
    let held: Vec<(NodeId, f64)> = search.strategy.state.particles().collect();
    assert_eq!(held, [(NodeId(1), 0.25); 3]);
    // It weighs what it did; the other ends better. Odds 3, 3, 3, 9.
    let last = search.stop(wanted[0].0, 0.9);
    assert_eq!(search.next(&[last]), []);
    let found: Vec<f64> = search.strategy.state.particles().map(|(_, w)| w).collect();
    close(&found, &[3.0 / 18.0, 3.0 / 18.0, 3.0 / 18.0, 0.5]);
    assert_eq!(search.pick(), Some(5));
}

#[test]
fn the_gate_opens_below_its_share_only() {
    // Two particles of four carry everything: two are effective.
    let decide = |share| {
        let potential = Potential::Exponential;
        let filter = ParticleFilter { resample_below: share, potential, ..systematic(4) };
        let mut search = by_hand(filter, Scale::REWARD);
        search.start();
        let first = search.open(0, &[0.0, -1e9, 0.0, -1e9]);
        search.next(&first)
    };
    let all = [(1, 1), (2, 1), (3, 1), (4, 1)];
    assert_eq!(decide(0.0), all);
    assert_eq!(decide(0.5), all);
    assert_eq!(decide(0.51), [(1, 2), (3, 2)]);
    assert_eq!(decide(1.0), [(1, 2), (3, 2)]);
}

#[test]
fn at_one_equals_are_drawn_too() {
    let filter = ParticleFilter::of(64);
    let mut search = by_hand(filter, Scale::PREFIX);
    search.start();
    let first = search.open(0, &[0.5; 64]);
    let wanted = search.next(&first);
    // Independent draws of 64 from 64 leave out a third of them.
    assert!((30..50).contains(&wanted.len()), "{}", wanted.len());
    assert_eq!(wanted.iter().map(|(_, n)| n).sum::<usize>(), 64);
    // Systematic ones take each once, in whatever order equals stand.
    let mut search = by_hand(systematic(64), Scale::PREFIX);
    search.start();
    let first = search.open(0, &[0.5; 64]);
    let turned: Vec<NodeId> = first.iter().rev().copied().collect();
    let wanted = search.next(&turned);
    assert!(wanted.len() == 64 && wanted[0] == (64, 1) && wanted[63] == (1, 1));
}

#[test]
fn ratios_by_hand() {
    let filter = ParticleFilter { resample_below: 0.0, ..ParticleFilter::twisted(2) };
    let mut search = by_hand(filter, Scale::PREFIX);
    search.start();
    let first = search.open(0, &[0.5, 0.25]);
    assert_eq!(search.next(&first), [(1, 1), (2, 1)]);
    let ends = [search.stop(1, 0.25), search.stop(2, 0.5)];
    assert_eq!(search.decide(&ends, &[0, 1]), []);
    // 1/2 x 1/2 x 1/2 and 1/2 x 1/4 x 2: shares of 1/8 and 1/4.
    let found: Vec<f64> = search.strategy.state.particles().map(|(_, w)| w).collect();
    close(&found, &[1.0 / 3.0, 2.0 / 3.0]);
    close(&[search.strategy.state.log_evidence().exp()], &[0.375]);
}

#[test]
fn ratios_are_counted_from_the_last_draw() {
    let filter = ParticleFilter { resample_below: 1.0, ..ParticleFilter::twisted(2) };
    let mut search = by_hand(filter, Scale::PREFIX);
    search.start();
    let first = search.open(0, &[0.8, 1e-9]);
    // The first has both places.
    assert_eq!(search.next(&first), [(1, 2)]);
    let ends = [search.stop(1, 0.4), search.stop(1, 0.2)];
    assert_eq!(search.next(&ends), []);
    let found: Vec<f64> = search.strategy.state.particles().map(|(_, w)| w).collect();
    close(&found, &[2.0 / 3.0, 1.0 / 3.0]);
    // (0.8 + 1e-7) / 2 x (1/2 + 1/4) / 2.
    close(&[search.strategy.state.log_evidence().exp()], &[0.4 * 0.375]);
}

#[test]
fn annealing_by_hand() {
    // Odds 99, 1, 1, 1 of 102: 102^2 / (99^2 + 3) = 1.061 are effective, 0.265 of 4. The first of ten
    // steps: the temperature is 0.9 / 0.2653.
    let anneal = Some(Anneal { steps: 10, ..Anneal::default() });
    let share = 102.0_f64.powi(2) / (99.0_f64.powi(2) + 3.0) / 4.0;
    let first = (99_f64.ln() / (0.9 / share)).exp();
    let scores = [0.99, 0.5, 0.5, 0.5];
    let expected = [first, 1.0, 1.0, 1.0].map(|w| w / (first + 3.0));
    for kind in [Weights::Score, Weights::Ratio] {
        let filter = ParticleFilter { anneal, weights: kind, ..Default::default() };
        close(&weights(filter, Scale::PREFIX, &scores), &expected);
    }
    // Too late.
    let late = Some(Anneal { steps: 2, ..Anneal::default() });
    let plain = [99.0, 1.0, 1.0, 1.0].map(|w| w / 102.0);
    close(
        &weights(ParticleFilter { anneal: late, ..Default::default() }, Scale::PREFIX, &scores),
        &plain,
    );
    let rare = Some(Anneal { below: 0.26, steps: 10, ..Anneal::default() });
    close(
        &weights(ParticleFilter { anneal: rare, ..Default::default() }, Scale::PREFIX, &scores),
        &plain,
    );
    // Where most are effective there is nothing to be done.
    let even = [0.6, 0.5, 0.5, 0.5];
    let filter = ParticleFilter { anneal, ..Default::default() };
    close(
        &weights(filter, Scale::PREFIX, &even),
        &weights(ParticleFilter::of(4), Scale::PREFIX, &even),
    );
    // A temperature never sharpens: just below one half, 0.5 / 0.49 of the steps are left.
    let anneal = Anneal { until: 1.0, steps: 10, ..Anneal::default() };
    close(&[anneal.temperature(0.45, 8), anneal.temperature(0.45, 1)], &[1.0, 2.0]);
    close(&[anneal.temperature(0.5, 1), Anneal::default().temperature(0.1, 20)], &[1.0, 1.0]);
}

/// A temperature that falls takes back what it flattened: in the end ratios are those of the potential.
#[test]
fn annealed_ratios_end_as_ratios() {
    let anneal = Some(Anneal { steps: 2, until: 0.6, ..Anneal::default() });
    let filter = ParticleFilter { anneal, resample_below: 1e-9, ..ParticleFilter::twisted(4) };
    let mut search = by_hand(filter, Scale::PREFIX);
    search.start();
    let mut first = vec![search.stop(0, 0.8)];
    first.extend(search.open(0, &[1e-3, 1e-3, 1e-3]));
    assert_eq!(search.next(&first), [(2, 1), (3, 1), (4, 1)]);
    let ends = [search.stop(2, 0.4), search.stop(3, 0.2), search.stop(4, 0.1)];
    assert_eq!(search.decide(&ends, &[0, 1, 2]), []);
    let found: Vec<f64> = search.strategy.state.particles().map(|(_, w)| w).collect();
    close(&found, &[0.8, 0.4, 0.2, 0.1].map(|w| w / 1.5));
}

#[test]
fn what_was_lost_is_replaced_when_particles_are_drawn() {
    let mut search = by_hand(systematic(4), Scale::PREFIX);
    search.start();
    // One line failed, one was closed by a limit.
    let mut first = search.open(0, &[0.5, 0.5]);
    first.push(search.leaf(0, Finish::Length, 0.99));
    assert_eq!(search.next(&first), [(1, 2), (2, 2)]);
    // Without drawing they are missed.
    let filter = ParticleFilter { resample_below: 0.3, ..systematic(4) };
    let mut search = by_hand(filter, Scale::PREFIX);
    search.start();
    let first = search.open(0, &[0.5, 0.5]);
    assert_eq!(search.next(&first), [(1, 1), (2, 1)]);
    // Two of four are effective, which is less than 0.6 of them.
    let filter = ParticleFilter { resample_below: 0.6, ..systematic(4) };
    let mut search = by_hand(filter, Scale::PREFIX);
    search.start();
    let first = search.open(0, &[0.5, 0.5]);
    assert_eq!(search.next(&first), [(1, 2), (2, 2)]);
    // All are lost: the search is over.
    let closed = [search.leaf(1, Finish::Length, 0.5)];
    assert_eq!(search.next(&closed), []);
    assert_eq!(search.strategy.state.particles().count(), 0);
    assert_eq!(search.pick(), Some(2));
}

#[test]
fn what_was_not_judged_weighs_nothing_unless_nothing_was() {
    let decide = |kind, scores: [Option<f64>; 3]| {
        let mut search = by_hand(ParticleFilter { weights: kind, ..systematic(3) }, Scale::PREFIX);
        search.start();
        let grow = |score| search.tree.grow(NodeId::ROOT, "a step", Finish::Step, score);
        let first = scores.map(grow);
        search.next(&first)
    };
    assert_eq!(decide(Weights::Score, [None, Some(0.5), None]), [(2, 3)]);
    assert_eq!(decide(Weights::Score, [None; 3]), [(1, 1), (2, 1), (3, 1)]);
    // A ratio of nothing is none: the particle weighs what it did.
    assert_eq!(decide(Weights::Ratio, [None, Some(0.5), None]), [(1, 1), (2, 1), (3, 1)]);
}

#[test]
fn a_finished_solution_that_was_not_drawn_is_still_chosen() {
    let filter = ParticleFilter { potential: Potential::Probability, ..systematic(2) };
    let choose = |choose| {
        let mut search = by_hand(ParticleFilter { choose, ..filter.clone() }, Scale::PREFIX);
        search.start();
        let low = search.tree.grow(NodeId::ROOT, "The answer is 1.", Finish::Stop, Some(1e-4));
        let open = search.open(0, &[0.9]);
        assert_eq!(search.next(&[low, open[0]]), [(2, 2)]);
        let ends = [1e-5, 1e-6].map(|score| {
            search.tree.grow(NodeId(2), "The answer is 2.", Finish::Stop, Some(score))
        });
        assert_eq!(search.next(&ends), []);
        search.pick()
    };
    assert_eq!(choose(Choose::Best), Some(1));
    assert_eq!(choose(Choose::Vote), Some(3));
    assert!([Some(3), Some(4)].contains(&choose(Choose::Sample)));
}

#[test]
fn the_vote_goes_by_what_particles_weigh_together() {
    // Odds 2 for one answer, 1.5 + 1 for another.
    let mut search =
        by_hand(ParticleFilter { choose: Choose::Vote, ..ParticleFilter::of(4) }, Scale::LOG_ODDS);
    search.start();
    let ends = [("5", 2.0_f64), ("4", 1.0), ("4.0", 1.5), ("none", 0.1)].map(|(text, odds)| {
        let text = format!("The answer is {text}.");
        search.tree.grow(NodeId::ROOT, &text, Finish::Stop, Some(odds.ln()))
    });
    assert_eq!(search.next(&ends), []);
    assert_eq!(search.pick(), Some(3));
    // Before anything has finished, the best of what there is.
    let mut search =
        by_hand(ParticleFilter { choose: Choose::Vote, ..ParticleFilter::of(2) }, Scale::PREFIX);
    search.start();
    let open = search.open(0, &[0.1, 0.2]);
    search.next(&open);
    assert_eq!(search.pick(), Some(2));
}

/// 4,000 draws of a share of 0.9: a standard deviation of 0.0047.
#[test]
fn a_sample_is_drawn_by_weight() {
    let world = toy::Markov::new(|path| match path.len() {
        0 => vec![0.5, 0.5, 0.0],
        _ => vec![0.0, 0.0, 1.0],
    });
    let judge = scorer::from_fn(
        |path: &Trajectory, _: &Step| {
            if path.text().starts_with('a') { 0.9 } else { 0.5 }
        },
    );
    let judge = judge.with_scale(Scale::PREFIX);
    let filter =
        ParticleFilter { choose: Choose::Sample, resample_below: 0.0, ..ParticleFilter::of(2) };
    let search = Search::new(&world).scorer(judge).sampling(Sampling::temperature(1.0));
    let (mut mixed, mut chosen) = (0, 0);
    for index in 0..4_000 {
        let outcome = search.run(filter.clone(), format!("problem {index}")).expect("runs");
        let texts: Vec<String> = outcome.tree.finished().map(|id| outcome.tree.text(id)).collect();
        if texts[0] != texts[1] {
            mixed += 1;
            chosen += u32::from(outcome.text().as_deref() == Some("a"));
        }
    }
    let share = f64::from(chosen) / f64::from(mixed);
    assert!(mixed > 1_800 && (share - 0.9).abs() < 0.028, "{share} of {mixed}");
}

#[test]
fn a_second_search_starts_anew() {
    let mut search = by_hand(systematic(2), Scale::PREFIX);
    search.start();
    let ends = [search.stop(0, 0.9), search.stop(0, 0.2)];
    assert_eq!(search.next(&ends), []);
    let mut again = by_hand(search.strategy, Scale::PREFIX);
    assert_eq!(again.start(), [(0, 2)]);
    assert_eq!(again.strategy, by_hand_started(systematic(2)));
}

fn by_hand_started(filter: ParticleFilter) -> ParticleFilter {
    let mut search = by_hand(filter, Scale::PREFIX);
    search.start();
    search.strategy
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
fn impossible_settings_are_refused_with_a_reason() {
    let filter = ParticleFilter::default;
    let anneal = |anneal| ParticleFilter { anneal: Some(anneal), ..filter() };
    let of = Anneal::default;
    for (filter, expected) in [
        (ParticleFilter { n: 0, ..filter() }, "n is 0"),
        (ParticleFilter { temperature: 0.0, ..filter() }, "temperature is 0"),
        (ParticleFilter { temperature: f64::NAN, ..filter() }, "temperature is NaN"),
        (ParticleFilter { temperature: f64::INFINITY, ..filter() }, "temperature is inf"),
        (ParticleFilter { resample_below: 1.1, ..filter() }, "resample_below is 1.1"),
        (ParticleFilter { resample_below: -0.1, ..filter() }, "resample_below is -0.1"),
        (ParticleFilter { resample_below: f64::NAN, ..filter() }, "resample_below is NaN"),
        (ParticleFilter { resample_below: 0.0, ..anneal(of()) }, "anneal means nothing"),
        (anneal(Anneal { below: 0.0, ..of() }), "anneal: below is 0"),
        (anneal(Anneal { below: 1.5, ..of() }), "anneal: below is 1.5"),
        (anneal(Anneal { until: 0.0, ..of() }), "anneal: until is 0"),
        (anneal(Anneal { until: f64::NAN, ..of() }), "anneal: until is NaN"),
        (anneal(Anneal { steps: 0, ..of() }), "anneal: steps is 0"),
    ] {
        let error = filter.check().expect_err(expected);
        assert!(error.starts_with("particle filter: ") && error.contains(expected), "{error}");
        let error = ParticleGibbs { filter, ..Default::default() }.check().expect_err(expected);
        assert!(
            error.starts_with("particle gibbs: filter: ") && error.contains(expected),
            "{error}"
        );
    }
    let residual = ParticleFilter { resampling: Resampling::Residual, ..filter() };
    assert!(residual.check().is_ok());
    for (gibbs, expected) in [
        (ParticleGibbs { iterations: 0, ..Default::default() }, "iterations is 0"),
        (ParticleGibbs { filter: residual, ..Default::default() }, "resampling is residual"),
        (gibbs(1, 2), "n is 1, expected at least 2"),
    ] {
        let error = gibbs.check().expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    assert!(gibbs(1, 1).check().is_ok());
}

#[test]
fn a_scorer_that_says_nothing_of_its_scale_weighs_by_exponentials_only() {
    let world = ToyWorld::default();
    let unstated = scorer::from_fn(|_: &Trajectory, _: &Step| 0.5);
    let run = |potential| {
        let filter = ParticleFilter { potential, ..ParticleFilter::of(2) };
        Search::new(world).scorer(unstated).rule(StepRule::lines()).run(filter, world.prompt(0))
    };
    for potential in [Potential::Odds, Potential::Probability] {
        let error = run(potential).expect_err("no scale").to_string();
        assert!(error.contains("does not state its scale"), "{error}");
    }
    assert!(run(Potential::Exponential).is_ok());
    let bare = Search::new(world).run(ParticleFilter::of(2), world.prompt(0));
    assert!(bare.expect_err("no scorer").to_string().contains("particle filter needs a scorer"));
    let bare = Search::new(world).run(gibbs(2, 2), world.prompt(0));
    assert!(bare.expect_err("no scorer").to_string().contains("particle gibbs needs a scorer"));
}

#[test]
fn rollouts_twist() {
    // A step is judged by where its rollout ends.
    let world = ToyWorld { additions: 3, error: 0.4, seed: 0 };
    let search = Search::new(world).scorer(Oracle::of(&world)).rule(StepRule::lines());
    let mut ahead = Lookahead { depth: 2, ..Lookahead::of(ParticleFilter::twisted(4)) };
    let outcome = search.run(&mut ahead, world.prompt(1)).expect("runs");
    assert!(outcome.tree.iter().any(|(_, node)| node.kind == NodeKind::Rollout));
    assert!(ahead.strategy.state.particles().all(|(id, _)| outcome.tree[id].is_finished()));
    assert_eq!(outcome.answer(), Some(world.answer(1)));
}

fn shares() -> impl Strategy<Value = Vec<f64>> {
    let some = prop_oneof![1 => Just(0.0), 2 => Just(0.5), 4 => 0.001..1.0];
    prop::collection::vec(some, 1..12)
        .prop_filter("something", |weights| weights.iter().sum::<f64>() > 0.0)
}

proptest! {
    #[test]
    fn counts_stay_within_their_bounds(weights in shares(), n in 1_usize..40, seed in any::<u64>()) {
        let total: f64 = weights.iter().sum();
        for resampling in [Resampling::Multinomial, Resampling::Systematic, Resampling::Residual] {
            let mut rng = seed::rng(seed);
            let counts = resampling.counts(&weights, n, || rng.uniform());
            prop_assert_eq!(counts.iter().sum::<usize>(), n);
            for (&count, weight) in counts.iter().zip(&weights) {
                let (count, mean) = (count as f64, n as f64 * weight / total);
                prop_assert!(*weight > 0.0 || count == 0.0);
                let exact = 1e-9;
                if resampling != Resampling::Multinomial {
                    prop_assert!(count >= (mean - exact).floor(), "{} of {}", count, mean);
                }
                if resampling == Resampling::Systematic {
                    prop_assert!(count <= (mean + exact).ceil(), "{} of {}", count, mean);
                }
            }
            // Weights need not add up to 1.
            let mut rng = seed::rng(seed);
            let doubled: Vec<f64> = weights.iter().map(|weight| 2.0 * weight).collect();
            prop_assert_eq!(&counts, &resampling.counts(&doubled, n, || rng.uniform()));
        }
    }

    #[test]
    fn equals_are_drawn_once_each(n in 1_usize..50, u in 0.0..1.0, weight in 1e-9..1e9) {
        for resampling in [Resampling::Systematic, Resampling::Residual] {
            prop_assert_eq!(resampling.counts(&vec![weight; n], n, || u), vec![1; n]);
        }
    }

    /// The mean over all random numbers is the weight.
    #[test]
    fn systematic_counts_have_the_right_mean(weights in shares(), n in 1_usize..20) {
        let total: f64 = weights.iter().sum();
        let mut sums = vec![0; weights.len()];
        for place in 0..2_000 {
            let u = (f64::from(place) + 0.5) / 2_000.0;
            let counts = Resampling::Systematic.counts(&weights, n, || u);
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        for (&sum, weight) in sums.iter().zip(&weights) {
            let (found, mean) = (sum as f64 / 2_000.0, n as f64 * weight / total);
            prop_assert!((found - mean).abs() <= 1.001 / 1_000.0, "{} of {}", found, mean);
        }
    }
}

#[test]
fn counts_by_hand() {
    use Resampling::{Multinomial, Residual, Systematic};
    let weights = [0.5, 0.3, 0.2];
    for (resampling, u, expected) in [
        // Stretches that end at 2, 3.2 and 4.
        (Systematic, 0.0, [2, 2, 0]),
        (Systematic, 0.19, [2, 2, 0]),
        (Systematic, 0.21, [2, 1, 1]),
        (Systematic, 0.99, [2, 1, 1]),
        // Two and one for certain; the fourth from 0.2 and 0.8.
        (Residual, 0.19, [2, 2, 0]),
        (Residual, 0.21, [2, 1, 1]),
        (Multinomial, 0.49, [4, 0, 0]),
        (Multinomial, 0.5, [0, 4, 0]),
        (Multinomial, 0.79, [0, 4, 0]),
        (Multinomial, 0.81, [0, 0, 4]),
    ] {
        assert_eq!(resampling.counts(&weights, 4, || u), expected, "{resampling:?} {u}");
    }
    // Nothing to draw from, and nothing that weighs.
    for resampling in [Systematic, Residual, Multinomial] {
        assert_eq!(resampling.counts(&[], 3, || 0.5), [0; 0]);
        assert_eq!(resampling.counts(&[0.0, 0.0], 2, || 0.2).iter().sum::<usize>(), 2);
        // Rounding up to the end reaches only what weighs.
        assert_eq!(resampling.counts(&[1.0, 0.0], 2, || 1.0), [2, 0]);
    }
}

/// The tree of a small search, as it is.
#[test]
fn a_snapshot() {
    let world = ToyWorld { additions: 2, error: 0.5, seed: 3 };
    let search = Search::new(world)
        .scorer(Oracle { noise: 0.4, seed: 1 })
        .rule(StepRule::lines())
        .sampling(Sampling::temperature(1.0));
    let filter = ParticleFilter { n: 3, ..ParticleFilter::twisted(3) };
    let outcome = search.run(filter, world.prompt(0)).expect("runs");
    let line = |(id, node): (NodeId, &Node)| {
        let parent = node.parent.map_or(0, |parent| parent.0);
        format!("{}<{parent} {} {:.2}", id.0, node.step.text.trim(), node.score.unwrap_or(-1.0))
    };
    let found: Vec<String> = outcome.tree.iter().skip(1).map(line).collect();
    assert_eq!(found, SNAPSHOT);
}

const SNAPSHOT: [&str; 9] = [
    "1<0 6 + 8 = 15 0.06",
    "2<0 6 + 8 = 14 0.85",
    "3<0 6 + 8 = 15 0.06",
    "4<2 14 + 8 = 22 0.88",
    "5<2 14 + 8 = 22 0.88",
    "6<3 15 + 8 = 22 0.27",
    "7<4 The answer is 22. 0.96",
    "8<5 The answer is 22. 0.96",
    "9<6 The answer is 22. 0.35",
];
