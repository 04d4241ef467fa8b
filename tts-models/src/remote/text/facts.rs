//! What a server of text says of itself, which is little.

use serde_json::{Value, json};

use crate::remote::facts::{Facts, named};
use crate::remote::http::Http;
use crate::remote::{RemoteConfig, RemoteError, ServerKind};

/// Asks a server what it is.
pub(in crate::remote) async fn facts(
    http: &Http,
    config: &RemoteConfig,
) -> Result<Facts, RemoteError> {
    let ollama = config.kind == ServerKind::Ollama;
    let mut facts = Facts {
        kind: config.kind,
        version: String::new(),
        model: config.model.clone().unwrap_or_default(),
        files: None,
        positions: if config.positions == 0 { UNTOLD } else { config.positions },
        kept_back: 0,
        slots: None,
        seeded: true,
        parameters: None,
    };
    if config.model.is_none() {
        let (path, list, field) =
            if ollama { ("/api/tags", "models", "name") } else { ("/v1/models", "data", "id") };
        let answer = http.get(path).await?;
        let list = answer[list].as_array().map_or(&[][..], Vec::as_slice);
        let model = named(http, list, field, None)?;
        facts.model = model[field].as_str().unwrap_or_default().to_owned();
    }
    if ollama {
        let version = http.get("/api/version").await?;
        facts.version = version["version"].as_str().unwrap_or_default().to_owned();
        let shown: Value = http.post("/api/show", &json!({"model": facts.model})).await?;
        facts.parameters = shown["model_info"]["general.parameter_count"].as_u64();
        if config.positions == 0 {
            facts.positions = num_ctx(&shown["parameters"]).unwrap_or(OLLAMA);
        }
    }
    Ok(facts)
}

/// Positions where nobody says how many there are.
const UNTOLD: usize = u32::MAX as usize;

/// Positions that ollama gives to a model unless it is told otherwise, however many the model could have.
const OLLAMA: usize = 4096;

/// The positions among the parameters of a model file, a name and a value a line.
fn num_ctx(parameters: &Value) -> Option<usize> {
    let lines = parameters.as_str()?.lines();
    let mut values =
        lines.filter_map(|line| line.trim().strip_prefix("num_ctx")?.trim().parse().ok());
    // The last one counts, as in the file.
    values.rfind(|&positions| positions > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_from_a_model_file() {
        for (parameters, expected) in [
            (json!("num_ctx                        8192\nstop    \"<|im_end|>\""), Some(8192)),
            (json!("temperature 0.6\nnum_ctx 2048\nnum_ctx 1024"), Some(1024)),
            (json!("num_ctx many"), None),
            (json!("num_ctx 0"), None),
            (json!(""), None),
            (Value::Null, None),
        ] {
            assert_eq!(num_ctx(&parameters), expected, "{parameters}");
        }
    }
}
