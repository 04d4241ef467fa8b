//! What a policy is asked, and the answer that it is rewarded for.
//!
//! A problem is a prompt, the question in it and the right answer; whether a solution is right says the task of
//! the run ([`super::Reinforce::task`]), which is one for all of its problems. Where the answer is not known, as
//! in test-time reinforcement, it is empty, and only rewards that do not look at it make sense.
//!
//! Source: none; the data of every loop of reinforcement on verifiable rewards.

use serde::{Deserialize, Serialize};
use tts_core::Prompt;
use tts_core::family::{self, Family};
use tts_models::Backbone;

use crate::PrmError;

/// A problem to learn from.
///
/// ```
/// use tts_core::family::{Chain, Family};
/// use tts_prm::reinforce::Problem;
/// let chain = Chain::default();
/// let problem = Problem::of_family(&chain, &chain.parse("2+3*4")?);
/// assert_eq!((problem.gold.as_str(), problem.difficulty), ("14", Some(2.0)));
/// # Ok::<(), tts_core::family::FamilyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// What the policy is given.
    pub prompt: Prompt,
    /// The question alone, as the task reads it.
    pub question: String,
    /// The right answer; empty where nobody knows it.
    #[serde(default)]
    pub gold: String,
    /// How hard it is, on a scale of any unit, greater is harder; for [`super::Curriculum::EasyFirst`].
    #[serde(default)]
    pub difficulty: Option<f64>,
}

impl Problem {
    /// A problem of a family, as hard as a right solution has steps.
    pub fn of_family(family: &dyn Family, problem: &family::Problem) -> Self {
        Self {
            prompt: family.prompt(&problem.question),
            question: problem.question.clone(),
            gold: problem.answer.clone(),
            difficulty: Some(problem.steps as f64),
        }
    }

    /// Whether a policy has a position left behind the prompt, so that it can write something.
    ///
    /// # Errors
    /// When the policy cannot read the prompt.
    pub fn leaves_room(&self, policy: &dyn Backbone) -> Result<bool, PrmError> {
        Ok(self.tokens(policy)? < policy.positions())
    }

    /// Tokens of the prompt.
    fn tokens(&self, policy: &dyn Backbone) -> Result<usize, PrmError> {
        let tokens = policy.encode(&self.prompt).map_err(|error| {
            let question: String = self.question.chars().take(200).collect();
            PrmError::reinforce(format!("the prompt of {question:?}"), error.to_string())
        })?;
        Ok(tokens.len())
    }
}

/// # Errors
/// Naming the first problem whose prompt the policy cannot read, or behind which it has no room for a solution.
pub(super) fn fit(
    field: &str,
    problems: &[Problem],
    policy: &dyn Backbone,
) -> Result<(), PrmError> {
    for (place, problem) in problems.iter().enumerate() {
        let (found, most) = (problem.tokens(policy)?, policy.positions());
        if found >= most {
            let problem =
                format!("{found} tokens leave no room for a solution in {most} positions");
            return Err(PrmError::reinforce(format!("{field}[{place}]"), problem));
        }
    }
    Ok(())
}

/// # Errors
/// When there are none, one asks nothing, or a difficulty is not a number.
pub(super) fn check(field: &str, problems: &[Problem]) -> Result<(), PrmError> {
    if problems.is_empty() {
        return Err(PrmError::reinforce(field, "none, expected at least one"));
    }
    for (place, problem) in problems.iter().enumerate() {
        let field = || format!("{field}[{place}]");
        if problem.prompt.is_blank() {
            return Err(PrmError::reinforce(field(), "the prompt is blank, expected some text"));
        }
        if let Some(difficulty) = problem.difficulty.filter(|number| !number.is_finite()) {
            let problem = format!("difficulty is {difficulty}, expected a finite number");
            return Err(PrmError::reinforce(field(), problem));
        }
    }
    Ok(())
}
