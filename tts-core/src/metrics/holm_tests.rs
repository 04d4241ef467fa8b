//! Holm's procedure by hand, its order, and its bounds between no correction and Bonferroni's.

use proptest::prelude::*;

use super::*;

#[test]
fn by_hand() {
    for (p_values, expected) in [
        (vec![], vec![]),
        (vec![0.3], vec![0.3]),
        // 4 * 0.005, 3 * 0.01, 2 * 0.03, 1 * 0.04 raised to what is before it.
        (vec![0.01, 0.04, 0.03, 0.005], vec![0.03, 0.06, 0.06, 0.02]),
        // Of two that are equal, the second would count less often: it is raised to the first.
        (vec![0.02, 0.02, 0.02], vec![0.06, 0.06, 0.06]),
        (vec![0.5, 0.01, 0.01], vec![0.5, 0.03, 0.03]),
        // 2 * 0.6 is no probability.
        (vec![0.6, 0.7], vec![1.0, 1.0]),
        (vec![0.0, 1.0, 0.0], vec![0.0, 1.0, 0.0]),
    ] {
        let found = holm(&p_values).unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-12, "{p_values:?}: {found} {expected}");
        }
    }
}

#[test]
fn bad_input_is_named() {
    for (p_values, message) in [
        (vec![0.1, f64::NAN], "`p_values[1]` is NaN"),
        (vec![-0.1], "`p_values[0]` is -0.1"),
        (vec![0.5, 0.5, 1.5], "`p_values[2]` is 1.5"),
        (vec![f64::INFINITY], "`p_values[0]` is inf"),
    ] {
        assert_eq!(holm(&p_values).unwrap_err().to_string(), message);
    }
}

proptest! {
    /// Adjusted values lie in the order of those given, neither below them nor above Bonferroni's,
    /// and do not depend on the order in which they are given.
    #[test]
    fn keeps_the_order(p_values in prop::collection::vec(0.0_f64..=1.0, 0..30)) {
        let found = holm(&p_values).unwrap();
        let count = p_values.len() as f64;
        for (&given, &adjusted) in p_values.iter().zip(&found) {
            prop_assert!(given <= adjusted && adjusted <= (count * given).min(1.0));
            for (&other, &also) in p_values.iter().zip(&found) {
                prop_assert!(given > other || adjusted <= also);
            }
        }
        let mut turned: Vec<f64> = p_values.iter().rev().copied().collect();
        turned = holm(&turned).unwrap().into_iter().rev().collect();
        prop_assert_eq!(turned, found);
    }
}
