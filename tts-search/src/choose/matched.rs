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
//! leave nearly none.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 7; `c` is 3 in its first version, 1.5 in that of ICLR.

use super::ChooseError;

/// Operations of a generated token, in parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenCost {
    /// `2 P`: the policy alone.
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
