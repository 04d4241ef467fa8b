//! Intervals against tabulated values and by their coverage in simulation.

use super::*;

#[test]
fn wilson_by_table() {
    // The formula in decimal arithmetic of 40 digits.
    for (successes, trials, low, high) in [
        (0, 10, 0.0, 0.277_532_799_862_889),
        (10, 10, 0.722_467_200_137_111, 1.0),
        (50, 100, 0.403_831_530_365_956, 0.596_168_469_634_044),
        (1, 1, 0.206_549_314_377_237_7, 1.0),
    ] {
        let [a, b] = wilson(successes, trials).unwrap();
        assert!(
            (a - low).abs() < 1e-12 && (b - high).abs() < 1e-12,
            "{successes}/{trials}: {a} {b}"
        );
    }
    assert_eq!(wilson(0, 0), Err(MetricError::Empty { field: "trials" }));
    assert!(wilson(2, 1).is_err());
}

#[test]
fn the_ends_are_exact_where_none_or_all_succeed() {
    for trials in 1..300 {
        let ends = [wilson(0, trials).unwrap()[0], wilson(trials, trials).unwrap()[1]];
        assert_eq!(ends.map(f64::to_bits), [0.0_f64, 1.0].map(f64::to_bits), "{trials}");
    }
}

#[test]
fn quantiles_interpolate() {
    let sorted = [0.0, 1.0, 2.0, 3.0, 4.0];
    for (share, expected) in [(0.0, 0.0), (0.5, 2.0), (0.625, 2.5), (1.0, 4.0)] {
        assert!((quantile(&sorted, share) - expected).abs() < 1e-15);
    }
    assert!((quantile(&[7.0], 0.975) - 7.0).abs() < 1e-15);
}

#[test]
fn a_seed_decides_the_bootstrap() {
    let values: Vec<f64> = (0..30_u8).map(|i| f64::from(i % 7) / 7.0).collect();
    let one = bootstrap_interval(&values, 500, 1).unwrap();
    assert_eq!(one, bootstrap_interval(&values, 500, 1).unwrap());
    assert_ne!(one, bootstrap_interval(&values, 500, 2).unwrap());
    assert!(one.interval[0] <= one.mean && one.mean <= one.interval[1]);
}

#[test]
fn bad_input_is_named() {
    assert_eq!(bootstrap_interval(&[], 10, 0), Err(MetricError::Empty { field: "values" }));
    let error = bootstrap_interval(&[0.5, f64::INFINITY], 10, 0).unwrap_err();
    assert_eq!(error.to_string(), "`values[1]` is inf");
    assert!(bootstrap_interval(&[0.5], 0, 0).is_err());
    assert_eq!(accuracy_interval(&[]), Err(MetricError::Empty { field: "correct" }));
}

/// Both intervals cover the truth about as often as they claim.
///
/// 1,000 simulated accuracies over 100 problems at 70 %, where the exact coverage is 93.7 %
/// (Wilson) and 95.0 % (percentile bootstrap, many draws). Accepted are 92 to 98 %: over seeds
/// a correct Wilson interval fails with probability 0.013 and the bootstrap with 0.0001, while an
/// interval of 90 % passes with probability 0.018.
#[test]
fn intervals_cover_the_truth() {
    let mut random = seed::stream(2024, 0);
    let simulations = 1_000;
    let mut covered = [0_u32; 2];
    for simulation in 0..simulations {
        let correct: Vec<bool> = (0..100).map(|_| random.below(10) < 7).collect();
        let values: Vec<f64> = correct.iter().map(|&c| f64::from(u8::from(c))).collect();
        let found = [
            bootstrap_interval(&values, 400, simulation).unwrap(),
            accuracy_interval(&correct).unwrap(),
        ];
        for (count, found) in covered.iter_mut().zip(found) {
            *count += u32::from(found.interval[0] <= 0.7 && 0.7 <= found.interval[1]);
        }
    }
    assert!(covered.iter().all(|count| (920..=980).contains(count)), "{covered:?}");
}
