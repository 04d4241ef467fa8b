//! What particles say of a law, against the law itself: all solutions of a small language model are
//! listed, with the model's probabilities and a value for each of their beginnings.

#[path = "common/values.rs"]
mod values;

use std::collections::BTreeMap;

use tts_core::toy::Markov;
use tts_core::*;
use tts_search::particle::{Choose, Potential, Resampling, Weights};
use tts_search::{Lookahead, ParticleFilter};
use values::letters::{empirical, normal, power, total_variation};
use values::{Values, by_letters, value};

/// What the end of each text weighs: `p x g^power`. Of a text without letters nothing was judged, and it
/// weighs nothing.
fn weighed(power_of_value: f64) -> BTreeMap<String, f64> {
    let weigh = |(text, p): (String, f64)| {
        let g = if text.is_empty() { 0.0 } else { value(&text) };
        (text, p * g.powf(power_of_value))
    };
    power(1.0).into_iter().map(weigh).collect()
}

fn search(model: &Markov) -> Search<'_> {
    Search::new(model).scorer(Values).sampling(Sampling::temperature(1.0))
}

/// What the runs of a filter say of each text and of all: the sums of evidence times share, and of
/// their squares.
fn estimates(filter: &ParticleFilter, runs: u32) -> BTreeMap<String, (f64, f64)> {
    let model = by_letters();
    let search = search(&model);
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for run in 0..runs {
        let mut filter = filter.clone();
        let outcome = search.run(&mut filter, format!("run {run}")).expect("runs");
        let evidence = filter.state.log_evidence().exp();
        let mut of: BTreeMap<String, f64> = BTreeMap::new();
        for (node, share) in filter.state.particles() {
            *of.entry(outcome.tree.text(node)).or_default() += evidence * share;
        }
        of.insert("all".into(), evidence);
        for (text, estimate) in of {
            let sum = sums.entry(text).or_default();
            *sum = (sum.0 + estimate, sum.1 + estimate * estimate);
        }
    }
    sums
}

/// Each estimate within 4.5 standard errors: for 16 estimates of 7 filters a right filter fails one set
/// of seeds in 1,300. The errors are 0.2 to 1.5 % of the estimate of all; of fewer runs the error of a rare
/// text would not be known.
fn is_unbiased(filter: &ParticleFilter) -> bool {
    const RUNS: u32 = 16_000;
    let mut exact = weighed(1.0 / filter.temperature);
    exact.insert("all".into(), exact.values().sum());
    let found = estimates(filter, RUNS);
    let runs = f64::from(RUNS);
    exact.iter().all(|(text, exact)| {
        let (sum, squares) = found.get(text).copied().unwrap_or_default();
        let mean = sum / runs;
        let error = ((squares / runs - mean * mean) / runs).sqrt();
        // A text that weighs nothing has no error at all.
        (mean - exact).abs() <= 4.5 * error
    })
}

#[test]
fn ratios_are_unbiased_however_particles_are_drawn() {
    use Resampling::{Multinomial, Residual, Systematic};
    for (n, resampling, resample_below, temperature) in [
        (1, Multinomial, 1.0, 1.0),
        (3, Multinomial, 1.0, 1.0),
        (4, Systematic, 1.0, 1.0),
        (4, Residual, 1.0, 1.0),
        (4, Systematic, 0.8, 1.0),
        (3, Multinomial, 0.0, 1.0),
        (4, Multinomial, 1.0, 0.5),
    ] {
        let filter = ParticleFilter {
            resampling,
            resample_below,
            temperature,
            ..ParticleFilter::twisted(n)
        };
        assert!(is_unbiased(&filter), "{n} {resampling:?} {resample_below} {temperature}");
    }
}

/// The mean shares of the texts over 500 runs.
fn shares(filter: &ParticleFilter) -> BTreeMap<String, f64> {
    let model = by_letters();
    empirical((0..500).flat_map(|run| {
        let mut filter = filter.clone();
        let outcome = search(&model).run(&mut filter, format!("run {run}")).expect("runs");
        let all = filter.state.particles();
        all.map(|(node, share)| (outcome.tree.text(node), share)).collect::<Vec<_>>()
    }))
}

/// The weights that were published are another matter, whatever evidence says: in shares of 32 particles.
#[test]
fn published_weights_are_another_law() {
    let exact = normal(weighed(1.0));
    let twisted = ParticleFilter { resample_below: 1.0, ..ParticleFilter::twisted(32) };
    let off = total_variation(&shares(&twisted), &exact);
    assert!(off < 0.03, "{off}");
    let published = ParticleFilter { weights: Weights::Score, ..twisted };
    let off = total_variation(&shares(&published), &exact);
    assert!(off > 0.08, "{off}");
}

/// Shares of the law of a sample of one filter: 32 particles, off by a little; published weights sharpen at
/// each letter. Over 4,000 samples of 15 texts a right law lies 0.02 off on average, 0.03 at most.
#[test]
fn many_particles_have_the_law() {
    let model = by_letters();
    let law = |filter: &ParticleFilter| {
        let prompts = (0..4_000).map(|run| Prompt::from(format!("run {run}")));
        let outcomes = search(&model).run_many(filter, prompts).into_iter();
        let text = |outcome: Result<Outcome, _>| outcome.expect("runs").text().unwrap_or_default();
        empirical(outcomes.map(|outcome| (text(outcome), 1.0)))
    };
    let exact = normal(weighed(1.0));
    let twisted = ParticleFilter { choose: Choose::Sample, ..ParticleFilter::twisted(32) };
    let off = total_variation(&law(&twisted), &exact);
    assert!(off < 0.045, "{off}");
    let published = ParticleFilter { weights: Weights::Score, resample_below: 1.0, ..twisted };
    let off = total_variation(&law(&published), &exact);
    assert!(off > 0.08, "{off}");
}

/// A look ahead changes what guides on the way, never what is sampled for.
#[test]
fn rollouts_leave_the_law_as_it_is() {
    const RUNS: u32 = 6_000;
    let model = by_letters();
    let filter = ParticleFilter { resample_below: 1.0, ..ParticleFilter::twisted(3) };
    let ahead =
        Lookahead { depth: 2, sampling: Sampling::temperature(1.0), ..Lookahead::of(filter) };
    let (mut sum, mut squares) = (0.0, 0.0);
    for run in 0..RUNS {
        let mut ahead = ahead.clone();
        search(&model).run(&mut ahead, format!("run {run}")).expect("runs");
        let evidence = ahead.strategy.state.log_evidence().exp();
        sum += evidence;
        squares += evidence * evidence;
    }
    let mean = sum / f64::from(RUNS);
    let error = ((squares / f64::from(RUNS) - mean * mean) / f64::from(RUNS)).sqrt();
    let exact: f64 = weighed(1.0).values().sum();
    assert!((mean - exact).abs() < 4.5 * error, "{mean}, expected {exact}, error {error}");
}

/// Odds are another potential, with the same law of its own.
#[test]
fn odds_by_ratios_are_unbiased_too() {
    let filter = ParticleFilter {
        potential: Potential::Odds,
        resample_below: 1.0,
        ..ParticleFilter::twisted(4)
    };
    let found = estimates(&filter, 8_000);
    let (sum, squares) = found["all"];
    let mean = sum / 8_000.0;
    let error = ((squares / 8_000.0 - mean * mean) / 8_000.0).sqrt();
    let odds = |(text, p): (&String, &f64)| {
        let g = value(text);
        if text.is_empty() { 0.0 } else { p * g / (1.0 - g) }
    };
    let exact: f64 = power(1.0).iter().map(odds).sum();
    assert!((mean - exact).abs() < 4.5 * error, "{mean}, expected {exact}, error {error}");
}
