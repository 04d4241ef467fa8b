//! The reference executor: Burn's own operations, on any backend.
//!
//! The rows of all spans run together through norms, projections and feed-forward layers;
//! attention runs span by span over each sequence's own keys and values. These are immutable
//! tensors: a fork shares them, a step makes new ones, which costs a copy of the cache each step.
//! Correctness comes first here; the executors with own kernels are checked against this one. Nothing is let go of
//! behind windows.
//!
//! **Batch invariance.** On [`Cpu`](crate::exec::Cpu) a sequence has the same bits alone and
//! among others, and in one span and token by token. What that rests on: matrixmultiply, under
//! ndarray, sums each output element front to back over fixed blocks for every number of rows, one
//! row included; and every other reduction reads one row only (see
//! [`attention`](crate::exec::transformer::attention) and [`norm`](crate::exec::transformer::norm)). Burn's
//! other backends choose kernels by shape and promise no such thing. The price is the softmax's
//! denominator: 0.9 ms against 0.05 ms a layer for 256 tokens at `SmolLM2`-135M's widths on a Zen 5
//! core, 2 % of that prefill, and 0.1 % of a decoding step.
//!
//! **Speed.** Burn 0.21's ndarray copies both operands of every matrix product, and matrixmultiply
//! then packs them: a product of 576 x 1536 takes 0.4 ms for one row and for eight, 0.9 ms for 32.

use std::sync::Arc;

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

use crate::exec::transformer::{Decoder, LayerCache};
use crate::{
    BLOCK_TOKENS, BlockPart, DecoderWeights, Executor, ModelConfig, ModelError, Piece, Span, Want,
};

/// A decoder that runs on Burn's own operations.
#[derive(Debug)]
pub struct Plain<B: Backend> {
    config: ModelConfig,
    decoder: Decoder<B>,
    device: B::Device,
}

/// Keys and values of some tokens on a [`Plain`] executor, layer by layer. A clone shares them.
#[derive(Debug, Clone)]
pub struct PlainBlock<B: Backend>(Arc<Vec<LayerCache<B>>>);

/// Keys and values of one sequence on a [`Plain`] executor. A clone shares them.
#[derive(Debug, Clone)]
pub struct PlainState<B: Backend> {
    /// One cache a layer, all of the same length.
    layers: Vec<LayerCache<B>>,
    /// Number of tokens.
    length: usize,
}

impl<B: Backend> Plain<B> {
    /// Moves weights to the backend's default device.
    ///
    /// # Errors
    /// When a tensor does not have the size that the config demands; the error names it.
    pub fn new(weights: DecoderWeights) -> Result<Self, ModelError> {
        Self::on_device(weights, &B::Device::default())
    }

    /// Moves weights to a device.
    ///
    /// # Errors
    /// When a tensor does not have the size that the config demands; the error names it.
    pub fn on_device(weights: DecoderWeights, device: &B::Device) -> Result<Self, ModelError> {
        let config = weights.config.clone();
        Ok(Self { config, decoder: Decoder::new(weights, device)?, device: device.clone() })
    }

    /// Runs a decoder that is on its device already, such as a trained one. `config` must be the
    /// one that it was made with.
    pub fn from_decoder(config: ModelConfig, decoder: Decoder<B>) -> Self {
        let device = decoder.embedding.val().device();
        Self { config, decoder, device }
    }

    /// The module that holds the weights.
    pub fn decoder(&self) -> &Decoder<B> {
        &self.decoder
    }

    /// The device of the weights.
    pub fn device(&self) -> &B::Device {
        &self.device
    }

    fn check(&self, spans: &[Span<'_, PlainState<B>>]) -> Result<(), ModelError> {
        let refuse = |index: usize, problem: String| {
            Err(ModelError::Input { field: format!("spans[{index}]"), problem })
        };
        let (vocab, longest) = (self.config.vocab_size, self.config.max_position_embeddings);
        for (index, span) in spans.iter().enumerate() {
            if span.tokens.is_empty() {
                return refuse(index, "no tokens".to_owned());
            }
            let outside = |&&token: &&u32| usize::try_from(token).map_or(true, |id| id >= vocab);
            if let Some(token) = span.tokens.iter().find(outside) {
                return refuse(index, format!("token {token}, but the vocabulary has {vocab}"));
            }
            let length = span.state.length.saturating_add(span.tokens.len());
            if length > longest {
                return refuse(index, format!("{length} tokens, but the model takes {longest}"));
            }
        }
        Ok(())
    }
}

impl<B: Backend> Executor for Plain<B> {
    type Block = PlainBlock<B>;
    type State = PlainState<B>;

    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn begin(&self, pieces: &[Piece<PlainBlock<B>>]) -> Self::State {
        let layers = 0..self.config.num_hidden_layers;
        let joined = layers.map(|layer| {
            LayerCache::joined(pieces.iter().map(|Piece { block, tokens }| {
                let cache: &LayerCache<B> = &block.0[layer];
                cache.prefix(*tokens)
            }))
        });
        PlainState {
            layers: joined.collect(),
            length: pieces.iter().map(|piece| piece.tokens).sum(),
        }
    }

    fn pieces(&self, state: &mut Self::State) -> Vec<Piece<PlainBlock<B>>> {
        let pieces = (0..state.length).step_by(BLOCK_TOKENS).map(|first| {
            let tokens = BLOCK_TOKENS.min(state.length - first);
            let layers = state.layers.iter().map(|cache| cache.part(first, tokens));
            Piece { block: PlainBlock(Arc::new(layers.collect())), tokens }
        });
        pieces.collect()
    }

    fn parts(&self, block: &PlainBlock<B>) -> [Option<BlockPart>; 2] {
        let bytes = block.0.first().map_or(0, LayerCache::length) * self.token_bytes();
        [Some(BlockPart { id: Arc::as_ptr(&block.0).addr(), bytes }), None]
    }

    fn token_bytes(&self) -> usize {
        2 * self.config.num_hidden_layers * self.config.key_value_width() * size_of::<f32>()
    }

    fn length(&self, state: &Self::State) -> usize {
        state.length
    }

    /// Shares the tensors themselves, where pieces would be cut out.
    fn fork(&self, state: &mut Self::State, length: usize) -> Self::State {
        let length = length.min(state.length);
        PlainState {
            layers: state.layers.iter().map(|cache| cache.prefix(length)).collect(),
            length,
        }
    }

    fn forward(&self, spans: &mut [Span<'_, Self::State>]) -> Result<Vec<f32>, ModelError> {
        self.check(spans)?;
        let tokens: Vec<i64> = spans.iter().flat_map(|s| s.tokens).map(|&t| t.into()).collect();
        let wanted = wanted_rows(spans);
        if tokens.is_empty() {
            return Ok(Vec::new());
        }
        let tokens: Tensor<B, 1, Int> = vector(tokens, &self.device); // [rows]
        let mut caches: Vec<_> = spans
            .iter_mut()
            .map(|span| {
                span.state.length += span.tokens.len();
                (span.tokens.len(), span.state.layers.as_mut_slice())
            })
            .collect();
        let rows = self.decoder.forward_cached(tokens, &mut caches); // [rows, hidden]
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let rows = rows.select(0, vector(wanted, &self.device)); // [wanted, hidden]
        values(self.decoder.norm.forward(rows)) // [wanted, hidden]
    }

    fn logits_into(&self, hidden: &[f32], logits: &mut Vec<f32>) -> Result<(), ModelError> {
        let width = self.config.hidden_size;
        if !hidden.len().is_multiple_of(width) {
            return Err(ModelError::Input {
                field: "hidden".to_owned(),
                problem: format!("{} values are not rows of {width}", hidden.len()),
            });
        }
        logits.clear();
        if hidden.is_empty() {
            return Ok(());
        }
        let data = TensorData::new(hidden.to_vec(), [hidden.len() / width, width]);
        let hidden = Tensor::from_data(data, &self.device); // [rows, hidden]
        *logits = values(self.decoder.logits(hidden))?; // [rows, vocab]
        Ok(())
    }

    fn renew(&mut self, weights: DecoderWeights) -> Result<(), ModelError> {
        weights.check_for(&self.config)?;
        self.decoder = Decoder::new(weights, &self.device)?;
        Ok(())
    }
}

/// The wanted rows of all spans, as row numbers of their concatenation.
fn wanted_rows<S>(spans: &[Span<'_, S>]) -> Vec<i64> {
    let mut wanted = Vec::new();
    let mut row = 0;
    for span in spans {
        let last = span.tokens.len() - 1;
        for index in 0..=last {
            match span.want {
                Want::All => wanted.push(row),
                Want::Last if index == last => wanted.push(row),
                Want::Last | Want::Nothing => {}
            }
            row += 1;
        }
    }
    wanted
}

/// A tensor `[values]` of integers.
fn vector<B: Backend>(values: Vec<i64>, device: &B::Device) -> Tensor<B, 1, Int> {
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device) // [values]
}

/// The values of a tensor, row-major, once the device has computed them.
fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Result<Vec<f32>, ModelError> {
    let device = |problem: String| ModelError::Device { problem };
    let data = tensor.try_into_data().map_err(|error| device(error.to_string()))?;
    data.convert::<f32>().into_vec().map_err(|error| device(format!("{error:?}")))
}
