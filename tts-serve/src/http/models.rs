//! `GET /v1/models`: what can be asked, and how.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};
use tts_search::Recipe;

use super::ask::pick;
use super::{Shared, error};
use crate::Model;

fn body(id: &str, model: &Model) -> Value {
    let scorers: Vec<&String> = model.scorers.keys().collect();
    json!({
        "id": id, "object": "model", "created": 0, "owned_by": "tts",
        "tts": {
            "strategies": Recipe::NAMES, "scorers": scorers, "default_scorer": model.default_scorer,
            "tasks": tts_core::task::NAMES,
        },
    })
}

/// Each model under its own name, and with each strategy at the server's own N.
pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Response {
    let n = shared.config.default_n;
    let names = |model: &Model| -> Vec<Value> {
        let alone = body(&model.name, model);
        let with = |name: &&str| body(&format!("{}+{name}-{n}", model.name), model);
        std::iter::once(alone).chain(Recipe::NAMES.iter().map(with)).collect()
    };
    let data: Vec<Value> = shared.models.iter().flat_map(names).collect();
    super::json(200, &json!({"object": "list", "data": data}))
}

/// One model, with or without a strategy.
pub(super) async fn one(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Response {
    match pick(&shared.models, &shared.config, &name) {
        Ok((place, _)) => super::json(200, &body(&name, &shared.models[place])),
        Err(fault) => error(&fault),
    }
}
