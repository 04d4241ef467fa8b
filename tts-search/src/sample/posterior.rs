//! How sure it is that the answer ahead is the model's most probable one: posteriors over its shares.
//!
//! A model answers `i` with an unknown probability `p_i`. Under a uniform prior, votes `v_1 >= v_2 >= ...` make
//! these a Dirichlet of parameters `v_i + 1`, and what is asked is `P(p_1 > p_i for all i | v)`. Between the
//! first two alone it is a tail of a Beta, which for whole numbers is one of a binomial:
//!
//! ```text
//! P(p_1 > p_2) = 1 - I_{1/2}(v_1 + 1, v_2 + 1) = P(Binomial(v_1 + v_2 + 1, 1/2) <= v_1)
//! ```
//!
//! Against all others, shares are gammas over their sum, so that one integral is left, in which all terms are
//! positive: `P = integral of f_{v_1 + 1}(x) prod_i F_{v_i + 1}(x) dx` with density `f` and distribution `F` of
//! the gamma. Over `ln x` the integrand is smooth and dies out on both sides, where the trapezoidal rule is exact
//! to rounding.
//!
//! Cost: no calls; a sum of `v_2` terms, or about 200 points of as many terms as there are votes.
//!
//! Source: Aggarwal et al. 2023, "Let's Sample Step by Step: Adaptive-Consistency for Efficient Reasoning and
//! Coding with LLMs" (arXiv 2305.11860), section 3.

/// The probability that the first of two answers is the more probable one, after `first` and `second` votes.
///
/// ```
/// use tts_search::sample::ahead_of_second;
/// assert_eq!(ahead_of_second(1, 0), 0.75);
/// assert_eq!(ahead_of_second(3, 1), 0.8125);
/// assert_eq!(ahead_of_second(5, 0), 0.984375);
/// ```
pub fn ahead_of_second(first: usize, second: usize) -> f64 {
    if first < second {
        return 1.0 - ahead_of_second(second, first);
    }
    // The other tail, from `first + 1` successes on, falls from its first term.
    let trials = first + second + 1;
    let mut halvings = trials;
    let mut term = 1.0;
    for chosen in 1..=second {
        term *= (first + 1 + chosen) as f64 / chosen as f64;
        while term > 1.0 && halvings > 0 {
            term *= 0.5;
            halvings -= 1;
        }
    }
    term *= 0.5_f64.powi(i32::try_from(halvings).unwrap_or(i32::MAX));
    let mut tail = 0.0;
    for successes in first + 1..=trials {
        tail += term;
        term *= (trials - successes) as f64 / (successes + 1) as f64;
    }
    1.0 - tail
}

/// The probability that the answer with `leader` votes is the most probable of all, where the others have these
/// votes; without others, against one that was never seen.
///
/// ```
/// use tts_search::sample::{ahead_of_all, ahead_of_second};
/// assert_eq!(ahead_of_all(3, &[1]), ahead_of_second(3, 1));
/// assert!((ahead_of_all(1, &[0, 0]) - 11.0 / 18.0).abs() < 1e-12);
/// ```
pub fn ahead_of_all(leader: usize, others: &[usize]) -> f64 {
    match others {
        [] => return ahead_of_second(leader, 0),
        [second] => return ahead_of_second(leader, *second),
        _ => {}
    }
    let most = others.iter().copied().fold(leader, usize::max);
    let mut factorials = vec![0.0; most + 1];
    for count in 1..=most {
        factorials[count] = factorials[count - 1] + (count as f64).ln();
    }
    let shape = leader as f64 + 1.0;
    let spread = shape.sqrt();
    // Beyond these ends less than a rounding error is left.
    let low = shape.ln() - 40.0 / shape - 10.0 / spread;
    let high = (shape + 10.0 * spread + 40.0).ln();
    // Fine enough for the steepest of the factors, whoever's it is.
    let step = 0.25 / (most as f64 + 1.0).sqrt();
    let mut sum = 0.0;
    let mut at = low;
    while at < high {
        let x = at.exp();
        let density = (shape * at - x - factorials[leader]).exp();
        let below = others.iter().map(|&votes| more_events(votes, x, &factorials));
        sum += density * below.product::<f64>();
        at += step;
    }
    (sum * step).min(1.0)
}

/// The probability that a Poisson process of rate 1 has had more than `count` events by the time `x`: the
/// distribution of a gamma of shape `count + 1`.
fn more_events(count: usize, x: f64, factorials: &[f64]) -> f64 {
    // From the greatest term outwards, so that none of weight is lost to underflow.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "x is positive")]
    let middle = count.min(x as usize);
    let top = (middle as f64 * x.ln() - x - factorials[middle]).exp();
    let (mut sum, mut term) = (top, top);
    for events in (1..=middle).rev() {
        term *= events as f64 / x;
        sum += term;
    }
    term = top;
    for events in middle + 1..=count {
        term *= x / events as f64;
        sum += term;
    }
    (1.0 - sum).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-11, "{found}, expected {expected}");
    }

    /// `P(p_1 > all)` by expansion of the integral: a sum of signed terms, exact for few votes.
    fn expanded(leader: u32, others: &[u32]) -> f64 {
        // Each F is 1 less exp(-x) times a polynomial: a map from (power of exp(-x), power of x).
        let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
        let mut terms = vec![((1, leader), 1.0 / factorial(leader))];
        for &votes in others {
            let mut next = terms.clone();
            for &((rate, power), value) in &terms {
                let new = |k| ((rate + 1, power + k), -value / factorial(k));
                next.extend((0..=votes).map(new));
            }
            terms = next;
        }
        let integral = |((rate, power), value): ((u32, u32), f64)| {
            value * factorial(power) / f64::from(rate).powf(f64::from(power) + 1.0)
        };
        terms.into_iter().map(integral).sum()
    }

    #[test]
    fn the_beta_tail_has_its_published_values() {
        // The first four are tests of its-hub 1.2.0.
        for (first, second, expected) in [
            (1, 0, 0.75),
            (2, 0, 0.875),
            (4, 0, 0.96875),
            (5, 5, 0.5),
            (3, 1, 0.8125),
            (5, 0, 0.984_375),
            (0, 0, 0.5),
            (0, 1, 0.25),
            (1, 3, 0.1875),
            (6, 2, 1.0 - 46.0 / 512.0),
        ] {
            let found = ahead_of_second(first, second);
            assert!((found - expected).abs() < 1e-15, "({first}, {second}): {found}");
        }
    }

    #[test]
    fn the_beta_tail_neither_under_nor_overflows() {
        close(ahead_of_second(5_000, 5_000), 0.5);
        assert!(ahead_of_second(2_000, 0) >= 1.0 - 1e-15);
        // One deviation of the normal distribution.
        let far = ahead_of_second(5_050, 4_950);
        assert!((far - 0.841_3).abs() < 1e-3, "{far}");
    }

    #[test]
    fn the_dirichlet_agrees_with_its_expansion() {
        close(ahead_of_all(1, &[0, 0]), 11.0 / 18.0);
        for (leader, others) in [
            (1, vec![1, 1]),
            (2, vec![1, 1]),
            (3, vec![2, 0]),
            (4, vec![1, 1, 1]),
            (6, vec![3, 2, 1]),
            (5, vec![0, 0, 0, 0]),
            (2, vec![3, 1]),
        ] {
            let counts: Vec<usize> = others.iter().map(|&votes| votes as usize).collect();
            close(ahead_of_all(leader as usize, &counts), expanded(leader, &others));
        }
        // By symmetry, at any size.
        for votes in [0, 1, 7, 40, 900] {
            for classes in [3, 4, 10] {
                close(ahead_of_all(votes, &vec![votes; classes - 1]), 1.0 / classes as f64);
            }
        }
    }

    #[test]
    fn the_dirichlet_of_two_is_the_beta() {
        // An answer far behind changes nothing: the integral meets the finite sum.
        for (first, second) in [(30, 20), (40, 40), (60, 55)] {
            let three = ahead_of_all(first, &[second, 0]);
            let two = ahead_of_second(first, second);
            assert!((two - three).abs() < 1e-8, "{three} {two}");
        }
        close(ahead_of_all(4, &[]), 0.96875);
        close(ahead_of_all(3, &[1]), 0.8125);
    }
}
