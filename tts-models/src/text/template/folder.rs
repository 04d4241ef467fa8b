//! Where a model's folder keeps its chat template.

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

/// Looks for `chat_template.jinja` and `tokenizer_config.json`.
pub(super) fn read(folder: &Files) -> Result<Found, ModelError> {
    let config_file = folder.join("tokenizer_config.json");
    let config = match config_file.read_if_there()? {
        Some(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| ModelError::format(config_file.path(), "JSON", error.to_string()))?,
        None => Value::Null,
    };
    let file = folder.join("chat_template.jinja");
    let (source, file) = match file.read_if_there()? {
        Some(bytes) => {
            let source = String::from_utf8(bytes)
                .map_err(|error| ModelError::format(file.path(), "text", error.to_string()))?;
            (source, file)
        }
        None => (in_config(&config, config_file.path())?, config_file),
    };
    let token = |key: &str| {
        let token = &config[key];
        token.as_str().or_else(|| token["content"].as_str()).unwrap_or_default().to_owned()
    };
    Ok(Found { source, bos_token: token("bos_token"), eos_token: token("eos_token"), file })
}

/// `chat_template` of a config: a string, or a list of which one is named `default`.
fn in_config(config: &Value, path: &Path) -> Result<String, ModelError> {
    let template = &config["chat_template"];
    let default = || {
        let list = template.as_array()?;
        list.iter().find(|entry| entry["name"] == "default")?["template"].as_str()
    };
    template.as_str().or_else(default).map(str::to_owned).ok_or_else(|| ModelError::Format {
        path: path.to_owned(),
        field: NAME.into(),
        problem: "neither a template nor a list with one named \"default\"; \
                  there is no chat_template.jinja either"
            .into(),
    })
}

/// The key of the template.
const NAME: &str = "chat_template";
