//! Reads a head from safetensors, by the names that trainers give it.
//!
//! A head is `NAME.weight` `[labels, hidden]` with or without `NAME.bias`, or `NAME.0.weight`,
//! `NAME.0.bias`, `NAME.2.weight`, `NAME.2.bias` around a `ReLU`. A weight of shape `[hidden]` is one
//! label. More than one head in a file is an error unless the configuration says which.

use std::path::Path;

use tts_models::weights::RawTensor;
use tts_models::weights::safetensors::SafetensorsFile;
use tts_models::{Checkpoint, Files, ModelError, TextSide};

use super::config::HeadConfig;
use super::contrast;
use super::network::{Linear, RewardHead};
use crate::PrmError;

/// The usual names: sequence and token classification, TRL's value heads, and others.
const NAMES: [&str; 11] = [
    "score",
    "v_head.summary",
    "v_head",
    "value_head",
    "reward_head",
    "rm_head",
    "regression_head",
    "regression_layer",
    "classifier",
    "prm_head",
    "head",
];

/// What tensors are read from.
trait Tensors {
    fn path(&self) -> &Path;
    fn contains(&self, name: &str) -> bool;
    fn tensor(&self, name: &str) -> Result<RawTensor, ModelError>;
}

impl Tensors for SafetensorsFile {
    fn path(&self) -> &Path {
        self.path()
    }
    fn contains(&self, name: &str) -> bool {
        self.contains(name)
    }
    fn tensor(&self, name: &str) -> Result<RawTensor, ModelError> {
        self.read(name)
    }
}

impl Tensors for Checkpoint {
    fn path(&self) -> &Path {
        self.path()
    }
    fn contains(&self, name: &str) -> bool {
        self.contains(name)
    }
    fn tensor(&self, name: &str) -> Result<RawTensor, ModelError> {
        self.tensor(name)
    }
}

impl RewardHead {
    /// Reads a head from a `.safetensors` file, or from `head.safetensors` in a folder, with the
    /// [`HeadConfig`] beside it. Element types are F32, F16 and BF16.
    ///
    /// # Errors
    /// When a file cannot be read or is broken, a tensor is missing, has an unfit shape or a value
    /// that is not finite, or the configuration does not fit.
    pub fn open(files: impl Into<Files>) -> Result<Self, PrmError> {
        Self::open_files(files.into())
    }

    fn open_files(files: Files) -> Result<Self, PrmError> {
        let config = HeadConfig::beside(files.folder())?;
        let file = if files.is_folder() { files.join("head.safetensors") } else { files };
        Self::read_file(file, config)
    }

    /// [`RewardHead::open`] of a file with a configuration of the caller's.
    ///
    /// # Errors
    /// As [`RewardHead::open`].
    pub fn read(file: impl Into<Files>, config: HeadConfig) -> Result<Self, PrmError> {
        Self::read_file(file.into(), config)
    }

    fn read_file(file: Files, config: HeadConfig) -> Result<Self, PrmError> {
        from_tensors(&SafetensorsFile::open(file)?, config)
    }

    /// Reads the head that a checkpoint holds beside its backbone, or makes one of its output head
    /// ([`HeadConfig::contrast`]).
    ///
    /// # Errors
    /// As [`RewardHead::open`]; of a contrast also when its tokens are not one token each or are the
    /// same, or the configuration names another head as well.
    pub fn from_checkpoint(checkpoint: &Checkpoint, config: HeadConfig) -> Result<Self, PrmError> {
        match config.contrast.clone() {
            Some(contrast) => {
                let text = TextSide::open(checkpoint)?;
                contrast::read(checkpoint, &text.tokenizer, &contrast, config)
            }
            None => from_tensors(checkpoint, config),
        }
    }
}

fn from_tensors(tensors: &impl Tensors, config: HeadConfig) -> Result<RewardHead, PrmError> {
    let path = tensors.path();
    if config.contrast.is_some() {
        let problem = "set, but a file of a head has no output head: open the model's folder";
        return Err(PrmError::config(path, "contrast", problem));
    }
    let there = |name: &str| {
        tensors.contains(&format!("{name}.weight")) || tensors.contains(&format!("{name}.0.weight"))
    };
    let name = if let Some(name) = &config.tensor {
        name.clone()
    } else {
        let found: Vec<&str> = NAMES.into_iter().filter(|name| there(name)).collect();
        match found[..] {
            [name] => name.to_owned(),
            [] => {
                let problem = format!(
                    "missing; so are the others of {}. Does the model judge by two tokens? Then its \
                     head.json needs `format` or `contrast`",
                    NAMES.join(", ")
                );
                return Err(PrmError::head(path, "score.weight", problem));
            }
            [first, ..] => {
                let problem = format!("one of {}: say which one as `tensor`", found.join(", "));
                return Err(PrmError::head(path, &format!("{first}.weight"), problem));
            }
        }
    };
    let layers = if tensors.contains(&format!("{name}.0.weight")) {
        // What lies between is not stored; a third layer would show.
        let beyond = format!("{name}.4.weight");
        if tensors.contains(&beyond) {
            return Err(PrmError::head(path, &beyond, "a third layer, expected at most two"));
        }
        vec![linear(tensors, &format!("{name}.0"))?, linear(tensors, &format!("{name}.2"))?]
    } else {
        vec![linear(tensors, &name)?]
    };
    RewardHead::checked(layers, config, path.to_owned(), name)
}

fn linear(tensors: &impl Tensors, name: &str) -> Result<Linear, PrmError> {
    let path = tensors.path();
    let weight_name = format!("{name}.weight");
    let raw = tensors.tensor(&weight_name)?;
    let (outputs, inputs) = match raw.shape[..] {
        [inputs] => (1, inputs),
        [outputs, inputs] => (outputs, inputs),
        _ => {
            let problem = format!("shape {:?}, expected [labels, hidden]", raw.shape);
            return Err(PrmError::head(path, &weight_name, problem));
        }
    };
    let weight = values(path, &weight_name, &raw)?;
    let bias_name = format!("{name}.bias");
    let bias = if tensors.contains(&bias_name) {
        let raw = tensors.tensor(&bias_name)?;
        if raw.shape != [outputs] {
            let problem = format!("shape {:?}, expected [{outputs}]", raw.shape);
            return Err(PrmError::head(path, &bias_name, problem));
        }
        Some(values(path, &bias_name, &raw)?)
    } else {
        None
    };
    Ok(Linear { weight, bias, outputs, inputs })
}

fn values(path: &Path, name: &str, raw: &RawTensor) -> Result<Vec<f32>, PrmError> {
    raw.to_f32().map_err(|error| PrmError::head(path, name, error.to_string()))
}
