//! A checkpoint, whatever its format, on disk or in memory.
//!
//! Tensors are asked for by Hugging Face's names (`model.layers.0.self_attn.q_proj.weight`). For
//! GGUF files names are translated and rotary rows put back in order ([`super::names`]); for
//! Hugging Face folders the prefix `model.` may be missing, as in backbone-only checkpoints, and all
//! names may have the prefix `pretrained_model.`, as wrappers with a value head write them. What a
//! family holds in one tensor is taken apart (rows here, experts in [`super::stacked`]).

use std::ops::Range;
use std::path::Path;

use super::advice;
use super::config::families::Pairs;
use super::names::{self, Rotary};
use super::safetensors::{SafetensorsFile, Shards};
use super::source::Source;
use super::stacked::Part;
use super::{Files, Gguf, RawTensor};
use crate::{ModelConfig, ModelError};

/// An open checkpoint: its config, and its tensors on request.
#[derive(Debug)]
pub struct Checkpoint {
    files: Files,
    folder: Files,
    config: ModelConfig,
    tensors: Tensors,
}

#[derive(Debug)]
enum Tensors {
    Gguf(Box<Gguf>),
    Safetensors(Shards),
}

impl Checkpoint {
    /// Opens a GGUF file whatever its name, a folder with `config.json` and safetensors, or a `.json` or
    /// `.safetensors` file within such a folder. A `.safetensors` file named directly is the only
    /// one read.
    ///
    /// # Errors
    /// When a file is missing or broken, or asks for an architecture that is not supported.
    pub fn open(files: impl Into<Files>) -> Result<Self, ModelError> {
        Self::open_files(files.into())
    }

    fn open_files(files: Files) -> Result<Self, ModelError> {
        let folder = files.folder();
        if files.is_folder() {
            return Self::open_folder(folder, &files.join("config.json"));
        }
        if advice::is_gguf(&files) {
            return Self::from_gguf(Gguf::open(files)?);
        }
        let path = files.path();
        let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        match ending.as_deref() {
            Some("gguf") => Self::from_gguf(Gguf::open(files)?),
            Some("json") if path.ends_with("model.safetensors.index.json") => {
                let config = folder.join("config.json");
                Self::open_folder(folder, &config)
            }
            Some("json") => Self::open_folder(folder, &files),
            Some("safetensors") => {
                let config = ModelConfig::from_json(folder.join("config.json"))?;
                let file = SafetensorsFile::open(&files)?;
                Ok(Self { files, folder, config, tensors: Tensors::Safetensors(file.into()) })
            }
            _ => Err(advice::unknown(&files)),
        }
    }

    fn open_folder(folder: Files, config: &Files) -> Result<Self, ModelError> {
        advice::folder(&folder, config)?;
        let config = ModelConfig::from_json(config)?;
        let tensors = Tensors::Safetensors(Shards::open(&folder)?);
        Ok(Self { files: folder.clone(), folder, config, tensors })
    }

    /// A checkpoint of an open GGUF file.
    ///
    /// # Errors
    /// When the metadata does not describe a supported decoder.
    pub fn from_gguf(gguf: Gguf) -> Result<Self, ModelError> {
        let files = gguf.source().files().clone();
        Ok(Self {
            folder: files.folder(),
            files,
            config: ModelConfig::from_gguf(&gguf)?,
            tensors: Tensors::Gguf(Box::new(gguf)),
        })
    }

    /// The same with at most so many positions, if not 0: see
    /// [`positions`](crate::EngineConfig::positions).
    #[must_use]
    pub fn within(mut self, positions: usize) -> Self {
        if positions > 0 {
            self.config.within(positions);
            if self.gguf().is_some() {
                // Windows that the file does not tell may be why.
                self.config.stored.positions = None;
            }
        }
        self
    }

    /// The shape of the decoder.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The folder that holds the checkpoint (and, for Hugging Face, its tokenizer).
    pub fn folder(&self) -> &Files {
        &self.folder
    }

    /// The file or folder, as errors name it.
    pub fn path(&self) -> &Path {
        self.files.path()
    }

    /// The GGUF file, if it is one: its metadata holds the tokenizer.
    pub fn gguf(&self) -> Option<&Gguf> {
        match &self.tensors {
            Tensors::Gguf(gguf) => Some(gguf),
            Tensors::Safetensors(_) => None,
        }
    }

    /// The files that hold the tensors, in an order that does not depend on where they lie.
    pub(crate) fn sources(&self) -> Vec<&Source> {
        match &self.tensors {
            Tensors::Gguf(gguf) => gguf.sources().collect(),
            Tensors::Safetensors(shards) => shards.sources().collect(),
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
        if let Some(part) = self.stacked(name) {
            let blocks = part.quantised().map(|[blocks, _]| blocks);
            let mut names = std::iter::once(part.name).chain(blocks);
            return names.any(|name| self.stored_name(&name).is_some());
        }
        let stored = self.fused(name).map_or_else(|| name.to_owned(), |(stored, _, _)| stored);
        self.stored_name(&stored).is_some()
    }

    /// The tensors of the file, by their stored names, in which a tensor of this Hugging Face name lies; none where it is not there.
    pub(crate) fn lies_in(&self, name: &str) -> Vec<String> {
        if let Some(part) = self.stacked(name) {
            let blocks = part.quantised().into_iter().flatten();
            let names = std::iter::once(part.name.clone()).chain(blocks);
            return names.filter_map(|name| self.stored_name(&name)).collect();
        }
        let stored = self.fused(name).map_or_else(|| name.to_owned(), |(stored, _, _)| stored);
        self.stored_name(&stored).into_iter().collect()
    }

    /// Reads a tensor by its Hugging Face name (or, verbatim, by its stored name).
    ///
    /// # Errors
    /// When there is none of that name, its type is not supported, the file cannot be read, or a
    /// rotary tensor's rows are not whole heads.
    pub fn tensor(&self, name: &str) -> Result<RawTensor, ModelError> {
        if let (Some(part), Tensors::Safetensors(shards)) = (self.stacked(name), &self.tensors) {
            return self.of_stacked(shards, name, &part);
        }
        if let Some((fused, rows, all)) = self.fused(name) {
            return self.rows(&fused, name, rows, all);
        }
        let missing =
            || ModelError::format(self.path(), self.called(name), "there is no such tensor");
        let stored = self.stored_name(name).ok_or_else(missing)?;
        let tensor = match &self.tensors {
            Tensors::Gguf(gguf) => match names::stack(name) {
                Some((_, expert)) => return self.of_stack(gguf, &stored, expert),
                None => gguf.read(&stored)?,
            },
            Tensors::Safetensors(shards) => {
                shards.file(&stored).ok_or_else(missing)?.read(&stored)?
            }
        };
        let beside = match self.config.family().map_or(Pairs::Apart, |family| family.pairs) {
            Pairs::Apart => false,
            Pairs::BesideInGguf => self.gguf().is_some(),
            Pairs::Beside => true,
        };
        match names::rotary(name).filter(|_| beside) {
            Some(heads) => self.unpermuted(tensor, heads),
            None => Ok(tensor),
        }
    }

    /// What errors call a tensor of this Hugging Face name: a GGUF file's name for it, or of the tensor in which it
    /// lies there.
    pub(crate) fn called(&self, name: &str) -> String {
        let stored = |name: &str| {
            let own = |part: &str| self.config.family()?.gguf_part(part);
            names::stack(name).map(|(stored, _)| stored).or_else(|| names::to_gguf(name, own))
        };
        let whole = || self.fused(name).and_then(|(whole, _, _)| stored(&whole));
        let known = self.gguf().and_then(|_| whole().or_else(|| stored(name)));
        known.unwrap_or_else(|| name.to_owned())
    }

    fn stored_name(&self, name: &str) -> Option<String> {
        match &self.tensors {
            Tensors::Gguf(gguf) => {
                let own = |part: &str| self.config.family()?.gguf_part(part);
                let stack = names::stack(name).map(|(stored, _)| stored);
                let stored = stack.or_else(|| names::to_gguf(name, own));
                let stored = stored.unwrap_or_else(|| name.to_owned());
                gguf.info(&stored).map(|_| stored)
            }
            Tensors::Safetensors(shards) => {
                let renamed = self.config.family().map(|family| family.stored(name));
                let name = renamed.as_deref().unwrap_or(name);
                let bare = name.strip_prefix("model.");
                let known = [Some(name), bare].into_iter().flatten().find(|n| shards.contains(n));
                if let Some(known) = known {
                    return Some(known.to_owned());
                }
                // Of a reward model, and of the decoder of a model of several parts as transformers 4 and 5 call it.
                let wrapped = [
                    Some(format!("pretrained_model.{name}")),
                    Some(format!("language_model.{name}")),
                    bare.map(|bare| format!("model.language_model.{bare}")),
                ];
                wrapped.into_iter().flatten().find(|name| shards.contains(name))
            }
        }
    }

    /// Whether norms are stored less 1.
    pub(crate) fn norm_offset(&self) -> bool {
        let hugging_face = matches!(self.tensors, Tensors::Safetensors(_));
        hugging_face && self.config.family().is_some_and(|family| family.norm_offset)
    }

    /// The tensor in which another one lies, its rows there, and all rows, of families that fuse them; `None` where the
    /// file has the other one instead.
    fn fused(&self, name: &str) -> Option<(String, Range<usize>, usize)> {
        let parts = self.config.family()?.fused.parts();
        let (own, fused) = parts.iter().find(|(own, _)| name.contains(own))?;
        let whole = name.replace(own, fused);
        if self.stored_name(&whole).is_none() && self.stored_name(name).is_some() {
            return None;
        }
        let (q, kv) = (self.config.query_width(), self.config.key_value_width());
        let f = self.config.intermediate_size;
        let (rows, all) = match *own {
            ".q_proj." => (0..q, q + 2 * kv),
            ".k_proj." => (q..q + kv, q + 2 * kv),
            ".v_proj." => (q + kv..q + 2 * kv, q + 2 * kv),
            ".gate_proj." => (0..f, 2 * f),
            _ => (f..2 * f, 2 * f),
        };
        Some((whole, rows, all))
    }

    /// Where an expert's tensor lies in that of all experts, of families whose files hold them so.
    fn stacked(&self, name: &str) -> Option<Part> {
        let hugging_face = matches!(self.tensors, Tensors::Safetensors(_));
        let family = self.config.family().filter(|_| hugging_face)?;
        Part::of(name, family.stacked)
    }

    /// An expert's tensor from that of all experts, in floats or in blocks.
    fn of_stacked(
        &self,
        shards: &Shards,
        name: &str,
        part: &Part,
    ) -> Result<RawTensor, ModelError> {
        let count = self.config.switches.experts.map_or(0, |experts| experts.count);
        let one = (part.expert, count);
        let find = |name: &str| {
            let stored = self.stored_name(name)?;
            Some((shards.file(&stored)?, stored))
        };
        let missing = |name: &str| ModelError::format(self.path(), name, "there is no such tensor");
        let wrong = |problem: String| ModelError::format(self.path(), name, problem);
        if let Some((file, stored)) = find(&part.name) {
            let twice = part.quantised().into_iter().flatten().find(|name| find(name).is_some());
            if let Some(other) = twice {
                return Err(wrong(format!("stands in {stored} and in {other}, expected one")));
            }
            return part.of_floats(&file.read_part(&stored, one)?).map_err(wrong);
        }
        let [blocks, scales] = part.quantised().ok_or_else(|| missing(&part.name))?;
        let Some((file, stored)) = find(&blocks) else { return Err(missing(&part.name)) };
        let blocks = file.read_bytes(&stored, one)?;
        let (file, stored) = find(&scales).ok_or_else(|| missing(&scales))?;
        part.of_blocks(&blocks, &file.read_bytes(&stored, one)?).map_err(wrong)
    }

    /// Some rows of a tensor, as one of another name.
    fn rows(
        &self,
        fused: &str,
        name: &str,
        rows: Range<usize>,
        expected: usize,
    ) -> Result<RawTensor, ModelError> {
        let tensor = self.tensor(fused)?;
        let all = tensor.shape.first().copied().unwrap_or_default();
        let row = tensor.bytes.len().checked_div(all).unwrap_or_default();
        if all != expected || row * all != tensor.bytes.len() {
            let problem = format!("{all} rows, expected {expected}");
            return Err(ModelError::format(self.path(), self.called(fused), problem));
        }
        let mut shape = tensor.shape;
        shape[0] = rows.len();
        let bytes = tensor.bytes[rows.start * row..rows.end * row].to_vec();
        Ok(RawTensor { name: name.to_owned(), shape, dtype: tensor.dtype, bytes })
    }

    /// An expert's tensor from that of all experts of its layer.
    fn of_stack(&self, gguf: &Gguf, stored: &str, expert: usize) -> Result<RawTensor, ModelError> {
        let expected = self.config.switches.experts.map_or(0, |experts| experts.count);
        let shape = gguf.info(stored).map(|info| info.shape.as_slice()).unwrap_or_default();
        let (dimensions, what) = match stored.rsplit_once('.') {
            Some((_, "bias")) => (2, "vectors"),
            _ => (3, "matrices"),
        };
        if shape.len() != dimensions || shape.first() != Some(&expected) {
            let problem = format!("shape {shape:?}, expected {expected} {what}");
            return Err(ModelError::format(self.path(), stored, problem));
        }
        gguf.read_part(stored, expert)
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
            return Err(ModelError::format(self.path(), tensor.name, problem));
        }
        let widths = (self.config.head_dim, self.config.rotary_dim());
        let bytes = names::unpermute(&tensor.bytes, row, widths);
        Ok(RawTensor { bytes, ..tensor })
    }
}
