//! From files to a model that runs: checkpoint, tokenizer, template, executor, engine.
//!
//! [`open`] takes a GGUF file or a Hugging Face folder and gives a [`LanguageModel`], behind which
//! the backend is chosen at run time, so that programs compile one engine for each backend here and
//! none of their own. For that the functions that take any [`Files`] do nothing but pass them on: a generic
//! function is compiled where it is used, with all that it uses.

use serde::{Deserialize, Serialize};
use tts_core::cost::ModelShape;
use tts_core::{Generator, Likelihood};

#[cfg(any(feature = "cuda", feature = "wgpu"))]
use crate::Gpu;
#[cfg(feature = "cuda")]
use crate::exec::CudaRuntime;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
use crate::exec::Runtime;
#[cfg(feature = "wgpu")]
use crate::exec::WgpuRuntime;
use crate::exec::{Cpu, Plain};
use crate::text::template::TemplateArgument;
use crate::train::Adapter;
use crate::weights::identity::{identity, reference};
use crate::{
    Backbone, Checkpoint, Clock, DecoderWeights, Engine, EngineConfig, Executor, Files, KeyValues,
    ModelConfig, ModelError, Native, SuggestedSampling, TextSide, Tokenizer, WeightFormat,
};

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
    /// Own kernels on an NVIDIA GPU, with weights as they are stored: f32, BF16 or quantised; with the feature `cuda`
    /// only.
    Cuda,
    /// The same kernels on any GPU with Vulkan, Metal or DX12; with the feature `wgpu` only.
    Wgpu,
}

impl Backend {
    /// Whether a model can learn there: the CPU by own kernels or Burn's, an NVIDIA GPU by Burn with the feature `cuda`.
    ///
    /// # Errors
    /// When nothing trains on it, or it is not built in.
    pub fn check_trains(self) -> Result<(), ModelError> {
        match self {
            Self::Native | Self::Ndarray => Ok(()),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok(()),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda => Err(not_there(self)),
            Self::Wgpu => {
                let problem = "wgpu, which trains nothing: expected native, ndarray or cuda";
                Err(ModelError::input("backend", problem))
            }
        }
    }
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Ndarray => "ndarray",
            Self::Cuda => "cuda",
            Self::Wgpu => "wgpu",
        })
    }
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
pub trait LanguageModel: Generator + Likelihood + Backbone {
    /// Its shape.
    fn model_config(&self) -> &ModelConfig;

    /// What decides its speed and memory, as it is held.
    fn shape(&self) -> ModelShape;

    /// Text to tokens and back.
    fn tokenizer(&self) -> &Tokenizer;

    /// The tokens that end a solution, in ascending order ([`Tokenizer::end_tokens`]); their names are
    /// those of [`Tokenizer::name`].
    fn end_tokens(&self) -> &[u32];

    /// What the model's files suggest for sampling: nothing of it is taken unasked.
    fn suggested_sampling(&self) -> &SuggestedSampling;

    /// Whether it has a chat template; without one the messages of a chat are put one behind the other, a blank
    /// line behind each.
    fn has_chat_template(&self) -> bool;

    /// Empties the prefix cache: later calls compute everything again, with the same results.
    fn forget(&self);

    /// What tells where the time of its threads goes; off until it is started. `None` of a backend without one: native
    /// alone has it.
    fn clock(&self) -> Option<&Clock>;

    /// Takes other weights of the same shape in the place of its own ([`Engine::renew`]). What an adapter has learnt
    /// is merged into them before ([`Adapter::merge`]).
    ///
    /// # Errors
    /// When the weights have another shape, or its backend cannot take any; nothing has changed then.
    fn renew(&mut self, weights: DecoderWeights) -> Result<(), ModelError>;

    /// Tells the chat template a variable that it looks at (`enable_thinking`, say), for all prompts from now
    /// on; the identity says so from now on.
    ///
    /// # Errors
    /// When the model has no chat template.
    fn set_template_argument(&mut self, argument: &TemplateArgument) -> Result<(), ModelError>;

    /// Logits `[vocab_size]` of the token after `tokens`.
    ///
    /// # Errors
    /// When there are no tokens, one is unknown, there are more than the model has positions, or it has no output head.
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

    fn suggested_sampling(&self) -> &SuggestedSampling {
        Engine::suggested_sampling(self)
    }

    fn has_chat_template(&self) -> bool {
        Engine::has_chat_template(self)
    }

    fn forget(&self) {
        Engine::forget(self);
    }

    fn clock(&self) -> Option<&Clock> {
        self.executor().clock()
    }

    fn renew(&mut self, weights: DecoderWeights) -> Result<(), ModelError> {
        Engine::renew(self, weights)
    }

    fn set_template_argument(&mut self, argument: &TemplateArgument) -> Result<(), ModelError> {
        Engine::set_template_argument(self, argument)
    }

    fn next_logits(&self, tokens: &[u32]) -> Result<Vec<f32>, ModelError> {
        let Some(last) = tokens.len().checked_sub(1) else {
            return Err(ModelError::input("tokens", "none, expected at least one"));
        };
        self.executor().config().stored.check_head()?;
        let rows = self.hidden_of(tokens, &[last])?;
        self.executor().logits(&rows.concat())
    }
}

/// What is read of a model beside its weights.
struct Beside {
    text: TextSide,
    suggested: SuggestedSampling,
}

/// The checkpoint and what lies beside it, which fit.
fn read(
    files: Files,
    backend: Backend,
    config: &EngineConfig,
) -> Result<(Checkpoint, Beside), ModelError> {
    config.check()?;
    if backend != Backend::Native && config.key_values != KeyValues::Auto {
        let problem = format!("{}, but native alone has a choice", config.key_values);
        return Err(ModelError::input("key_values", problem));
    }
    let formats = [WeightFormat::Stored, WeightFormat::F32];
    if backend == Backend::Ndarray && !formats.contains(&config.weights) {
        let problem = format!("{}, but ndarray holds all weights in f32", config.weights);
        return Err(ModelError::input("weights", problem));
    }
    let checkpoint = Checkpoint::open(files)?.within(config.positions);
    let text = TextSide::open(&checkpoint)?;
    text.tokenizer.check_vocab(checkpoint.config().vocab_size, checkpoint.path())?;
    let suggested = checkpoint.suggested_sampling()?;
    Ok((checkpoint, Beside { text, suggested }))
}

/// Opens a model: a `.gguf` file, or a folder with `config.json`, `tokenizer.json` and safetensors,
/// on disk by its path or in memory ([`Files::in_memory`]).
///
/// # Errors
/// When a file is missing or damaged, the architecture is not supported, shapes do not fit, a
/// weight is not finite, the tokenizer does not fit the model, or the backend is not there.
pub fn open(
    files: impl Into<Files>,
    backend: Backend,
    config: EngineConfig,
) -> Result<Box<dyn LanguageModel>, ModelError> {
    open_files(files.into(), backend, config)
}

fn open_files(
    files: Files,
    backend: Backend,
    config: EngineConfig,
) -> Result<Box<dyn LanguageModel>, ModelError> {
    let (checkpoint, beside) = read(files, backend, &config)?;
    let named = |weights, device: &str| identity(&checkpoint, &[], weights, device);
    match backend {
        Backend::Native => {
            let native = Native::load(&checkpoint, config.weights, config.threads)?
                .with_key_values(config.key_values);
            opened(native, beside, config, named(config.weights, NATIVE)?)
        }
        Backend::Ndarray => {
            let plain = Plain::<Cpu>::new(DecoderWeights::load(&checkpoint)?)?;
            opened(plain, beside, config, named(WeightFormat::F32, &reference())?)
        }
        #[cfg(feature = "cuda")]
        Backend::Cuda => {
            let gpu = gpu::<CudaRuntime>(&checkpoint, config.weights)?;
            let device = gpu.device_kind();
            opened(gpu, beside, config, named(config.weights, &device)?)
        }
        #[cfg(feature = "wgpu")]
        Backend::Wgpu => {
            let gpu = gpu::<WgpuRuntime>(&checkpoint, config.weights)?;
            let device = gpu.device_kind();
            opened(gpu, beside, config, named(config.weights, &device)?)
        }
        #[cfg(not(all(feature = "cuda", feature = "wgpu")))]
        absent => Err(not_there(absent)),
    }
}

/// Own kernels on the CPU, whatever the CPU.
const NATIVE: &str = "native";

/// The engine of an opened model.
fn opened<E: Executor + 'static>(
    executor: E,
    Beside { text: TextSide { tokenizer, template }, suggested }: Beside,
    config: EngineConfig,
    mut identity: String,
) -> Result<Box<dyn LanguageModel>, ModelError> {
    if config.key_values != KeyValues::Auto {
        identity = format!("{identity} keys and values {}", config.key_values);
    }
    if config.ignore_end {
        identity.push_str(" ignore-end");
    }
    let engine = Engine::new(executor, tokenizer, template, config)?;
    Ok(Box::new(engine.with_identity(identity).with_suggested_sampling(suggested)))
}

/// [`open`] with a low-rank adapter, as [`Adapter::save`] or PEFT writes them, merged into the
/// weights: these are then held in f32, or as [`EngineConfig::weights`] asks.
///
/// # Errors
/// As [`open`] and [`Adapter::load`].
pub fn open_adapted(
    files: impl Into<Files>,
    adapter: impl Into<Files>,
    backend: Backend,
    config: EngineConfig,
) -> Result<Box<dyn LanguageModel>, ModelError> {
    open_adapted_files(files.into(), &adapter.into(), backend, config)
}

fn open_adapted_files(
    files: Files,
    adapter: &Files,
    backend: Backend,
    config: EngineConfig,
) -> Result<Box<dyn LanguageModel>, ModelError> {
    let (checkpoint, beside) = read(files, backend, &config)?;
    let named =
        |weights, device: &str| identity(&checkpoint, &Adapter::files(adapter), weights, device);
    // Before tensors are read, which takes the memory of all of them in f32.
    match backend {
        Backend::Native | Backend::Ndarray => {}
        #[cfg(feature = "cuda")]
        Backend::Cuda => runs_on::<CudaRuntime>(config.weights)?,
        #[cfg(feature = "wgpu")]
        Backend::Wgpu => runs_on::<WgpuRuntime>(config.weights)?,
        #[cfg(not(all(feature = "cuda", feature = "wgpu")))]
        absent => return Err(not_there(absent)),
    }
    let learnt = Adapter::load(adapter, checkpoint.config())?;
    let mut weights = DecoderWeights::load(&checkpoint)?;
    learnt.merge(&mut weights)?;
    match backend {
        Backend::Native => {
            let native = Native::with_format(weights, config.weights, config.threads)?
                .with_key_values(config.key_values);
            opened(native, beside, config, named(config.weights, NATIVE)?)
        }
        Backend::Ndarray => {
            let plain = Plain::<Cpu>::new(weights)?;
            opened(plain, beside, config, named(WeightFormat::F32, &reference())?)
        }
        #[cfg(feature = "cuda")]
        Backend::Cuda => {
            let gpu = merged_gpu::<CudaRuntime>(weights, config.weights)?;
            let device = gpu.device_kind();
            opened(gpu, beside, config, named(config.weights, &device)?)
        }
        #[cfg(feature = "wgpu")]
        Backend::Wgpu => {
            let gpu = merged_gpu::<WgpuRuntime>(weights, config.weights)?;
            let device = gpu.device_kind();
            opened(gpu, beside, config, named(config.weights, &device)?)
        }
        #[cfg(not(all(feature = "cuda", feature = "wgpu")))]
        absent => Err(not_there(absent)),
    }
}

/// A backend whose feature is not.
#[cfg(not(all(feature = "cuda", feature = "wgpu")))]
pub(crate) fn not_there(backend: Backend) -> ModelError {
    let name = if backend == Backend::Cuda { "cuda" } else { "wgpu" };
    ModelError::input("backend", format!("{name} needs the feature `{name}` of tts-models"))
}

/// The executor on the default device of a GPU runtime.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn gpu<R: Runtime>(checkpoint: &Checkpoint, format: WeightFormat) -> Result<Gpu<R>, ModelError> {
    Gpu::load(checkpoint, format, &R::Device::default())
}

/// Whether a checkpoint can run there.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn runs_on<R: Runtime>(format: WeightFormat) -> Result<(), ModelError> {
    Gpu::<R>::check(format, &R::Device::default())
}

/// The same of weights that were read, and an adapter merged into.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn merged_gpu<R: Runtime>(
    weights: DecoderWeights,
    format: WeightFormat,
) -> Result<Gpu<R>, ModelError> {
    Gpu::with_format(weights, format, &R::Device::default())
}
