//! From a path to a model that runs: checkpoint, tokenizer, template, executor, engine.
//!
//! [`open`] takes a GGUF file or a Hugging Face folder and gives a [`LanguageModel`], behind which
//! the backend is chosen at run time, so that programs compile one engine for each backend here and
//! none of their own.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::cost::ModelShape;
use tts_core::{Generator, Likelihood};

#[cfg(feature = "cuda")]
use crate::backend::CudaRuntime;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
use crate::backend::Runtime;
#[cfg(feature = "wgpu")]
use crate::backend::WgpuRuntime;
use crate::tokenizer::GgufVocabulary;
use crate::weights::gguf::Gguf;
use crate::{
    ChatTemplate, Checkpoint, Cpu, DecoderWeights, Engine, EngineConfig, Executor, ModelConfig,
    ModelError, Native, Plain, Tokenizer, Trunk,
};
#[cfg(any(feature = "cuda", feature = "wgpu"))]
use crate::{Gpu, WeightFormat};

/// What runs the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Backend {
    /// Own kernels on the CPU, on weights in the type that [`EngineConfig::weights`] asks for.
    #[default]
    Native,
    /// Burn's ndarray backend, in f32: the reference, slower.
    Ndarray,
    /// Own kernels on an NVIDIA GPU, with weights in f32, or BF16 where they are stored so; with the
    /// feature `cuda` only.
    Cuda,
    /// The same kernels on any GPU with Vulkan, Metal or DX12; with the feature `wgpu` only.
    Wgpu,
}

impl std::str::FromStr for Backend {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "native" => Ok(Self::Native),
            "ndarray" => Ok(Self::Ndarray),
            "cuda" => Ok(Self::Cuda),
            "wgpu" => Ok(Self::Wgpu),
            _ => Err(format!("{name:?} is not a backend: native, ndarray, cuda or wgpu")),
        }
    }
}

/// A model that writes, judges and encodes text, on whatever backend.
pub trait LanguageModel: Generator + Likelihood + Trunk {
    /// Its shape.
    fn model_config(&self) -> &ModelConfig;

    /// What decides its speed and memory, as it is held.
    fn shape(&self) -> ModelShape;

    /// Text to tokens and back.
    fn tokenizer(&self) -> &Tokenizer;

    /// The tokens that end a solution.
    fn end_tokens(&self) -> &[u32];

    /// Empties the prefix cache: later calls compute everything again, with the same results.
    fn forget(&self);

    /// Logits `[vocab_size]` of the token after `tokens`.
    ///
    /// # Errors
    /// When there are no tokens, one is unknown, or there are more than the model has positions.
    fn next_logits(&self, tokens: &[u32]) -> Result<Vec<f32>, ModelError>;
}

impl<E: Executor> LanguageModel for Engine<E> {
    fn model_config(&self) -> &ModelConfig {
        self.executor().config()
    }

    fn shape(&self) -> ModelShape {
        self.executor().shape()
    }

    fn tokenizer(&self) -> &Tokenizer {
        Engine::tokenizer(self)
    }

    fn end_tokens(&self) -> &[u32] {
        Engine::end_tokens(self)
    }

    fn forget(&self) {
        Engine::forget(self);
    }

    fn next_logits(&self, tokens: &[u32]) -> Result<Vec<f32>, ModelError> {
        let Some(last) = tokens.len().checked_sub(1) else {
            return Err(ModelError::input("tokens", "none, expected at least one"));
        };
        let rows = self.hidden_of(tokens, &[last])?;
        self.executor().logits(&rows.concat())
    }
}

/// Opens a model: a `.gguf` file, or a folder with `config.json`, `tokenizer.json` and safetensors.
///
/// # Errors
/// When a file is missing or damaged, the architecture is not supported, shapes do not fit, a
/// weight is not finite, the tokenizer does not fit the model, or the backend is not there.
pub fn open(
    path: impl AsRef<Path>,
    backend: Backend,
    config: EngineConfig,
) -> Result<Box<dyn LanguageModel>, ModelError> {
    config.check()?;
    let checkpoint = Checkpoint::open(path)?;
    let (tokenizer, template) = text_side(&checkpoint)?;
    tokenizer.check_vocab(checkpoint.config().vocab_size, checkpoint.path())?;
    let tokenizer = Arc::new(tokenizer);
    Ok(match backend {
        Backend::Native => {
            let native = Native::load(&checkpoint, config.weights, config.threads)?;
            Box::new(Engine::new(native, tokenizer, template, config)?)
        }
        Backend::Ndarray => {
            let plain = Plain::<Cpu>::new(DecoderWeights::load(&checkpoint)?)?;
            Box::new(Engine::new(plain, tokenizer, template, config)?)
        }
        #[cfg(feature = "cuda")]
        Backend::Cuda => {
            let gpu = gpu::<CudaRuntime>(&checkpoint, config.weights)?;
            Box::new(Engine::new(gpu, tokenizer, template, config)?)
        }
        #[cfg(not(feature = "cuda"))]
        Backend::Cuda => {
            let problem = "cuda needs the feature `cuda` of tts-models";
            return Err(ModelError::input("backend", problem));
        }
        #[cfg(feature = "wgpu")]
        Backend::Wgpu => {
            let gpu = gpu::<WgpuRuntime>(&checkpoint, config.weights)?;
            Box::new(Engine::new(gpu, tokenizer, template, config)?)
        }
        #[cfg(not(feature = "wgpu"))]
        Backend::Wgpu => {
            let problem = "wgpu needs the feature `wgpu` of tts-models";
            return Err(ModelError::input("backend", problem));
        }
    })
}

/// The executor on the default device of a GPU runtime.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn gpu<R: Runtime>(checkpoint: &Checkpoint, format: WeightFormat) -> Result<Gpu<R>, ModelError> {
    Gpu::load(checkpoint, format, &R::Device::default())
}

/// What templates that write the date take for today, 26 July 2024, in seconds since 1970: a prompt
/// must not change at midnight, or a search that is resumed would not be the one that was killed.
const TODAY: i64 = 1_721_952_000;

/// Tokenizer and chat template of a checkpoint. A folder without a template is a base model; a
/// template that is there must be sound.
///
/// # Errors
/// When the files or metadata are missing or damaged.
pub fn text_side(checkpoint: &Checkpoint) -> Result<(Tokenizer, Option<ChatTemplate>), ModelError> {
    if let Some(gguf) = checkpoint.gguf() {
        let vocabulary = vocabulary(gguf)?;
        let text = |id: Option<u32>| {
            let token = id.and_then(|id| vocabulary.tokens.get(id as usize));
            token.cloned().unwrap_or_default()
        };
        let (bos, eos) = (text(vocabulary.bos), text(vocabulary.eos));
        let template = gguf.text("tokenizer.chat_template")?;
        let template = template.map(|source| ChatTemplate::new(source, &bos, &eos)).transpose()?;
        let template = template.map(|template| template.at(TODAY));
        return Ok((Tokenizer::from_vocabulary(&vocabulary, gguf.path())?, template));
    }
    let folder = checkpoint.folder();
    let tokenizer = Tokenizer::from_file(folder.join("tokenizer.json"))?;
    let template = if folder.join("chat_template.jinja").exists()
        || mentions_template(&folder.join("tokenizer_config.json"))?
    {
        Some(ChatTemplate::from_folder(folder)?.at(TODAY))
    } else {
        None
    };
    Ok((tokenizer, template))
}

/// Whether a `tokenizer_config.json` is there and has a template.
fn mentions_template(path: &Path) -> Result<bool, ModelError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(ModelError::io(path, error)),
    };
    let config: serde_json::Value = serde_json::from_slice(&bytes)
        .map_err(|error| ModelError::format(path, "tokenizer_config", error.to_string()))?;
    Ok(config.get("chat_template").is_some_and(|template| !template.is_null()))
}

/// The tokenizer's part of a GGUF file's metadata.
///
/// # Errors
/// When a key is missing or has another type.
pub fn vocabulary(gguf: &Gguf) -> Result<GgufVocabulary, ModelError> {
    let key = |name: &str| format!("tokenizer.ggml.{name}");
    let missing = |name: &str| ModelError::format(gguf.path(), key(name), "missing");
    let token = |name: &str| -> Result<Option<u32>, ModelError> {
        let id = gguf.integer(&key(name))?;
        id.map(|id| {
            u32::try_from(id).map_err(|_| {
                ModelError::format(gguf.path(), key(name), format!("{id} is not a token id"))
            })
        })
        .transpose()
    };
    let array = |name: &str| gguf.metadata().get(&key(name)).and_then(|value| value.as_array());
    let typed = |name: &str| {
        ModelError::format(gguf.path(), key(name), "not an array of the expected type")
    };
    let types = match array("token_type") {
        Some(types) => types.as_i32s().ok_or_else(|| typed("token_type"))?.to_vec(),
        None => Vec::new(),
    };
    let scores = match array("scores") {
        Some(scores) => scores.as_f32s().ok_or_else(|| typed("scores"))?.to_vec(),
        None => Vec::new(),
    };
    let model = gguf.text(&key("model"))?.ok_or_else(|| missing("model"))?.to_owned();
    let pre = gguf.text(&key("pre"))?.map(str::to_owned);
    // What llama.cpp takes where the key is absent.
    let starts = model == "llama" || pre.as_deref().is_some_and(|pre| pre.starts_with("llama"));
    Ok(GgufVocabulary {
        tokens: gguf.texts(&key("tokens"))?.ok_or_else(|| missing("tokens"))?.to_vec(),
        token_types: types,
        merges: gguf.texts(&key("merges"))?.unwrap_or_default().to_vec(),
        scores,
        bos: token("bos_token_id")?,
        eos: token("eos_token_id")?,
        eot: token("eot_token_id")?,
        unk: token("unknown_token_id")?,
        pad: token("padding_token_id")?,
        add_bos: gguf.boolean(&key("add_bos_token"))?.unwrap_or(starts),
        add_eos: gguf.boolean(&key("add_eos_token"))?.unwrap_or(false),
        add_space_prefix: gguf.boolean(&key("add_space_prefix"))?,
        model,
        pre,
    })
}
