//! The law of particle Gibbs: the kernel that leads from one reference to the next is listed, keeps the law
//! exactly, and is what searches do.

#[path = "common/values.rs"]
#[expect(dead_code, reason = "laws are not measured here")]
mod values;

use std::collections::BTreeMap;

use tts_core::*;
use tts_search::particle::{Resampling, effective_sample_size};
use tts_search::{ParticleFilter, ParticleGibbs};
use values::letters::{model, normal, power};
use values::{Values, by_letters, value};

/// A text so far, with a bar behind it once it has ended.
type Path = String;

fn is_open(path: &str) -> bool {
    !path.ends_with('|')
}

/// What a path weighs, over what it weighed a step before. The end is not judged; a text without letters
/// weighs nothing.
fn ratio(before: &str, path: &str) -> f64 {
    match (before, path) {
        (_, "|") => 0.0,
        (before, path) if before == path || !is_open(path) => 1.0,
        ("", path) => value(path),
        (before, path) => value(path) / value(before),
    }
}

/// Where a path goes in one step, with probabilities.
fn steps(path: &str) -> Vec<(Path, f64)> {
    if !is_open(path) {
        return vec![(path.into(), 1.0)];
    }
    let tokens: Vec<u32> = path.bytes().map(|letter| u32::from(letter - b'a')).collect();
    let next = values::letters::next(&tokens);
    let step = |(letter, p)| (format!("{path}{letter}"), p);
    ['a', 'b', '|'].into_iter().zip(next).map(step).filter(|(_, p)| *p > 0.0).collect()
}

/// Where the reference stands after this step.
fn along(end: &str, step: usize) -> Path {
    end[..step.min(end.len())].into()
}

/// All sequences of draws that matter, by the middles between these cuts, with their probabilities.
fn middles(cuts: &[f64], draws: usize) -> Vec<(Vec<f64>, f64)> {
    let mut cuts: Vec<f64> = cuts.iter().copied().filter(|cut| (0.0..1.0).contains(cut)).collect();
    cuts.extend([0.0, 1.0]);
    cuts.sort_by(f64::total_cmp);
    let stretch = |cut: &[f64]| (f64::midpoint(cut[0], cut[1]), cut[1] - cut[0]);
    // What is narrower is a rounding error.
    let one: Vec<(f64, f64)> =
        cuts.windows(2).map(stretch).filter(|(_, width)| *width > 1e-15).collect();
    (0..draws).fold(vec![(Vec::new(), 1.0)], |all, _| {
        let longer = |(draws, p): &(Vec<f64>, f64)| -> Vec<(Vec<f64>, f64)> {
            let with = |&(draw, q): &(f64, f64)| ([&draws[..], &[draw]].concat(), p * q);
            one.iter().map(with).collect()
        };
        all.iter().flat_map(longer).collect()
    })
}

/// Sums from the front, of a total of 1.
fn sums(parts: &[f64]) -> Vec<f64> {
    let all: f64 = parts.iter().sum();
    parts
        .iter()
        .scan(0.0, |sum, part| {
            Some({
                *sum += part / all;
                *sum
            })
        })
        .collect()
}

/// The law of the numbers of copies given that the first particle is kept in a place of which none is likelier:
/// that of free draws, each as much likelier as there are more copies of the first.
fn kept(resampling: Resampling, weights: &[f64], n: usize) -> Vec<(Vec<usize>, f64)> {
    let all: f64 = weights.iter().sum();
    let shares: Vec<f64> = weights.iter().map(|weight| n as f64 * weight / all).collect();
    let draws = match resampling {
        Resampling::Multinomial => middles(&sums(weights), n),
        Resampling::Residual => {
            let fractions: Vec<f64> = shares.iter().map(|share| share.fract()).collect();
            let whole: f64 = shares.iter().map(|share| share.floor()).sum();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to n")]
            middles(&sums(&fractions), n - whole as usize)
        }
        _ => {
            let ends = shares.iter().scan(0.0, |sum, share| {
                Some({
                    *sum += share;
                    *sum
                })
            });
            middles(&ends.map(f64::fract).collect::<Vec<f64>>(), 1)
        }
    };
    let mut law: BTreeMap<Vec<usize>, f64> = BTreeMap::new();
    for (draws, p) in draws {
        let mut draws = draws.into_iter();
        let counts = resampling.counts(weights, n, || draws.next().unwrap_or(f64::NAN));
        *law.entry(counts.clone()).or_default() += p * counts[0] as f64 / shares[0];
    }
    law.into_iter().filter(|(_, p)| *p > 0.0).collect()
}

/// Particles, the reference first: their paths, and what they weigh, as bits, by which clouds are told apart.
type Cloud = Vec<(Path, u64)>;

/// Adds a cloud; the order of all but the reference is nothing that counts.
fn add(clouds: &mut BTreeMap<Cloud, f64>, mut cloud: Cloud, p: f64) {
    cloud[1..].sort();
    *clouds.entry(cloud).or_default() += p;
}

/// What clouds are once each particle has gone one step further, the reference along its own path.
fn moved(clouds: BTreeMap<Cloud, f64>, reference: &str) -> BTreeMap<Cloud, f64> {
    let mut all = BTreeMap::new();
    for (cloud, p) in clouds {
        let mut longer: Vec<(Cloud, f64)> = vec![(Vec::new(), p)];
        for (place, (path, weight)) in cloud.iter().enumerate() {
            let next = if place == 0 { vec![(reference.into(), 1.0)] } else { steps(path) };
            let go = |(moved, p): &(Cloud, f64)| -> Vec<(Cloud, f64)> {
                let step = |(next, q): &(Path, f64)| {
                    let weight = f64::from_bits(*weight) * ratio(path, next);
                    ([&moved[..], &[(next.clone(), weight.to_bits())]].concat(), p * q)
                };
                next.iter().map(step).collect()
            };
            longer = longer.iter().flat_map(go).collect();
        }
        for (cloud, p) in longer {
            add(&mut all, cloud, p);
        }
    }
    all
}

/// The law of the next reference after this one.
fn row(filter: &ParticleFilter, end: &str) -> BTreeMap<Path, f64> {
    let n = filter.n;
    let mut row = BTreeMap::new();
    let mut clouds = BTreeMap::from([(vec![(Path::new(), 1_f64.to_bits()); n], 1.0)]);
    for step in 1.. {
        let mut next = BTreeMap::new();
        for (cloud, p) in moved(std::mem::take(&mut clouds), &along(end, step)) {
            let weights: Vec<f64> = cloud.iter().map(|(_, bits)| f64::from_bits(*bits)).collect();
            let most = weights.iter().copied().fold(0.0, f64::max);
            let scaled = |weight: &f64| if most > 0.0 { weight / most } else { 1.0 };
            let mut weights: Vec<f64> = weights.iter().map(scaled).collect();
            let sum: f64 = weights.iter().sum();
            if cloud[1..].iter().all(|(path, _)| !is_open(path)) && step >= end.len() {
                for ((path, _), weight) in cloud.into_iter().zip(weights) {
                    *row.entry(path).or_default() += p * weight / sum;
                }
                continue;
            }
            let enough = filter.resample_below * n as f64;
            if filter.resample_below < 1.0 && effective_sample_size(&weights) >= enough {
                let paths = cloud.into_iter().map(|(path, _)| path);
                let same = paths.zip(weights).map(|(path, weight)| (path, weight.to_bits()));
                add(&mut next, same.collect(), p);
                continue;
            }
            // Whatever the others do, the reference is not lost; of nothing it has one copy.
            weights[0] = weights[0].max(1e-9);
            // In either order of two others: of three particles at most.
            let turned: Vec<usize> = std::iter::once(0).chain((1..n).rev()).collect();
            for order in [(0..n).collect(), turned] {
                let ordered: Vec<f64> = order.iter().map(|&index| weights[index]).collect();
                for (counts, q) in kept(filter.resampling, &ordered, n) {
                    let copies = order.iter().zip(counts).flat_map(|(&index, n)| {
                        std::iter::repeat_n((cloud[index].0.clone(), 1_f64.to_bits()), n)
                    });
                    add(&mut next, copies.collect(), p * q / 2.0);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        clouds = next;
    }
    row
}

/// Pairs of references, the second drawn given the first: independent searches, so that each row of the kernel
/// is tested by a multinomial law of its own.
#[test]
fn references_have_the_law_whatever_the_number_of_particles() {
    const SEARCHES: u32 = 20_000;
    let g = |text: &str| if text.is_empty() { 0.0 } else { value(text) };
    let weighed = power(1.0).into_iter().map(|(text, p)| (format!("{text}|"), p * g(&text)));
    let exact = normal(weighed.collect());
    let world = by_letters();
    for (n, resampling, resample_below) in [
        (2, Resampling::Multinomial, 1.0),
        (2, Resampling::Systematic, 1.0),
        (3, Resampling::Systematic, 0.7),
        (3, Resampling::Residual, 1.0),
    ] {
        let who = format!("{n} {resampling:?} {resample_below}");
        let filter = ParticleFilter { resampling, resample_below, ..ParticleFilter::twisted(n) };
        let rows: BTreeMap<&Path, BTreeMap<Path, f64>> =
            exact.keys().map(|end| (end, row(&filter, end))).collect();
        for (end, share) in &exact {
            let next: f64 =
                exact.iter().map(|(from, p)| p * rows[from].get(end).unwrap_or(&0.0)).sum();
            assert!((next - share).abs() < 1e-12, "{who} {end}: {next}, expected {share}");
        }
        let gibbs = ParticleGibbs { iterations: 2, filter, ..Default::default() };
        let mut pairs: BTreeMap<Path, BTreeMap<Path, u32>> = BTreeMap::new();
        let search = Search::new(&world).scorer(Values).sampling(Sampling::temperature(1.0));
        for run in 0..SEARCHES {
            let mut gibbs = gibbs.clone();
            let outcome = search.run(&mut gibbs, format!("run {run}")).expect("runs");
            let text = |&node: &NodeId| format!("{}|", outcome.tree.text(node));
            let [first, second] = gibbs.state.references() else { panic!("two references") };
            *pairs.entry(text(first)).or_default().entry(text(second)).or_default() += 1;
        }
        let (mut squares, mut mean) = (0.0, 0.0);
        for (from, found) in &pairs {
            let all = f64::from(found.values().sum::<u32>());
            let cells = rows[from].iter().map(|(to, k)| (to, *k, all * k));
            for (to, k, expected) in cells.filter(|cell| cell.2 >= 5.0) {
                let off = f64::from(found.get(to).copied().unwrap_or_default()) - expected;
                let bound = 4.5 * (expected * (1.0 - k)).sqrt();
                assert!(off.abs() < bound, "{who}: {from} to {to} off by {off} of {bound}");
                squares += off * off / expected;
                mean += 1.0 - k;
            }
        }
        // The mean of the sum of squares is the sum of 1 - k.
        assert!(squares < mean + 4.5 * (2.0 * mean).sqrt(), "{who}: {squares} of {mean}");
        assert!(mean > 50.0, "{mean}");
    }
}

/// The kernel and the model stand on the same numbers.
#[test]
fn steps_are_those_of_the_model() {
    assert_eq!(steps("ab"), [("aba".into(), 0.4), ("abb".into(), 0.4), ("ab|".into(), 0.2)]);
    assert_eq!(steps("aba"), [("aba|".into(), 1.0)]);
    assert_eq!(model().step_tokens, usize::MAX);
}
