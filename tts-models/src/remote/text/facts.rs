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
    }
    Ok(facts)
}

/// Positions where nobody says how many there are.
const UNTOLD: usize = u32::MAX as usize;
