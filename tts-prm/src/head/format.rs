//! Published reward models: what is known of a format by its name, and a model's format by its files.
//!
//! A format is a [`HeadConfig`] with a name. Architectures that are reward models are known by
//! `architectures` in `config.json`. Language models that judge by two tokens have nothing there
//! that tells them; they are known by the names under which they were published, in `_name_or_path`
//! or as the name of their folder. Any other copy needs a `head.json` that says `{"format": NAME}`.
//!
//! A format also says how its authors make one score of those of the steps: the least of Math-Shepherd's
//! and Qwen's, else the last.
//!
//! Source: the model cards of Qwen2.5-Math-PRM, math-shepherd-mistral-7b-prm,
//! Llama3.1-8B-PRM-Deepseek-Data and Skywork-o1-Open-PRM-Qwen-2.5, with the inference code that they
//! refer to; the classes `*ForSequenceClassification` and `*ForTokenClassification` of Hugging Face transformers, and
//! TRL's `PRMTrainer.tokenize_row`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tts_core::Aggregate;

use super::config::{Contrast, HeadConfig, HeadOutput, PromptLayout, Separator};
use crate::PrmError;

/// A published format of reward models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// Qwen2.5-Math-PRM (Zhang et al. 2025): a head of two labels at `<extra_0>` after every step.
    QwenMathPrm,
    /// Math-Shepherd (Wang et al. 2024): question and steps as raw text, a step tag after every step,
    /// whose next token would be `+` or `-`.
    MathShepherd,
    /// `RLHFlow`'s process reward models (Xiong et al. 2024): every step is a turn of a chat that the
    /// assistant answers with `+` or `-`.
    Rlhflow,
    /// Skywork-o1-Open-PRM (He et al. 2024): a value head, read at the line end after every step.
    SkyworkPrm,
    /// A token classifier with two labels, as TRL trains process reward models (`PRMTrainer`): the question and steps as
    /// raw text, a line end after every step, at which the step's label was.
    TokenClassifier,
    /// A sequence classifier with one label, such as Skywork-Reward (Liu et al. 2024): an unbounded
    /// reward for a whole chat, an outcome reward model.
    SequenceClassifier,
}

impl Format {
    /// What its numbers mean.
    pub fn config(self) -> HeadConfig {
        let text = |text: &str| Some(Separator::Text(text.to_owned()));
        let base = HeadConfig { trim_steps: true, ..HeadConfig::default() };
        let signs = Some(Contrast::new("+", "-"));
        match self {
            Self::QwenMathPrm => {
                HeadConfig { separator: text("<extra_0>"), aggregate: Some(Aggregate::Min), ..base }
            }
            Self::MathShepherd => HeadConfig {
                contrast: signs,
                separator: text(" \u{43a}\u{438}"),
                between: text("\n"),
                prompt: PromptLayout::Plain,
                first_start: " ".to_owned(),
                aggregate: Some(Aggregate::Min),
                ..base
            },
            Self::Rlhflow => HeadConfig {
                contrast: signs,
                prompt: PromptLayout::Turns,
                first_start: " ".to_owned(),
                ..base
            },
            Self::SkyworkPrm => HeadConfig {
                labels: Some(1),
                separator: text("\n"),
                prompt: PromptLayout::Plain,
                prompt_end: "\n".to_owned(),
                trim_steps: false,
                trim_lines: true,
                ..base
            },
            Self::TokenClassifier => HeadConfig {
                labels: Some(2),
                separator: text("\n"),
                prompt: PromptLayout::Plain,
                ..base
            },
            Self::SequenceClassifier => HeadConfig {
                labels: Some(1),
                output: HeadOutput::Raw,
                prompt: PromptLayout::Answer,
                ..base
            },
        }
    }
}

/// The configuration of the model that `config.json` describes; the default where nothing is known.
pub(super) fn detect(path: &Path, config: &Value) -> Result<HeadConfig, PrmError> {
    let names = config.get("architectures").and_then(Value::as_array);
    let Some(name) = names.and_then(|names| names.first()).and_then(Value::as_str) else {
        return Ok(HeadConfig::default());
    };
    match name {
        "Qwen2ForProcessRewardModel" => Ok(Format::QwenMathPrm.config()),
        "Qwen2ForPrmModel" => Ok(Format::SkyworkPrm.config()),
        // Qwen2.5-Math-RM: one number of a whole chat, by a network.
        "Qwen2ForRewardModel" => Ok(Format::SequenceClassifier.config()),
        _ if name.ends_with("ForTokenClassification") => token_classifier(path, config),
        _ if name.ends_with("ForSequenceClassification") => classifier(path, config),
        _ if name.ends_with("ForCausalLM") => {
            Ok(published(path, config).map(Format::config).unwrap_or_default())
        }
        // A backbone beside a head of which nobody said anything.
        _ if name.ends_with("Model") => Ok(HeadConfig::default()),
        // A layout that is not its own gives numbers that look right and are not.
        _ => {
            let problem = format!(
                "{name:?} is no class whose layout is known; say in a head.json beside it how it reads, or \
                 {{\"format\": ...}} of a known one"
            );
            Err(PrmError::config(path, "architectures", problem))
        }
    }
}

/// A token classifier: two labels, of which one says that the step is right.
fn token_classifier(path: &Path, config: &Value) -> Result<HeadConfig, PrmError> {
    let names = config.get("id2label").and_then(Value::as_object);
    let labels = names.map_or(2, serde_json::Map::len);
    if labels != 2 {
        return Err(PrmError::config(path, "id2label", format!("{labels} labels, expected 2")));
    }
    Ok(HeadConfig { positive: right_label(path, names)?, ..Format::TokenClassifier.config() })
}

/// Language models that are reward models, by name.
fn published(path: &Path, config: &Value) -> Option<Format> {
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let given = config.get("_name_or_path").and_then(Value::as_str);
    let known = |name: &str| {
        let name = name.to_ascii_lowercase();
        if name.contains("math-shepherd") && name.ends_with("-prm") {
            Some(Format::MathShepherd)
        } else if name.contains("llama3.1-8b-prm-") {
            Some(Format::Rlhflow)
        } else {
            None
        }
    };
    given.and_then(known).or_else(|| folder.and_then(known))
}

/// A sequence classifier: one label is a reward, two are probabilities.
fn classifier(path: &Path, config: &Value) -> Result<HeadConfig, PrmError> {
    let names = config.get("id2label").and_then(Value::as_object);
    // Hugging Face's classes take two labels where nothing is said.
    let given = config.get("num_labels").map(|count| count.as_u64().unwrap_or(0));
    let named = names.map(|names| names.len() as u64);
    if let (Some(given), Some(named)) = (given, named)
        && given != named
    {
        let problem = format!("{given}, but id2label has {named}");
        return Err(PrmError::config(path, "num_labels", problem));
    }
    let labels = named.or(given).unwrap_or(2);
    let kind = config.get("problem_type").and_then(Value::as_str);
    let base = Format::SequenceClassifier.config();
    match (labels, kind) {
        (1, None | Some("regression")) => Ok(base),
        (2, None | Some("single_label_classification")) => Ok(HeadConfig {
            labels: Some(2),
            output: HeadOutput::Probability,
            positive: right_label(path, names)?,
            ..base
        }),
        (1 | 2, Some(kind)) => {
            let expected = if labels == 1 { "regression" } else { "single_label_classification" };
            let problem = format!("{kind:?} with {labels} labels, expected {expected:?}");
            Err(PrmError::config(path, "problem_type", problem))
        }
        _ => {
            let field = if named.is_some() { "id2label" } else { "num_labels" };
            let problem = format!("{labels} labels, expected 1 or 2");
            Err(PrmError::config(path, field, problem))
        }
    }
}

/// Which of two labels says "right", by their names; `None`, which is label 1, for names that say
/// nothing.
fn right_label(
    path: &Path,
    names: Option<&serde_json::Map<String, Value>>,
) -> Result<Option<usize>, PrmError> {
    const RIGHT: [&str; 8] = ["positive", "correct", "right", "good", "true", "yes", "+", "1"];
    let Some(names) = names else { return Ok(None) };
    let name = |id: &str| names.get(id).and_then(Value::as_str).map(str::to_lowercase);
    let (Some(first), Some(second)) = (name("0"), name("1")) else {
        let problem = "expected a text for each of \"0\" and \"1\"";
        return Err(PrmError::config(path, "id2label", problem));
    };
    let right = |name: String| RIGHT.contains(&name.as_str());
    Ok(match (right(first), right(second)) {
        (true, false) => Some(0),
        (false, true) => Some(1),
        _ => None,
    })
}
