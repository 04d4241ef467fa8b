//! Preferences as examples of a scalar reward model: the best response is to score higher than each other.
//!
//! The score is the label head's logit behind the response and its separator, where an outcome reward model is read
//! ([`super::outcome_config`]), so that what learns from preferences opens as one: its probabilities are those of beating a
//! response whose score is 0. Of one preference only differences are learnt: the level of the scores is nobody's.
//!
//! Source: Bradley and Terry 1952; Ouyang et al. 2022 (arXiv:2203.02155), section 3.5 and equation 1.

use tts_models::Tokenizer;
use tts_models::train::Example;

use crate::PrmError;
use crate::head::encode_within;

/// The example of a preference: a prompt, the best response and the others as token ids, each with the separator that its score
/// is read at.
///
/// ```
/// use tts_prm::train::preferred;
/// let example = preferred(&[3, 4], vec![5, 2], vec![vec![6, 7, 2]])?;
/// assert_eq!(example.tokens, [3, 4, 5, 2]);
/// assert_eq!(example.contest.map(|contest| contest.worse), Some(vec![vec![3, 4, 6, 7, 2]]));
/// # Ok::<(), tts_prm::PrmError>(())
/// ```
///
/// # Errors
/// When a response has no tokens, or there is none that is worse.
pub fn preferred(
    prompt: &[u32],
    best: Vec<u32>,
    others: Vec<Vec<u32>>,
) -> Result<Example, PrmError> {
    let wrong = |problem: &str| {
        Err(PrmError::Solution { field: "preference".to_owned(), problem: problem.to_owned() })
    };
    if others.is_empty() {
        return wrong("one response, expected at least two");
    }
    if best.is_empty() || others.iter().any(Vec::is_empty) {
        return wrong("a response has no tokens, expected at least one");
    }
    let whole = |response: Vec<u32>| prompt.iter().copied().chain(response).collect::<Vec<u32>>();
    Ok(Example::preferred(whole(best), others.into_iter().map(whole).collect()))
}

/// The tokens of a text that stands behind a prompt, as a reward model with a tokenizer of its own reads a step
/// ([`crate::RewardModel`]): what a model wrote becomes no control token, and it begins with no space of the tokenizer's.
///
/// # Errors
/// When it cannot be encoded.
pub fn text_tokens(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, PrmError> {
    Ok(encode_within(tokenizer, text, false)?)
}
