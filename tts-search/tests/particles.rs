//! Particle filters and particle Gibbs, stepped by hand on handmade trees.

mod common;

use common::ByHand;
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::particle::{
    Anneal, AnnealBy, Choose, Potential, Resampling, Weights, effective_sample_size,
};
use tts_search::{Lookahead, ParticleFilter};

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
        (
            ParticleFilter { aggregate: Aggregate::Sum, ..of(Exponential, 1.0) },
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
    // Whatever weights add up to. its_hub has 1.818182 here: it squares weights that add up to 1.5 as they are.
    let fifth = [0.1, 0.2, 0.3, 0.4, 0.5];
    let effective = effective_sample_size(&fifth);
    close(&[effective, effective / 1.5_f64.powi(2)], &[4.090_909, 1.818_182]);
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

/// Of two particles one is effective at least, which is a half.
#[test]
fn two_twisted_particles_are_drawn_too() {
    let shares = [1, 2, 3, 4, 100].map(|n| ParticleFilter::twisted(n).resample_below);
    close(&shares, &[0.5, 0.75, 0.5, 0.5, 0.5]);
    let mut search = by_hand(ParticleFilter::twisted(2), Scale::PREFIX);
    search.start();
    let first = search.open(0, &[0.9, 1e-6]);
    assert_eq!(search.next(&first), [(1, 2)]);
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

/// What three particles that have ended weigh beside a fourth that goes on, where nothing is drawn; and
/// what all of them weigh once it has ended with the same score.
fn on_the_way(filter: ParticleFilter, scores: [f64; 4]) -> (Vec<f64>, Vec<f64>) {
    let filter = ParticleFilter { n: 4, resample_below: 1e-9, ..filter };
    let mut search = by_hand(filter, Scale::PREFIX);
    search.start();
    let mut first: Vec<NodeId> = scores[..3].iter().map(|&score| search.stop(0, score)).collect();
    first.extend(search.open(0, &scores[3..]));
    assert_eq!(search.next(&first), [(4, 1)]);
    let before = search.strategy.state.particles().map(|(_, weight)| weight).collect();
    let last = search.stop(4, scores[3]);
    assert_eq!(search.next(&[last]), []);
    (before, search.strategy.state.particles().map(|(_, weight)| weight).collect())
}

#[test]
fn annealing_by_hand() {
    // Odds 99, 1, 1, 1 of 102: 102^2 / (99^2 + 3) = 1.061 are effective, 0.265 of 4. The first of ten
    // steps: the temperature is 0.9 / 0.2653.
    let anneal = Some(Anneal { steps: 10, ..Anneal::default() });
    let share = 102.0_f64.powi(2) / (99.0_f64.powi(2) + 3.0) / 4.0;
    let first = (99_f64.ln() / (0.9 / share)).exp();
    let scores = [0.99, 0.5, 0.5, 0.5];
    let flat = [first, 1.0, 1.0].map(|w| w / (first + 3.0));
    let plain = [99.0, 1.0, 1.0, 1.0].map(|w| w / 102.0);
    // It guides on the way, and is gone in the end.
    for kind in [Weights::Score, Weights::Ratio] {
        let filter = ParticleFilter { anneal, weights: kind, ..Default::default() };
        let (before, after) = on_the_way(filter, scores);
        close(&before, &flat);
        close(&after, &plain);
    }
    // Too late, and too rare.
    let late = Some(Anneal { steps: 2, until: 0.5, ..Anneal::default() });
    let rare = Some(Anneal { below: 0.26, steps: 10, ..Anneal::default() });
    for (anneal, scores, expected) in [
        (late, scores, &plain[..3]),
        (rare, scores, &plain[..3]),
        // Where most are effective there is nothing to be done.
        (anneal, [0.6, 0.5, 0.5, 0.5], &[1.5 / 4.5, 1.0 / 4.5, 1.0 / 4.5]),
    ] {
        let filter = ParticleFilter { anneal, ..Default::default() };
        close(&on_the_way(filter, scores).0, expected);
    }
    // A temperature never sharpens: just below one half, 0.5 / 0.49 of the steps are left.
    let anneal = Anneal { until: 1.0, steps: 10, ..Anneal::default() };
    close(&[anneal.temperature(0.45, 0.5, 8), anneal.temperature(0.45, 0.5, 1)], &[1.0, 2.0]);
    let late = Anneal::default().temperature(0.1, 0.5, 20);
    close(&[anneal.temperature(0.5, 0.5, 1), late], &[1.0, 1.0]);
}

/// The same weights by the other two: the temperature is `1 / (H + 0.1 (1 - H))`, and `3 - 0.1`.
#[test]
fn annealing_by_entropy_and_by_the_step_alone() {
    let scores = [0.99, 0.5, 0.5, 0.5];
    let entropy = [99.0, 1.0, 1.0, 1.0].map(|w: f64| -(w / 102.0) * (w / 102.0).ln());
    let entropy = entropy.iter().sum::<f64>() / 4_f64.ln();
    let by_entropy = 1.0 / (entropy + (1.0 - entropy) * 0.1);
    assert!(by_entropy > 3.0, "{by_entropy}");
    for (by, temperature) in
        [(AnnealBy::Entropy, by_entropy), (AnnealBy::Linear { from: 3.0 }, 2.9)]
    {
        let first = (99_f64.ln() / temperature).exp();
        let filter = |below| {
            let anneal = Some(Anneal { by, below, steps: 10, ..Anneal::default() });
            ParticleFilter { anneal, ..Default::default() }
        };
        let (before, after) = on_the_way(filter(0.5), scores);
        close(&before, &[first, 1.0, 1.0].map(|w| w / (first + 3.0)));
        let plain = [99.0, 1.0, 1.0, 1.0].map(|w| w / 102.0);
        close(&after, &plain);
        // Where enough are effective it does not set in, whatever it follows.
        close(&on_the_way(filter(0.26), scores).0, &plain[..3]);
    }
}

/// Annealing guides resampling alone: who has ended at the first step is drawn by what it is worth.
#[test]
fn an_annealed_sample_is_drawn_by_plain_weights() {
    let filter = ParticleFilter { choose: Choose::Sample, ..ParticleFilter::entropic(4) };
    let found = weights(filter, Scale::PREFIX, &[0.99, 0.5, 0.5, 0.5]);
    close(&found, &[99.0, 1.0, 1.0, 1.0].map(|w| w / 102.0));
}

#[test]
fn what_cannot_be_counted_is_clamped() {
    // The logarithm of nothing, twice.
    let filter = ParticleFilter {
        n: 4,
        potential: Potential::Exponential,
        aggregate: Aggregate::SumLog,
        weights: Weights::Ratio,
        resample_below: 0.5,
        ..Default::default()
    };
    let mut search = by_hand(filter, Scale::STEP);
    search.start();
    let first = search.open(0, &[0.5, 0.5, 0.5, 0.0]);
    assert_eq!(search.next(&first), [(1, 1), (2, 1), (3, 1), (4, 1)]);
    let ends = [1, 2, 3, 4].map(|parent| search.stop(parent, 0.5));
    assert_eq!(search.decide(&ends, &[0, 1, 2, 3]), []);
    let found: Vec<f64> = search.strategy.state.particles().map(|(_, w)| w).collect();
    close(&found, &[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.0]);
    // Potentials beyond the range of numbers.
    for temperature in [1e-300, 1e-308] {
        for kind in [Weights::Score, Weights::Ratio] {
            let filter = ParticleFilter { temperature, weights: kind, ..Default::default() };
            close(&weights(filter, Scale::PREFIX, &[0.9, 0.9, 0.5, 0.1]), &[0.5, 0.5, 0.0, 0.0]);
        }
    }
}

/// Of two scores 0.8 and 0.4 the mean is 0.6, whatever a weight is.
#[test]
fn evidence_is_of_mean_weights() {
    for kind in [Weights::Score, Weights::Ratio] {
        let filter = ParticleFilter { weights: kind, ..ParticleFilter::twisted(2) };
        let mut search = by_hand(filter, Scale::PREFIX);
        search.start();
        let ends = [search.stop(0, 0.8), search.stop(0, 0.4)];
        assert_eq!(search.next(&ends), []);
        close(&[search.strategy.state.log_evidence().exp()], &[0.6]);
    }
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

/// A solution of which nothing was judged is not the best of all.
#[test]
fn an_end_without_a_judgement_weighs_nothing() {
    for kind in [Weights::Score, Weights::Ratio] {
        let filter = ParticleFilter { weights: kind, ..ParticleFilter::twisted(2) };
        let mut search = by_hand(filter, Scale::PREFIX);
        search.start();
        let unjudged = search.tree.grow(NodeId::ROOT, "", Finish::Stop, None);
        let judged = search.stop(0, 0.5);
        assert_eq!(search.next(&[unjudged, judged]), []);
        let found: Vec<f64> = search.strategy.state.particles().map(|(_, w)| w).collect();
        close(&found, &[0.0, 1.0]);
        close(&[search.strategy.state.log_evidence().exp()], &[0.25]);
    }
    // Where there is nothing else, one is as good as the other.
    let mut search = by_hand(ParticleFilter::twisted(2), Scale::PREFIX);
    search.start();
    let ends = [1, 2].map(|_| search.tree.grow(NodeId::ROOT, "", Finish::Stop, None));
    assert_eq!(search.next(&ends), []);
    let found: Vec<f64> = search.strategy.state.particles().map(|(_, w)| w).collect();
    close(&found, &[0.5, 0.5]);
    assert!(search.strategy.state.log_evidence().exp() <= 0.0);
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
