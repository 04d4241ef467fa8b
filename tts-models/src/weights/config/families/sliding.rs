//! Which layers of a `config.json` have windows.
//!
//! Some families say it by a list of kinds of layers (`layer_types`), some by their number, some have one window for
//! all. Whatever a family does without a list, one that says otherwise than what would run is refused, and so is a layer
//! with a window of which the file says that there is none.
//!
//! Source: `configuration_*.py` and `masking_utils.py` of Hugging Face transformers.

use super::super::json::Object;
use super::super::switches::{Attends, Rotation};
use crate::{ModelConfig, ModelError};

const TYPES: &str = "layer_types";
const WINDOW: &str = "sliding_window";

/// The window of a file: `default` where it has no word of one, none where it says so by `null`.
pub(super) fn window(
    object: &Object<'_>,
    default: Option<usize>,
) -> Result<Option<usize>, ModelError> {
    match object.count(WINDOW)? {
        None if !object.is_null(WINDOW) => Ok(default),
        window => Ok(window),
    }
}

/// Which layers have a window by the list of a file; `None` without one.
fn listed(object: &Object<'_>, config: &ModelConfig) -> Result<Option<Vec<bool>>, ModelError> {
    let Some(types) = object.texts(TYPES)? else { return Ok(None) };
    let slides = |kind: &&str| match *kind {
        "full_attention" => Ok(false),
        "sliding_attention" => Ok(true),
        other => Err(object.unsupported(TYPES, format!("layer type {other:?}"))),
    };
    let slides = types.iter().map(slides).collect::<Result<Vec<bool>, _>>()?;
    if slides.len() != config.num_hidden_layers {
        let problem = format!("{} types of {} layers", slides.len(), config.num_hidden_layers);
        return Err(object.error(TYPES, problem));
    }
    Ok(Some(slides))
}

/// Refuses windows in a family that has none.
pub(super) fn all_see_everything(
    object: &Object<'_>,
    config: &ModelConfig,
) -> Result<(), ModelError> {
    let used = "use_sliding_window";
    if object.boolean(used)? == Some(true) {
        return Err(object.unsupported(used, "windows in this family"));
    }
    match listed(object, config)?.and_then(|slides| slides.iter().position(|slides| *slides)) {
        Some(layer) => {
            let what = format!("window of layer {layer} in a family without windows");
            Err(object.unsupported(TYPES, what))
        }
        None => Ok(()),
    }
}

/// The same window in every layer.
pub(super) fn everywhere(window: Option<usize>, config: &ModelConfig) -> Vec<Attends> {
    match window {
        None => Vec::new(),
        // A window over everything is none.
        Some(tokens) if tokens >= config.max_position_embeddings => Vec::new(),
        window => vec![Attends { window, ..Attends::default() }; config.num_hidden_layers],
    }
}

/// The same of a file, whose list of kinds, if it has one, must say so too.
pub(super) fn all_slide(
    object: &Object<'_>,
    config: &ModelConfig,
    window: Option<usize>,
) -> Result<Vec<Attends>, ModelError> {
    let all = everywhere(window, config);
    let Some(slides) = listed(object, config)? else { return Ok(all) };
    let layer = |kind: bool| slides.iter().position(|slides| *slides == kind);
    match (window, layer(true), layer(false)) {
        (None, Some(layer), _) => Err(unsaid(object, layer)),
        (Some(tokens), _, Some(layer)) if !all.is_empty() => {
            let what = format!(
                "layer {layer} that sees everything, where every layer of the family has the \
                 window of {tokens} tokens that {WINDOW} says"
            );
            Err(object.unsupported(TYPES, what))
        }
        _ => Ok(all),
    }
}

/// Layers of which some have windows: those that the file lists, or else what their number says. These are turned by
/// `rotation`. Empty where none differs from a layer of Llama.
pub(super) fn some_slide(
    object: &Object<'_>,
    config: &ModelConfig,
    window: Option<usize>,
    rotation: Rotation,
    default: impl Fn(usize) -> bool,
) -> Result<Vec<Attends>, ModelError> {
    let by_number = || (0..config.num_hidden_layers).map(default).collect();
    let slides = listed(object, config)?.unwrap_or_else(by_number);
    let Some(first) = slides.iter().position(|slides| *slides) else { return Ok(Vec::new()) };
    let Some(window) = window else { return Err(unsaid(object, first)) };
    let own = Attends {
        // A window over everything is none.
        window: Some(window).filter(|&tokens| tokens < config.max_position_embeddings),
        rotation,
    };
    if own == Attends::default() {
        return Ok(Vec::new());
    }
    Ok(slides.into_iter().map(|slides| if slides { own } else { Attends::default() }).collect())
}

fn unsaid(object: &Object<'_>, layer: usize) -> ModelError {
    object.error(WINDOW, format!("no number, and layer {layer} has a window"))
}
