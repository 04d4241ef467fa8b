//! What a project says of steps, as far as it says something.
//!
//! A [`StepRule`] bounds everything, and a project may only say how many steps there are. [`Steps`] holds what is said, and
//! [`Steps::over`] puts it over the rule of whoever runs the search. A project that bounds steps and not solutions has
//! solutions as long as these steps may be.
//!
//! Source: none.

use tts_core::StepRule;

/// What a project says of steps; `None` where it says nothing.
///
/// ```
/// use tts_core::StepRule;
/// use tts_search::compat::{Steps, search_and_learn, thinkbooster};
///
/// // Ten steps, and no word of their length: they are as long as whoever runs them says.
/// let own = StepRule { max_step_tokens: 64, max_tokens: 100, ..StepRule::lines() };
/// let rule = thinkbooster::steps().over(own.clone());
/// assert_eq!((rule.max_steps, rule.max_step_tokens, rule.max_tokens), (10, 64, 640));
/// assert_eq!(rule.delimiters, ["\n"]);
/// // One that says all of it.
/// let whole = search_and_learn::rule();
/// assert_eq!(Steps::from(whole.clone()).over(own), whole);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Steps {
    /// Texts that end a step.
    pub delimiters: Option<Vec<String>>,
    /// Longest step, in tokens.
    pub max_step_tokens: Option<u32>,
    /// Longest solution, in tokens.
    pub max_tokens: Option<u32>,
    /// Most steps of a solution.
    pub max_steps: Option<u32>,
}

impl Steps {
    /// A rule with what is said here in place of its own.
    pub fn over(&self, own: StepRule) -> StepRule {
        let max_step_tokens = self.max_step_tokens.unwrap_or(own.max_step_tokens);
        let longest = self.max_steps.map(|steps| steps.saturating_mul(max_step_tokens));
        StepRule {
            delimiters: self.delimiters.clone().unwrap_or(own.delimiters),
            max_step_tokens,
            max_tokens: self.max_tokens.or(longest).unwrap_or(own.max_tokens),
            max_steps: self.max_steps.unwrap_or(own.max_steps),
            ..own
        }
    }
}

impl From<StepRule> for Steps {
    fn from(rule: StepRule) -> Self {
        Self {
            delimiters: Some(rule.delimiters),
            max_step_tokens: Some(rule.max_step_tokens),
            max_tokens: Some(rule.max_tokens),
            max_steps: Some(rule.max_steps),
        }
    }
}
