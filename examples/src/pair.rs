//! The embedded pair: a small generator of arithmetic chains, and its reward models.
//!
//! All three are decoders of about a million parameters over one character a token, trained by
//! `train_embedded` and kept, in 16 bits, in `tts-prm/pair`.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tts_core::family::Chain;
use tts_models::train::{Precision, TrainConfig};
use tts_models::{ModelConfig, RopeScaling};

use crate::{Error, setting};

/// Ends a solution.
pub const END: &str = "<|end|>";
/// Every character of problems and solutions.
pub const ALPHABET: &str = "\n0123456789+-*=";

/// The folder of the committed pair.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tts-prm/pair")
}

/// The shape of all three models: 1.07 million parameters.
pub fn shape() -> ModelConfig {
    ModelConfig {
        architecture: "llama".to_owned(),
        vocab_size: 1 + ALPHABET.len(),
        hidden_size: 128,
        intermediate_size: 384,
        num_hidden_layers: 5,
        num_attention_heads: 4,
        num_key_value_heads: 4,
        head_dim: 32,
        rms_norm_eps: 1e-5,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        max_position_embeddings: 256,
        tie_word_embeddings: true,
        attention_bias: false,
        qk_norm: false,
        switches: tts_models::Switches::default(),
        stored: tts_models::Stored::default(),
        bos_token_id: None,
        eos_token_ids: vec![0],
    }
}

/// How the pair is made. Everything that decides the result stands here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PairConfig {
    /// The problems.
    pub family: Chain,
    /// Where all randomness comes from.
    pub seed: u64,
    /// Problems that the generator learns from.
    pub problems: usize,
    /// Problems of the validation split that held-out losses are measured on.
    pub held_out: usize,
    /// Training of the generator.
    pub generator: TrainConfig,
    /// Problems, other than the generator's, that solutions are sampled for.
    pub sampled_problems: usize,
    /// Solutions sampled for each.
    pub samples: usize,
    /// Temperature of the samples.
    pub temperature: f32,
    /// Problems whose written solutions the reward models learn from before they judge.
    pub studied_problems: usize,
    /// Training on them.
    pub study: TrainConfig,
    /// Training of the process and of the outcome reward model.
    pub verifier: TrainConfig,
    /// Problems of the test split that the verifiers are reported on.
    pub reported_problems: usize,
}

impl Default for PairConfig {
    fn default() -> Self {
        let precision = Precision::Bf16;
        let train = TrainConfig { batch: 32, warmup: 100, precision, ..TrainConfig::default() };
        Self {
            family: Chain::default(),
            seed: 1,
            problems: 100_000,
            held_out: 256,
            generator: TrainConfig { steps: 3_500, learning_rate: 3e-3, ..train.clone() },
            sampled_problems: 20_000,
            samples: 4,
            temperature: setting::sampling().temperature,
            studied_problems: 300_000,
            study: TrainConfig { steps: 4_000, learning_rate: 3e-3, ..train.clone() },
            verifier: TrainConfig { steps: 2_500, learning_rate: 1e-3, ..train },
            reported_problems: 500,
        }
    }
}

/// A digest of a model's files: sizes, beginnings, ends, and samples between.
///
/// # Errors
/// When a file cannot be read.
pub fn digest(path: &Path) -> Result<u64, Error> {
    let at = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries: Result<Vec<_>, _> = std::fs::read_dir(path).map_err(at)?.collect();
        files = entries.map_err(at)?.iter().map(std::fs::DirEntry::path).collect();
        files.retain(|file| file.is_file());
        files.sort();
    }
    let mut hash = files.len() as u64;
    for file in files {
        let mut reader = std::fs::File::open(&file).map_err(at)?;
        let size = reader.metadata().map_err(at)?.len();
        hash = tts_core::seed::mix(hash, size);
        for part in 0..=64 {
            let mut block = [0; 4096];
            reader.seek(SeekFrom::Start(size.saturating_sub(4096) / 64 * part)).map_err(at)?;
            let read = reader.read(&mut block).map_err(at)?;
            for bytes in block[..read].chunks(8) {
                let word = bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
                hash = tts_core::seed::mix(hash, word);
            }
        }
    }
    Ok(hash)
}
