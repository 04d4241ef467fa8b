//! What to say of files that are no model, so that a user knows what to do about it.
//!
//! A path may be the name of a model on a hub, a folder an adapter or weights in Python's own format,
//! and a file the few lines that stand for a large one until it is fetched. Readers of the formats
//! would name a missing file or a wrong byte of these; here they are told apart by what lies there.
//!
//! Source: the file names of Hugging Face's libraries; the pointer files of Git LFS.

use std::io::Read;
use std::path::{Component, Path};

use crate::ModelError;
use crate::weights::Files;

/// How the pointer files of Git LFS begin.
const POINTER: &[u8] = b"version https://git-lfs";

/// The first bytes of a file; fewer if it is shorter, none if it cannot be read.
fn start(files: &Files, length: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What cannot be read is said by whoever reads it.
    let _ = files.open().and_then(|file| file.take(length).read_to_end(&mut bytes));
    bytes
}

/// Whether a file is GGUF by its first bytes, whatever its name.
pub(super) fn is_gguf(files: &Files) -> bool {
    start(files, 4) == b"GGUF"
}

/// Refuses the pointer that stands for a large file in a Git repository.
pub(super) fn refuse_pointer(files: &Files) -> Result<(), ModelError> {
    if start(files, POINTER.len() as u64) != POINTER {
        return Ok(());
    }
    let problem =
        "a Git LFS pointer, not the file that it stands for: fetch that with `git lfs pull`";
    Err(ModelError::format(files.path(), "content", problem))
}

/// What lies in a folder of Mistral's own format beside its `params.json`.
const MISTRAL: [&str; 3] =
    ["consolidated.safetensors", "consolidated.safetensors.index.json", "tekken.json"];

/// Refuses a folder that is no model, but something else that is known.
pub(super) fn folder(folder: &Files, config: &Files) -> Result<(), ModelError> {
    let there = |name: &str| folder.join(name).exists();
    if !config.exists() && there("adapter_config.json") {
        let problem =
            "is an adapter, not a model: open its base model, with this folder as the adapter";
        return Err(ModelError::format(folder.path(), "path", problem));
    }
    if let (false, true, Some(other)) =
        (config.exists(), there("params.json"), MISTRAL.into_iter().find(|name| there(name)))
    {
        let what = format!(
            "folder in Mistral's own format (params.json, {other}), whose tensors have other names: open the \
             model in Hugging Face's form (config.json, model.safetensors, tokenizer.json), or as GGUF"
        );
        return Err(ModelError::unsupported(folder.path(), "config.json", what));
    }
    let safe = there("model.safetensors") || there("model.safetensors.index.json");
    let others = ["pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.00.pth"];
    if let (false, Some(other)) = (safe, others.into_iter().find(|name| there(name))) {
        let what = format!(
            "{other} without model.safetensors: load and save it once with `transformers`, \
             `save_pretrained(folder, safe_serialization=True)`, or convert it to GGUF"
        );
        return Err(ModelError::unsupported(folder.path(), "model.safetensors", what));
    }
    Ok(())
}

/// What a path is that leads to nothing known.
pub(super) fn unknown(files: &Files) -> ModelError {
    let path = files.path();
    if !files.exists() {
        let problem = if is_hub_name(path) {
            "there is no such file or folder; if it is the name of a model on a hub: nothing \
             is downloaded, fetch it first and give the path of its folder or GGUF file"
        } else {
            "there is no such file or folder"
        };
        return ModelError::format(path, "path", problem);
    }
    if let Err(pointer) = refuse_pointer(files) {
        return pointer;
    }
    let what = "kind of file; expected GGUF, .safetensors, config.json or a folder";
    ModelError::unsupported(path, "path", what)
}

/// Whether a path reads as `owner/name`.
fn is_hub_name(path: &Path) -> bool {
    let parts: Vec<Component<'_>> = path.components().collect();
    parts.len() == 2 && parts.iter().all(|part| matches!(part, Component::Normal(_)))
}

/// Says how to come by a `tokenizer.json` where there is another file of a tokenizer.
pub(crate) fn tokenizer(folder: &Files) -> Result<(), ModelError> {
    let file = folder.join("tokenizer.json");
    if file.exists() {
        return refuse_pointer(&file);
    }
    let others = ["tokenizer.model", "spiece.model", "vocab.json", "tekken.json"];
    let Some(other) = others.into_iter().find(|name| folder.join(name).exists()) else {
        return Ok(());
    };
    let problem = format!(
        "is missing beside {other}: write it once with `transformers`, \
         `AutoTokenizer.from_pretrained(folder).save_pretrained(folder)`"
    );
    Err(ModelError::format(file.path(), "path", problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_the_format_of_mistral_is_told_by_what_lies_in_it() {
        let problem = |names: &[&'static str]| {
            let kept: Vec<(&'static str, &'static [u8])> =
                names.iter().map(|&name| (name, &b"{}"[..])).collect();
            let files = Files::in_memory("m", &kept);
            folder(&files, &files.join("config.json")).err().map(|error| error.to_string())
        };
        for other in MISTRAL {
            let error = problem(&["params.json", "consolidated-00001-of-00002.safetensors", other]);
            let error = error.expect("refused");
            let expected = format!(
                "m: config.json: unsupported folder in Mistral's own format (params.json, {other}), "
            );
            assert!(error.starts_with(&expected) && error.contains("or as GGUF"), "{error}");
        }
        // Their repositories hold both forms.
        let both = [&MISTRAL[..], &["params.json", "config.json", "model.safetensors"]].concat();
        assert_eq!(problem(&both), None);
        // Llama's own format has a file of that name, too.
        let llama = problem(&["params.json", "consolidated.00.pth"]).expect("refused");
        assert!(llama.contains("unsupported consolidated.00.pth without"), "{llama}");
        assert_eq!(problem(&["params.json"]), None);
    }
}
