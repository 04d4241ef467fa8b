//! Where a model's folder keeps its chat template.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::ModelError;

/// A template and the tokens it refers to.
pub(super) struct Found {
    pub(super) source: String,
    pub(super) bos_token: String,
    pub(super) eos_token: String,
    /// The file that the template is in.
    pub(super) path: PathBuf,
}

/// Looks for `chat_template.jinja` and `tokenizer_config.json`.
pub(super) fn read(folder: &Path) -> Result<Found, ModelError> {
    let config_path = folder.join("tokenizer_config.json");
    let config = match optional(&config_path)? {
        Some(text) => serde_json::from_str(&text).map_err(|error| ModelError::Format {
            path: config_path.clone(),
            field: "JSON".into(),
            problem: error.to_string(),
        })?,
        None => Value::Null,
    };
    let path = folder.join("chat_template.jinja");
    let (source, path) = match optional(&path)? {
        Some(source) => (source, path),
        None => (in_config(&config, &config_path)?, config_path),
    };
    let token = |key: &str| {
        let token = &config[key];
        token.as_str().or_else(|| token["content"].as_str()).unwrap_or_default().to_owned()
    };
    Ok(Found { source, bos_token: token("bos_token"), eos_token: token("eos_token"), path })
}

/// The text of a file, or `None` where there is no such file.
fn optional(path: &Path) -> Result<Option<String>, ModelError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ModelError::Io { path: path.to_owned(), source }),
    }
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
