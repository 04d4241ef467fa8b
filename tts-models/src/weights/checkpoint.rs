//! A checkpoint on disk, whatever its format.
//!
//! Tensors are asked for by Hugging Face's names (`model.layers.0.self_attn.q_proj.weight`). For
//! GGUF files names are translated and rotary rows put back in order ([`super::names`]); for
//! Hugging Face folders the prefix `model.` may be missing, as in backbone-only checkpoints, and all
//! names may have the prefix `pretrained_model.`, as wrappers with a value head write them.

use std::path::{Path, PathBuf};

use super::names::{self, Rotary};
use super::safetensors::{SafetensorsFile, Shards};
use super::{Gguf, RawTensor};
use crate::{ModelConfig, ModelError};

/// An open checkpoint: its config, and its tensors on request.
#[derive(Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    path: PathBuf,
    config: ModelConfig,
    tensors: Tensors,
}

#[derive(Debug)]
enum Tensors {
    Gguf(Box<Gguf>),
    Safetensors(Shards),
}

impl Checkpoint {
    /// Opens a `.gguf` file, a folder with `config.json` and safetensors, or a `.json` or
    /// `.safetensors` file within such a folder. A `.safetensors` file named directly is the only
    /// one read.
    ///
    /// # Errors
    /// When a file is missing or broken, or asks for an architecture that is not supported.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::open_path(path.as_ref())
    }

    fn open_path(path: &Path) -> Result<Self, ModelError> {
        if path.is_dir() {
            return Self::open_folder(path, &path.join("config.json"));
        }
        let folder = parent(path);
        match path.extension().and_then(|e| e.to_str()) {
            Some("gguf") => Self::from_gguf(Gguf::open(path)?),
            Some("json") if path.ends_with("model.safetensors.index.json") => {
                Self::open_folder(&folder, &folder.join("config.json"))
            }
            Some("json") => Self::open_folder(&folder, path),
            Some("safetensors") => {
                let config = ModelConfig::from_json(folder.join("config.json"))?;
                let file = SafetensorsFile::open(path)?;
                Ok(Self::from_safetensors(config, file.into(), folder, path))
            }
            _ => Err(ModelError::unsupported(
                path,
                "path",
                "kind of file; expected .gguf, .safetensors, config.json or a folder",
            )),
        }
    }

    fn open_folder(folder: &Path, config: &Path) -> Result<Self, ModelError> {
        let config = ModelConfig::from_json(config)?;
        let shards = Shards::open(folder)?;
        Ok(Self::from_safetensors(config, shards, folder.to_owned(), folder))
    }

    /// A checkpoint of an open GGUF file.
    ///
    /// # Errors
    /// When the metadata does not describe a supported decoder.
    pub fn from_gguf(gguf: Gguf) -> Result<Self, ModelError> {
        Ok(Self {
            folder: parent(gguf.path()),
            path: gguf.path().to_owned(),
            config: ModelConfig::from_gguf(&gguf)?,
            tensors: Tensors::Gguf(Box::new(gguf)),
        })
    }

    fn from_safetensors(config: ModelConfig, shards: Shards, folder: PathBuf, path: &Path) -> Self {
        Self { folder, path: path.to_owned(), config, tensors: Tensors::Safetensors(shards) }
    }

    /// The shape of the decoder.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The folder that holds the checkpoint (and, for Hugging Face, its tokenizer).
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file or folder, as errors name it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The GGUF file, if it is one: its metadata holds the tokenizer.
    pub fn gguf(&self) -> Option<&Gguf> {
        match &self.tensors {
            Tensors::Gguf(gguf) => Some(gguf),
            Tensors::Safetensors(_) => None,
        }
    }

    /// The files that hold the tensors, in an order that does not depend on where they lie.
    pub(crate) fn files(&self) -> Vec<&Path> {
        match &self.tensors {
            Tensors::Gguf(gguf) => vec![gguf.path()],
            Tensors::Safetensors(shards) => shards.paths().collect(),
        }
    }

    /// Names of all tensors, as in the files.
    pub fn tensor_names(&self) -> Vec<&str> {
        match &self.tensors {
            Tensors::Gguf(gguf) => gguf.tensor_names().collect(),
            Tensors::Safetensors(shards) => shards.tensor_names().collect(),
        }
    }

    /// Whether there is a tensor of that Hugging Face name (or, verbatim, of that stored name).
    pub fn contains(&self, name: &str) -> bool {
        self.stored_name(name).is_some()
    }

    /// Reads a tensor by its Hugging Face name (or, verbatim, by its stored name).
    ///
    /// # Errors
    /// When there is none of that name, its type is not supported, the file cannot be read, or a
    /// rotary tensor's rows are not whole heads.
    pub fn tensor(&self, name: &str) -> Result<RawTensor, ModelError> {
        let missing = || ModelError::format(&self.path, name, "there is no such tensor");
        let stored = self.stored_name(name).ok_or_else(missing)?;
        match &self.tensors {
            Tensors::Gguf(gguf) => {
                let tensor = gguf.read(&stored)?;
                match names::rotary(name) {
                    Some(heads) if self.config.architecture == "llama" => {
                        self.unpermuted(tensor, heads)
                    }
                    _ => Ok(tensor),
                }
            }
            Tensors::Safetensors(shards) => shards.file(&stored).ok_or_else(missing)?.read(&stored),
        }
    }

    fn stored_name(&self, name: &str) -> Option<String> {
        match &self.tensors {
            Tensors::Gguf(gguf) => {
                let stored = names::to_gguf(name).unwrap_or_else(|| name.to_owned());
                gguf.info(&stored).map(|_| stored)
            }
            Tensors::Safetensors(shards) => {
                let candidates = [Some(name), name.strip_prefix("model.")];
                let known = candidates.into_iter().flatten().find(|n| shards.contains(n));
                let wrapped = || format!("pretrained_model.{name}");
                known
                    .map(str::to_owned)
                    .or_else(|| Some(wrapped()).filter(|name| shards.contains(name)))
            }
        }
    }

    fn unpermuted(&self, tensor: RawTensor, heads: Rotary) -> Result<RawTensor, ModelError> {
        let heads = match heads {
            Rotary::Query => self.config.num_attention_heads,
            Rotary::Key => self.config.num_key_value_heads,
        };
        let rows = tensor.shape.first().copied().unwrap_or(0);
        // A quantised vector would mix its rows in one block.
        let row = tensor.bytes.len().checked_div(rows).unwrap_or(0);
        if rows != heads * self.config.head_dim || row * rows != tensor.bytes.len() {
            let problem = format!(
                "{rows} rows of {} as {}, expected {heads} heads of {}",
                tensor.dtype,
                if tensor.shape.len() == 1 { "vector" } else { "matrix" },
                self.config.head_dim
            );
            return Err(ModelError::format(&self.path, tensor.name, problem));
        }
        let bytes = names::unpermute(&tensor.bytes, row, self.config.head_dim);
        Ok(RawTensor { bytes, ..tensor })
    }
}

/// The folder of a file; of a bare name the current one.
fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
