//! `GET /v1/models`: what can be asked, and how.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};
use tts_core::SearchStrategy as _;
use tts_search::Recipe;

use super::ask::pick;
use super::{Shared, error};
use crate::Model;

/// The strategies that a model can be asked for without a word about who judges.
fn strategies(model: &Model, n: usize) -> Vec<&str> {
    let known = Recipe::NAMES.iter().copied().chain(model.registry.names());
    let (alone, led) = (model.search(None), model.search(model.default_scorer.as_deref()));
    let offered = |name: &&str| {
        let Ok(recipe) = model.registry.default_of(name, n) else { return false };
        let needs = recipe.requires();
        let search = if needs.scorer.is_some() { &led } else { &alone };
        search.settings().satisfy(&needs).is_ok()
    };
    known.filter(offered).collect()
}

fn body(id: &str, model: &Model, strategies: &[&str]) -> Value {
    let scorers: Vec<&String> = model.scorers.keys().collect();
    json!({
        "id": id, "object": "model", "created": 0, "owned_by": "tts",
        "tts": {
            "strategies": strategies, "scorers": scorers, "default_scorer": model.default_scorer,
            "tasks": tts_core::task::NAMES,
        },
    })
}

/// Each model under its own name, and with each strategy that it can play at the server's own N.
pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Response {
    let n = shared.config.default_n;
    let names = |model: &Model| -> Vec<Value> {
        let offered = strategies(model, n);
        let alone = body(&model.name, model, &offered);
        let with = |name: &&str| body(&format!("{}+{name}-{n}", model.name), model, &offered);
        std::iter::once(alone).chain(offered.iter().map(with)).collect()
    };
    let data: Vec<Value> = shared.models.iter().flat_map(names).collect();
    super::json(200, &json!({"object": "list", "data": data}))
}

/// One model, with or without a strategy.
pub(super) async fn one(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Response {
    match pick(&shared.models, &shared.config, &name) {
        Ok((place, _)) => {
            let model = &shared.models[place];
            let offered = strategies(model, shared.config.default_n);
            super::json(200, &body(&name, model, &offered))
        }
        Err(fault) => error(&fault),
    }
}
