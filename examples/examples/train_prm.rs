//! Trains a process reward model on labels that `label` made, or a scalar one on preferences.
//!
//! `cargo run --release --example train_prm -- --model FOLDER --labels labels.jsonl --kind soft --out
//! PRM`. It starts from a language model (the policy, say), and learns a probability at the end of
//! every labelled step. Problems are split by their text: what is held out was never learnt from, and
//! says at the end how well steps that can still come right are told from those that cannot. Use it
//! as `--scorer prm:PRM`.
//!
//! With `--preferences FILE` it learns which of several responses is best, in the forms that `judge` reads, and says how often
//! the best of a held-out preference scores highest. Use it as `--scorer orm:ORM`. Of preferences with critiques (`judge
//! --critiques`) it reads question and critique: use it as the head of that judge, `--named head=orm:ORM`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tts_core::{Step, StepScorer, Trajectory};
use tts_examples::training::{
    Data, HeldOut, LabelOptions, TrainOptions, check_apart, copy_text_side, has_text_side,
    print_held_out, target,
};
use tts_examples::{Error, exit, hub, judges, preferring};
use tts_models::train::{Example, LabelHead, Model};
use tts_models::weights::Dtype;
use tts_models::{Backend, Checkpoint, DecoderWeights, EngineConfig, TextSide};
use tts_prm::critic::{Critiqued, Preference, read_critiques};
use tts_prm::label::{LabelKind, LabelledSolution, read_labels};
use tts_prm::train::{Solution, StepClass, check, outcome_config, process_config, save};
use tts_prm::{RewardModel, fit_temperature};

/// Trains a process reward model on labels.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder of the language model to start from; with the feature `hub`, an address such as `hf://OWNER/NAME`.
    #[arg(long)]
    model: PathBuf,
    /// Labels, as `label` writes them.
    #[arg(long, required_unless_present = "preferences")]
    labels: Option<PathBuf>,
    /// Preferences instead: questions with responses, of which one is best; or with critiques, as `judge --critiques` writes
    /// them.
    #[arg(long, conflicts_with_all = ["labels", "kind", "tries", "calibrate"])]
    preferences: Option<PathBuf>,
    /// Where its records have what a preference is made of, for files of no known form, see `judge --help`.
    #[arg(long, value_name = "FILE", requires = "preferences")]
    preference_fields: Option<PathBuf>,
    #[command(flatten)]
    learning: LabelOptions,
    /// What stands behind each step, where its score is read, with \n for a line break.
    #[arg(long, default_value = "\\n")]
    separator: String,
    /// Fit a temperature on one half of what is held out, and measure on the other.
    #[arg(long)]
    calibrate: bool,
    #[command(flatten)]
    training: TrainOptions,
    /// Where the reward model goes; checkpoints and the loss curve go to `work` in it.
    #[arg(long)]
    out: PathBuf,
}

/// What a reward model starts from, whatever it learns.
struct Begun {
    checkpoint: Checkpoint,
    text: TextSide,
    /// What its scores are read at, and its tokens.
    separator: String,
    behind: Vec<u32>,
}

fn begin(arguments: &Arguments) -> Result<Begun, Error> {
    check_apart(&arguments.model, &arguments.out)?;
    has_text_side(&arguments.model)?;
    let checkpoint = Checkpoint::open(&arguments.model)?.within(arguments.training.positions);
    let text = TextSide::open(&checkpoint)?;
    let separator = arguments.separator.replace("\\n", "\n");
    let behind = text.tokenizer.encode(&separator, true)?;
    Ok(Begun { checkpoint, text, separator, behind })
}

/// Learns which of several responses is best.
fn prefer(arguments: &Arguments, path: &Path) -> Result<(), Error> {
    if let Some(all) = read_critiques(path)? {
        return prefer_critiqued(arguments, path, &all);
    }
    let all = judges::preferences(path, arguments.preference_fields.as_deref())?;
    let Begun { checkpoint, text, separator, behind } = begin(arguments)?;
    let mut data = Data::default();
    for (number, preference) in (1..).zip(&all) {
        let example = || -> Result<Example, Error> {
            let prompt = text.prompt_tokens(&preference.prompt)?;
            preferring::example(&text.tokenizer, &prompt, preference, &behind)
        };
        let named = |error| format!("{}: preference {number}: {error}", path.display());
        let example = example().map_err(named)?;
        arguments.training.put(&mut data, preference.prompt.question(), example);
    }
    said(&data, "preferences")?;
    learn_contests(arguments, &checkpoint, &data, &separator)?;
    let own = |preference: &&Preference| arguments.training.holds_out(preference.prompt.question());
    let held_out: Vec<&Preference> = all.iter().filter(own).collect();
    preferring::report(&arguments.out, &held_out)
}

/// Learns the same from critiques of responses, several of them a preference.
fn prefer_critiqued(arguments: &Arguments, path: &Path, all: &[Critiqued]) -> Result<(), Error> {
    let Begun { checkpoint, text, separator, behind } = begin(arguments)?;
    let mut data = Data::default();
    for (number, critiqued) in (1..).zip(all) {
        let named = |error| format!("{}: preference {number}: {error}", path.display());
        for example in preferring::contests(&text, critiqued, &behind).map_err(named)? {
            arguments.training.put(&mut data, critiqued.preference.prompt.question(), example);
        }
    }
    said(&data, "contests of critiques")?;
    learn_contests(arguments, &checkpoint, &data, &separator)?;
    let own = |critiqued: &&Critiqued| {
        arguments.training.holds_out(critiqued.preference.prompt.question())
    };
    let held_out: Vec<&Critiqued> = all.iter().filter(own).collect();
    preferring::report_critiqued(&arguments.out, &held_out)
}

/// Trains on contests, and writes the outcome reward model.
fn learn_contests(
    arguments: &Arguments,
    checkpoint: &Checkpoint,
    data: &Data,
    separator: &str,
) -> Result<(), Error> {
    let decoder = DecoderWeights::load(checkpoint)?;
    let label = Some(LabelHead::zero(decoder.config.hidden_size));
    let model = Model { label, ..arguments.training.model(decoder)? };
    let work = arguments.out.join("work");
    let names = ("train_prm", "Scalar reward model");
    let mut model = arguments.training.run(names, model, data, &work)?.model;
    if let Some(adapter) = model.adapter.take() {
        adapter.merge(&mut model.decoder)?;
    }
    copy_text_side(&arguments.model, &arguments.out)?;
    Ok(save(&arguments.out, &model, &outcome_config(separator), Dtype::F16)?)
}

fn said(data: &Data, what: &str) -> Result<(), Error> {
    let Data { train, held_out, long } = data;
    let (train, held_out) = (train.len(), held_out.len());
    Ok(writeln!(std::io::stderr(), "{train} {what}, {held_out} held out, {long} too long")?)
}

fn run(mut arguments: Arguments) -> Result<(), Error> {
    arguments.training.check(None)?;
    arguments.model = hub::model(&arguments.model)?;
    let arguments = &arguments;
    if let Some(path) = &arguments.preferences {
        return prefer(arguments, path);
    }
    let kind = arguments.learning.kind()?;
    let path = arguments.labels.as_ref().ok_or("--labels or --preferences says what is learnt")?;
    let labels = read_labels(path)?;
    let Begun { checkpoint, text, separator, behind } = begin(arguments)?;
    let mut data = Data::default();
    let mut learnt: Vec<Solution> = Vec::new();
    for (number, labelled) in (1..).zip(&labels) {
        if labelled.labels(kind).iter().all(Option::is_none) {
            continue;
        }
        let example = || -> Result<(Solution, Example), Error> {
            let prompt = text.prompt_tokens(&labelled.prompt)?;
            let solution = labelled.solution(kind, prompt, |step| {
                let mut tokens = text.tokenizer.encode(step.text.trim(), false)?;
                tokens.extend(&behind);
                Ok(tokens)
            })?;
            let example = match kind {
                LabelKind::ThreeClass => solution.process_classes()?,
                _ => solution.process(),
            };
            Ok((solution, example))
        };
        let named = |error| format!("{}: solution {number}: {error}", path.display());
        let (solution, example) = example().map_err(named)?;
        arguments.training.put(&mut data, labelled.prompt.question(), example);
        learnt.push(solution);
    }
    check(&learnt)?;
    said(&data, "solutions")?;
    let decoder = DecoderWeights::load(&checkpoint)?;
    let classes = if kind == LabelKind::ThreeClass { StepClass::COUNT } else { 1 };
    let label = Some(LabelHead::of_classes(classes, decoder.config.hidden_size));
    let model = Model { label, ..arguments.training.model(decoder)? };
    let work = arguments.out.join("work");
    let names = ("train_prm", "Process reward model");
    let mut model = arguments.training.run(names, model, &data, &work)?.model;
    if let Some(adapter) = model.adapter.take() {
        adapter.merge(&mut model.decoder)?;
    }
    let mut config = process_config(&separator);
    config.aggregate = Some(kind.aggregate());
    copy_text_side(&arguments.model, &arguments.out)?;
    save(&arguments.out, &model, &config, Dtype::F16)?;
    let held_out = |half: Option<u64>| -> Vec<&LabelledSolution> {
        let own = |question: &str| {
            let half_of = tts_core::seed::hash_text(2, question) % 2;
            arguments.training.holds_out(question) && half.is_none_or(|half| half == half_of)
        };
        labels.iter().filter(|solution| own(solution.prompt.question())).collect()
    };
    if !arguments.calibrate {
        return report(&arguments.out, &held_out(None), kind);
    }
    let (measured, _) = judged(&arguments.out, &held_out(Some(0)), kind)?;
    // Far enough from 0 and 1 to have log-odds.
    let odds = |score: &f64| {
        let score = score.clamp(1e-12, 1.0 - 1e-12);
        (score / (1.0 - score)).ln()
    };
    let odds: Vec<f64> = measured.scores.iter().map(odds).collect();
    let fitted = fit_temperature(&odds, &measured.targets);
    if let Ok(temperature) = fitted {
        config.temperature = Some(temperature);
        save(&arguments.out, &model, &config, Dtype::F16)?;
        writeln!(
            std::io::stdout(),
            "temperature {temperature:.3}, from one half of what is held out"
        )?;
    }
    report(&arguments.out, &held_out(Some(1)), kind)?;
    // All of it is written; but whoever counts on the temperature must hear that there is none.
    let without =
        |error| format!("--calibrate: {error}; the reward model is left without a temperature");
    Ok(fitted.map(drop).map_err(without)?)
}

/// The steps that have a label, judged by the reward model as it was written; and how many solutions it had no
/// room for.
fn judged(
    folder: &Path,
    solutions: &[&LabelledSolution],
    kind: LabelKind,
) -> Result<(HeldOut, usize), Error> {
    let judge = RewardModel::process(folder, Backend::default(), EngineConfig::default())?;
    let (mut judged, mut unread) = (HeldOut::default(), 0);
    for solution in solutions {
        let step = |text: &str| Arc::new(Step { text: text.to_owned(), ..Step::default() });
        let steps: Vec<_> = solution.steps.iter().map(|labelled| step(&labelled.text)).collect();
        let count = steps.len();
        let path = Trajectory::new(Arc::new(solution.prompt.clone()), steps, count, true);
        let scored = judge.score(&[path]).map_err(|error| error.to_string())?;
        unread += usize::from(scored.iter().any(|scored| scored.refused.is_some()));
        let known = solution.labels(kind);
        for (score, label) in scored.iter().flat_map(|scored| &scored.scores).zip(known) {
            if let Some(label) = label {
                judged.add(solution.prompt.question(), *score, target(kind, label));
            }
        }
    }
    Ok((judged, unread))
}

/// How well the reward model judges what was held out.
fn report(folder: &Path, held_out: &[&LabelledSolution], kind: LabelKind) -> Result<(), Error> {
    let (judged, unread) = judged(folder, held_out, kind)?;
    let mut out = std::io::stdout();
    if unread > 0 {
        writeln!(out, "left out   {unread} held-out solutions, too long for the model")?;
    }
    let count = held_out.len() - unread;
    writeln!(out, "held out   {} steps of {count} solutions", judged.scores.len())?;
    print_held_out(&mut out, &judged, kind)?;
    writeln!(out, "{}", folder.display())?;
    Ok(())
}

fn main() -> ExitCode {
    exit("train_prm", run(Arguments::parse()))
}
