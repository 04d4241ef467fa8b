//! Makes tiny models and checkpoints, for tests and fuzzing only; not part of the public interface.
//!
//! [`GgufWriter`] writes what it is told, sound or not; [`decoder_gguf`] describes the weights of a
//! decoder to it as llama.cpp's converter would, in f32; [`random_model`] opens a model of any shape whose file exists
//! nowhere. [`Counting`] tells how much an executor ran.

mod counting;
mod decoder;
#[cfg(feature = "remote")]
pub mod fake;
mod made_up;
#[cfg(feature = "remote")]
pub mod words;

pub use counting::Counting;
pub use decoder::decoder_gguf;
pub use made_up::random_model;

use crate::kernels::{Input, Kinds, Matrix, Team, project};
use crate::weights::config::families::{Family, glm4_moe_switches, gpt_oss_switches};
use crate::weights::config::{Attends, Experts, Switches};
use crate::weights::decoder::{FeedForwardWeights, SharedWeights};
use crate::weights::gguf::{Array, Value, types};
use crate::weights::{Dtype, RawTensor};
use crate::{DecoderWeights, ModelConfig, ModelError, RopeScaling, Stored, WeightFormat};

/// A small valid config of an architecture: 2 layers, 2 query heads, 1 key and value head; of a mixture 5 experts, of
/// which a token goes to 2. With the switches of `gpt_oss`, and its first layer's window of 20 tokens, or those of
/// `glm4_moe`, whose first layer has no experts, or of `hunyuan_v1_dense`; none of others.
pub fn tiny_config(architecture: &str) -> ModelConfig {
    let family = Family::of(architecture);
    let is = |what: fn(&Family) -> bool| family.is_some_and(what);
    let own = match architecture {
        "gpt_oss" => {
            let window = Attends { window: Some(20), ..Attends::default() };
            Switches { layers: vec![window, Attends::default()], ..gpt_oss_switches() }
        }
        "glm4_moe" => Switches { dense_layers: 1, rotary_dim: Some(4), ..glm4_moe_switches() },
        "hunyuan_v1_dense" => Switches { qk_norm_turned: true, ..Switches::default() },
        _ => Switches::default(),
    };
    let shared = match architecture {
        "qwen2_moe" => Some(14),
        "glm4_moe" => Some(2 * 12),
        _ => None,
    };
    let experts = Experts { count: 5, used: 2, width: 12, normed: true, shared };
    ModelConfig {
        architecture: architecture.to_owned(),
        vocab_size: 11,
        hidden_size: 8,
        intermediate_size: 12,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        head_dim: 6,
        rms_norm_eps: 0.000_976_562_5,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        max_position_embeddings: 64,
        tie_word_embeddings: false,
        attention_bias: is(|family| family.attention_bias),
        qk_norm: is(|family| family.qk_norm),
        switches: Switches {
            experts: Some(experts).filter(|_| is(|family| family.experts)),
            ..own
        },
        stored: Stored::default(),
        bos_token_id: Some(1),
        eos_token_ids: vec![2],
    }
}

/// A decoder over the byte tokenizer: widths that no tile divides, grouped heads.
pub fn byte_config(architecture: &str) -> ModelConfig {
    ModelConfig {
        vocab_size: 262,
        hidden_size: 40,
        intermediate_size: 70,
        num_attention_heads: 6,
        num_key_value_heads: 2,
        head_dim: 10,
        max_position_embeddings: 600,
        eos_token_ids: vec![258],
        ..tiny_config(architecture)
    }
}

/// Random weights, larger than usual, so that the next token depends on the text.
///
/// # Errors
/// When the config is not a decoder's.
pub fn lively_weights(config: ModelConfig) -> Result<DecoderWeights, ModelError> {
    let mut weights = DecoderWeights::random(config, 7)?;
    let grow = |tensor: &mut Vec<f32>, factor: f32| {
        for weight in tensor {
            *weight *= factor;
        }
    };
    for layer in &mut weights.layers {
        for tensor in [&mut layer.query, &mut layer.key, &mut layer.value, &mut layer.output] {
            grow(tensor, 8.0);
        }
        layer.sinks.iter_mut().for_each(|sinks| grow(sinks, 60.0));
        for network in layer.feed_forward.networks_mut() {
            for tensor in [&mut network.gate, &mut network.up, &mut network.down] {
                grow(tensor, 8.0);
            }
            network.biases.iter_mut().flatten().for_each(|bias| grow(bias, 8.0));
        }
        if let FeedForwardWeights::Mixture(mixture) = &mut layer.feed_forward {
            grow(&mut mixture.router, 8.0);
            let biases = mixture.router_bias.iter_mut().chain(&mut mixture.choice_bias);
            biases.for_each(|bias| grow(bias, 8.0));
            if let Some(shared) = &mut mixture.shared {
                let SharedWeights { network, gate } = shared;
                for tensor in [&mut network.gate, &mut network.up, &mut network.down] {
                    grow(tensor, 8.0);
                }
                if let Some(gate) = gate {
                    grow(gate, 8.0);
                }
            }
        }
    }
    grow(&mut weights.embedding, 20.0);
    weights.head.iter_mut().for_each(|head| grow(head, 20.0));
    Ok(weights)
}

/// Numbers without a pattern that a block could hold on to.
fn waves(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * 0.7).sin()).collect()
}

/// A product of rows with packed weights, for benchmarks.
#[derive(Debug)]
pub struct Product {
    team: Team,
    input: Input,
    matrix: Matrix,
    out: Vec<f32>,
}

impl Product {
    /// Rows `[rows, inputs]` and weights `[outputs, inputs]` in a format, on `threads` threads.
    ///
    /// # Panics
    /// When the threads cannot be started.
    pub fn new(
        format: WeightFormat,
        rows: usize,
        inputs: usize,
        outputs: usize,
        threads: usize,
    ) -> Self {
        let matrix = Matrix::of(&waves(outputs * inputs), inputs, format);
        Self::of(matrix, rows, threads)
    }

    /// As [`Self::new`], with weights in blocks of a quantised type.
    ///
    /// # Panics
    /// When the type has no blocks, they do not fill a row, or the threads cannot be started.
    pub fn stored(
        dtype: Dtype,
        rows: usize,
        inputs: usize,
        outputs: usize,
        threads: usize,
    ) -> Self {
        let blocks = outputs * inputs / dtype.block_len();
        // Scales that are small numbers, whatever the levels are.
        let bytes = (0..61).cycle().take(blocks * dtype.block_bytes()).collect();
        let shape = vec![outputs, inputs];
        let tensor = RawTensor { name: "weights".to_owned(), shape, dtype, bytes };
        Self::of(Matrix::of_blocks(&tensor).expect("blocks"), rows, threads)
    }

    fn of(matrix: Matrix, rows: usize, threads: usize) -> Self {
        let (inputs, outputs) = (matrix.inputs(), matrix.outputs());
        let team = Team::new(threads).expect("threads");
        let mut input = Input::default();
        input.copy(&team, Kinds::of([&matrix]), &waves(rows * inputs), inputs);
        Self { team, input, matrix, out: vec![0.0; rows * outputs] }
    }

    /// Multiplies once; an output.
    pub fn run(&mut self) -> f32 {
        project(&self.team, &self.input, &[&self.matrix], false, &mut self.out);
        self.out.first().copied().unwrap_or_default()
    }
}

/// Writes GGUF files in memory.
#[derive(Debug, Clone)]
pub struct GgufWriter {
    /// Version of the format.
    pub version: u32,
    /// Alignment of the data in bytes; says so in the metadata only if `metadata` does.
    pub alignment: usize,
    /// Pairs, in order; duplicates are written as they are.
    pub metadata: Vec<(String, Value)>,
    /// Tensors, in order; duplicates are written as they are.
    pub tensors: Vec<RawTensor>,
}

impl Default for GgufWriter {
    fn default() -> Self {
        Self { version: 3, alignment: 32, metadata: Vec::new(), tensors: Vec::new() }
    }
}

impl GgufWriter {
    /// Adds a pair.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.metadata.push((key.to_owned(), value));
        self
    }

    /// The file.
    pub fn finish(&self) -> Vec<u8> {
        self.finish_marked().0
    }

    /// The file, and every byte position at which one of its parts ends.
    pub fn finish_marked(&self) -> (Vec<u8>, Vec<usize>) {
        let lengths: Vec<usize> = self.tensors.iter().map(|tensor| tensor.bytes.len()).collect();
        let mut out = self.header(&lengths);
        for RawTensor { bytes, .. } in &self.tensors {
            out.pad(self.alignment);
            out.put(bytes);
        }
        (out.bytes, out.marks)
    }

    /// All before the data, of tensors whose bytes are so many.
    fn header(&self, lengths: &[usize]) -> Writer {
        let mut out = Writer::default();
        out.put(b"GGUF");
        out.put(&self.version.to_le_bytes());
        out.size(self.tensors.len());
        out.size(self.metadata.len());
        for (key, value) in &self.metadata {
            out.string(key);
            out.value(value);
        }
        let mut offset = 0;
        for (RawTensor { name, shape, dtype, .. }, length) in self.tensors.iter().zip(lengths) {
            out.string(name);
            out.put(&u32::try_from(shape.len()).unwrap_or(u32::MAX).to_le_bytes());
            for dimension in shape.iter().rev() {
                out.size(*dimension);
            }
            out.put(&types::code(*dtype).to_le_bytes());
            out.size(offset);
            offset += length.next_multiple_of(self.alignment);
        }
        out
    }
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    marks: Vec<usize>,
}

impl Writer {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.marks.push(self.bytes.len());
    }

    fn size(&mut self, size: usize) {
        self.put(&(size as u64).to_le_bytes());
    }

    fn pad(&mut self, alignment: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(alignment), 0);
        self.marks.push(self.bytes.len());
    }

    fn string(&mut self, text: &str) {
        self.size(text.len());
        self.put(text.as_bytes());
    }

    fn kind(&mut self, code: u32) {
        self.put(&code.to_le_bytes());
    }

    fn value(&mut self, value: &Value) {
        let (code, bytes): (u32, &[u8]) = match value {
            Value::U8(n) => (0, &n.to_le_bytes()),
            Value::I8(n) => (1, &n.to_le_bytes()),
            Value::U16(n) => (2, &n.to_le_bytes()),
            Value::I16(n) => (3, &n.to_le_bytes()),
            Value::U32(n) => (4, &n.to_le_bytes()),
            Value::I32(n) => (5, &n.to_le_bytes()),
            Value::F32(n) => (6, &n.to_le_bytes()),
            Value::Bool(b) => (7, &[u8::from(*b)]),
            Value::U64(n) => (10, &n.to_le_bytes()),
            Value::I64(n) => (11, &n.to_le_bytes()),
            Value::F64(n) => (12, &n.to_le_bytes()),
            Value::String(text) => {
                self.kind(8);
                return self.string(text);
            }
            Value::Array(array) => {
                self.kind(9);
                return self.array(array);
            }
        };
        self.kind(code);
        self.put(bytes);
    }

    fn array(&mut self, array: &Array) {
        match array {
            Array::U8(v) => self.scalars(0, v, |n| n.to_le_bytes()),
            Array::I8(v) => self.scalars(1, v, |n| n.to_le_bytes()),
            Array::U16(v) => self.scalars(2, v, |n| n.to_le_bytes()),
            Array::I16(v) => self.scalars(3, v, |n| n.to_le_bytes()),
            Array::U32(v) => self.scalars(4, v, |n| n.to_le_bytes()),
            Array::I32(v) => self.scalars(5, v, |n| n.to_le_bytes()),
            Array::F32(v) => self.scalars(6, v, |n| n.to_le_bytes()),
            Array::Bool(v) => self.scalars(7, v, |b| [u8::from(*b)]),
            Array::U64(v) => self.scalars(10, v, |n| n.to_le_bytes()),
            Array::I64(v) => self.scalars(11, v, |n| n.to_le_bytes()),
            Array::F64(v) => self.scalars(12, v, |n| n.to_le_bytes()),
            Array::String(v) => {
                self.kind(8);
                self.size(v.len());
                for text in v {
                    self.string(text);
                }
            }
            Array::Array(v) => {
                self.kind(9);
                self.size(v.len());
                for array in v {
                    self.array(array);
                }
            }
        }
    }

    fn scalars<T, const N: usize>(
        &mut self,
        code: u32,
        values: &[T],
        bytes: impl Fn(&T) -> [u8; N],
    ) {
        self.kind(code);
        self.size(values.len());
        let all: Vec<u8> = values.iter().flat_map(bytes).collect();
        self.put(&all);
    }
}
