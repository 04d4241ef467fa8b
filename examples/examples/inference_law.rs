//! Measures the law of inference on this machine, and what it allows within a budget.
//!
//! `cargo run --release --example inference_law -- --out FOLDER` times models of random weights, of
//! 1 to 360 million parameters, over context and lines; `--quick` takes the two small ones only, and
//! `--model FILE` a model of your own. It fits a roofline to half of the points, predicts the other
//! half, and writes `law.json`, which `solve --machine` plans with, and charts as SVG. A run that was
//! stopped goes on from the contexts that it measured: `points.jsonl` holds them, and a fresh
//! measurement needs another folder.

use std::cell::Cell;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use tts_core::cost::{Judge, Limits, Planner};
use tts_examples::engines::model_name;
use tts_examples::files::{write_json, write_whole};
use tts_examples::law::{
    self, Journal, Law, MOST_BYTES, PREFILL_ROWS, Point, SIZES, Subject, measure, median,
};
use tts_examples::{Error, exit, hub};
use tts_models::{Backend, EngineConfig, LanguageModel, WeightFormat};
use tts_search::Recipe;

/// Measures latency, memory and throughput over model size, context and lines.
#[derive(Parser)]
struct Arguments {
    /// Folder for law.json and the charts.
    #[arg(long, default_value = "runs/inference-law")]
    out: PathBuf,
    /// The two small models, contexts up to 2048 tokens.
    #[arg(long)]
    quick: bool,
    /// A GGUF file or Hugging Face folder, in place of random weights; with the feature `hub`, an address such as
    /// `hf://OWNER/NAME`.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Type of the weights: stored, f32, bf16 or int8.
    #[arg(long, default_value = "int8")]
    weights: WeightFormat,
    /// Threads; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Contexts, in tokens.
    #[arg(long, value_delimiter = ',', default_value = "128,512,2048,8192")]
    contexts: Vec<u64>,
    /// Numbers of lines.
    #[arg(long, value_delimiter = ',', default_value = "1,4,16,64")]
    lines: Vec<u64>,
}

/// How a model is had.
type Open<'a> = &'a dyn Fn() -> Result<Box<dyn LanguageModel>, Error>;

fn run(arguments: &Arguments) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    let folder = &arguments.out;
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut lines = arguments.lines.clone();
    lines.sort_unstable();
    if arguments.contexts.contains(&0) || lines.first() == Some(&0) {
        return Err("--contexts and --lines need numbers of at least 1".into());
    }
    let most = if arguments.quick { QUICK } else { u64::MAX };
    let mut contexts: Vec<u64> =
        arguments.contexts.iter().copied().filter(|&context| context <= most).collect();
    contexts.sort_unstable();
    if contexts.is_empty() {
        return Err(format!("--quick takes contexts up to {QUICK}, and --contexts has none").into());
    }
    let max_lines = usize::try_from(lines.last().copied().unwrap_or(1))?;
    let config = EngineConfig {
        max_lines,
        prefill_rows: PREFILL_ROWS,
        // All prompts of a context, and what is written behind them.
        cache_bytes: usize::try_from(2 * MOST_BYTES)?,
        line_bytes: usize::MAX,
        threads: arguments.threads,
        weights: arguments.weights,
        ignore_end: true,
        ..EngineConfig::default()
    };
    let bar = ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template("{spinner} {elapsed} {msg}")?);
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    let threads = law::threads(arguments.threads);
    let weights = serde_json::to_value(arguments.weights)?.as_str().unwrap_or_default().to_owned();
    let setting =
        format!("{}, {threads} threads, weights {weights}, lines {lines:?}", law::processor());
    let mut journal = Journal::open(&folder.join("points.jsonl"), &setting)?;
    let (before, most) = (law::resident(), Cell::new(0));
    let mut last = String::new();
    let mut measured = |name: &str, own: bool, open: Open<'_>| {
        name.clone_into(&mut last);
        // Only its files say which model one from files is.
        if !own && contexts.iter().all(|&context| journal.has(name, context)) {
            return Ok(());
        }
        bar.set_message(format!("{name}: weights"));
        let model = open()?;
        if own {
            let identity = model.identity();
            journal.claim(name, identity.unwrap_or_else(|| format!("{:?}", model.shape())))?;
        }
        let progress = |what| bar.set_message(what);
        let subject =
            Subject { name, model: model.as_ref(), before, most: &most, progress: &progress };
        for &context in &contexts {
            if !journal.has(name, context) {
                journal.add(name, context, measure(&subject, context, &lines)?)?;
            }
        }
        Ok::<(), Error>(())
    };
    if let Some(path) = &arguments.model {
        let files = hub::model(path)?;
        measured(&model_name(path), true, &|| {
            Ok(tts_models::open(&files, Backend::Native, config)?)
        })?;
    } else {
        for size in SIZES.iter().take(if arguments.quick { 2 } else { SIZES.len() }) {
            measured(size.name, false, &|| law::random(size, config))?;
        }
    }
    let mut points = journal.points();
    bar.finish_and_clear();
    let roofline = law::fit(&mut points)?;
    let law = Law { machine: law::processor(), threads, weights, roofline, points };
    law::table(&mut out, &law.points)?;
    writeln!(out)?;
    law::summary(&mut out, &law)?;
    plans(&mut out, &law, &last)?;
    let path = folder.join("law.json");
    write_json(&path, &law)?;
    let path_of_rows = folder.join("points.csv");
    write_whole(&path_of_rows, law::csv(&law).as_bytes())?;
    for (name, chart) in law::charts(&law) {
        // A grid without the points of a chart leaves it out.
        if !chart.series.is_empty() {
            chart.write(folder.join(format!("{name}.svg")))?;
        }
    }
    writeln!(out, "\nwrote {}, and rows and charts beside it", path.display())?;
    Ok(())
}

/// Longest context of a quick run, in tokens.
const QUICK: u64 = 2048;

/// More lines than a plan of this table looks at.
const MOST: usize = 4096;

/// What a budget of time buys, by the law: the largest N of some strategies.
fn plans(out: &mut dyn Write, law: &Law, model: &str) -> Result<(), Error> {
    let Some(Point { shape, .. }) = law.points.iter().find(|point| point.model == model) else {
        return Ok(());
    };
    let planner = Planner { policy: *shape, judge: Judge::OnBackbone, ..Planner::default() };
    let length = planner.steps * planner.step_tokens;
    writeln!(
        out,
        "\nLargest N within a time, {model}, prompts of 128, solutions of {length} tokens:"
    )?;
    for name in ["best-of-n", "beam-search", "dvts", "lookahead"] {
        write!(out, "  {name:<12}")?;
        for seconds in [1.0, 10.0, 60.0] {
            let limits = Limits { seconds: Some(seconds), ..Limits::default() };
            let strategy = |n| Recipe::default_of(name, n);
            strategy(1)?;
            // Names and sizes are known to be good from here on.
            let plan = planner.largest(&limits, Some(&law.roofline), MOST, |n| {
                strategy(n).unwrap_or_else(|_| tts_search::ChainOfThought {}.into())
            })?;
            let n = match plan {
                None => "none".to_owned(),
                Some((MOST, _)) => format!("{MOST} or more"),
                Some((n, _)) => n.to_string(),
            };
            write!(out, "{seconds:>5.0} s: {n:<6}")?;
        }
        writeln!(out)?;
    }
    let errors = law.points.iter().filter(|point| !point.fitted).filter_map(Point::error);
    if median(errors.collect()).is_none_or(|error| error > 0.15) {
        writeln!(out, "  (the law is off by more than 15 % on this machine: take these as rough)")?;
    }
    Ok(())
}

fn main() -> ExitCode {
    exit("inference_law", run(&Arguments::parse()))
}
