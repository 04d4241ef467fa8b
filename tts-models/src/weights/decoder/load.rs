//! Loads the weights of a checkpoint, and refuses what would run wrongly.
//!
//! Every tensor must have the shape that the config asks for and finite values. Biases that the
//! decoder has no place for must be zero.

use super::{DecoderWeights, HEAD};
use crate::ModelError;
use crate::weights::Checkpoint;

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
    /// no head of its own (trunk-only checkpoints, GGUF without `output.weight`); the returned
    /// config then says so.
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
        let mut config = checkpoint.config().clone();
        config.tie_word_embeddings |= !checkpoint.contains(HEAD);
        for layer in 0..config.num_hidden_layers {
            refuse_biases(checkpoint, layer)?;
        }
        let mut values = 0;
        Self::build(config, |name, shape| {
            let tensor = read(checkpoint, name, shape)?;
            values += tensor.len();
            progress(Progress { tensor: name, values });
            Ok(tensor)
        })
    }
}

/// A tensor of known shape, with finite values.
fn read(checkpoint: &Checkpoint, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
    let error = |problem| ModelError::format(checkpoint.path(), name, problem);
    let raw = checkpoint.tensor(name)?;
    if raw.shape != shape {
        return Err(error(format!("shape {:?}, expected {shape:?}", raw.shape)));
    }
    let values = raw.to_f32()?;
    match values.iter().position(|x| !x.is_finite()) {
        None => Ok(values),
        Some(index) => Err(error(format!("value {index} is {}", values[index]))),
    }
}

/// Refuses biases other than zero on the projections that have none here.
fn refuse_biases(checkpoint: &Checkpoint, layer: usize) -> Result<(), ModelError> {
    let attention = ["q_proj", "k_proj", "v_proj"].map(|p| format!("self_attn.{p}.bias"));
    let others = ["self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
        .map(|p| format!("{p}.bias"));
    let unused = if checkpoint.config().attention_bias { &[][..] } else { &attention[..] };
    for part in unused.iter().chain(&others) {
        let name = format!("model.layers.{layer}.{part}");
        if checkpoint.contains(&name)
            && checkpoint.tensor(&name)?.to_f32()?.iter().any(|x| x.abs() > 0.0 || x.is_nan())
        {
            return Err(ModelError::unsupported(checkpoint.path(), name, "bias other than zero"));
        }
    }
    Ok(())
}
