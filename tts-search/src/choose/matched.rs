//! A small model that thinks longer beside a large one that answers at once, at equal operations.
//!
//! With `X = 6 P D_pre` operations of pretraining a model of `P` parameters and `Y = c' P D_inf` of all its
//! inference, a model of `M` times the parameters costs `M (X + Y)`. A small model may spend as much by
//! generating `m` times the tokens:
//!
//! ```text
//! m = M + c (D_pre / D_inf) (M - 1)
//! ```
//!
//! with `c = 3` where a generated token takes `2 P` operations, and `c = 1.5` where it takes `4 P` (a verifier of the
//! same size beside it). Few tokens of inference for each of pretraining leave room for a long search, many
//! leave nearly none: a comparison at one share says little, and [`compare`] is to be asked at several.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 7; `c` is 3 in its first version, 1.5 in that of ICLR.

use serde::{Deserialize, Serialize};
use tts_core::metrics::{Paired, paired_bootstrap};

use super::{ChooseError, Tried};

/// Operations of a generated token, in parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TokenCost {
    /// `2 P`: the policy alone.
    #[default]
    Policy,
    /// `4 P`: a verifier as large as the policy reads every token, too.
    WithVerifier,
}

/// How many times the tokens a small model may generate: `larger` is how many times the parameters the large
/// model has, `inference_share` is `D_inf / D_pre`, tokens of inference for each of pretraining.
///
/// ```
/// use tts_search::choose::matched::{TokenCost, multiplier};
/// let m = multiplier(14.0, 0.79, TokenCost::Policy)?;
/// assert!((m - 63.37).abs() < 0.01);
/// # Ok::<(), tts_search::choose::ChooseError>(())
/// ```
///
/// # Errors
/// When the large model is not larger, or the share is no positive number.
pub fn multiplier(larger: f64, inference_share: f64, cost: TokenCost) -> Result<f64, ChooseError> {
    if !(larger >= 1.0 && larger.is_finite()) {
        let problem = format!("{larger}, expected at least 1 times the parameters");
        return Err(ChooseError::input("larger", problem));
    }
    if !(inference_share > 0.0 && inference_share.is_finite()) {
        let problem = format!("{inference_share}, expected more than 0");
        return Err(ChooseError::input("inference_share", problem));
    }
    let c = match cost {
        TokenCost::Policy => 3.0,
        TokenCost::WithVerifier => 1.5,
    };
    Ok((c * (larger - 1.0) / inference_share) + larger)
}

/// A small model at what a large one costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Which of the small model's budgets: the dearest that costs no more.
    pub budget: usize,
    /// Whether no dearer one was tried, so that what is left of the tokens was not spent.
    pub dearest: bool,
    /// Mean tokens that it may generate.
    pub allowed: f64,
    /// Mean tokens that it generates.
    pub taken: f64,
    /// The small model's accuracy less the large one's.
    pub paired: Paired,
}

/// Draws of intervals and signs.
const DRAWS: usize = 2_000;

/// A small model at rising budgets beside a large one that answers at once, where it may generate `multiplier` times the
/// large one's tokens: on the same problems, with tokens for costs. `None` where its cheapest budget is too dear.
///
/// ```
/// use tts_search::choose::Tried;
/// use tts_search::choose::matched::{TokenCost, compare, multiplier};
/// let tried = |right: f64, tokens: f64| Tried { values: vec![right; 10], costs: vec![tokens; 10] };
/// let small = [tried(0.2, 20.0), tried(0.5, 80.0), tried(0.7, 320.0)];
/// let large = tried(0.6, 20.0);
/// // Four times the parameters: at little inference 19 times the tokens, at much of it 4 times.
/// for (share, budget, difference) in [(0.6, 2, 0.1), (1e6, 1, -0.1)] {
///     let times = multiplier(4.0, share, TokenCost::Policy)?;
///     let found = compare(&small, &large, times)?.ok_or("too dear")?;
///     assert_eq!(found.budget, budget);
///     assert!((found.paired.difference - difference).abs() < 1e-9);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the multiplier is below 1, there are no budgets or problems, lists differ in length, or a number is not finite.
pub fn compare(
    small: &[Tried],
    large: &Tried,
    multiplier: f64,
) -> Result<Option<Match>, ChooseError> {
    if !(multiplier >= 1.0 && multiplier.is_finite()) {
        let problem = format!("{multiplier}, expected at least 1 times the tokens");
        return Err(ChooseError::input("multiplier", problem));
    }
    let problems = large.values.len();
    if small.is_empty() || problems == 0 {
        return Err(ChooseError::input("small", "nothing, expected a budget, with problems"));
    }
    let sound = |tried: &Tried| {
        tried.values.len() == problems
            && tried.costs.len() == problems
            && tried.costs.iter().all(|cost| *cost >= 0.0 && cost.is_finite())
    };
    if let Some(place) = small.iter().chain([large]).position(|tried| !sound(tried)) {
        let field = if place < small.len() { format!("small[{place}]") } else { "large".into() };
        let problem = format!("expected a value and a cost of at least 0 for {problems} problems");
        return Err(ChooseError::input(field, problem));
    }
    let mean = |tried: &Tried| tried.costs.iter().sum::<f64>() / problems as f64;
    let allowed = multiplier * mean(large);
    // What costs as much to the last digits of a product is no dearer.
    let affordable = |&(_, taken): &(usize, f64)| taken <= allowed * (1.0 + 1e-12);
    let all = || small.iter().map(mean).enumerate();
    let dearer = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1);
    let Some((budget, taken)) = all().filter(affordable).max_by(dearer) else { return Ok(None) };
    let paired = paired_bootstrap(&small[budget].values, &large.values, DRAWS, 0)
        .map_err(|error| ChooseError::input("values", error.to_string()))?;
    Ok(Some(Match { budget, dearest: all().all(|at| at.1 <= taken), allowed, taken, paired }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's three points, in both versions of its formula.
    #[test]
    fn the_papers_points() {
        let cases = [
            (0.16, TokenCost::Policy, 257.75),
            (0.79, TokenCost::Policy, 63.37),
            (22.0, TokenCost::Policy, 15.77),
            (0.08, TokenCost::WithVerifier, 257.75),
            (0.40, TokenCost::WithVerifier, 62.75),
            (11.0, TokenCost::WithVerifier, 15.77),
        ];
        for (share, cost, expected) in cases {
            let found = multiplier(14.0, share, cost).expect("sound");
            assert!((found - expected).abs() < 0.005, "{share} {cost:?}: {found}");
        }
    }

    /// Both sides cost the same, whatever the numbers.
    #[test]
    fn both_sides_cost_the_same() {
        let (parameters, pretraining) = (3.0e6, 7.0e9);
        for (larger, share) in [(1.0, 0.5), (2.0, 0.01), (14.0, 3.0)] {
            for (cost, each) in [(TokenCost::Policy, 2.0), (TokenCost::WithVerifier, 4.0)] {
                let m = multiplier(larger, share, cost).expect("sound");
                let x = 6.0 * parameters * pretraining;
                let y = each * parameters * share * pretraining;
                assert!(((x + m * y) / (larger * (x + y)) - 1.0).abs() < 1e-12);
            }
        }
    }

    fn tried(right: &[f64], tokens: f64) -> Tried {
        Tried { values: right.to_vec(), costs: vec![tokens; right.len()] }
    }

    /// By hand: the dearest budget that the tokens allow, and whose problems are its own.
    #[test]
    fn the_dearest_budget_that_is_allowed_is_compared() {
        let small = [tried(&[1.0, 0.0], 30.0), tried(&[1.0, 1.0], 90.0), tried(&[0.0, 1.0], 60.0)];
        let large = tried(&[1.0, 0.5], 10.0);
        for (times, expected) in [
            (2.9, None),
            (3.0, Some((0, false, -0.25))),
            (8.9, Some((2, false, -0.25))),
            (9.0, Some((1, true, 0.25))),
            (500.0, Some((1, true, 0.25))),
        ] {
            let found = compare(&small, &large, times).expect("sound");
            let told = found.map(|at| (at.budget, at.dearest, at.paired.difference));
            assert_eq!(told, expected, "{times}");
            let within = |at: Match| at.taken <= at.allowed && at.allowed <= 10.0 * times;
            assert!(found.is_none_or(within), "{times}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_named() {
        let (small, large) = ([tried(&[1.0, 0.0], 30.0)], tried(&[1.0, 0.5], 10.0));
        for (small, large, times, field) in [
            (&small[..], &large, 0.5, "multiplier"),
            (&small[..], &large, f64::NAN, "multiplier"),
            (&[], &large, 2.0, "small"),
            (&small[..], &tried(&[], 1.0), 2.0, "small"),
            (&small[..], &tried(&[1.0], 1.0), 2.0, "small[0]"),
            (&small[..], &tried(&[1.0, 1.0], f64::INFINITY), 2.0, "large"),
            (&[tried(&[f64::NAN, 1.0], 1.0)][..], &large, 2.0, "values"),
        ] {
            let error = compare(small, large, times).expect_err(field);
            assert!(error.to_string().starts_with(&format!("{field}: ")), "{error}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        for (larger, share, field) in
            [(0.5, 1.0, "larger"), (f64::NAN, 1.0, "larger"), (14.0, 0.0, "inference_share")]
        {
            let error = multiplier(larger, share, TokenCost::Policy).expect_err(field);
            assert!(error.to_string().starts_with(field), "{error}");
        }
    }
}
