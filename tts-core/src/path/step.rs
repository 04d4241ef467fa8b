//! Steps, the unit of search: what a model wrote between two boundaries, as tokens.
//!
//! Tokens are the truth and are never made again from text. A step ends where the [`StepRule`]
//! says, or where the model ends; a line is one or more steps in a row from one seed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::LineError;

/// What was written between two boundaries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The text of all tokens, control tokens left out. A stop text is the last of it: what its token
    /// says after it is not said. A character that begins in one step and ends in the next
    /// stands in the next, so that the texts of a path, one behind the other, are that of its tokens.
    pub text: String,
    /// All token ids, the delimiter and the end token included.
    pub tokens: Vec<u32>,
    /// How many of the first tokens were given (appended by the strategy), not generated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub given: u32,
    /// Log-probability in nats of each generated token under the model at temperature 1, before
    /// any truncation: one for each token after the given ones. Empty when the generator cannot tell.
    pub logprobs: Vec<f32>,
    /// How many of the last tokens ended the line and say nothing: the end token, or those that hold
    /// the stop or pause text. A strategy that goes on without them keeps the others
    /// ([`crate::Expand::keep`]).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub closing: u32,
    /// What was asked to be noted of each generated token, see [`Watch`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Box<Notes>>,
}

/// Signals of the generated tokens of a step, one for each, in order; empty where not asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notes {
    /// Minus the mean log-probability of the most probable tokens, in nats ([`Watch::confidence`]).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub confidence: Vec<f32>,
    /// Divergence of the uniform distribution from the model's, in nats ([`Watch::certainty`]).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certainty: Vec<f32>,
    /// Log-probability in nats of the token as it was drawn: at the sampling temperature and after
    /// truncation ([`Watch::drawn`]).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drawn: Vec<f32>,
}

/// What is noted of each token of a line, and when it is broken off: data, so that a line is the
/// same in any batch and on any number of threads. A line whose generator notes nothing of what
/// was asked for fails.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Watch {
    /// Notes minus the mean log-probability of this many most probable tokens; 0 notes nothing. Over
    /// a small vocabulary it grows with certainty only for all of its tokens.
    ///
    /// Source: Fu et al. 2025, "Deep Think with Confidence" (arXiv 2508.15260), section 2.
    pub confidence: u32,
    /// Notes `-1/V sum ln(V p)` over the vocabulary: 0 for the uniform distribution.
    ///
    /// Source: Kang et al. 2025, "Scalable Best-of-N Selection via Self-Certainty" (arXiv 2502.18581).
    pub certainty: bool,
    /// Notes the log-probability of each token as it was drawn; that under the model ([`Step::logprobs`]) must
    /// be there too, to be compared with.
    pub drawn: bool,
    /// Breaks the line off.
    pub halt: Option<Halt>,
}

/// Breaks a line off where the mean confidence of its last tokens falls low
/// ([`Finish::Halted`]).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halt {
    /// Over how many tokens, at least 1; a shorter line is not broken off.
    pub window: u32,
    /// Below which mean confidence, in nats.
    pub below: f32,
}

impl Watch {
    /// Whether nothing is watched.
    pub fn is_idle(&self) -> bool {
        *self == Self::default()
    }

    /// # Errors
    /// A sentence that names the field when the halt has no window, no number, or no confidence to go
    /// by.
    pub fn check(&self) -> Result<(), String> {
        match self.halt {
            Some(halt) if halt.window == 0 => Err("watch: window is 0, expected at least 1".into()),
            Some(halt) if halt.below.is_nan() => Err("watch: below is not a number".into()),
            Some(_) if self.confidence == 0 => {
                Err("watch: halt goes by confidence, which is 0, expected at least 1".into())
            }
            _ => Ok(()),
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if takes a reference"
)]
pub(super) fn is_zero(n: &u32) -> bool {
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

    /// The confidence noted of each generated token; empty where none was.
    pub fn confidence(&self) -> &[f32] {
        self.notes.as_ref().map_or(&[], |notes| &notes.confidence)
    }

    /// The certainty noted of each generated token; empty where none was.
    pub fn certainty(&self) -> &[f32] {
        self.notes.as_ref().map_or(&[], |notes| &notes.certainty)
    }

    /// The log-probability of each generated token as it was drawn; empty where none was noted.
    pub fn drawn(&self) -> &[f32] {
        self.notes.as_ref().map_or(&[], |notes| &notes.drawn)
    }

    /// How many tokens are left without those that ended the line.
    pub fn kept(&self) -> u32 {
        let tokens = u32::try_from(self.tokens.len()).unwrap_or(u32::MAX);
        tokens.saturating_sub(self.closing)
    }

    /// Mean log-probability of the generated tokens, in nats; `None` when there are none.
    pub fn mean_logprob(&self) -> Option<f64> {
        let sum: f64 = self.logprobs.iter().map(|&logprob| f64::from(logprob)).sum();
        (!self.logprobs.is_empty()).then(|| sum / self.logprobs.len() as f64)
    }
}

/// Why a step, or a line, ended. Of what happens at one token the first holds: a stop text, the end token,
/// a pause text, a halt, the end of the context, then boundaries and lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// A boundary, or the number of tokens or steps asked for, was reached.
    Step,
    /// The model said that it is done (end token or stop string).
    Stop,
    /// A pause text was written: the line rests, and can be continued.
    Pause,
    /// A length limit cut it: it is not finished.
    Length,
    /// The model's context is full: it is not finished, and cannot be continued.
    Context,
    /// Called off before its end.
    Cancelled,
    /// Broken off by [`Watch::halt`]: it is not finished, and cannot be continued.
    Halted,
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

impl Until {
    /// The most steps of a line that goes so far.
    pub fn most_steps(self) -> usize {
        match self {
            Self::Step => 1,
            Self::Steps(steps) => steps.max(1) as usize,
            Self::End | Self::Tokens(_) => usize::MAX,
        }
    }

    /// # Errors
    /// A sentence when it asks for nothing.
    pub fn check(self) -> Result<(), String> {
        match self {
            Self::Steps(0) => Err("until 0 steps, expected at least 1".into()),
            Self::Tokens(0) => Err("until 0 tokens, expected at least 1".into()),
            _ => Ok(()),
        }
    }
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
    /// A line rests with the token in which one of these texts ends, whatever it was asked for, and
    /// stays open; its step ends there too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pause: Vec<String>,
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
            pause: Vec::new(),
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
        for (name, texts) in
            [("delimiters", &self.delimiters), ("stop", &self.stop), ("pause", &self.pause)]
        {
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
    /// The first new token of a line is the one of this rank, 0 for the most probable one, in place of one that is
    /// drawn: lines that begin with each of the likeliest tokens. Equals rank by their numbers, and no random number
    /// is drawn. A generator that has no tokens to rank, or not as many, fails the line.
    ///
    /// Source: Wang and Zhou 2024 (arXiv 2402.10200), whose chains of thought begin so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u32>,
}

impl Default for Sampling {
    /// Temperature 0.8 over all tokens.
    fn default() -> Self {
        Self { temperature: 0.8, top_k: 0, top_p: 1.0, min_p: 0.0, first: None }
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

    /// Refuses a first token by its rank, for generators that cannot rank.
    ///
    /// # Errors
    /// When one is asked for.
    pub fn draws_all(&self, generator: &str) -> Result<(), LineError> {
        match self.first {
            None => Ok(()),
            Some(rank) => Err(LineError(format!(
                "sampling: first is {rank}, but {generator} cannot rank its tokens"
            ))),
        }
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
