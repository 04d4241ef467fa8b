//! Writes a trained reward model as the folder that [`crate::RewardModel`] opens.

use std::path::Path;

use tts_models::train::Model;
use tts_models::weights::Dtype;
use tts_models::weights::decoder::NamedTensor;

use crate::head::replace;
use crate::{HeadConfig, PrmError, Reading, Separator};

/// The head of a process reward model that was trained on [`super::Solution::encode`].
pub fn process_config(separator: &str) -> HeadConfig {
    let separator = Some(Separator::Text(separator.to_owned()));
    HeadConfig { separator, trim_steps: true, ..HeadConfig::default() }
}

/// The same for one that was trained on [`super::Solution::process_tokens`].
pub fn process_tokens_config(separator: &str) -> HeadConfig {
    HeadConfig { reading: Reading::Tokens, ..process_config(separator) }
}

/// The head of an outcome reward model that was trained on [`super::Solution::encode`], for a
/// separator that the generator itself writes between steps: only the last step needs one.
pub fn outcome_config(separator: &str) -> HeadConfig {
    HeadConfig { trim_steps: false, ..process_config(separator) }
}

/// Writes backbone and head into `folder`: `config.json`, `model.safetensors` with the head as
/// `score.weight` and `score.bias`, and `head.json`. The tokenizer is the caller's to add.
///
/// # Errors
/// When the model has no label head, or a file cannot be written.
pub fn save(
    folder: &Path,
    model: &Model,
    config: &HeadConfig,
    dtype: Dtype,
) -> Result<(), PrmError> {
    let Some(head) = &model.label else {
        return Err(PrmError::head(folder, "score.weight", "the model has no label head"));
    };
    let labels = head.bias.len();
    let tensor = |part: &str, shape: &[usize], values| NamedTensor {
        name: format!("score.{part}"),
        shape: shape.to_vec(),
        values,
    };
    let further = [
        tensor("weight", &[labels, head.weight.len() / labels.max(1)], &head.weight[..]),
        tensor("bias", &[labels], &head.bias[..]),
    ];
    model.decoder.save_as(folder, dtype, &further)?;
    let path = folder.join("head.json");
    let json = serde_json::to_vec_pretty(config)
        .map_err(|error| PrmError::config(&path, "JSON", error.to_string()))?;
    replace(&path, &json)
}
