//! Ways of resampling: counts by hand, their bounds and their means.

use proptest::prelude::*;
use tts_core::seed;
use tts_search::particle::Resampling;

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
