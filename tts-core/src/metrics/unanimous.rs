//! Intervals for numbers between 0 and 1 that may all be the same.
//!
//! A bootstrap resamples what was seen, so where all problems say the same its interval has no width, as if that were
//! proven: of 24 problems on which two methods do not differ once it says that they never do. What is still
//! possible follows from the number of problems. With `n` alike, a share `q` of others would have been seen with
//! probability `1 - (1 - q)^n`, so with 95 % confidence no more than `q = 1 - 0.05^(1/n)` are others (of 24 problems
//! 11.7 %), and were these all at one end of the range, the mean would be off by `q` times the way there. That
//! holds for any distribution within the range, and is exact for two values. Numbers that are not all alike have the
//! bootstrap's interval, which is a little narrow where few differ.
//!
//! Source: Hanley and Lippman-Hand 1983, If Nothing Goes Wrong, Is Everything All Right? (JAMA 249:1743-1745), whose rule
//! of three is `q` for large `n`; Efron and Tibshirani 1993, section 13.3, for the others.

use super::{Accuracy, MetricError, Paired, bootstrap_interval, paired_bootstrap};

/// The largest share of others that may not be seen in `n` with a probability of 5 %.
fn unseen(n: usize) -> f64 {
    1.0 - 0.05_f64.powf(1.0 / n as f64)
}

/// The interval of the mean where all of `n` numbers between `low` and `high` are `value`.
fn unanimous(value: f64, [low, high]: [f64; 2], n: usize) -> [f64; 2] {
    let unseen = unseen(n);
    [value - unseen * (value - low), value + unseen * (high - value)]
}

fn is_share(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}

fn all_alike(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0].total_cmp(&pair[1]).is_eq())
}

/// [`bootstrap_interval`] of shares: where they are all the same number between 0 and 1, with the width that so many
/// leave open.
///
/// ```
/// use tts_core::metrics::share_interval;
/// let one = share_interval(&[1.0], 1000, 7)?;
/// assert_eq!(one.mean, 1.0);
/// assert!((one.interval[0] - 0.05).abs() < 1e-12 && one.interval[1] == 1.0);
/// assert!(share_interval(&[1.0; 60], 1000, 7)?.interval[0] > 0.95);
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
///
/// # Errors
/// As [`bootstrap_interval`].
pub fn share_interval(values: &[f64], draws: usize, seed: u64) -> Result<Accuracy, MetricError> {
    let mut found = bootstrap_interval(values, draws, seed)?;
    if let Some(&value) = values.first()
        && is_share(value)
        && all_alike(values)
    {
        found.interval = unanimous(value, [0.0, 1.0], values.len());
    }
    Ok(found)
}

/// [`paired_bootstrap`] of shares: where every problem differs by the same, not at all say, with the width that so many
/// leave open.
///
/// ```
/// use tts_core::metrics::paired_shares;
/// let found = paired_shares(&[1.0, 0.0, 1.0], &[1.0, 0.0, 1.0], 1000, 7)?;
/// assert_eq!((found.difference, found.p_value), (0.0, 1.0));
/// // Of three problems nearly two in three may differ still.
/// assert!((found.interval[1] - 0.632).abs() < 1e-3 && found.interval[0] == -found.interval[1]);
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
///
/// # Errors
/// As [`paired_bootstrap`].
pub fn paired_shares(a: &[f64], b: &[f64], draws: usize, seed: u64) -> Result<Paired, MetricError> {
    let mut found = paired_bootstrap(a, b, draws, seed)?;
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    if a.iter().chain(b).copied().all(is_share) && all_alike(&differences) {
        found.interval = unanimous(found.difference, [-1.0, 1.0], a.len());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(interval: [f64; 2]) -> [u64; 2] {
        interval.map(f64::to_bits)
    }
    use crate::seed;

    /// `1 - 0.05^(1/n)` by hand, and three in n.
    #[test]
    fn what_was_not_seen_is_bounded() {
        for (n, expected) in [(1, 0.95), (2, 0.776_393), (24, 0.117_346), (299, 0.009_969_2)] {
            assert!((unseen(n) - expected).abs() < 1e-5, "{n}: {}", unseen(n));
        }
        assert!((1000.0 * unseen(1000) - 3.0).abs() < 0.01);
    }

    /// How often the interval of a difference holds the true one, of methods that differ on few problems: on one in
    /// twenty, of 24. A bootstrap alone misses wherever none of them is seen, in 29 % of samples.
    #[test]
    fn rare_differences_are_covered() {
        let mut random = seed::stream(5, 0);
        let (samples, problems, share) = (400, 24, 0.05);
        let (mut covered, mut without) = (0, 0);
        for _ in 0..samples {
            let first: Vec<f64> =
                (0..problems).map(|_| f64::from(u8::from(random.uniform() < share))).collect();
            let second = vec![0.0; problems];
            let holds = |found: &Paired| found.interval[0] <= share && share <= found.interval[1];
            covered += u32::from(holds(&paired_shares(&first, &second, 200, 3).unwrap()));
            without += u32::from(holds(&paired_bootstrap(&first, &second, 200, 3).unwrap()));
        }
        // A true 95 % is below 372 of 400 with a probability of 3 %.
        assert!(covered >= 372, "{covered} of {samples}");
        assert!(without < 320, "{without} of {samples}");
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(share_interval(&[], 9, 0).unwrap_err().to_string(), "`values` is empty");
        assert!(share_interval(&[f64::NAN], 9, 0).is_err());
        assert!(paired_shares(&[1.0], &[], 9, 0).is_err());
        // Of numbers without bounds nothing is known that was not seen.
        let far = paired_shares(&[7.0, 7.0], &[5.0, 5.0], 9, 0).unwrap();
        assert_eq!(bits(far.interval), bits([2.0, 2.0]));
        let none = share_interval(&[7.0], 9, 0).unwrap();
        assert_eq!(bits(none.interval), bits([7.0, 7.0]));
    }

    proptest! {
        /// The estimate lies inside, the range is kept, and shares that are not all alike are the bootstrap's.
        #[test]
        fn intervals_hold_their_means(values in prop::collection::vec(0..3_u8, 1..12), n in 1_usize..40) {
            let values: Vec<f64> = values.into_iter().map(|value| f64::from(value) / 2.0).collect();
            let found = share_interval(&values, 50, 1).unwrap();
            let [low, high] = found.interval;
            prop_assert!(0.0 <= low && low <= found.mean + 1e-12 && found.mean <= high + 1e-12 && high <= 1.0);
            if !all_alike(&values) {
                prop_assert_eq!(found, bootstrap_interval(&values, 50, 1).unwrap());
            }
            let alike = vec![values[0]; n];
            let (some, more) = (share_interval(&alike, 9, 0).unwrap(), [alike.clone(), alike].concat());
            let more = share_interval(&more, 9, 0).unwrap();
            prop_assert!(more.interval[0] >= some.interval[0] && more.interval[1] <= some.interval[1]);
            prop_assert!(some.interval[1] > some.interval[0]);
        }
    }
}
