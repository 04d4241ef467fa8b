//! Runs a workload on a model and prints its figures as JSON.
//!
//! `cargo run --release -p tts-benches --bin workload -- NAME --model FILE [--json FILE]`. With
//! `--rounds` it runs a few times, each time with an empty cache, and prints the round of median time;
//! `--warm` runs it once before, so that kernels are compiled and memory is there. NAME is one of
//!
//! * `prefill`: reads a prompt of 512 tokens;
//! * `decode`: one line of 128 tokens (`--lines` for more), the prompt read before the clock starts;
//! * `best-of-n`: 64 lines of 128 tokens after one prompt;
//! * `beam`: 16 beams, 4 ways each, 8 steps of 32 tokens, without a verifier;
//! * `score`: the same, every step scored by a random head on the model's own backbone;
//! * `mixed`: beam search over 50 problems of uneven length at once;
//! * `judged`: best-of-16 of 8 problems at once, each sample judged 8 times by the model itself, in turn with as many
//!   tokens sampled plainly; prints the ratio of the medians over `--rounds`, and its range. With `--together` a judgement
//!   is about all samples. The model needs a chat template.
//!
//! `--account` tells where the time went, `--isa avx2` runs the code of a machine that has no more.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use tts_benches::{
    Figures, JudgedFigures, JudgedSize, ShuffledBeam, account_csv, account_text, beam, decode,
    judged, mixed, prefill, report, score, watch_stages,
};
use tts_core::{BoxError, Sampling};
use tts_models::{Backend, EngineConfig, InstructionSet, KeyValues, LanguageModel, WeightFormat};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Workload {
    Prefill,
    Decode,
    BestOfN,
    Beam,
    Score,
    Mixed,
    Judged,
}

/// Runs a workload on a model.
#[derive(Debug, Parser)]
struct Arguments {
    workload: Workload,
    /// GGUF file or Hugging Face folder.
    #[arg(long)]
    model: PathBuf,
    /// native, ndarray, cuda or wgpu.
    #[arg(long, default_value = "native")]
    backend: Backend,
    /// Type of the weights: stored, f32, bf16 or int8.
    #[arg(long, default_value = "stored")]
    weights: WeightFormat,
    /// Type of keys and values: auto, f32, f16 or int8.
    #[arg(long, default_value = "auto")]
    key_values: KeyValues,
    /// Threads; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Lines; default: 1 for `decode`, 64 for `best-of-n`, and for `judged` 16 samples a problem. Of several, each is run
    /// by itself.
    #[arg(long, value_delimiter = ',')]
    lines: Vec<u64>,
    /// How often it runs; the round of median time is printed, of two in the middle the faster.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Runs it once before the clock counts.
    #[arg(long)]
    warm: bool,
    /// Lines that run together.
    #[arg(long, default_value_t = 64)]
    max_lines: usize,
    /// Tokens of the prompt; default: 512 for `prefill`, those of the text otherwise (113 by the
    /// tokenizer of `SmolLM2`).
    #[arg(long)]
    prompt_tokens: Option<usize>,
    /// New tokens of each line, for `decode`, `best-of-n` and `judged`.
    #[arg(long, default_value_t = 128)]
    new_tokens: u32,
    /// Beams that are kept, for `beam` and `score`.
    #[arg(long, default_value_t = 16)]
    keep: usize,
    /// Continuations of each beam.
    #[arg(long, default_value_t = 4)]
    branch: usize,
    /// Steps.
    #[arg(long, default_value_t = 8)]
    steps: u32,
    /// Tokens of a step.
    #[arg(long, default_value_t = 32)]
    step_tokens: u32,
    /// Problems; default: 50 for `mixed`, 8 for `judged`.
    #[arg(long)]
    problems: Option<usize>,
    /// Judgements of each sample, for `judged`; with `--together` of all.
    #[arg(long, default_value_t = 8)]
    judgements: usize,
    /// Each judgement is about all samples of a problem, for `judged`.
    #[arg(long)]
    together: bool,
    /// Only the this many most probable tokens; 0 for all.
    #[arg(long, default_value_t = 40)]
    top_k: u32,
    /// Writes the figures here as well, a line of JSON for each number of lines.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Tells where the time of all threads went, by stages of a pass, of the native backend: in the figures, and as a
    /// table on standard error.
    #[arg(long)]
    account: bool,
    /// Writes that table here as CSV.
    #[arg(long, requires = "account")]
    account_csv: Option<PathBuf>,
    /// Instructions that kernels of the native backend run on, no more than the machine has: portable, avx2 or avx512.
    #[arg(long)]
    isa: Option<InstructionSet>,
}

fn open(arguments: &Arguments) -> Result<Box<dyn LanguageModel>, BoxError> {
    let most = arguments.lines.iter().filter_map(|&lines| usize::try_from(lines).ok()).max();
    let config = EngineConfig {
        threads: arguments.threads,
        weights: arguments.weights,
        key_values: arguments.key_values,
        max_lines: arguments.max_lines.max(most.unwrap_or_default()),
        ignore_end: true,
        ..EngineConfig::default()
    };
    let by_lines = [Workload::Decode, Workload::BestOfN, Workload::Judged];
    if !(by_lines.contains(&arguments.workload) || arguments.lines.is_empty()) {
        return Err(
            "--lines is for decode, best-of-n and judged: the others decide that themselves".into(),
        );
    }
    if let Some(set) = arguments.isa {
        if arguments.backend != Backend::Native {
            return Err(
                "--isa is for the native backend, whose kernels know instruction sets".into()
            );
        }
        set.limit()?;
    }
    let model = tts_models::open(&arguments.model, arguments.backend, config)?;
    if arguments.account {
        watch_stages(model.as_ref())?;
    }
    Ok(model)
}

/// Each number of lines that is asked for, or the workload's own.
fn each(arguments: &Arguments) -> Vec<Option<u64>> {
    match arguments.lines.as_slice() {
        [] => vec![None],
        lines => lines.iter().copied().map(Some).collect(),
    }
}

/// The round of median time of each number of lines.
fn run(arguments: &Arguments) -> Result<Vec<Figures>, BoxError> {
    let model = open(arguments)?;
    let each = each(arguments).into_iter();
    let figures: Vec<Figures> =
        each.map(|lines| median(arguments, lines, model.as_ref())).collect::<Result<_, _>>()?;
    write!(std::io::stderr(), "{}", account_text(&figures))?;
    if let Some(path) = &arguments.account_csv {
        let csv = account_csv(&figures);
        tts_core::files::replace(path, |out| out.write_all(csv.as_bytes()))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(figures)
}

/// Judged samples beside plain ones, for each number of samples.
fn compared(arguments: &Arguments) -> Result<Vec<JudgedFigures>, BoxError> {
    if arguments.account {
        return Err("--account is of one workload, and judged is two in turn".into());
    }
    let model = open(arguments)?;
    let compare = |lines: Option<u64>| {
        let size = JudgedSize {
            problems: arguments.problems.unwrap_or(8),
            samples: usize::try_from(lines.unwrap_or(16))?,
            judgements: arguments.judgements,
            line_tokens: arguments.new_tokens,
            rounds: usize::try_from(arguments.rounds)?,
        };
        judged(model.as_ref(), size, arguments.together, sampling(arguments))
    };
    each(arguments).into_iter().map(compare).collect()
}

fn sampling(arguments: &Arguments) -> Sampling {
    Sampling { top_k: arguments.top_k, ..Sampling::temperature(0.8) }
}

fn median(
    arguments: &Arguments,
    lines: Option<u64>,
    model: &dyn LanguageModel,
) -> Result<Figures, BoxError> {
    if arguments.warm {
        once(arguments, lines, model)?;
    }
    let mut rounds = Vec::new();
    for _ in 0..arguments.rounds {
        model.forget();
        rounds.push(once(arguments, lines, model)?);
    }
    rounds.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    Ok(rounds.swap_remove((rounds.len() - 1) / 2))
}

fn once(
    arguments: &Arguments,
    lines: Option<u64>,
    model: &dyn LanguageModel,
) -> Result<Figures, BoxError> {
    let sampling = sampling(arguments);
    let Arguments { prompt_tokens, new_tokens, .. } = *arguments;
    let Arguments { keep, branch, steps, step_tokens, .. } = *arguments;
    let strategy = ShuffledBeam::new(keep, branch, steps, step_tokens);
    match arguments.workload {
        Workload::Prefill => prefill(model, prompt_tokens.unwrap_or(512)),
        Workload::Decode => {
            let lines = lines.unwrap_or(1);
            decode(model, "decode", lines, prompt_tokens, new_tokens, sampling, true)
        }
        Workload::BestOfN => {
            let lines = lines.unwrap_or(64);
            decode(model, "best-of-n", lines, prompt_tokens, new_tokens, sampling, false)
        }
        Workload::Beam => beam(model, strategy, prompt_tokens, sampling),
        Workload::Score => score(model, strategy, prompt_tokens, sampling),
        Workload::Mixed => mixed(model, arguments.problems.unwrap_or(50), sampling),
        Workload::Judged => Err("judged is two sides, and has figures of its own".into()),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json.as_deref();
    match arguments.workload {
        Workload::Judged => report("workload", compared(&arguments), json),
        _ => report("workload", run(&arguments), json),
    }
}
