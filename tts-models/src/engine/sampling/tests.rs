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
                (0..size).map(|_| (rng.uniform() * spread).floor() as f32).collect();
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

fn logits(odds: &[f32]) -> Vec<f32> {
    odds.iter().map(|p| p.ln()).collect()
}

fn signals(logits: &[f32], sampling: &Sampling, watch: &Watch, seed: u64) -> Sampled {
    sample(logits, sampling, watch, &mut seed::rng(seed)).expect("finite")
}

fn close(found: Option<f32>, expected: f64) -> bool {
    found.is_some_and(|found| (f64::from(found) - expected).abs() < 1e-6)
}

#[test]
fn confidence_is_the_mean_over_the_most_probable_tokens() {
    let skewed = logits(&[0.1, 0.7, 0.1, 0.1]);
    let at = |logits: &[f32], confidence: u32| {
        let watch = Watch { confidence, ..idle() };
        let sampled = signals(logits, &Sampling::greedy(), &watch, 1);
        let Signals { confidence, certainty, drawn } = sampled.signals;
        assert_eq!((certainty, drawn), (None, None));
        confidence
    };
    // Over one token, of a small vocabulary, doubt looks like confidence; over all it does not.
    let uniform = logits(&[0.25; 4]);
    let table = [
        (&skewed, 1, -(0.7_f64).ln()),
        (&uniform, 1, 4.0_f64.ln()),
        (&skewed, 2, -(0.7_f64.ln() + 0.1_f64.ln()) / 2.0),
        (&skewed, 4, 1.816_108),
        (&uniform, 4, 4.0_f64.ln()),
        // There are no more than four.
        (&skewed, 20, 1.816_108),
        (&skewed, u32::MAX, 1.816_108),
    ];
    for (logits, k, expected) in table {
        let found = at(logits, k);
        assert!(close(found, expected), "{k}: {found:?} for {expected}");
        // Where all logits lie changes nothing.
        let moved: Vec<f32> = logits.iter().map(|logit| logit + 8.0).collect();
        assert!(close(at(&moved, k), expected), "{k}, moved");
    }
    assert!(close(at(&skewed, 1), 0.356_675) && close(at(&uniform, 1), 1.386_294));
    assert_eq!(at(&skewed, 0), None);
}

#[test]
fn certainty_is_the_divergence_of_the_uniform_distribution() {
    let watch = Watch { certainty: true, ..idle() };
    let at = |odds: &[f32], sampling: Sampling| {
        let sampled = signals(&logits(odds), &sampling, &watch, 1);
        let Signals { confidence, certainty, drawn } = sampled.signals;
        assert_eq!((confidence, drawn), (None, None));
        certainty
    };
    let greedy = Sampling::greedy();
    assert!(close(at(&[0.7, 0.1, 0.1, 0.1], greedy), 0.429_813));
    assert!(close(at(&[0.1, 0.1, 0.1, 0.7], greedy), 0.429_813));
    for size in [1, 2, 4, 9, 1000, 3001] {
        assert!(close(at(&vec![1.0; size], greedy), 0.0), "{size} equals");
    }
    // More tokens than lanes and chunks: half of the mass on one of many.
    let mut odds = vec![0.5 / 2999.0; 3000];
    odds[1234] = 0.5;
    let (p, q, size) = (0.5_f64, 0.5 / 2999.0_f64, 3000.0_f64);
    let expected = -((size * p).ln() + 2999.0 * (size * q).ln()) / size;
    let found = at(&odds, greedy);
    assert!(found.is_some_and(|x| (f64::from(x) - expected).abs() < 1e-5), "{found:?}");
    // The model's own distribution, whatever is drawn from.
    let narrow = Sampling { top_k: 2, ..Sampling::temperature(0.3) };
    assert_eq!(at(&[0.7, 0.1, 0.1, 0.1], narrow), at(&[0.7, 0.1, 0.1, 0.1], greedy));
}

#[test]
fn drawn_is_the_log_probability_among_what_was_drawn_from() {
    let watch = Watch { drawn: true, ..idle() };
    let odds = [0.25_f32, 0.5, 0.125, 0.125];
    let logits = logits(&odds);
    let one = Sampling::temperature(1.0);
    let table: [(Sampling, [f64; 4]); 11] = [
        (Sampling::greedy(), [0.0, 1.0, 0.0, 0.0]),
        // The nucleus is one of what the temperature leaves: at 1/2 the first has 16/22; at 2 the
        // weights are 1, 0.71, 0.5 and 0.5, of which half takes two.
        (Sampling { top_p: 0.6, temperature: 0.5, ..one }, [0.0, 1.0, 0.0, 0.0]),
        (
            Sampling { top_p: 0.5, temperature: 2.0, ..one },
            [2.0_f64.sqrt() - 1.0, 2.0 - 2.0_f64.sqrt(), 0.0, 0.0],
        ),
        (one, [0.25, 0.5, 0.125, 0.125]),
        (Sampling::temperature(0.5), [4.0 / 22.0, 16.0 / 22.0, 1.0 / 22.0, 1.0 / 22.0]),
        (Sampling { top_k: 2, ..one }, [1.0 / 3.0, 2.0 / 3.0, 0.0, 0.0]),
        (Sampling { top_k: 2, temperature: 0.5, ..one }, [0.2, 0.8, 0.0, 0.0]),
        (Sampling { top_p: 0.6, ..one }, [1.0 / 3.0, 2.0 / 3.0, 0.0, 0.0]),
        (Sampling { min_p: 0.4, ..one }, [1.0 / 3.0, 2.0 / 3.0, 0.0, 0.0]),
        // Nucleus of what top-k left: half of 7/8 is reached by the first.
        (Sampling { top_k: 3, top_p: 0.5, ..one }, [0.0, 1.0, 0.0, 0.0]),
        (Sampling { top_k: 3, top_p: 0.8, ..one }, [1.0 / 3.0, 2.0 / 3.0, 0.0, 0.0]),
    ];
    for (sampling, expected) in table {
        let mut seen = [false; 4];
        for seed in 0..200 {
            let sampled = signals(&logits, &sampling, &watch, seed);
            let (token, found) = (sampled.token as usize, sampled.signals.drawn);
            assert!(close(found, expected[token].ln()), "{sampling:?}: {found:?} of {token}");
            assert_eq!((sampled.signals.confidence, sampled.signals.certainty), (None, None));
            seen[token] = true;
        }
        assert_eq!(seen, expected.map(|p| p > 0.0), "{sampling:?}");
    }
    // From the whole distribution at temperature 1, it is the model's own.
    let sampled = signals(&logits, &one, &watch, 3);
    assert_eq!(sampled.signals.drawn, Some(sampled.logprob));
}

#[test]
fn what_just_reaches_a_bound_is_kept_and_no_more() {
    // Equal logits: weights of exactly 1, of which two are exactly half.
    let one = Sampling::temperature(1.0);
    for (sampling, kept) in [
        (Sampling { top_p: 0.5, ..one }, 2),
        (Sampling { top_p: 0.75, ..one }, 3),
        (Sampling { top_k: 2, top_p: 0.5, ..one }, 1),
        (Sampling { min_p: 1.0, ..one }, 4),
        (Sampling { top_k: 3, min_p: 1.0, ..one }, 3),
    ] {
        let drawn = |seed| sample(&[0.5; 4], &sampling, &idle(), &mut seed::rng(seed));
        let drawn: std::collections::BTreeSet<u32> =
            (0..200).map(|seed| drawn(seed).expect("finite").token).collect();
        assert!(drawn.into_iter().eq(0..kept), "{sampling:?}");
    }
}

#[test]
fn watching_changes_no_draw_and_an_idle_watch_notes_nothing() {
    let all = Watch { confidence: 20, certainty: true, drawn: true, halt: None };
    let mut rng = seed::rng(5);
    for size in [1, 70, 3000] {
        #[expect(clippy::cast_possible_truncation, reason = "test data")]
        let logits: Vec<f32> = (0..size).map(|_| (rng.uniform() * 9.0) as f32).collect();
        for (top_k, top_p, min_p) in [(0, 1.0, 0.0), (7, 1.0, 0.0), (0, 0.9, 0.0), (50, 0.8, 0.1)] {
            let sampling = Sampling { temperature: 0.9, top_k, top_p, min_p, first: None };
            let (mut plain, mut watched) = (seed::rng(1), seed::rng(1));
            for _ in 0..20 {
                let a = sample(&logits, &sampling, &idle(), &mut plain).expect("finite");
                let b = sample(&logits, &sampling, &all, &mut watched).expect("finite");
                assert_eq!((a.token, a.logprob.to_bits()), (b.token, b.logprob.to_bits()));
                assert_eq!(a.signals, Signals::default());
            }
            assert_eq!(plain, watched);
        }
    }
}

#[test]
fn signals_of_impossible_tokens_are_finite() {
    let watch = Watch { confidence: 2, certainty: true, drawn: true, halt: None };
    let logits = [0.0, f32::NEG_INFINITY, f32::NEG_INFINITY];
    let sampled = signals(&logits, &Sampling::temperature(1.0), &watch, 1);
    let most = Some(f32::MAX);
    assert_eq!(sampled.signals, Signals { confidence: most, certainty: most, drawn: Some(0.0) });
}

/// The token of each rank is that of a full sort, and is noted as a greedy one is: nothing was drawn.
#[test]
fn a_token_by_its_rank() {
    let logits: Vec<f32> = [0.25_f32, 0.5, 0.125, 0.125].iter().map(|p| p.ln()).collect();
    let watch = Watch { drawn: true, confidence: 2, certainty: true, ..Watch::default() };
    let greedy = sample(&logits, &Sampling::greedy(), &watch, &mut seed::rng(1)).expect("finite");
    assert_eq!(ranked(&logits, 0, &watch).expect("finite"), greedy);
    let found: Vec<Sampled> =
        (0..4).map(|rank| ranked(&logits, rank, &watch).expect("finite")).collect();
    assert_eq!(found.iter().map(|one| one.token).collect::<Vec<_>>(), [1, 0, 2, 3]);
    for (one, p) in found.iter().zip([0.5_f32, 0.25, 0.125, 0.125]) {
        assert!((one.logprob - p.ln()).abs() < 1e-6);
        assert_eq!(one.signals, greedy.signals);
    }
    let error = ranked(&logits, 4, &watch).expect_err("too far").to_string();
    assert_eq!(error, "no token has the rank 4: there are 4");
    assert!(ranked(&[f32::NAN, 0.0], 1, &watch).is_err());
}
