//! Measures a step of GRPO, and sampling and training beside their speed alone.
//!
//! `cargo run --release -p tts-benches --bin reinforce -- --model FOLDER [--problems 32] [--samples 8] [--json FILE]`. The policy is
//! the model of a folder, such as `tts-prm/pair/generator`; its problems are those of chains. Three figures
//! of tokens a second, each a median: of steps (sampled and learnt), of the engine that draws the same groups and
//! does nothing else, and of the trainer that learns as many examples of the same lengths. The last two run in turn
//! with the steps, in one process.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use serde::Serialize;
use tts_benches::report;
use tts_core::family::{Chain, Solved, Split, problems};
use tts_core::{BoxError, Sampling, Search};
use tts_models::train::{Example, Model, Online, PolicyGoal, TrainConfig};
use tts_models::{
    Backend, Checkpoint, DecoderWeights, EngineConfig, Files, LanguageModel, WeightFormat,
};
use tts_prm::reinforce::{
    Independent, Learning, Note, Problem, Reinforce, ReinforceConfig, StepNote,
};

/// Measures reinforcement.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder of a model of chains of arithmetic.
    #[arg(long)]
    model: PathBuf,
    /// Problems of a step.
    #[arg(long, default_value_t = 32)]
    problems: usize,
    /// Solutions of each.
    #[arg(long, default_value_t = 8)]
    samples: usize,
    /// Steps measured, after one that is not.
    #[arg(long, default_value_t = 5)]
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
    parameters: u64,
    /// Of a step, sampling and learning together, median.
    seconds_per_step: f64,
    sampled_tokens_per_second: f64,
    sampled_alone_tokens_per_second: f64,
    learnt_tokens_per_second: f64,
    learnt_alone_tokens_per_second: f64,
    /// Generated tokens of a step, mean.
    tokens_per_step: f64,
    /// Of the first update of any step: 0, if engine and trainer are of one mind.
    most_first_clipped: f64,
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A prompt with a solution, and where that begins.
type Text = (Vec<u32>, usize);

/// Tokens a second of drawing the groups of a step, and what was drawn.
fn draw(
    policy: &dyn LanguageModel,
    config: &ReinforceConfig,
    asked: &[Problem],
    seed: u64,
) -> Result<(f64, Vec<Text>), BoxError> {
    let search = Search::new(policy)
        .rule(config.rule.clone())
        .sampling(Sampling::temperature(1.0))
        .seed(seed)
        .concurrency(config.problems);
    policy.forget();
    let started = Instant::now();
    let first = usize::try_from(seed)? * config.problems % asked.len().max(1);
    let asked = asked.iter().cycle().skip(first).take(config.problems);
    let prompts = asked.map(|problem| problem.prompt.clone());
    let outcomes = search.run_many(&Independent { n: config.samples }, prompts);
    let seconds = started.elapsed().as_secs_f64();
    let (mut tokens, mut texts) = (0, Vec::new());
    for outcome in outcomes {
        let outcome = outcome?;
        let prompt = policy.encode(outcome.tree.prompt())?;
        for id in outcome.tree.candidates() {
            let mut text = prompt.clone();
            text.extend(outcome.tree.trajectory(id, 0).tokens());
            texts.push((text, prompt.len()));
        }
        tokens += outcome.usage.logical.generated_tokens;
    }
    Ok((tokens as f64 / seconds, texts))
}

/// Drawn tokens a second of an update that learns all of these.
fn learn(online: &mut Online, texts: Vec<Text>) -> Result<f64, BoxError> {
    let mut tokens = 0;
    let example = |(place, (text, first)): (usize, Text)| {
        let count = text.len() - first;
        tokens += count;
        let advantage = vec![if place % 2 == 0 { 1.0 } else { -1.0 }; count];
        let (old, weight) = (vec![-1.0; count], 1.0 / count as f32);
        let goal = PolicyGoal { first, advantage, old, weight, ..PolicyGoal::default() };
        Example::drawn(text, goal)
    };
    let batch: Vec<Example> = texts.into_iter().enumerate().map(example).collect();
    let started = Instant::now();
    online.update(&batch)?;
    Ok(tokens as f64 / started.elapsed().as_secs_f64())
}

fn run(arguments: &Arguments) -> Result<Figures, BoxError> {
    let files = Files::from(arguments.model.clone());
    let decoder = DecoderWeights::load(&Checkpoint::open(&files)?)?;
    let parameters = decoder.config.active_parameters();
    let (weights, threads) = (WeightFormat::F32, arguments.threads);
    let engine = EngineConfig { weights, threads, ..EngineConfig::default() };
    let open = || tts_models::open(files.clone(), Backend::Native, engine);
    let (mut policy, alone) = (open()?, open()?);
    let family = Chain::default();
    let asked: Vec<Problem> = problems(&family, Split::Train, 1)
        .take(arguments.problems * (arguments.steps + 1))
        .map(|problem| Problem::of_family(&family, &problem))
        .collect();
    let config = ReinforceConfig {
        steps: arguments.steps + 1,
        problems: arguments.problems,
        samples: arguments.samples,
        learn: Learning { threads, ..Learning::default() },
        ..ReinforceConfig::default()
    };
    let settings = TrainConfig { threads, learning_rate: 1e-5, ..TrainConfig::default() };
    let mut online = Online::new(settings, Model::from(decoder.clone()))?;
    let (mut drawn_alone, mut learnt_alone, mut failed) = (Vec::new(), Vec::new(), None);
    let run = Reinforce::new(config.clone()).task(Arc::new(Solved(family))).watch(|progress| {
        let both = draw(&*alone, &config, &asked, progress.note.step as u64 - 1)
            .and_then(|(drawn, texts)| Ok((drawn, learn(&mut online, texts)?)));
        match both {
            Ok((drawn, learnt)) => {
                drawn_alone.push(drawn);
                learnt_alone.push(learnt);
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    let notes = run.run(&mut *policy, Model::from(decoder), &asked)?.notes;
    if let Some(error) = failed {
        return Err(error);
    }
    let mut steps = Vec::new();
    for note in &notes {
        if let Note::Step(step) = note {
            steps.push(step);
        }
    }
    // The first makes what all others have: buffers, threads, caches of the processor.
    let measured = steps.get(1..).unwrap_or_default();
    let of = |figure: &dyn Fn(&StepNote) -> f64| {
        median(measured.iter().map(|step| figure(step)).collect())
    };
    let behind = |values: &[f64]| median(values.get(1..).unwrap_or_default().to_vec());
    let tokens: f64 = measured.iter().map(|step| step.tokens as f64).sum();
    Ok(Figures {
        parameters,
        seconds_per_step: of(&|step| step.sampling_seconds + step.learning_seconds),
        sampled_tokens_per_second: of(&|step| step.tokens as f64 / step.sampling_seconds),
        sampled_alone_tokens_per_second: behind(&drawn_alone),
        learnt_tokens_per_second: of(&|step| step.learnt as f64 / step.learning_seconds),
        learnt_alone_tokens_per_second: behind(&learnt_alone),
        tokens_per_step: tokens / measured.len().max(1) as f64,
        most_first_clipped: steps.iter().map(|step| step.first_clipped).fold(0.0, f64::max),
    })
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    report("reinforce", run(&arguments).map(|all| vec![all]), arguments.json.as_deref())
}
