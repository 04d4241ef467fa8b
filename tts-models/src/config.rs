//! The shape of a decoder.

/// The shape of a decoder of the Llama family (Llama, Qwen2, Qwen3, SmolLM2).
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// `model_type` of `config.json`: `llama`, `qwen2` or `qwen3`.
    pub architecture: String,
    /// Number of token ids.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Number of query heads.
    pub num_attention_heads: usize,
    /// Number of key and value heads; divides `num_attention_heads`.
    pub num_key_value_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Epsilon of the RMS norms.
    pub rms_norm_eps: f64,
    /// Base of the rotary embedding.
    pub rope_theta: f64,
    /// Frequency scaling of the rotary embedding.
    pub rope_scaling: RopeScaling,
    /// Longest sequence, in tokens.
    pub max_position_embeddings: usize,
    /// Whether the output head is the embedding matrix.
    pub tie_word_embeddings: bool,
    /// Whether the query, key and value projections have a bias (Qwen2).
    pub attention_bias: bool,
    /// Whether queries and keys are normalised per head (Qwen3).
    pub qk_norm: bool,
    /// Token that starts a text, if the file names one.
    pub bos_token_id: Option<u32>,
    /// Tokens that end a generation.
    pub eos_token_ids: Vec<u32>,
}

/// How rotary frequencies are scaled for long contexts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum RopeScaling {
    /// Not at all.
    #[default]
    None,
    /// All frequencies divided by `factor`.
    Linear {
        /// The divisor.
        factor: f64,
    },
    /// Llama 3.1's rule: low frequencies divided by `factor`, high ones kept, a smooth blend between.
    Llama3 {
        /// The divisor of low frequencies.
        factor: f64,
        /// Below `original / low_freq_factor` wavelengths count as long.
        low_freq_factor: f64,
        /// Above `original / high_freq_factor` wavelengths count as short.
        high_freq_factor: f64,
        /// Context length of the original training, in tokens.
        original_max_position_embeddings: f64,
    },
}

impl ModelConfig {
    /// The rotary frequencies, one for each pair `(i, i + head_dim / 2)`: shape `[head_dim / 2]`.
    pub fn rope_frequencies(&self) -> Vec<f64> {
        let half = self.head_dim / 2;
        let base = |i: usize| self.rope_theta.powf(-(i as f64) / half as f64);
        (0..half)
            .map(|i| match self.rope_scaling {
                RopeScaling::None => base(i),
                RopeScaling::Linear { factor } => base(i) / factor,
                RopeScaling::Llama3 {
                    factor,
                    low_freq_factor,
                    high_freq_factor,
                    original_max_position_embeddings: original,
                } => {
                    let wavelength = 2.0 * std::f64::consts::PI / base(i);
                    if wavelength < original / high_freq_factor {
                        base(i)
                    } else if wavelength > original / low_freq_factor {
                        base(i) / factor
                    } else {
                        let blend = (original / wavelength - low_freq_factor)
                            / (high_freq_factor - low_freq_factor);
                        (1.0 - blend) * base(i) / factor + blend * base(i)
                    }
                }
            })
            .collect()
    }
}
