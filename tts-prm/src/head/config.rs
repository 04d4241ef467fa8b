//! What a head's numbers mean: labels, output scale, and the text it reads them from.
//!
//! Read from `head.json` beside the head; without one, from `config.json` beside it, which either
//! is such a configuration as a whole or, when it describes a model, holds one under the key
//! `head`. A model without either is known by its architecture or its name ([`Format`]). The key
//! `format` starts from what is known of a published format; the other keys change it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tts_core::{Aggregate, Scale};
use tts_models::Files;

use super::format::{self, Format};
use crate::PrmError;

/// Scale of the scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum HeadOutput {
    /// Probability that the step is right, 0 to 1.
    #[default]
    Probability,
    /// Its log-odds, unbounded: the logit itself of a head with one label.
    Raw,
}

/// What the middle one of three labels counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NeutralLabel {
    /// Right, which Lightman et al. found best.
    #[default]
    Positive,
    /// Wrong.
    Negative,
}

/// What is put after a step, or between two.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Separator {
    /// Encoded once; names of special tokens are read as such.
    Text(String),
    /// Token ids as they are.
    Ids(Vec<u32>),
}

/// What a head reads the score of a step from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reading {
    /// The row at the last token of the step or, where there is one, of the separator.
    #[default]
    End,
    /// Every token of the step and of its separator. The head has a label for each token of the
    /// vocabulary; that of a token is read at the place *before* it and says how probably the token
    /// is right if those before it are. The score is the product over the tokens, the probability
    /// that the step is right. An outcome reward model reads the last token alone.
    ///
    /// Logits of a language model read as values: Rafailov et al. 2024 (arXiv:2404.12358),
    /// section 4.1; as process rewards: Yuan et al. 2024 (arXiv:2412.01981), section 3.
    Tokens,
}

/// A token of the vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Token {
    /// A text that is one token.
    Text(String),
    /// Its id.
    Id(u32),
}

/// Two tokens that a language model was taught to write after a right step and after a wrong one.
///
/// Its rows for them in the output head are a head of two labels: their softmax is the score.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contrast {
    /// Says that the step is right.
    pub right: Token,
    /// Says that it is wrong.
    pub wrong: Token,
}

impl Contrast {
    /// Two texts, each of one token.
    pub fn new(right: impl Into<String>, wrong: impl Into<String>) -> Self {
        Self { right: Token::Text(right.into()), wrong: Token::Text(wrong.into()) }
    }
}

/// How a model with a tokenizer of its own is given a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PromptLayout {
    /// A chat by the model's template, up to where the assistant's answer begins; raw text as it
    /// stands. Steps follow as the answer.
    #[default]
    Own,
    /// The start token and the question alone ([`tts_core::Prompt::question`]) as raw text. Steps
    /// follow.
    Plain,
    /// The question begins a turn of the user, which the first step ends; every other step is a turn
    /// of its own. What the template writes after a turn, up to where the assistant's answer begins,
    /// is the separator; between two steps the assistant has answered [`Contrast::right`]. So a
    /// step is judged as if all before it were right.
    Turns,
    /// A chat by the model's template with the solution as the assistant's answer, whole; raw text as
    /// it stands. What the template writes after the answer, less the tokens that fill a batch, is
    /// the separator. For outcome reward models.
    Answer,
}

/// What a head's numbers mean.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeadConfig {
    /// Scale of the scores.
    pub output: HeadOutput,
    /// Which of two labels says "right"; `None` for label 1.
    pub positive: Option<usize>,
    /// What the middle one of three labels (negative, neutral, positive) counts as.
    pub neutral: NeutralLabel,
    /// How the scores of steps become that of a path; `None` for what follows from the rest: the product
    /// of what tokens say, which is learnt as one, else the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Aggregate>,
    /// Log-odds are divided by it ([`crate::fit_temperature`]); `None` for 1.
    pub temperature: Option<f64>,
    /// What the score of a step is read from.
    pub reading: Reading,
    /// The two tokens whose rows in the model's output head are the head; `None` for a head with
    /// tensors of its own.
    pub contrast: Option<Contrast>,
    /// How many labels the head must have; `None` for what its tensors say.
    pub labels: Option<usize>,
    /// What is put after every step, as token ids: the score is read at its last token. `None`
    /// reads the score at the step's own last token.
    pub separator: Option<Separator>,
    /// What is put between the separator of a step and the next step, as token ids; an outcome
    /// reward model reads its steps without.
    pub between: Option<Separator>,
    /// How the prompt is given. This field and those below except the last are for models with a
    /// tokenizer of their own only.
    pub prompt: PromptLayout,
    /// Put after the question of [`PromptLayout::Plain`], and encoded with it.
    pub prompt_end: String,
    /// Put before the first step, and encoded with it: a space belongs to the word behind it.
    pub first_start: String,
    /// Whether white space around a step's text is taken off; of an outcome reward model, around the
    /// solution.
    pub trim_steps: bool,
    /// Whether line ends around a step's text are taken off, and other white space stays.
    pub trim_lines: bool,
    /// Name of the head's tensors without `.weight`; `None` looks for the usual ones.
    pub tensor: Option<String>,
}

impl HeadConfig {
    /// What the scores of steps are.
    pub(crate) fn process_scale(&self) -> Scale {
        let scale = match self.output {
            HeadOutput::Raw => Scale::LOG_ODDS,
            HeadOutput::Probability if self.reading == Reading::Tokens => Scale::STEP,
            HeadOutput::Probability => Scale::PREFIX,
        };
        scale.by(self.aggregate.unwrap_or(scale.aggregate))
    }

    /// What the scores of finished solutions are: a logit of one label is a reward.
    pub(crate) fn outcome_scale(&self) -> Scale {
        let scale = match (self.output, self.labels) {
            (HeadOutput::Probability, _) => Scale::OUTCOME,
            (HeadOutput::Raw, Some(1)) => Scale::REWARD,
            (HeadOutput::Raw, _) => Scale::LOG_ODDS,
        };
        scale.by(self.aggregate.unwrap_or(scale.aggregate))
    }

    /// The configuration of a head in `folder`, from `head.json` or `config.json`; the default
    /// where there is none.
    ///
    /// # Errors
    /// When a file cannot be read or parsed, or has an unknown field.
    pub fn beside(folder: impl Into<Files>) -> Result<Self, PrmError> {
        Self::in_folder(&folder.into())
    }

    fn in_folder(folder: &Files) -> Result<Self, PrmError> {
        let own = folder.join("head.json");
        if let Some(value) = json(&own)? {
            return parse(own.path(), "head.json", value);
        }
        let model = folder.join("config.json");
        let Some(mut value) = json(&model)? else { return Ok(Self::default()) };
        if value.get("model_type").is_none() {
            return parse(model.path(), "config.json", value);
        }
        match value.get_mut("head").map(Value::take) {
            Some(head) => parse(model.path(), "head", head),
            None => format::detect(model.path(), &value),
        }
    }
}

/// The value of a JSON file, as models' configs are read ([`Files::read_json`]); `None` when there is no file.
pub(crate) fn json(file: &Files) -> Result<Option<Value>, PrmError> {
    Ok(file.read_json()?)
}

/// A configuration, on top of the format that it names.
fn parse(path: &Path, field: &str, mut value: Value) -> Result<HeadConfig, PrmError> {
    let failed =
        |field: &str, error: serde_json::Error| PrmError::config(path, field, error.to_string());
    let Some(name) = value.as_object_mut().and_then(|object| object.remove("format")) else {
        return serde_json::from_value(value).map_err(|error| failed(field, error));
    };
    let format: Format = serde_json::from_value(name).map_err(|error| failed("format", error))?;
    let mut all = serde_json::to_value(format.config()).map_err(|error| failed("format", error))?;
    if let (Some(all), Value::Object(own)) = (all.as_object_mut(), value) {
        all.extend(own);
    }
    serde_json::from_value(all).map_err(|error| failed(field, error))
}
