//! What a head's numbers mean: labels, output scale, separator.
//!
//! Read from `head.json` beside the head; without one, from `config.json` beside it, which either
//! is such a configuration as a whole or, when it describes a model, holds one under the key
//! `head`. A `Qwen2ForProcessRewardModel` (Qwen2.5-Math-PRM) without either gets the layout of its
//! model card: `<extra_0>` after every step, trimmed.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::PrmError;

/// Scale of the scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

/// What is put after a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
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
    /// Log-odds are divided by it ([`crate::fit_temperature`]); `None` for 1.
    pub temperature: Option<f64>,
    /// What the score of a step is read from.
    pub reading: Reading,
    /// What is put after every step, as token ids: the score is read at its last token. `None`
    /// reads the score at the step's own last token.
    pub separator: Option<Separator>,
    /// Whether white space around a step's text is taken off; for models with a tokenizer of
    /// their own only.
    pub trim_steps: bool,
    /// Name of the head's tensors without `.weight`; `None` looks for the usual ones.
    pub tensor: Option<String>,
}

impl HeadConfig {
    /// The configuration of a head in `folder`, from `head.json` or `config.json`; the default
    /// where there is none.
    ///
    /// # Errors
    /// When a file cannot be read or parsed, or has an unknown field.
    pub fn beside(folder: &Path) -> Result<Self, PrmError> {
        let own = folder.join("head.json");
        if let Some(value) = json(&own)? {
            return parse(&own, "head.json", value);
        }
        let model = folder.join("config.json");
        let Some(mut value) = json(&model)? else { return Ok(Self::default()) };
        if value.get("model_type").is_none() {
            return parse(&model, "config.json", value);
        }
        match value.get_mut("head").map(Value::take) {
            Some(head) => parse(&model, "head", head),
            None => Ok(Self::of_architecture(&value)),
        }
    }

    /// What is known of an architecture by its name.
    fn of_architecture(config: &Value) -> Self {
        let names = config.get("architectures").and_then(Value::as_array);
        let mut names = names.into_iter().flatten().filter_map(Value::as_str);
        if names.any(|name| name == "Qwen2ForProcessRewardModel") {
            let separator = Some(Separator::Text("<extra_0>".to_owned()));
            return Self { separator, trim_steps: true, ..Self::default() };
        }
        Self::default()
    }
}

/// The value of a JSON file; `None` when there is no file.
pub(crate) fn json(path: &Path) -> Result<Option<Value>, PrmError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(PrmError::io(path, error)),
    };
    let value = serde_json::from_slice(&bytes);
    value.map(Some).map_err(|error| PrmError::config(path, "JSON", error.to_string()))
}

fn parse(path: &Path, field: &str, value: Value) -> Result<HeadConfig, PrmError> {
    serde_json::from_value(value).map_err(|error| PrmError::config(path, field, error.to_string()))
}

/// The folder of a file; of a bare name the current one.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
