//! Importance weights: what sampler and trainer disagree on is made up for, as far as it can be.
//!
//! A token that is likelier with who learns than it was as it was drawn came up too rarely, and weighs more; but a
//! weight without a bound lets a few tokens decide an update. So a weight beyond the bound is cut off at it
//! ([`Beyond::Cap`], truncated importance sampling), or its token is not learnt at all ([`Beyond::Mask`]): where two
//! programs disagree by so much, one of them is wrong about the token. Weights are of tokens, or of all tokens that
//! were generated in a row: the product of theirs ([`Over::Sequence`]), which has no bias while nothing is bounded,
//! and spreads with the length.
//!
//! In a recipe a number is the bound of a weight of tokens that is cut off.
//!
//! ```
//! use tts_prm::reinforce::{Beyond, Importance, Over};
//! let two: Importance = serde_json::from_str("2.0")?;
//! assert_eq!(two, Importance::from(2.0));
//! let mask: Importance =
//!     serde_json::from_str(r#"{"most": 2.0, "beyond": "mask", "over": "sequence"}"#)?;
//! assert_eq!((mask.beyond, mask.over), (Beyond::Mask, Over::Sequence));
//! assert_eq!(serde_json::to_string(&two)?, "2.0");
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! Source: Yao et al. 2025, "Your efficient RL framework secretly brings you off-policy RL training" (truncated
//! weights); masks and weights of sequences as other trainers have them.

use serde::{Deserialize, Serialize};

use super::tally::Apart;
use crate::PrmError;

/// What becomes of a token whose weight is beyond the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Beyond {
    /// It weighs as much as the bound.
    #[default]
    Cap,
    /// It weighs nothing.
    Mask,
}

/// Of what a weight is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// Of each token.
    #[default]
    Token,
    /// Of all tokens that were generated in a row: the product over them, the same for each.
    Sequence,
}

/// How tokens are weighted for being likelier with who learns than they were as they were drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "Said", into = "Said")]
pub struct Importance {
    /// The bound of a weight, at least 1.
    pub most: f32,
    /// What becomes of a weight beyond it.
    pub beyond: Beyond,
    /// Of what a weight is.
    pub over: Over,
}

/// As it stands in a recipe.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Said {
    /// The bound alone.
    Most(f32),
    Whole(Whole),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    most: f32,
    #[serde(default)]
    beyond: Beyond,
    #[serde(default)]
    over: Over,
}

impl From<f32> for Importance {
    /// Of tokens, cut off at the bound.
    fn from(most: f32) -> Self {
        Self { most, beyond: Beyond::default(), over: Over::default() }
    }
}

impl From<Said> for Importance {
    fn from(said: Said) -> Self {
        match said {
            Said::Most(most) => most.into(),
            Said::Whole(Whole { most, beyond, over }) => Self { most, beyond, over },
        }
    }
}

impl From<Importance> for Said {
    fn from(own: Importance) -> Self {
        let Importance { most, beyond, over } = own;
        match (beyond, over) {
            (Beyond::Cap, Over::Token) => Self::Most(most),
            _ => Self::Whole(Whole { most, beyond, over }),
        }
    }
}

impl Importance {
    /// # Errors
    /// When the bound is none.
    pub(super) fn check(self) -> Result<(), PrmError> {
        if self.most.is_finite() && self.most >= 1.0 {
            return Ok(());
        }
        let problem = format!("{}, expected a number of at least 1", self.most);
        Err(PrmError::reinforce("importance", problem))
    }

    /// The weights of tokens in a row, from their log-probabilities with who learns and as they were drawn, `[n]`
    /// each; noted in `apart`.
    pub(super) fn weights(self, told: &[f32], drawn: &[f32], apart: &mut Apart) -> Vec<f32> {
        // In f32, as the log-probabilities are, so that equal ones weigh 1 to the bit.
        let moved = |(now, then): (&f32, &f32)| now - then;
        let each = told.iter().zip(drawn).map(moved);
        let free: Vec<f32> = match self.over {
            Over::Token => each.map(f32::exp).collect(),
            Over::Sequence => {
                let sum: f32 = each.sum();
                vec![sum.exp(); told.len()]
            }
        };
        let bounded = |free: f32| {
            let beyond = free > self.most;
            let weight = match self.beyond {
                Beyond::Mask if beyond => 0.0,
                _ => free.min(self.most),
            };
            apart.add_weight(weight, beyond);
            weight
        };
        free.into_iter().map(bounded).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        }
    }

    /// Tokens of 1.5, 0.5 and 4 times their probability, with a bound of 2 and one of 8.
    #[test]
    fn weights_by_hand() {
        let drawn = [0.2_f32, 0.4, 0.1].map(f32::ln);
        let told = [0.3_f32, 0.2, 0.4].map(f32::ln);
        let table = [
            (2.0, Beyond::Cap, Over::Token, [1.5, 0.5, 2.0], 1.0 / 3.0),
            (2.0, Beyond::Mask, Over::Token, [1.5, 0.5, 0.0], 1.0 / 3.0),
            (8.0, Beyond::Mask, Over::Token, [1.5, 0.5, 4.0], 0.0),
            (2.0, Beyond::Cap, Over::Sequence, [2.0, 2.0, 2.0], 1.0),
            (2.0, Beyond::Mask, Over::Sequence, [0.0, 0.0, 0.0], 1.0),
            (8.0, Beyond::Cap, Over::Sequence, [3.0, 3.0, 3.0], 0.0),
        ];
        for (most, beyond, over, expected, share) in table {
            let mut apart = Apart::default();
            drawn.iter().zip(&told).for_each(|(drawn, told)| apart.add(*drawn, *told));
            near(&Importance { most, beyond, over }.weights(&told, &drawn, &mut apart), &expected);
            let found = apart.found().expect("three tokens");
            assert!((found.capped.expect("weighted") - share).abs() < 1e-12, "{found:?}");
            let mean = f64::from(expected.iter().sum::<f32>()) / 3.0;
            assert!((found.weight.expect("weighted") - mean).abs() < 1e-6, "{found:?}");
        }
        // What could not have been drawn weighs what the bound allows.
        let far = Importance::from(2.0);
        let mut apart = Apart::default();
        near(&far.weights(&[0.0], &[-1e30], &mut apart), &[2.0]);
        let mask = Importance { beyond: Beyond::Mask, over: Over::Sequence, ..far };
        near(&mask.weights(&[0.0, 0.0], &[-1e30, -1.0], &mut apart), &[0.0, 0.0]);
    }

    #[test]
    fn equal_probabilities_weigh_one_to_the_bit() {
        let told = [-0.3_f32, -7.25, -1e-3];
        for over in [Over::Token, Over::Sequence] {
            let mut apart = Apart::default();
            let own = Importance { over, ..Importance::from(1.0) };
            let found = own.weights(&told, &told, &mut apart);
            assert!(found.iter().all(|weight| weight.to_bits() == 1.0_f32.to_bits()), "{found:?}");
        }
    }

    #[test]
    fn recipes_say_it_in_two_ways() {
        let whole = r#"{"most":3.0,"beyond":"mask","over":"token"}"#;
        let read: Importance = serde_json::from_str(whole).expect("read");
        assert_eq!(serde_json::to_string(&read).expect("written"), whole);
        let plain: Importance = serde_json::from_str(r#"{"most": 3}"#).expect("read");
        assert_eq!(plain, Importance::from(3.0));
        assert!(serde_json::from_str::<Importance>(r#"{"most": 3, "at": 1}"#).is_err());
        let error = Importance::from(0.5).check().expect_err("below 1").to_string();
        assert_eq!(error, "importance: 0.5, expected a number of at least 1");
    }
}
