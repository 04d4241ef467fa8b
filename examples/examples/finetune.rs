//! Supervised fine-tuning on worked solutions: all weights, or low-rank adapters.
//!
//! `cargo run --release --example finetune -- --model FILE.gguf --data train.jsonl --rank 16 --out
//! FOLDER`. A line of the data holds a question and its solution, in the form of GSM8K (`question`,
//! `answer` with calculator notes and `####`), MATH (`problem`, `solution`) or plain. The prompt is not
//! learnt. With `--rank` the result is an adapter, for `--adapter` of `solve`, `evaluate` and `label`;
//! without, a folder with all weights. Killed and started again, the run goes on.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tts_core::answer::extract;
use tts_examples::options::PromptOptions;
use tts_examples::training::{Data, TrainOptions, copy_text_side};
use tts_examples::{Error, exit};
use tts_models::train::Example;
use tts_models::weights::Dtype;
use tts_models::{Checkpoint, DecoderWeights, TextSide};
use tts_search::FewShot;

/// Fine-tunes a model on worked solutions.
#[derive(Debug, Parser)]
struct Arguments {
    /// GGUF file, or folder with config.json, tokenizer.json and safetensors.
    #[arg(long)]
    model: PathBuf,
    /// Worked solutions as JSON lines.
    #[arg(long)]
    data: PathBuf,
    /// Only this many of them; 0 for all.
    #[arg(long, default_value_t = 0)]
    limit: usize,
    /// Learn the final answer alone, without the steps.
    #[arg(long)]
    answer_only: bool,
    #[command(flatten)]
    prompting: PromptOptions,
    #[command(flatten)]
    training: TrainOptions,
    /// Where the result goes; checkpoints and the loss curve go to `work` in it.
    #[arg(long)]
    out: PathBuf,
}

/// The example of a worked solution.
fn example(
    arguments: &Arguments,
    text: &TextSide,
    end: Option<u32>,
    few_shot: Option<&FewShot>,
    (question, answer): (&str, &str),
) -> Result<Example, Error> {
    let prompt = arguments.prompting.prompt(few_shot, question);
    let mut tokens = text.prompt_tokens(&prompt)?;
    let first = tokens.len();
    let mut solution = answer.trim().to_owned();
    if arguments.answer_only {
        let answer = extract(answer).ok_or_else(|| format!("{question:?}: no final answer"))?;
        solution = format!("The answer is {answer}.");
    }
    // After `Answer:` a word begins with its space.
    let plain = few_shot.is_some() && !prompt.question().ends_with(char::is_whitespace);
    let solution = if plain { format!(" {solution}\n\n") } else { solution };
    tokens.extend(text.tokenizer.encode(&solution, false)?);
    tokens.extend(end);
    Ok(Example::continuation(tokens, first))
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let checkpoint = Checkpoint::open(&arguments.model)?.within(arguments.training.positions);
    let text = TextSide::open(&checkpoint)?;
    let few_shot = arguments.prompting.few_shot()?;
    if arguments.training.rank == 0 {
        std::fs::create_dir_all(&arguments.out)
            .map_err(|error| format!("{}: {error}", arguments.out.display()))?;
        copy_text_side(&arguments.model, &arguments.out)?;
    }
    let mut worked = FewShot::from_file(&arguments.data)?;
    if arguments.limit > 0 {
        worked = worked.take(arguments.limit);
    }
    let special = text.tokenizer.special_ids();
    let ends = checkpoint.config().eos_token_ids.first().copied();
    let end = ends.or(special.eot).or(special.eos);
    let mut data = Data::default();
    for tts_search::Example { question, answer } in &worked.examples {
        let solution = (question.as_str(), answer.as_str());
        let example = example(arguments, &text, end, few_shot.as_ref(), solution)?;
        arguments.training.put(&mut data, question, example);
    }
    let mut err = std::io::stderr();
    writeln!(
        err,
        "{} examples, {} held out, {} too long",
        data.train.len(),
        data.held_out.len(),
        data.long
    )?;
    let model = arguments.training.model(DecoderWeights::load(&checkpoint)?)?;
    let work = arguments.out.join("work");
    let trained = arguments.training.run(("finetune", "Fine-tuning"), model, &data, &work)?;
    match &trained.model.adapter {
        Some(adapter) => adapter.save(&arguments.out)?,
        None => trained.model.decoder.save_as(&arguments.out, Dtype::BF16, &[])?,
    }
    let mut out = std::io::stdout();
    let history = &trained.history;
    if let (Some(first), Some(last)) = (history.held_out.first(), history.held_out.last()) {
        writeln!(
            out,
            "held-out loss {:.4} nats a token after {} updates, {:.4} after {}",
            first.loss, first.step, last.loss, last.step
        )?;
    }
    writeln!(out, "{}", arguments.out.display())?;
    Ok(())
}

fn main() -> ExitCode {
    exit("finetune", run(&Arguments::parse()))
}
