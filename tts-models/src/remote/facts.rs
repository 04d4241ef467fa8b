//! What a server says of itself: its kind, its model, and its limits.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dialect::{Dialect, LlamaServer, Sglang, Vllm, integer};
use super::http::Http;
use super::server::Speech;
use super::text::Interface;
use super::{RemoteConfig, RemoteError, ServerKind, TextOnly};

/// Names of models that an error lists.
const NAMES: usize = 40;

/// Positions of its context that `SGLang` takes no prompt into: a line's next call must be shorter.
const SGLANG_KEEPS: usize = 6;

/// A server, by its own word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// What it is.
    pub kind: ServerKind,
    /// Its version, as it writes it.
    pub version: String,
    /// The model, by the name that it is asked for by.
    pub model: String,
    /// The model's files, on the server's machine.
    pub files: Option<String>,
    /// Tokens of a prompt and what follows, at most.
    pub positions: usize,
    /// Positions that it has behind these, and takes no prompt into.
    #[serde(default, skip_serializing_if = "is_none")]
    pub kept_back: usize,
    /// Sequences that it keeps apart, where it does.
    pub slots: Option<usize>,
    /// Whether it draws by the seeds that it is given.
    pub seeded: bool,
    /// Parameters of the model, where it says so.
    pub parameters: Option<u64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if takes a reference"
)]
fn is_none(n: &usize) -> bool {
    *n == 0
}

impl Facts {
    /// The model's name without the folders that it lies in.
    pub fn name(&self) -> &str {
        let name = self.model.trim_end_matches(['/', '\\']);
        name.rsplit(['/', '\\']).next().unwrap_or(name)
    }
}

/// Asks a server what it is.
pub(super) async fn ask(http: &Http, config: &RemoteConfig) -> Result<Facts, RemoteError> {
    let kinds = match config.kind {
        ServerKind::Auto => vec![ServerKind::LlamaServer, ServerKind::Sglang, ServerKind::Vllm],
        kind => vec![kind],
    };
    let mut denied = None;
    for kind in kinds {
        let found = match kind {
            ServerKind::LlamaServer => llama(http).await,
            ServerKind::Sglang => sglang(http).await,
            kind if kind.takes_text() => return super::text::facts(http, config).await,
            _ => vllm(http, config.model.as_deref()).await,
        };
        match found {
            // Without a key some servers tell nothing of any path, and others deny those that they do not have.
            Err(error @ RemoteError::Refused { status: 401 | 403, .. })
                if config.kind == ServerKind::Auto =>
            {
                denied.get_or_insert(error);
            }
            // Another kind of server does not know the path.
            Err(RemoteError::Refused { status: 400..=499, .. } | RemoteError::Answer { .. })
                if config.kind == ServerKind::Auto => {}
            found => return found.and_then(|facts| is_asked_for(facts, http, config)),
        }
    }
    if let Some(denied) = denied {
        return Err(denied);
    }
    let mut problem =
        "none of llama-server, SGLang and vLLM, by its /props, /server_info and /version"
            .to_owned();
    if http.get("/api/version").await.is_ok() {
        problem.push_str("; it may be ollama, which takes text alone: set `kind` to `ollama`");
    } else if http.get("/v1/models").await.is_ok() {
        problem.push_str(
            "; it has /v1/models, as servers of text do: set `kind` to `completions` or `chat`",
        );
    }
    Err(RemoteError::answer(http.base(), problem))
}

/// The model that was asked for, where one was: a server of one model may answer whatever it is called.
fn is_asked_for(facts: Facts, http: &Http, config: &RemoteConfig) -> Result<Facts, RemoteError> {
    let files = facts.files.as_deref().unwrap_or_default();
    let file = files.rsplit(['/', '\\']).next().unwrap_or(files);
    let known = [facts.model.as_str(), facts.name(), files, file];
    match &config.model {
        Some(model) if !known.contains(&model.as_str()) => {
            let problem = format!("{model:?}, but {} serves {:?}", http.base(), facts.model);
            Err(RemoteError::config("model", problem))
        }
        _ => Ok(within(facts, config)),
    }
}

/// No more positions than were allowed.
fn within(facts: Facts, config: &RemoteConfig) -> Facts {
    let allowed = if config.positions == 0 { usize::MAX } else { config.positions };
    Facts { positions: facts.positions.min(allowed), ..facts }
}

/// How its kind is spoken to.
pub(super) fn speech(kind: ServerKind, config: &RemoteConfig) -> Result<Speech, RemoteError> {
    let ids: Box<dyn Dialect> = match kind {
        ServerKind::LlamaServer => Box::new(LlamaServer),
        ServerKind::Sglang => Box::new(Sglang),
        ServerKind::Auto | ServerKind::Vllm => Box::new(Vllm),
        ServerKind::Completions | ServerKind::Chat | ServerKind::Ollama => {
            let options = config.text_only.clone();
            return Ok(Speech::Text(Interface::new(kind, options)?));
        }
    };
    if config.text_only != TextOnly::default() {
        let problem = format!("set, but {kind} takes token ids");
        return Err(RemoteError::config("text_only", problem));
    }
    Ok(Speech::Ids(ids))
}

/// The model that is meant, of those that a server lists.
pub(super) fn named<'v>(
    http: &Http,
    list: &'v [Value],
    field: &str,
    model: Option<&str>,
) -> Result<&'v Value, RemoteError> {
    let found = match (model, list) {
        (_, []) => return Err(RemoteError::answer(http.base(), "no model in its list")),
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(name), list) => list.iter().find(|model| model[field] == name),
    };
    found.ok_or_else(|| {
        let names = list.iter().filter_map(|model| model[field].as_str()).take(NAMES);
        let names: Vec<&str> = names.collect();
        let problem = match model {
            Some(name) => format!("{name:?} is not served here; there are: {}", names.join(", ")),
            None => format!("several models, name one of: {}", names.join(", ")),
        };
        RemoteError::config("model", format!("{}: {problem}", http.base()))
    })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn size(http: &Http, value: &Value, name: &str) -> Result<usize, RemoteError> {
    let size = integer(value, name).map_err(|problem| RemoteError::answer(http.base(), problem))?;
    Ok(usize::try_from(size).unwrap_or(usize::MAX))
}

async fn llama(http: &Http) -> Result<Facts, RemoteError> {
    let props = http.get("/props").await?;
    let slots = size(http, &props["total_slots"], "total_slots")?;
    let positions = size(http, &props["default_generation_settings"]["n_ctx"], "n_ctx")?;
    let models = http.get("/v1/models").await?;
    let files = text(&props["model_path"]);
    let model = text(&props["model_alias"]).filter(|name| !name.is_empty());
    Ok(Facts {
        kind: ServerKind::LlamaServer,
        version: text(&props["build_info"]).unwrap_or_default(),
        model: model.or_else(|| files.clone()).unwrap_or_default(),
        files,
        positions,
        kept_back: 0,
        slots: Some(slots),
        seeded: true,
        parameters: models["data"][0]["meta"]["n_params"].as_u64(),
    })
}

async fn sglang(http: &Http) -> Result<Facts, RemoteError> {
    let info = http.get("/server_info").await?;
    let seeded = info["enable_deterministic_inference"].as_bool();
    let seeded = seeded.ok_or_else(|| {
        RemoteError::answer(http.base(), "/server_info without enable_deterministic_inference")
    })?;
    let (length, kept_back) = match &info["context_length"] {
        Value::Null => (size(http, &info["max_req_input_len"], "max_req_input_len")?, 0),
        length => (size(http, length, "context_length")?, SGLANG_KEEPS),
    };
    let files = text(&info["model_path"]);
    Ok(Facts {
        kind: ServerKind::Sglang,
        version: text(&info["version"]).unwrap_or_default(),
        model: text(&info["served_model_name"]).or_else(|| files.clone()).unwrap_or_default(),
        files,
        positions: length.saturating_sub(kept_back),
        kept_back,
        slots: None,
        seeded,
        parameters: None,
    })
}

async fn vllm(http: &Http, model: Option<&str>) -> Result<Facts, RemoteError> {
    let version = http.get("/version").await?;
    let missing =
        |path: &str, what: &str| RemoteError::answer(http.url(path), format!("no {what}"));
    let version = text(&version["version"]).ok_or_else(|| missing("/version", "version"))?;
    let models = http.get("/v1/models").await?;
    let list = models["data"].as_array().map_or(&[][..], Vec::as_slice);
    let found = named(http, list, "id", model)?;
    Ok(Facts {
        kind: ServerKind::Vllm,
        version,
        model: text(&found["id"]).unwrap_or_default(),
        files: text(&found["root"]),
        positions: size(http, &found["max_model_len"], "max_model_len")?,
        kept_back: 0,
        slots: None,
        seeded: true,
        parameters: None,
    })
}
