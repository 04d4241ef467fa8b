//! Measures training: tokens a second of forward, backward and update.
//!
//! `cargo run --release -p tts-benches --bin training -- [--precision bf16] [--json FILE]`. The model
//! is a Llama decoder of about three million random weights, the text random tokens; by default a batch
//! is 64 sequences of 128. `scripts/pytorch_training.py` measures the same model in `PyTorch`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use serde::Serialize;
use tts_benches::report;
use tts_core::BoxError;
use tts_models::train::{Example, Model, Precision, TrainConfig, Trainer};
use tts_models::{DecoderWeights, ModelConfig, RopeScaling};

#[derive(Debug, Clone, Copy, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Numbers {
    F32,
    Bf16,
    /// f32 on Burn's own operations.
    Burn,
}

/// Measures training.
#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, default_value = "f32")]
    precision: Numbers,
    #[arg(long, default_value_t = 256)]
    hidden: usize,
    #[arg(long, default_value_t = 640)]
    intermediate: usize,
    #[arg(long, default_value_t = 4)]
    layers: usize,
    #[arg(long, default_value_t = 4)]
    heads: usize,
    #[arg(long, default_value_t = 256)]
    vocab: usize,
    /// Sequences of a batch.
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Tokens of a sequence.
    #[arg(long, default_value_t = 128)]
    length: usize,
    /// Updates measured, after one that is not.
    #[arg(long, default_value_t = 8)]
    steps: usize,
    /// Threads; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Writes the figures here as well.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Figures {
    precision: Numbers,
    parameters: u64,
    tokens: u64,
    seconds: f64,
    tokens_per_second: f64,
    /// Six operations a parameter and token, in billions a second.
    gflops: f64,
    loss: f64,
}

fn run(arguments: &Arguments) -> Result<Figures, BoxError> {
    let config = ModelConfig {
        architecture: "llama".to_owned(),
        vocab_size: arguments.vocab,
        hidden_size: arguments.hidden,
        intermediate_size: arguments.intermediate,
        num_hidden_layers: arguments.layers,
        num_attention_heads: arguments.heads,
        num_key_value_heads: arguments.heads,
        head_dim: arguments.hidden / arguments.heads,
        rms_norm_eps: 1e-5,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        max_position_embeddings: arguments.length,
        tie_word_embeddings: true,
        attention_bias: false,
        qk_norm: false,
        switches: tts_models::Switches::default(),
        stored: tts_models::Stored::default(),
        bos_token_id: None,
        eos_token_ids: vec![0],
    };
    let parameters = config.active_parameters();
    let decoder = DecoderWeights::initial(config, 1)?;
    let mut rng = tts_core::seed::rng(1);
    let mut token = || {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a token")]
        let token = (rng.uniform() * arguments.vocab as f64) as u32;
        token
    };
    let data: Vec<Example> = (0..2 * arguments.batch)
        .map(|_| Example::continuation((0..arguments.length).map(|_| token()).collect(), 1))
        .collect();
    let settings = TrainConfig {
        steps: arguments.steps + 1,
        warmup: 1,
        batch: arguments.batch,
        threads: arguments.threads,
        precision: match arguments.precision {
            Numbers::Bf16 => Precision::Bf16,
            Numbers::F32 | Numbers::Burn => Precision::F32,
        },
        ..TrainConfig::default()
    };
    let mut started = None;
    let mut first_tokens = 0;
    let trainer = Trainer::new(settings).watch(|progress| {
        if progress.update.step == 1 {
            started = Some(Instant::now());
            first_tokens = progress.update.tokens;
        }
        ControlFlow::Continue(())
    });
    let model = Model::from(decoder);
    let trained = match arguments.precision {
        Numbers::Burn => {
            let device = burn::backend::ndarray::NdArrayDevice::default();
            trainer.train_on::<burn::backend::NdArray>(model, &data, &device)?
        }
        Numbers::F32 | Numbers::Bf16 => trainer.train(model, &data)?,
    };
    let seconds = started.map_or(f64::NAN, |started| started.elapsed().as_secs_f64());
    let last = trained.history.updates.last().ok_or("no update was done")?;
    let tokens = last.tokens - first_tokens;
    let tokens_per_second = tokens as f64 / seconds;
    Ok(Figures {
        precision: arguments.precision,
        parameters,
        tokens,
        seconds,
        tokens_per_second,
        gflops: 6e-9 * parameters as f64 * tokens_per_second,
        loss: last.loss,
    })
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    report("training", run(&arguments).map(|all| vec![all]), arguments.json.as_deref())
}
