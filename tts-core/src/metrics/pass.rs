//! pass@k: the probability that `k` of `n` candidates hold a correct one.
//!
//! The estimator is `1 - C(n-c, k) / C(n, k)` for `c` correct candidates. Computed so, it
//! overflows or cancels; instead the probabilities that the first correct candidate is met at draw
//! 1, 2, ..., k are added up. All terms are positive, so a small pass@k keeps its relative
//! accuracy, and a greater `k` only adds terms, so the result never decreases in `k`, not even by
//! rounding.
//!
//! Source: Chen et al. 2021 (arXiv 2107.03374, section 2.1, equation 1).

use super::MetricError;

/// The probability that `k` candidates drawn without replacement from `n`, of which `c` are
/// correct, contain a correct one.
///
/// No candidates are never enough: pass@0 is 0.
///
/// # Errors
/// [`MetricError::OutOfRange`] if `c > n`, or if `k > n`: a pool has no unbiased estimate for more
/// candidates than it holds.
///
/// ```
/// use tts_core::metrics::pass_at_k;
/// assert_eq!(pass_at_k(4, 1, 1)?, 0.25);
/// assert_eq!(pass_at_k(4, 1, 4)?, 1.0);
/// assert!(pass_at_k(4, 1, 5).is_err());
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
pub fn pass_at_k(n: usize, c: usize, k: usize) -> Result<f64, MetricError> {
    MetricError::check_range("c", c, 0, n)?;
    MetricError::check_range("k", k, 0, n)?;
    if n - c < k {
        return Ok(1.0);
    }
    let mut passed = 0.0;
    let mut missed = 1.0;
    for drawn in 0..k {
        let left = (n - drawn) as f64;
        passed += missed * (c as f64 / left);
        missed *= (n - c - drawn) as f64 / left;
    }
    Ok(f64::min(passed, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_table() {
        for (n, c, k, expected) in [
            (0, 0, 0, 0.0),
            (5, 5, 0, 0.0),
            (5, 0, 5, 0.0),
            (5, 1, 5, 1.0),
            (10, 3, 1, 0.3),
            (8, 4, 2, 1.0 - 6.0 / 28.0),
            // The naive form loses every digit here.
            (1_000_000_000, 1, 1, 1e-9),
            (10_000, 5_000, 5_001, 1.0),
        ] {
            let found = pass_at_k(n, c, k).unwrap();
            assert!((found - expected).abs() <= 1e-15 * expected.max(1e-9), "{n} {c} {k}: {found}");
        }
    }

    #[test]
    fn out_of_range() {
        assert_eq!(
            pass_at_k(4, 5, 1),
            Err(MetricError::OutOfRange { field: "c", value: 5, least: 0, most: 4 })
        );
        assert_eq!(pass_at_k(4, 0, 5).unwrap_err().to_string(), "`k` is 5, outside 0..=4");
    }

    #[test]
    fn equals_enumeration() {
        for n in 0_usize..=10 {
            for c in 0..=n {
                // The first c candidates are the correct ones; a subset is a bit mask.
                let mut subsets = vec![0_u32; n + 1];
                let mut passing = vec![0_u32; n + 1];
                for subset in 0_u32..1 << n {
                    let size = subset.count_ones() as usize;
                    subsets[size] += 1;
                    passing[size] += u32::from(subset & ((1 << c) - 1) != 0);
                }
                for k in 0..=n {
                    let expected = f64::from(passing[k]) / f64::from(subsets[k]);
                    let found = pass_at_k(n, c, k).unwrap();
                    assert!((found - expected).abs() < 1e-14, "{n} {c} {k}: {found} {expected}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn never_decreases_in_k((n, c) in (1_usize..300).prop_flat_map(|n| (Just(n), 0..=n))) {
            let curve: Vec<f64> = (0..=n).map(|k| pass_at_k(n, c, k).unwrap()).collect();
            prop_assert!(curve.is_sorted());
            prop_assert!(curve.iter().all(|p| (0.0..=1.0).contains(p)));
            if n > 1 && c > 0 {
                prop_assert!((curve[1] - c as f64 / n as f64).abs() < 1e-15);
            }
        }
    }
}
