//! Where a model's folder keeps its chat template.
//!
//! The first of three places that has one: a file of its own, the tokenizer's config, and the file in which the classes
//! of models that read pictures, too, kept it, as that of Mistral Small 3.1.
//!
//! Source: `save_pretrained` of tokenizers and processors in Hugging Face transformers.

use std::path::Path;

use serde_json::Value;

use crate::{Files, ModelError};

/// A template and the tokens it refers to.
pub(super) struct Found {
    pub(super) source: String,
    pub(super) bos_token: String,
    pub(super) eos_token: String,
    /// The file that the template is in.
    pub(super) file: Files,
}

/// Looks for `chat_template.jinja`, `tokenizer_config.json` and `chat_template.json`; `None` where none has a template.
pub(super) fn read(folder: &Files) -> Result<Option<Found>, ModelError> {
    let config_file = folder.join(CONFIG);
    let config = config_file.read_json()?.unwrap_or_default();
    let token = |key: &str| {
        let token = &config[key];
        token.as_str().or_else(|| token["content"].as_str()).unwrap_or_default().to_owned()
    };
    let (bos_token, eos_token) = (token("bos_token"), token("eos_token"));
    let found = |(source, file)| Found { source, bos_token, eos_token, file };
    Ok(source(folder, &config, config_file)?.map(found))
}

/// The template and the file that it is in.
fn source(
    folder: &Files,
    config: &Value,
    config_file: Files,
) -> Result<Option<(String, Files)>, ModelError> {
    let file = folder.join("chat_template.jinja");
    if let Some(bytes) = file.read_if_there()? {
        let source = String::from_utf8(bytes)
            .map_err(|error| ModelError::format(file.path(), "text", error.to_string()))?;
        return Ok(Some((source, file)));
    }
    if let Some(source) = in_config(config, config_file.path())? {
        return Ok(Some((source, config_file)));
    }
    let file = folder.join("chat_template.json");
    let Some(config) = file.read_json()? else { return Ok(None) };
    // That file is there for nothing else.
    let source = in_config(&config, file.path())?.ok_or_else(|| unsound(file.path(), ""))?;
    Ok(Some((source, file)))
}

/// `chat_template` of a config: a string, or a list of which one is named `default`; `None` where it has none.
fn in_config(config: &Value, path: &Path) -> Result<Option<String>, ModelError> {
    let template = &config[NAME];
    if template.is_null() {
        return Ok(None);
    }
    let default = || {
        let list = template.as_array()?;
        list.iter().find(|entry| entry["name"] == "default")?["template"].as_str()
    };
    let source = template.as_str().or_else(default).ok_or_else(|| unsound(path, ""))?;
    Ok(Some(source.to_owned()))
}

/// What is wrong with a folder that has no template.
pub(super) fn missing(folder: &Files) -> ModelError {
    let nor = "; there is no chat_template.jinja and no chat_template.json either";
    unsound(folder.join(CONFIG).path(), nor)
}

fn unsound(path: &Path, nor: &str) -> ModelError {
    let problem = format!("neither a template nor a list with one named \"default\"{nor}");
    ModelError::format(path, NAME, problem)
}

/// The file that says most of a tokenizer.
const CONFIG: &str = "tokenizer_config.json";

/// The key of the template.
const NAME: &str = "chat_template";
