//! Fits a reward head to a policy's own hidden rows, on labels that `label` made.
//!
//! `cargo run --release --example train_head -- --model FILE --labels labels.jsonl --out HEAD`. The policy
//! stays as it is, quantised weights and adapters included, so this takes little more than one reading
//! of the labelled solutions; and as the search has computed the rows already, the reward model costs
//! next to nothing at use: `--scorer prm:HEAD`. Problems are split by their text. Of several ridges the
//! one is taken that fits what is held out best.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tts_examples::options::ModelOptions;
use tts_examples::training::{HeldOut, LabelOptions, holds_out, print_held_out, target};
use tts_examples::{Error, exit, quickstart};
use tts_models::LanguageModel;
use tts_prm::label::{LabelKind, LabelledSolution, read_labels};
use tts_prm::train::{Rows, Solution, check};
use tts_prm::{HeadConfig, RewardHead};

/// Fits a reward head to a policy's hidden rows.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    model: ModelOptions,
    /// Labels, as `label` writes them, by the same policy.
    #[arg(long)]
    labels: PathBuf,
    #[command(flatten)]
    learning: LabelOptions,
    /// One problem in so many is held out, by its text.
    #[arg(long, default_value_t = 5)]
    held_out: u64,
    /// Ridges to choose from, separated by commas: half of it times the squared norm of the weights, for
    /// columns of variance 1, is added to the sum of the losses.
    #[arg(long, value_delimiter = ',', default_values_t = [1.0, 10.0, 100.0, 1_000.0, 10_000.0])]
    ridge: Vec<f64>,
    /// Folder for the head.
    #[arg(long)]
    out: PathBuf,
}

/// The solutions that have a label, as the policy's token ids.
fn solutions(
    labels: &[&LabelledSolution],
    kind: LabelKind,
    model: &dyn LanguageModel,
) -> Result<Vec<Solution>, Error> {
    let mut all = Vec::new();
    for labelled in labels {
        if labelled.labels(kind).iter().all(Option::is_none) {
            continue;
        }
        let prompt = model.encode(&labelled.prompt)?;
        all.push(labelled.solution(kind, prompt, |step| {
            // The ids that the policy wrote are those that a search will see.
            if step.tokens.is_empty() {
                return Ok(model.tokenizer().encode(&step.text, false)?);
            }
            Ok(step.tokens.clone())
        })?);
    }
    Ok(all)
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let kind = arguments.learning.kind()?;
    if kind == LabelKind::ThreeClass {
        return Err("a head of three classes is learnt by train_prm".into());
    }
    let labels = read_labels(&arguments.labels)?;
    // A place that cannot be written to is found before a model has read everything.
    std::fs::create_dir_all(&arguments.out)
        .map_err(|error| format!("{}: {error}", arguments.out.display()))?;
    let held = |held: bool| {
        let own = labels.iter().filter(move |solution| {
            holds_out(arguments.held_out, solution.prompt.question()) == held
        });
        own.collect::<Vec<_>>()
    };
    let model = arguments.model.open_local()?;
    let rows = |solutions: &[Solution], name: &str| -> Result<Rows, Error> {
        let bar = quickstart::bar(name, solutions.len())?;
        let rows = Rows::of(&*model, solutions, |count| bar.inc(count as u64))?;
        bar.finish_and_clear();
        Ok(rows)
    };
    let learnt = solutions(&held(false), kind, &*model)?;
    check(&learnt)?;
    let apart = held(true);
    let (learnt, measured) =
        (rows(&learnt, "to learn from")?, rows(&solutions(&apart, kind, &*model)?, "held out")?);
    let mut out = std::io::stdout();
    writeln!(out, "learnt     {} steps, {} held out", learnt.rows.len(), measured.rows.len())?;
    let mut best: Option<(f64, f64, RewardHead)> = None;
    for &ridge in &arguments.ridge {
        let head = learnt.fit(
            ridge,
            HeadConfig { aggregate: Some(kind.aggregate()), ..HeadConfig::default() },
        )?;
        // Without anything held out, the first ridge it is.
        let loss = measured.loss(&head).unwrap_or(f64::INFINITY);
        if best.as_ref().is_none_or(|(known, ..)| loss < *known) {
            best = Some((loss, ridge, head));
        }
    }
    let Some((loss, ridge, head)) = best else { return Err("--ridge is empty".into()) };
    if loss.is_finite() {
        writeln!(out, "ridge      {ridge}, cross-entropy {loss:.4} nats on what is held out")?;
    } else {
        writeln!(out, "ridge      {ridge}, the first: nothing is held out to choose by")?;
    }
    // A row for each label, in order.
    let questions = apart.iter().flat_map(|solution| {
        let labels = solution.labels(kind).into_iter().flatten();
        labels.map(|_| solution.prompt.question())
    });
    let mut judged = HeldOut::default();
    for (question, (row, &label)) in questions.zip(measured.rows.iter().zip(&measured.labels)) {
        judged.add(question, head.score(row), target(kind, label));
    }
    print_held_out(&mut out, &judged, kind)?;
    head.save(arguments.out.join("head.safetensors"))?;
    writeln!(out, "{}", arguments.out.display())?;
    Ok(())
}

fn main() -> ExitCode {
    exit("train_head", run(&Arguments::parse()))
}
