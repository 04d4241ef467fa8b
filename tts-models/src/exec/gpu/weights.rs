//! A decoder's weights on their way to a device.
//!
//! Matrices that read the same rows are stacked, so that one kernel multiplies them: queries, keys
//! and values one after the other; those of the feed-forward layer as [`Feed`] has them.

use cubecl::Runtime;

use super::feed::Feed;
use crate::kernels::Quantised;
use crate::kernels::gpu::{Buffer, Device, PANEL, Product};
use crate::{DecoderWeights, LayerWeights, ModelConfig, ModelError, WeightFormat};

/// A matrix in host memory.
#[derive(Debug)]
pub(crate) enum Stored {
    F32(Vec<f32>),
    /// As bits.
    Bf16(Vec<u16>),
    /// As they are quantised.
    Quantised(Quantised),
}

impl Stored {
    /// Holds values in f32 or BF16; those of a BF16 tensor are exact in either.
    pub(crate) fn of(values: Vec<f32>, narrow: bool) -> Self {
        if narrow {
            let bits = |&value: &f32| half::bf16::from_f32(value).to_bits();
            return Self::Bf16(values.iter().map(bits).collect());
        }
        Self::F32(values)
    }

    fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::Bf16(values) => values.len(),
            Self::Quantised(own) => own.levels.len(),
        }
    }

    fn floats(&self) -> Vec<f32> {
        match self {
            Self::F32(values) => values.clone(),
            Self::Bf16(values) => {
                values.iter().map(|&bits| half::bf16::from_bits(bits).to_f32()).collect()
            }
            Self::Quantised(own) => own.floats(),
        }
    }
}

/// Whether matrices that are not stored as BF16 are to be rounded to it.
///
/// # Errors
/// For a format that has no kernels on a GPU.
pub(super) fn rounds(format: WeightFormat) -> Result<bool, ModelError> {
    match format {
        WeightFormat::Stored | WeightFormat::F32 => Ok(false),
        WeightFormat::Bf16 => Ok(true),
        WeightFormat::Int8 => {
            let problem = "int8 has no kernels on a GPU: stored, f32 or bf16";
            Err(ModelError::input("weights", problem))
        }
    }
}

/// One layer on a device.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) attention_norm: Buffer,
    pub(super) qkv: Product,
    pub(super) bias: Option<Buffer>,
    /// Norms of a query head and of a key head, or of all queries and of all keys.
    pub(super) head_norms: Option<Buffer>,
    /// The score of each query head's sink.
    pub(super) sinks: Option<Buffer>,
    pub(super) output: Product,
    pub(super) output_bias: Option<Buffer>,
    pub(super) feed_forward_norm: Buffer,
    pub(super) feed_forward: Feed,
    /// Norms of what attention and the feed-forward network give, where they are others than those before.
    pub(super) post_norms: Option<[Buffer; 2]>,
}

/// A decoder on a device.
#[derive(Debug)]
pub(super) struct Weights {
    pub(super) embedding: Product,
    pub(super) layers: Vec<Layer>,
    pub(super) norm: Buffer,
    pub(super) head: Option<Product>,
}

impl Weights {
    /// Moves weights to a device, layer by layer.
    pub(super) fn upload<R: Runtime>(
        device: &Device<R>,
        weights: DecoderWeights<Stored>,
    ) -> Result<Self, ModelError> {
        let DecoderWeights { config, embedding, layers, norm, head } = weights;
        let (vocab, hidden) = (config.vocab_size, config.hidden_size);
        let single = |name: &str, matrix: Stored| {
            matrix_of(device, hidden, vec![(name, matrix, vocab)], vocab, |output| (0, output))
        };
        Ok(Self {
            embedding: single("embedding", embedding)?,
            layers: layers
                .into_iter()
                .map(|weights| layer(device, &config, weights))
                .collect::<Result<_, _>>()?,
            norm: padded(device, norm)?,
            head: head.map(|head| single("head", head)).transpose()?,
        })
    }

    /// Whether each matrix is held in BF16, in the order of [`DecoderWeights::pack`].
    pub(super) fn narrow(&self) -> Vec<bool> {
        let layers = self.layers.iter().flat_map(|layer| {
            let Layer { qkv, output, feed_forward, .. } = layer;
            [qkv, qkv, qkv, output].into_iter().chain(feed_forward.products())
        });
        let all = std::iter::once(&self.embedding).chain(layers).chain(&self.head);
        all.map(Product::narrow).collect()
    }
}

fn layer<R: Runtime>(
    device: &Device<R>,
    config: &ModelConfig,
    weights: LayerWeights<Stored>,
) -> Result<Layer, ModelError> {
    let h = config.hidden_size;
    let (q, kv) = (config.query_width(), config.key_value_width());
    let LayerWeights { query, key, value, output, feed_forward, .. } = weights;
    let stacked = vec![("query", query, q), ("key", key, kv), ("value", value, kv)];
    let order = |output: usize| match output {
        _ if output < q => (0, output),
        _ if output < q + kv => (1, output - q),
        _ => (2, output - q - kv),
    };
    let qkv = matrix_of(device, h, stacked, q + 2 * kv, order)?;
    let own = |output: usize| (0, output);
    let post_norms = match weights.post_norms {
        Some([attention, network]) => Some([padded(device, attention)?, padded(device, network)?]),
        None => None,
    };
    Ok(Layer {
        sinks: weights.sinks.map(|sinks| device.floats(&sinks)).transpose()?,
        output_bias: weights.output_bias.map(|bias| padded(device, bias)).transpose()?,
        post_norms,
        attention_norm: padded(device, weights.attention_norm)?,
        qkv,
        bias: weights.attention_bias.map(|bias| padded(device, bias.concat())).transpose()?,
        head_norms: weights.qk_norm.map(|norms| device.floats(&norms.concat())).transpose()?,
        output: matrix_of(device, q, vec![("output", output, h)], h, own)?,
        feed_forward_norm: padded(device, weights.feed_forward_norm)?,
        feed_forward: Feed::upload(device, config, feed_forward)?,
    })
}

/// Packs matrices with `inputs` columns as one of `outputs` rows; `order` says which row of which
/// matrix an output is, and a row that the matrix does not have is zeros.
pub(super) fn matrix_of<R: Runtime>(
    device: &Device<R>,
    inputs: usize,
    matrices: Vec<(&str, Stored, usize)>,
    outputs: usize,
    order: impl Fn(usize) -> (usize, usize),
) -> Result<Product, ModelError> {
    for (name, matrix, rows) in &matrices {
        if matrix.len() != rows * inputs {
            let problem = format!("{} values, expected {rows} x {inputs}", matrix.len());
            return Err(ModelError::input(*name, problem));
        }
    }
    let halves: Vec<&[u16]> = matrices
        .iter()
        .filter_map(|(_, matrix, _)| match matrix {
            Stored::Bf16(bits) => Some(bits.as_slice()),
            Stored::F32(_) | Stored::Quantised(_) => None,
        })
        .collect();
    if halves.len() == matrices.len() {
        return Product::halves(device, outputs, inputs, |output| {
            let (which, row) = order(output);
            halves[which].get(row * inputs..(row + 1) * inputs)
        });
    }
    let levels: Vec<&Quantised> = matrices
        .iter()
        .filter_map(|(_, matrix, _)| match matrix {
            Stored::Quantised(own) => Some(own),
            Stored::F32(_) | Stored::Bf16(_) => None,
        })
        .collect();
    if levels.len() == matrices.len() {
        // Beside levels of eight bits those of four lie in as many.
        let four_bits = levels.iter().all(|own| own.four_bits);
        return Product::levels(device, (outputs, inputs), four_bits, |output| {
            let (which, row) = order(output);
            levels[which].row(row)
        });
    }
    // Of different types, which no checkpoint at hand has, all are widened.
    let floats: Vec<Vec<f32>> = matrices
        .into_iter()
        .map(|(_, matrix, _)| match matrix {
            Stored::F32(values) => values,
            other => other.floats(),
        })
        .collect();
    Product::floats(device, outputs, inputs, |output| {
        let (which, row) = order(output);
        floats[which].get(row * inputs..(row + 1) * inputs)
    })
}

/// The weight of a norm, or a bias, with the padding of its rows.
pub(super) fn padded<R: Runtime>(
    device: &Device<R>,
    mut weight: Vec<f32>,
) -> Result<Buffer, ModelError> {
    weight.resize(weight.len().next_multiple_of(PANEL), 0.0);
    device.floats(&weight)
}
