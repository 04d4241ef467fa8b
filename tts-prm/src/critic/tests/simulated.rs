//! Judges of known quality: what votes, orders and a meta-judge do to them.

use tts_core::NodeId;
use tts_core::family::{Grader, Panel, Split, problems};
use tts_core::seed::{self, Rng};

use super::super::{Ballot, Judgement, Vote};

fn judgement(shown: Vec<usize>, scores: Vec<f64>, meta: f64) -> Judgement {
    Judgement { node: NodeId::ROOT, sample: 0, shown, scores, steps: Vec::new(), meta }
}

/// How often the better of two is chosen by `k` judgements: a lead of `delta` at noise 1 in the difference, and `bias` for
/// the first place.
fn accuracy(k: usize, delta: f64, bias: f64, shuffled: bool, trials: usize, rng: &mut Rng) -> f64 {
    let right = (0..trials).filter(|_| {
        let judgements = (0..k).map(|_| {
            let swapped = shuffled && rng.uniform() < 0.5;
            let shown = if swapped { vec![1, 0] } else { vec![0, 1] };
            let noise = std::f64::consts::FRAC_1_SQRT_2;
            let scores = shown.iter().enumerate().map(|(at, &place)| {
                // The second response is the better one.
                let worth = if place == 1 { delta } else { 0.0 };
                worth + if at == 0 { bias } else { 0.0 } + noise * rng.normal()
            });
            let scores = scores.collect();
            judgement(shown, scores, 0.0)
        });
        let ballot = Ballot { responses: 2, judgements: judgements.collect(), refused: 0 };
        Ballot::best(&ballot.totals(Vote::Sum, None), |_| 0) == Some(1)
    });
    right.count() as f64 / trials as f64
}

#[test]
fn votes_average_noise_out() {
    let mut rng = seed::rng(5);
    // Phi(0.5 sqrt k).
    for (k, expected) in [(1, 0.691), (4, 0.841), (16, 0.977)] {
        let found = accuracy(k, 0.5, 0.0, false, 10_000, &mut rng);
        let error = 4.0 * (expected * (1.0_f64 - expected) / 10_000.0).sqrt();
        assert!((found - expected).abs() < error, "{k}: {found}");
    }
}

#[test]
fn a_preference_for_a_place_averages_out_with_shuffling_alone() {
    let mut rng = seed::rng(6);
    // The first place is worth more than the lead.
    let fixed = accuracy(32, 0.5, 0.8, false, 2_000, &mut rng);
    let shuffled = accuracy(32, 0.5, 0.8, true, 2_000, &mut rng);
    assert!(fixed < 0.1, "{fixed}");
    assert!(shuffled > 0.95, "{shuffled}");
}

/// Shares of problems whose best response a grader finds: by one judgement, by `k`, and by those `keep` of `k` that a
/// meta-judge of each quality trusts most. The quality is the lead, in standard deviations, of a judgement that is right.
fn shares(grader: Grader, k: usize, keep: usize, qualities: &[f64], count: usize) -> Vec<f64> {
    let panel = Panel::default();
    let mut sums = vec![0.0; 2 + qualities.len()];
    for (number, problem) in problems(&panel, Split::Test, 11).take(count).enumerate() {
        let mut rng = seed::rng(seed::mix(17, number as u64));
        let best = problem.answer.parse::<usize>().expect("a number") - 1;
        let drawn: Vec<Vec<f64>> = (0..k)
            .map(|_| {
                let scores = grader.scores(&problem.question, &mut rng).expect("a query");
                #[expect(clippy::cast_precision_loss, reason = "at most 10")]
                let scores = scores.into_iter().map(|score| score as f64).collect();
                scores
            })
            .collect();
        // Ties count at their expectation: drawn among, each is right as often as the others.
        let share = |totals: &[Option<f64>]| {
            let most = totals.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
            let first = totals
                .iter()
                .filter(|total| total.is_some_and(|total| total >= most - 1e-9))
                .count();
            if totals[best].is_some_and(|total| total >= most - 1e-9) {
                1.0 / first as f64
            } else {
                0.0
            }
        };
        let noise: Vec<f64> = (0..k).map(|_| rng.normal()).collect();
        let ballot = |quality: f64, k: usize| {
            let judgements = drawn[..k].iter().zip(&noise).map(|(scores, noise)| {
                let right = scores
                    .iter()
                    .enumerate()
                    .all(|(at, &score)| at == best || score < scores[best]);
                let meta = noise + if right { quality } else { 0.0 };
                judgement((0..scores.len()).collect(), scores.clone(), meta)
            });
            Ballot { responses: drawn[0].len(), judgements: judgements.collect(), refused: 0 }
        };
        sums[0] += share(&ballot(0.0, 1).totals(Vote::Sum, None));
        sums[1] += share(&ballot(0.0, k).totals(Vote::Sum, None));
        for (sum, &quality) in sums[2..].iter_mut().zip(qualities) {
            *sum += share(&ballot(quality, k).totals(Vote::Sum, Some(keep)));
        }
    }
    sums.into_iter().map(|sum| sum / count as f64).collect()
}

#[test]
fn votes_help_a_grader_and_a_poor_meta_judge_harms_it() {
    let trained = Grader { care: 0.35, ..Grader::default() };
    // Leads of 0, 0.25 and 0.7 deviations: areas under the curve of 0.5, 0.57 and 0.69. Measured: 71.2 % once, 87.3 by 32
    // votes; by the 16 most trusted 86.4, 89.6 and 94.0.
    let found = shares(trained, 32, 16, &[0.0, 0.25, 0.7], 1_000);
    let [one, vote, none, fair, good] = found[..] else { panic!("five shares") };
    assert!(vote > one + 0.05, "{found:?}");
    assert!(none <= vote, "{found:?}");
    assert!(fair > vote && good > fair, "{found:?}");
    // Who does not know what counts gains less: 66.3 % once, 76.8 by 32 votes.
    let teacher = shares(Grader::default(), 32, 16, &[], 1_000);
    assert!(teacher[1] < vote && teacher[0] < one, "{teacher:?} {found:?}");
}
