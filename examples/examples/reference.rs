//! Next-token logits and greedy continuations of raw prompts, to check a model against others.
//!
//! `reference --model FILE --prompts prompts.jsonl` reads `{"prompt": "..."}` a line (raw text, no
//! template; control tokens may be written by name) and prints a line each:
//! `{"tokens":[..],"top":[{"id","logit"} x5],"greedy":[..]}`. Arithmetic is f32 on the dequantised
//! weights. `top` is for the token after the whole prompt; `greedy` has up to 64 tokens, the end
//! token included.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use serde::{Deserialize, Serialize};
use tts_core::rows::{self, RowsError};
use tts_core::{Prompt, Request, Sampling, StepRule, Trajectory, Until};
use tts_models::engine::sampling;
use tts_models::{Backend, EngineConfig, LanguageModel, WeightFormat};

/// Prints next-token logits and greedy continuations of raw prompts.
#[derive(Parser)]
struct Arguments {
    /// GGUF file or Hugging Face folder.
    #[arg(long)]
    model: PathBuf,
    /// JSON lines with a field `prompt`.
    #[arg(long)]
    prompts: PathBuf,
    /// Length of the greedy continuation, in tokens.
    #[arg(long, default_value_t = 64)]
    tokens: u32,
    /// native, ndarray, cuda or wgpu.
    #[arg(long, default_value = "native")]
    backend: Backend,
    /// Threads; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

#[derive(Deserialize)]
struct Row {
    prompt: String,
}

#[derive(Serialize)]
struct Top {
    id: u32,
    logit: f32,
}

#[derive(Serialize)]
struct Reference {
    tokens: Vec<u32>,
    top: Vec<Top>,
    greedy: Vec<u32>,
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error + Send + Sync>> {
    let weights = WeightFormat::F32;
    let config = EngineConfig { threads: arguments.threads, weights, ..EngineConfig::default() };
    let model =
        tts_models::open(tts_examples::hub::model(&arguments.model)?, arguments.backend, config)?;
    let mut out = std::io::stdout().lock();
    for row in rows::read(&arguments.prompts)? {
        let at = |source| RowsError::Row { path: arguments.prompts.clone(), source };
        let Row { prompt } = row.read().map_err(at)?;
        let reference = reference(model.as_ref(), &prompt, arguments.tokens)
            .map_err(|error| at(row.wrong(error.to_string())))?;
        serde_json::to_writer(&mut out, &reference)?;
        writeln!(out)?;
    }
    Ok(())
}

fn reference(
    model: &dyn LanguageModel,
    prompt: &str,
    length: u32,
) -> Result<Reference, Box<dyn Error + Send + Sync>> {
    let prompt = Prompt::text(prompt);
    let tokens = model.encode(&prompt)?;
    let logits = model.next_logits(&tokens)?;
    let top = sampling::top(&logits, 5).into_iter().map(|(id, logit)| Top { id, logit }).collect();
    // One step of any length: no boundaries.
    let rule = StepRule {
        delimiters: Vec::new(),
        max_step_tokens: length,
        max_tokens: length,
        ..StepRule::default()
    };
    let request = Request {
        until: Until::End,
        sampling: Sampling::greedy(),
        rule: Arc::new(rule),
        max_tokens: length,
        ..Request::new(Trajectory::new(Arc::new(prompt), Vec::new(), 0, false), vec![0])
    };
    let made = model.generate(&[request])?.into_iter().flat_map(|made| made.lines);
    let lines: Result<Vec<_>, _> = made.collect();
    let greedy = lines?.into_iter().flat_map(|line| line.steps).flat_map(|s| s.tokens).collect();
    Ok(Reference { tokens, top, greedy })
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "reference: {error}");
            ExitCode::FAILURE
        }
    }
}
