//! Perplexity of a model on the worked solutions of a problem set.
//!
//! `cargo run --release -p tts-benches --bin perplexity -- --model FILE --problems FILE.jsonl`, where
//! each line of the problems is an object with `question` and `answer`. The question goes through the
//! model's chat template; only the tokens of the answer count. What a quantised format or another
//! backend does to a model's quality shows here first: run it twice.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde::Deserialize;
use tts_core::{BoxError, Given, Message, Prompt, Role};
use tts_models::{Backend, EngineConfig, KeyValues, WeightFormat};

/// Perplexity of a model on the worked solutions of a problem set.
#[derive(Debug, Parser)]
struct Arguments {
    /// GGUF file or Hugging Face folder.
    #[arg(long)]
    model: PathBuf,
    /// JSON lines with `question` and `answer`.
    #[arg(long)]
    problems: PathBuf,
    /// The first this many of them.
    #[arg(long, default_value_t = 200)]
    limit: usize,
    /// native, ndarray, cuda or wgpu.
    #[arg(long, default_value = "native")]
    backend: Backend,
    /// Type of the weights: stored, f32, bf16 or int8.
    #[arg(long, default_value = "stored")]
    weights: WeightFormat,
    /// Type of keys and values: auto, f32, f16 or int8.
    #[arg(long, default_value = "auto")]
    key_values: KeyValues,
}

#[derive(Deserialize)]
struct Problem {
    question: String,
    answer: String,
}

fn run(arguments: &Arguments) -> Result<String, BoxError> {
    let Arguments { weights, key_values, .. } = *arguments;
    let config = EngineConfig { weights, key_values, ..EngineConfig::default() };
    let model = tts_models::open(&arguments.model, arguments.backend, config)?;
    let text = std::fs::read_to_string(&arguments.problems)
        .map_err(|error| format!("{}: {error}", arguments.problems.display()))?;
    let mut batch = Vec::new();
    for (number, line) in text.lines().take(arguments.limit).enumerate() {
        let problem: Problem = serde_json::from_str(line)
            .map_err(|error| format!("{}:{}: {error}", arguments.problems.display(), number + 1))?;
        let prompt = Prompt::Chat(vec![Message { role: Role::User, content: problem.question }]);
        let context = model.encode(&prompt)?;
        let tokens = model.tokenizer().encode(&problem.answer, false)?;
        batch.push(Given { context, tokens });
    }
    let mut sum = 0.0;
    let mut tokens = 0_usize;
    for given in batch.chunks(16) {
        for logprobs in model.logprobs(given)? {
            sum += logprobs.iter().map(|&logprob| f64::from(logprob)).sum::<f64>();
            tokens += logprobs.len();
        }
    }
    if tokens == 0 {
        return Err(format!("{}: no tokens to judge", arguments.problems.display()).into());
    }
    let mean = -sum / tokens as f64;
    let figures = serde_json::json!({
        "solutions": batch.len(),
        "tokens": tokens,
        "nats_per_token": mean,
        "perplexity": mean.exp(),
    });
    Ok(figures.to_string())
}

fn main() -> ExitCode {
    let written =
        run(&Arguments::parse()).and_then(|figures| Ok(writeln!(std::io::stdout(), "{figures}")?));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when even that cannot be written.
            let _ = writeln!(std::io::stderr(), "perplexity: {error}");
            ExitCode::FAILURE
        }
    }
}
