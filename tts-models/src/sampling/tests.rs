//! What is drawn, how often, and what is noted of it.

use tts_core::seed;

use super::*;

/// Nothing is noted.
fn idle() -> Watch {
    Watch::default()
}

fn shares(logits: &[f32], sampling: Sampling) -> Vec<f64> {
    let mut rng = seed::rng(17);
    let mut counts = vec![0.0; logits.len()];
    for _ in 0..40_000 {
        let drawn = sample(logits, &sampling, &idle(), &mut rng).expect("finite");
        counts[drawn.token as usize] += 1.0 / 40_000.0;
    }
    counts
}

#[test]
fn frequencies_follow_the_distribution() {
    // Probabilities 0.5, 0.25, 0.125, 0.125 at temperature 1. Standard deviation of a share
    // is at most 0.0025; the bound is 4 of them.
    let logits: Vec<f32> = [0.25_f32, 0.5, 0.125, 0.125].iter().map(|p| p.ln()).collect();
    let at = |sampling: Sampling| shares(&logits, sampling);
    let one = Sampling::temperature(1.0);
    let table: [(Sampling, [f64; 4]); 7] = [
        (one, [0.25, 0.5, 0.125, 0.125]),
        (Sampling::temperature(0.5), [4.0 / 22.0, 16.0 / 22.0, 1.0 / 22.0, 1.0 / 22.0]),
        (Sampling { top_k: 2, ..one }, [1.0 / 3.0, 2.0 / 3.0, 0.0, 0.0]),
        (Sampling { top_k: 3, ..one }, [2.0 / 7.0, 4.0 / 7.0, 1.0 / 7.0, 0.0]),
        (Sampling { top_p: 0.6, ..one }, [1.0 / 3.0, 2.0 / 3.0, 0.0, 0.0]),
        (Sampling { top_p: 0.3, ..one }, [0.0, 1.0, 0.0, 0.0]),
        (Sampling { min_p: 0.4, ..one }, [1.0 / 3.0, 2.0 / 3.0, 0.0, 0.0]),
    ];
    for (sampling, expected) in table {
        for (found, expected) in at(sampling).iter().zip(expected) {
            assert!((found - expected).abs() < 0.01, "{sampling:?}: {found} for {expected}");
        }
    }
}

/// Against sorting everything, over distributions of all shapes.
#[test]
fn truncation_keeps_what_a_full_sort_would() {
    let mut rng = seed::rng(4);
    for size in [1, 5, 63, 64, 65, 700, 5000] {
        for spread in [0.0, 0.1, 3.0, 20.0] {
            #[expect(clippy::cast_possible_truncation, reason = "test data")]
            let logits: Vec<f32> =
                (0..size).map(|_| (seed::uniform(&mut rng) * spread).floor() as f32).collect();
            let mut order: Vec<usize> = (0..size).collect();
            order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
            for count in [1, 2, 40, 64, 100, 6000] {
                let found: Vec<usize> =
                    top(&logits, count).iter().map(|(token, _)| *token as usize).collect();
                assert_eq!(found, order[..count.min(size)]);
            }
            let weight = |token: usize| f64::from(logits[token] - logits[order[0]]).exp();
            let total: f64 = (0..size).map(weight).sum();
            for (top_p, min_p) in [(0.3, 0.0), (0.99, 0.0), (1.0, 0.01), (0.9, 0.2)] {
                let mut mass = 0.0;
                let mut kept = Vec::new();
                for &token in &order {
                    if mass >= f64::from(top_p) * total || weight(token) < f64::from(min_p) {
                        break;
                    }
                    mass += weight(token);
                    kept.push(token);
                }
                let sampling = Sampling { top_p, min_p, ..Sampling::temperature(1.0) };
                let sums = |uniform: f64| {
                    SCRATCH.with_borrow_mut(|scratch| {
                        let most = scratch.normalise(&logits).expect("finite");
                        scratch.draw(&logits, most, &sampling, uniform).0 as usize
                    })
                };
                // Both ends of the kept candidates, but for rounding at the edge of the nucleus.
                assert_eq!(sums(0.0), kept[0]);
                let last = sums(1.0 - 1e-12);
                let near = order.iter().position(|&t| t == last).map_or(0, |at| at + 1);
                assert!(near.abs_diff(kept.len()) <= 1, "{near} for {} of {size}", kept.len());
            }
        }
    }
}

#[test]
fn greedy_draws_no_number_and_takes_the_first_of_equals() {
    let mut rng = seed::rng(1);
    let before = rng.clone();
    let drawn = sample(&[1.0, 3.0, 3.0], &Sampling::greedy(), &idle(), &mut rng);
    assert_eq!(drawn.map(|drawn| drawn.token), Ok(1));
    assert_eq!(rng, before);
}

#[test]
fn the_logprob_is_the_models_own() {
    let logits = [2.0, 1.0, 0.0, -1e9];
    let exact = |i: usize| {
        let sum: f64 = logits.iter().map(|&l: &f32| f64::from(l).exp()).sum();
        f64::from(logits[i]) - sum.ln()
    };
    let sampling = Sampling { top_k: 1, temperature: 0.1, ..Sampling::default() };
    let drawn = sample(&logits, &sampling, &idle(), &mut seed::rng(3)).expect("finite");
    assert_eq!(drawn.token, 0);
    assert!((f64::from(drawn.logprob) - exact(0)).abs() < 1e-6);
    assert!((f64::from(token_logprob(&logits, 2).expect("known")) - exact(2)).abs() < 1e-6);
    assert!(token_logprob(&logits, 4).is_err());
}

#[test]
fn bad_logits_are_errors() {
    let greedy = Sampling::greedy();
    for logits in [
        vec![],
        vec![f32::NAN, 1.0],
        vec![1.0, f32::NAN],
        vec![f32::NEG_INFINITY; 2],
        vec![f32::INFINITY],
    ] {
        assert!(sample(&logits, &greedy, &idle(), &mut seed::rng(0)).is_err(), "{logits:?}");
    }
}
