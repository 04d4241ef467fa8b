//! Loads the weights of a checkpoint, and refuses what would run wrongly.
//!
//! Every tensor must have the shape that the config asks for and finite values. Biases that the
//! decoder has no place for must be zero, and a head that the config does not know of must be the
//! embedding. A checkpoint of experts must have nothing beside them, and each of them as a tensor of its own, or all
//! in a stack of GGUF, or, in a family whose files hold them so, in one tensor. What else a file has within the decoder's
//! layers, and nobody reads, is refused by [`super::unread`].

use super::{DecoderWeights, EMBEDDING, HEAD, Source, unread};
#[cfg(any(feature = "cuda", feature = "wgpu"))]
use crate::exec::gpu::Stored;
use crate::kernels::Matrix;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
use crate::kernels::Quantised;
use crate::weights::config::families::Stacked;
use crate::weights::config::{Experts, Router};
use crate::weights::{Checkpoint, Dtype, RawTensor};
use crate::{ModelConfig, ModelError, WeightFormat};

/// How far loading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The tensor just read, by Hugging Face's name.
    pub tensor: &'a str,
    /// Number of values read, this tensor's included.
    pub values: usize,
}

impl DecoderWeights {
    /// Reads all weights of a checkpoint into f32.
    ///
    /// The head is tied to the embedding when the config says so, and also when the checkpoint has
    /// no head of its own (backbone-only checkpoints, GGUF without `output.weight`); the returned
    /// config then says so, and of the first that they have no head
    /// ([`Stored::headless`](crate::weights::config::Stored::headless)).
    ///
    /// # Errors
    /// When a tensor is missing, cannot be read, has another shape than the config asks for or a
    /// value that is not finite, or there is a bias that the decoder has no place for.
    pub fn load(checkpoint: &Checkpoint) -> Result<Self, ModelError> {
        Self::load_with(checkpoint, |_| {})
    }

    /// [`DecoderWeights::load`], calling `progress` after each tensor.
    ///
    /// # Errors
    /// As [`DecoderWeights::load`].
    pub fn load_with(
        checkpoint: &Checkpoint,
        mut progress: impl FnMut(Progress<'_>),
    ) -> Result<Self, ModelError> {
        let mut values = 0;
        Self::build(runnable(checkpoint)?, |name: &str, shape: &[usize]| {
            let tensor = read(checkpoint, name, shape)?;
            values += tensor.len();
            progress(Progress { tensor: name, values });
            Ok(tensor)
        })
    }
}

/// The config of a checkpoint, once it is clear that nothing of it would be left out.
fn runnable(checkpoint: &Checkpoint) -> Result<ModelConfig, ModelError> {
    let mut config = checkpoint.config().clone();
    if std::mem::take(&mut config.stored.ties_by_head) {
        config.tie_word_embeddings = !checkpoint.contains(HEAD);
    }
    if config.tie_word_embeddings && checkpoint.contains(HEAD) {
        refuse_another_head(checkpoint)?;
    }
    let lacks = !checkpoint.contains(HEAD);
    // What a GGUF file says of it is whether it has one.
    config.stored.headless = lacks && !config.tie_word_embeddings && checkpoint.gguf().is_none();
    config.tie_word_embeddings |= lacks;
    // A config says of all four projections whether they have biases, a conversion may have three.
    // Where attention has sinks, the family and not the config says so, and there are always four.
    if !config.switches.sinks {
        config.switches.output_bias &= checkpoint.contains("model.layers.0.self_attn.o_proj.bias");
    }
    // A file with fewer tensors than layers, or experts, lacks some: which is told where they are read.
    let most = checkpoint.tensor_names().len();
    for layer in 0..config.num_hidden_layers.min(most) {
        refuse_biases(checkpoint, &config, layer)?;
        let sinks = format!("model.layers.{layer}.self_attn.sinks");
        if !config.switches.sinks && checkpoint.contains(&sinks) {
            let what = "sinks of attention in this family";
            return Err(ModelError::unsupported(
                checkpoint.path(),
                checkpoint.called(&sinks),
                what,
            ));
        }
        if let Some(experts) = config.switches.experts_of(layer) {
            let experts = Experts { count: experts.count.min(most), ..experts };
            refuse_beside_experts(checkpoint, &config, layer, experts)?;
        }
    }
    unread::refuse(checkpoint, &config)?;
    Ok(config)
}

/// Refuses what some mixtures have and this one has no place for: networks beside the experts, biases of theirs and
/// of the router; and experts that are not stored one by one, in a family whose are.
fn refuse_beside_experts(
    checkpoint: &Checkpoint,
    config: &ModelConfig,
    layer: usize,
    experts: Experts,
) -> Result<(), ModelError> {
    let full = |part: &str| format!("model.layers.{layer}.mlp.{part}");
    let unsupported = |name: String, what: &str| {
        Err(ModelError::unsupported(checkpoint.path(), checkpoint.called(&name), what.to_owned()))
    };
    let stacked = full("experts.gate_up_proj");
    let family = config.family();
    let apart = family.is_none_or(|family| family.stacked == Stacked::Apart);
    if apart && checkpoint.contains(&stacked) {
        let what = "tensor of all experts: save the model with `save_original_format=True`, which \
                    writes them one by one";
        return unsupported(stacked, what);
    }
    let stored = |name: &str| family.map_or_else(|| name.to_owned(), |family| family.stored(name));
    let [own, other] = ["shared_expert", "shared_experts"];
    let [own, other] = [own, other].map(|name| full(&format!("{name}.gate_proj.weight")));
    // In some families the one is stored under the name of the other.
    let known = experts.shared.map(|_| stored(&own));
    for shared in [own, other] {
        if known.as_ref() != Some(&stored(&shared)) && checkpoint.contains(&shared) {
            return unsupported(shared, "expert that every token goes to besides");
        }
    }
    let correction = full("gate.e_score_correction_bias");
    if config.switches.router == Router::Softmax && checkpoint.contains(&correction) {
        return unsupported(correction, "bias of a router by which experts are chosen");
    }
    if config.switches.feed_forward_bias {
        return Ok(());
    }
    let parts = ["gate_proj", "up_proj", "down_proj"];
    let of_experts = (0..experts.count)
        .flat_map(|expert| parts.map(|part| full(&format!("experts.{expert}.{part}.bias"))));
    let mut biases = std::iter::once(full("gate.bias")).chain(of_experts);
    match biases.find(|name| checkpoint.contains(name)) {
        Some(name) => unsupported(name, "bias beside experts"),
        None => Ok(()),
    }
}

/// Refuses a head beside a config that says it is the embedding, where the two differ: some programs
/// take the one, some the other.
fn refuse_another_head(checkpoint: &Checkpoint) -> Result<(), ModelError> {
    let (head, embedding) = (checkpoint.tensor(HEAD)?, checkpoint.tensor(EMBEDDING)?);
    let stored = (head.dtype, &head.bytes) == (embedding.dtype, &embedding.bytes);
    if head.shape == embedding.shape && (stored || head.to_f32()? == embedding.to_f32()?) {
        return Ok(());
    }
    let problem = format!(
        "differs from {EMBEDDING}, but tie_word_embeddings is true: set it to false in config.json if \
         the head is meant, or remove the head"
    );
    Err(ModelError::format(checkpoint.path(), checkpoint.called(HEAD), problem))
}

impl DecoderWeights<Matrix> {
    /// Reads all weights of a checkpoint and packs the matrices in `format`, one tensor at a time.
    ///
    /// # Errors
    /// As [`DecoderWeights::load`].
    pub(crate) fn load_packed(
        checkpoint: &Checkpoint,
        format: WeightFormat,
    ) -> Result<Self, ModelError> {
        Self::build(runnable(checkpoint)?, Packed { checkpoint, format })
    }
}

/// Tensors of a checkpoint, packed as they are read.
struct Packed<'a> {
    checkpoint: &'a Checkpoint,
    format: WeightFormat,
}

impl Source<Matrix> for Packed<'_> {
    fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Matrix, ModelError> {
        let raw = read_raw(self.checkpoint, name, &shape)?;
        if self.format == WeightFormat::Stored && raw.dtype.block_len() > 1 {
            return Matrix::of_blocks(&raw).map_err(|error| {
                ModelError::format(
                    self.checkpoint.path(),
                    self.checkpoint.called(name),
                    error.to_string(),
                )
            });
        }
        let values = finite(self.checkpoint, name, &raw)?;
        let format = match (self.format, raw.dtype) {
            (WeightFormat::Stored, Dtype::BF16) => WeightFormat::Bf16,
            (format, _) => format,
        };
        Ok(Matrix::of(&values, shape[1], format))
    }

    fn exact(&mut self, name: &str, shape: [usize; 2]) -> Result<Matrix, ModelError> {
        let values = read(self.checkpoint, name, &shape)?;
        Ok(Matrix::of(&values, shape[1], WeightFormat::F32))
    }

    fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        read(self.checkpoint, name, &[length])
    }
}

#[cfg(any(feature = "cuda", feature = "wgpu"))]
impl DecoderWeights<Stored> {
    /// Reads a checkpoint for a GPU: BF16 where it is stored or asked for, quantised where it is stored so and nothing
    /// else is asked for, f32 otherwise.
    ///
    /// # Errors
    /// Those of [`DecoderWeights::load`].
    pub(crate) fn load_stored(
        checkpoint: &Checkpoint,
        format: WeightFormat,
    ) -> Result<Self, ModelError> {
        Self::build(runnable(checkpoint)?, Kept { checkpoint, format })
    }
}

/// Tensors of a checkpoint, for a GPU.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
struct Kept<'a> {
    checkpoint: &'a Checkpoint,
    format: WeightFormat,
}

#[cfg(any(feature = "cuda", feature = "wgpu"))]
impl Source<Stored> for Kept<'_> {
    fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Stored, ModelError> {
        let raw = read_raw(self.checkpoint, name, &shape)?;
        if self.format == WeightFormat::Stored && raw.dtype.block_len() > 1 {
            let levels = Quantised::of(&raw).map_err(|error| {
                let (path, called) = (self.checkpoint.path(), self.checkpoint.called(name));
                ModelError::format(path, called, error.to_string())
            })?;
            return Ok(Stored::Quantised(levels));
        }
        let narrow = match self.format {
            WeightFormat::Stored => raw.dtype == Dtype::BF16,
            format => format == WeightFormat::Bf16,
        };
        Ok(Stored::of(finite(self.checkpoint, name, &raw)?, narrow))
    }

    fn exact(&mut self, name: &str, shape: [usize; 2]) -> Result<Stored, ModelError> {
        Ok(Stored::of(read(self.checkpoint, name, &shape)?, false))
    }

    fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        read(self.checkpoint, name, &[length])
    }
}

/// A tensor of known shape; one row may be a vector.
fn read_raw(checkpoint: &Checkpoint, name: &str, shape: &[usize]) -> Result<RawTensor, ModelError> {
    let raw = checkpoint.tensor(name)?;
    if raw.shape == shape {
        return Ok(raw);
    }
    if matches!(shape, [1, inputs] if raw.shape == [*inputs]) {
        return Ok(RawTensor { shape: shape.to_vec(), ..raw });
    }
    let problem = format!("shape {:?}, expected {shape:?}", raw.shape);
    Err(ModelError::format(checkpoint.path(), checkpoint.called(name), problem))
}

/// A tensor of known shape, with finite values.
fn read(checkpoint: &Checkpoint, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
    let mut values = finite(checkpoint, name, &read_raw(checkpoint, name, shape)?)?;
    if checkpoint.norm_offset() && name.ends_with("norm.weight") {
        for value in &mut values {
            *value += 1.0;
        }
    }
    Ok(values)
}

/// A tensor's values, which must be finite.
fn finite(checkpoint: &Checkpoint, name: &str, raw: &RawTensor) -> Result<Vec<f32>, ModelError> {
    let error = |problem| ModelError::format(checkpoint.path(), checkpoint.called(name), problem);
    let values = raw.to_f32()?;
    match values.iter().position(|x| !x.is_finite()) {
        None => Ok(values),
        Some(index) => Err(error(format!("value {index} is {}", values[index]))),
    }
}

/// Refuses biases other than zero on the projections that have none here.
fn refuse_biases(
    checkpoint: &Checkpoint,
    config: &ModelConfig,
    layer: usize,
) -> Result<(), ModelError> {
    let groups: [(bool, &[&str]); 3] = [
        (config.attention_bias, &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
        (config.switches.output_bias, &["self_attn.o_proj"]),
        (config.switches.feed_forward_bias, &["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]),
    ];
    let unused = groups.iter().filter(|(known, _)| !known).flat_map(|(_, parts)| parts.iter());
    for part in unused {
        let name = format!("model.layers.{layer}.{part}.bias");
        if checkpoint.contains(&name)
            && checkpoint.tensor(&name)?.to_f32()?.iter().any(|x| x.abs() > 0.0 || x.is_nan())
        {
            let name = checkpoint.called(&name);
            return Err(ModelError::unsupported(checkpoint.path(), name, "bias other than zero"));
        }
    }
    Ok(())
}
