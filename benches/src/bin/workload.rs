//! Runs a workload on a model and prints its figures as JSON.
//!
//! `cargo run --release -p tts-benches --bin workload -- NAME --model FILE [--json FILE]`, where
//! NAME is `prefill`, `decode` (one line) or `best-of-n` (many lines of one prompt).

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use tts_benches::{Figures, decode, prefill};
use tts_core::{BoxError, Sampling};
use tts_models::{Backend, EngineConfig};

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Workload {
    Prefill,
    Decode,
    BestOfN,
}

/// Runs a workload on a model.
#[derive(Debug, Parser)]
struct Arguments {
    workload: Workload,
    /// GGUF file or Hugging Face folder.
    #[arg(long)]
    model: PathBuf,
    /// native, ndarray or cuda.
    #[arg(long, default_value = "native")]
    backend: Backend,
    /// Threads; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Lines of `best-of-n`.
    #[arg(long, default_value_t = 64)]
    lines: u64,
    /// Tokens of the prompt; default: 512 for `prefill`, 113 otherwise.
    #[arg(long)]
    prompt_tokens: Option<usize>,
    /// New tokens of each line.
    #[arg(long, default_value_t = 128)]
    new_tokens: u32,
    /// Only the this many most probable tokens; 0 for all.
    #[arg(long, default_value_t = 40)]
    top_k: u32,
    /// Writes the figures here as well.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn run(arguments: &Arguments) -> Result<Figures, BoxError> {
    let config =
        EngineConfig { threads: arguments.threads, ignore_end: true, ..EngineConfig::default() };
    let model = tts_models::open(&arguments.model, arguments.backend, config)?;
    let sampling = Sampling { top_k: arguments.top_k, ..Sampling::temperature(0.8) };
    let prompt = arguments.prompt_tokens;
    let new = arguments.new_tokens;
    match arguments.workload {
        Workload::Prefill => prefill(model.as_ref(), prompt.unwrap_or(512)),
        Workload::Decode => {
            decode(model.as_ref(), "decode", 1, prompt.unwrap_or(113), new, sampling)
        }
        Workload::BestOfN => {
            let lines = arguments.lines;
            decode(model.as_ref(), "best-of-n", lines, prompt.unwrap_or(113), new, sampling)
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let written = run(&arguments).and_then(|figures| {
        let text = serde_json::to_string(&figures)?;
        writeln!(std::io::stdout(), "{text}")?;
        if let Some(path) = &arguments.json {
            std::fs::write(path, text)?;
        }
        Ok(())
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when even that cannot be written.
            let _ = writeln!(std::io::stderr(), "workload: {error}");
            ExitCode::FAILURE
        }
    }
}
