//! Supervised fine-tuning on worked solutions: all weights, or low-rank adapters.
//!
//! `cargo run --release --example finetune -- --model FILE.gguf --data train.jsonl --rank 16 --out
//! FOLDER`. A line of the data holds a question and its solution, in the form of GSM8K (`question`,
//! `answer` with calculator notes and `####`), MATH (`problem`, `solution`) or plain; or it says itself what the model is
//! given: a chat (`messages`), or a text (`prompt`, `completion`), in parts (`parts`) of which some are read and not learnt, and
//! with a `weight`. The prompt is not learnt. With `--rank` the result is an adapter, for `--adapter` of `solve`, `evaluate` and `label`;
//! without, a folder with all weights. With `--adapter` it goes on from one that is there. Killed and started again, the
//! run goes on.
//!
//! `--family recheck` in place of `--data` learns written solutions of a family's problems, and `--shape 128x4x4` in place
//! of `--model` makes a model from nothing that has the characters for them.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tts_core::answer::extract;
use tts_examples::ends::Ends;
use tts_examples::experiment::Shape;
use tts_examples::families::Families;
use tts_examples::options::PromptOptions;
use tts_examples::training::{
    Data, TrainOptions, check_adapter_apart, check_apart, copy_text_side, has_text_side,
};
use tts_examples::worked::{self, Asked, Worked};
use tts_examples::{Error, exit, hub, traces};
use tts_models::train::Example;
use tts_models::weights::Dtype;
use tts_models::{Checkpoint, DecoderWeights, TextSide};
use tts_search::FewShot;

/// Fine-tunes a model on worked solutions.
#[derive(Debug, Parser)]
struct Arguments {
    /// GGUF file, or folder with config.json, tokenizer.json and safetensors; with the feature `hub`, an address such as
    /// `hf://OWNER/NAME`.
    #[arg(long, required_unless_present = "shape")]
    model: Option<PathBuf>,
    /// A model from nothing in place of one that is there, for problems of a family: width, layers and heads, such as
    /// 128x4x4; a token is a character.
    #[arg(long, requires = "family", conflicts_with = "model", value_parser = traces::shape)]
    shape: Option<Shape>,
    /// Folder of a low-rank adapter to go on from: it is what learns, with the rank and alpha of its files.
    #[arg(long, conflicts_with = "shape")]
    adapter: Option<PathBuf>,
    /// Worked solutions, chats or texts as JSON lines.
    #[arg(long, required_unless_present = "family")]
    data: Option<PathBuf>,
    /// Written solutions of a family's problems instead, of its training split.
    #[arg(long, conflicts_with = "data")]
    family: Option<Families>,
    /// Only this many of them; 0 for all, and 10,000 of a family.
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
    ends: Ends,
    few_shot: Option<&FewShot>,
    worked: &Worked,
) -> Result<Example, Error> {
    let Worked { asked, parts, weight } = worked;
    if parts.len() > 1 {
        if arguments.answer_only {
            return Err("--answer-only: the data say themselves what is learnt (parts)".into());
        }
        return example_of(text, ends, worked);
    }
    let answer = worked.answer();
    let (prompt, whole) = match asked {
        Asked::Question(question) => {
            (arguments.prompting.prompt(few_shot, question), answer.trim())
        }
        Asked::Prompt(prompt) => (prompt.clone(), answer.as_str()),
    };
    let mut tokens = text.prompt_tokens(&prompt)?;
    let first = tokens.len();
    let mut solution = whole.to_owned();
    if arguments.answer_only {
        let question = asked.question();
        let answer = extract(&answer).ok_or_else(|| format!("{question:?}: no final answer"))?;
        solution = format!("The answer is {answer}.");
    }
    // After `Answer:` a word begins with its space.
    let plain = few_shot.is_some() && !prompt.question().ends_with(char::is_whitespace);
    let solution = if plain { format!(" {solution}\n\n") } else { solution };
    tokens.extend(text.tokenizer.encode(&solution, false)?);
    tokens.extend(ends.behind(&prompt));
    Ok(weighing(Example::continuation(tokens, first), *weight))
}

/// The example of an answer in parts: each is encoded by itself, as it was written, and what was not is read only.
fn example_of(text: &TextSide, ends: Ends, worked: &Worked) -> Result<Example, Error> {
    let Asked::Prompt(prompt) = &worked.asked else {
        return Err("parts stand behind a prompt or messages".into());
    };
    let mut tokens = text.prompt_tokens(prompt)?;
    let first = tokens.len();
    let mut learnt = vec![false; first];
    for part in &worked.parts {
        tokens.extend(text.tokenizer.encode(&part.text, false)?);
        learnt.resize(tokens.len(), part.learn);
    }
    tokens.extend(ends.behind(prompt));
    // To end where the last part ends is learnt with it.
    learnt.resize(tokens.len(), worked.parts.last().is_some_and(|part| part.learn));
    let mut example = Example::continuation(tokens, first);
    example.targets.retain(|target| learnt[target.position + 1]);
    Ok(weighing(example, worked.weight))
}

/// The same example, whose targets count so much.
fn weighing(mut example: Example, weight: f32) -> Example {
    for target in &mut example.targets {
        target.weight = weight;
    }
    example
}

/// Solutions of a family where nothing is said.
const OF_FAMILY: usize = 10_000;

/// What is learnt, and what to call it in an error.
fn worked(arguments: &Arguments) -> Result<(Vec<Worked>, String), Error> {
    let limit = arguments.limit;
    if let Some(family) = arguments.family {
        let count = if limit == 0 { OF_FAMILY } else { limit };
        return Ok((traces::worked(family, count)?, format!("--family {}", family.name())));
    }
    let path = arguments.data.as_deref().ok_or("--data or --family says what is learnt")?;
    let mut worked = worked::read(path)?;
    if limit > 0 {
        worked.truncate(limit);
    }
    Ok((worked, path.display().to_string()))
}

/// Where the model is: the one that was named, or one from nothing, which is made.
fn model(arguments: &Arguments) -> Result<PathBuf, Error> {
    if let Some(model) = &arguments.model {
        return hub::model(model);
    }
    let (Some(family), Some(shape)) = (arguments.family, arguments.shape) else {
        return Err("--model, or --shape with --family, says what learns".into());
    };
    let folder = arguments.out.join("work").join("start");
    traces::start(family, shape, arguments.training.seed, &folder)?;
    Ok(folder)
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    arguments.training.check(arguments.adapter.as_deref())?;
    let model = &model(arguments)?;
    check_apart(model, &arguments.out)?;
    check_adapter_apart(arguments.adapter.as_deref(), &arguments.out)?;
    let checkpoint = Checkpoint::open(model)?.within(arguments.training.positions);
    let text = TextSide::open(&checkpoint)?;
    let few_shot = arguments.prompting.few_shot()?;
    if arguments.training.rank == 0 && arguments.adapter.is_none() {
        has_text_side(model)?;
    }
    if let Some(family) = arguments.family {
        family.written_with(&text.tokenizer)?;
    }
    let (worked, name) = worked(arguments)?;
    let says_how = worked.iter().any(|worked| matches!(worked.asked, Asked::Prompt(_)));
    let PromptOptions { system, raw, .. } = &arguments.prompting;
    if says_how && (few_shot.is_some() || system.is_some() || *raw) {
        return Err("the data say what the model is given: no --few-shot, --system or --raw".into());
    }
    let ends = Ends::of(&text, checkpoint.config());
    let mut data = Data::default();
    for (number, worked) in (1..).zip(&worked) {
        let named = |error| format!("{name}: example {number}: {error}");
        let example = example(arguments, &text, ends, few_shot.as_ref(), worked).map_err(named)?;
        arguments.training.put(&mut data, worked.asked.question(), example);
    }
    let mut err = std::io::stderr();
    writeln!(
        err,
        "{} examples, {} held out, {} too long",
        data.train.len(),
        data.held_out.len(),
        data.long
    )?;
    let (decoder, from) = (DecoderWeights::load(&checkpoint)?, arguments.adapter.as_deref());
    let learns = arguments.training.model_from(decoder, from)?;
    let work = arguments.out.join("work");
    let trained = arguments.training.run(("finetune", "Fine-tuning"), learns, &data, &work)?;
    if let Some(adapter) = &trained.model.adapter {
        adapter.save(&arguments.out)?;
    } else {
        copy_text_side(model, &arguments.out)?;
        trained.model.decoder.save_as(&arguments.out, Dtype::BF16, &[])?;
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
