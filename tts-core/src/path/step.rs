//! Steps, the unit of search: what a model wrote between two boundaries, as tokens.
//!
//! Tokens are the truth and are never made again from text. A step ends where the [`StepRule`]
//! says, or where the model ends; a line is one or more steps in a row from one seed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What was written between two boundaries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The text of all tokens, control tokens left out.
    pub text: String,
    /// All token ids, the delimiter and the end token included.
    pub tokens: Vec<u32>,
    /// How many of the first tokens were given (appended by the strategy), not generated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub given: u32,
    /// Log-probability in nats of each generated token under the model at temperature 1, before
    /// any truncation: one for each token after the given ones. Empty when the generator cannot tell.
    pub logprobs: Vec<f32>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if takes a reference"
)]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Step {
    /// Number of tokens that the model generated.
    pub fn generated(&self) -> u64 {
        self.tokens.len() as u64 - u64::from(self.given).min(self.tokens.len() as u64)
    }

    /// Whether there is nothing to judge: no text but white space (an end token alone, say).
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Mean log-probability of the generated tokens, in nats; `None` when there are none.
    pub fn mean_logprob(&self) -> Option<f64> {
        let sum: f64 = self.logprobs.iter().map(|&logprob| f64::from(logprob)).sum();
        (!self.logprobs.is_empty()).then(|| sum / self.logprobs.len() as f64)
    }
}

/// Why a step, or a line, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// A boundary, or the number of tokens or steps asked for, was reached.
    Step,
    /// The model said that it is done (end token or stop string).
    Stop,
    /// A length limit cut it: it is not finished.
    Length,
    /// The model's context is full: it is not finished, and cannot be continued.
    Context,
    /// Called off before its end.
    Cancelled,
}

/// How far a line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// To the next step boundary.
    #[default]
    Step,
    /// Past this many step boundaries, at most.
    Steps(u32),
    /// To the end of the solution.
    End,
    /// This many tokens, at most.
    Tokens(u32),
}

/// The steps of one line, and why it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Completion {
    /// At least one step; a model that ends at once yields one empty step.
    pub steps: Vec<Step>,
    /// Why the line ended. Every step but the last ended at a boundary.
    pub finish: Finish,
    /// Tokens of the rendered prompt alone; 0 when the generator cannot tell.
    #[serde(default)]
    pub prompt_tokens: u64,
}

impl Completion {
    /// Number of tokens that the model generated.
    pub fn generated(&self) -> u64 {
        self.steps.iter().map(Step::generated).sum()
    }
}

/// Where steps end, and how long things may get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StepRule {
    /// A step ends with the token in which one of these texts ends, once it holds any text
    /// besides white space. None: steps end at `max_step_tokens` only.
    pub delimiters: Vec<String>,
    /// The solution ends with the token in which one of these texts ends, also across steps.
    pub stop: Vec<String>,
    /// Longest step, in generated tokens; one that reaches it is cut there and stays open.
    pub max_step_tokens: u32,
    /// Longest solution, in generated tokens from the prompt on.
    pub max_tokens: u32,
    /// Most steps of a solution.
    pub max_steps: u32,
}

impl Default for StepRule {
    /// Steps end at a blank line; 256 tokens a step, 1,024 a solution, 40 steps.
    fn default() -> Self {
        Self {
            delimiters: vec!["\n\n".into()],
            stop: Vec::new(),
            max_step_tokens: 256,
            max_tokens: 1024,
            max_steps: 40,
        }
    }
}

impl StepRule {
    /// Steps are lines.
    pub fn lines() -> Self {
        Self { delimiters: vec!["\n".into()], ..Self::default() }
    }

    /// # Errors
    /// A sentence that names the field when a limit is zero or a delimiter is empty.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [
            ("max_step_tokens", self.max_step_tokens),
            ("max_tokens", self.max_tokens),
            ("max_steps", self.max_steps),
        ] {
            if value == 0 {
                return Err(format!("step rule: {name} is 0, expected at least 1"));
            }
        }
        for (name, texts) in [("delimiters", &self.delimiters), ("stop", &self.stop)] {
            if texts.iter().any(String::is_empty) {
                return Err(format!("step rule: {name} has an empty text"));
            }
        }
        Ok(())
    }
}

/// How the next token is drawn.
///
/// Order of operations: top-k, then top-p, then min-p, each on the probabilities at `temperature`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// Logits are divided by it; 0 takes the most probable token and draws no random number.
    pub temperature: f32,
    /// Only the this many most probable tokens; 0 for all.
    pub top_k: u32,
    /// Only the smallest set of most probable tokens that holds this much probability; 1 for all.
    pub top_p: f32,
    /// Only tokens at least this probable relative to the most probable one; 0 for all.
    pub min_p: f32,
}

impl Default for Sampling {
    /// Temperature 0.8 over all tokens.
    fn default() -> Self {
        Self { temperature: 0.8, top_k: 0, top_p: 1.0, min_p: 0.0 }
    }
}

impl Sampling {
    /// Always the most probable token.
    pub fn greedy() -> Self {
        Self { temperature: 0.0, ..Self::default() }
    }

    /// This temperature over all tokens.
    pub fn temperature(temperature: f32) -> Self {
        Self { temperature, ..Self::default() }
    }

    /// Whether no random number is drawn.
    pub fn is_greedy(&self) -> bool {
        self.temperature <= 0.0
    }

    /// # Errors
    /// A sentence that names the field when a value is out of range or not a number.
    pub fn check(&self) -> Result<(), String> {
        let bad = |name: &str, value: f32, range: &str| {
            Err(format!("sampling: {name} is {value}, expected {range}"))
        };
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return bad("temperature", self.temperature, "a number of at least 0");
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return bad("top_p", self.top_p, "0 < top_p <= 1");
        }
        if !(0.0..1.0).contains(&self.min_p) {
            return bad("min_p", self.min_p, "0 <= min_p < 1");
        }
        Ok(())
    }
}

/// Seconds as a fraction, for reports.
pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
