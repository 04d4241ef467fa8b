//! Accuracy against compute of a strategy on a file of problems.
//!
//! `cargo run --release --example evaluate -- --model FILE --data problems.jsonl --limit 20
//! --recipe recipe.json --json figures.json`
//!
//! Each problem is recorded; started again after a crash, with the same options, it goes on where
//! it was. `--json` gets the figures and every candidate, the same bytes however often the run was
//! interrupted; timings stand beside it in `*.timings.json`. `--html` gets a page for a browser, with the
//! trees of the problems.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;
use tts_core::{Outcome, SearchError, What};
use tts_examples::options::{ModelOptions, SearchOptions, Setup};
use tts_examples::{Error, exit};
use tts_search::evaluate::{self, Evaluation, Fields, Item, Report, words};

/// Evaluates a strategy on a file of problems.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    search: SearchOptions,
    /// Problems as JSON lines: GSM8K, MATH, SVAMP, or see the field options.
    #[arg(long)]
    data: PathBuf,
    /// Field of the question; several, separated by commas, are joined.
    #[arg(long)]
    question_field: Option<String>,
    /// Field of the answer; what stands behind `####` counts, where there is one.
    #[arg(long)]
    answer_field: Option<String>,
    /// Only this many problems; 0 for all.
    #[arg(long, default_value_t = 0)]
    limit: usize,
    /// Leaves out this many problems first.
    #[arg(long, default_value_t = 0)]
    skip: usize,
    /// Problems in flight at a time.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
    /// Writes figures and candidates as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Writes a page for a browser: figures, curves, every problem, and their trees.
    #[arg(long)]
    html: Option<PathBuf>,
    /// Folder of the records; default: beside the JSON file, or under runs/.
    #[arg(long)]
    record: Option<PathBuf>,
}

/// The figures with all that decided them, as they are written.
#[derive(Serialize)]
struct Written<'a> {
    setup: &'a Setup,
    #[serde(flatten)]
    report: &'a Report,
}

fn items(arguments: &Arguments) -> Result<Vec<Item>, Error> {
    let fields = (arguments.question_field.as_deref(), arguments.answer_field.as_deref());
    let mut items = evaluate::load(&arguments.data, &Fields::named(fields.0, fields.1))?;
    items.drain(..arguments.skip.min(items.len()));
    if arguments.limit > 0 {
        items.truncate(arguments.limit);
    }
    if items.is_empty() {
        return Err(format!("{}: no problems", arguments.data.display()).into());
    }
    Ok(items)
}

/// Where the records go when nobody says: beside the figures, or under `runs`.
fn folder(arguments: &Arguments) -> PathBuf {
    let name = arguments.data.file_stem().map_or("data".into(), |name| name.to_string_lossy());
    match (&arguments.record, &arguments.json) {
        (Some(folder), _) => folder.clone(),
        (None, Some(json)) => json.with_extension("records"),
        (None, None) => Path::new("runs").join(format!("{name}.records")),
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let started = Instant::now();
    for path in arguments.json.iter().chain(&arguments.html) {
        evaluate::check_writable(path)?;
    }
    let setup = arguments.search.setup()?;
    let few_shot = arguments.search.writing.prompting.few_shot()?;
    let items = items(arguments)?;
    let folder = folder(arguments);
    let model = arguments.model.open()?;
    let scorer = arguments.model.scorer(&arguments.search.scorer, model.as_ref())?;
    let scale = setup.check_scorer(&scorer)?;

    let mut err = std::io::stderr();
    writeln!(err, "strategy  {}", serde_json::to_string(&setup.recipe)?)?;
    writeln!(err, "scorer    {} ({scale})", setup.scorer)?;
    writeln!(err, "records   {}", folder.display())?;
    let style = "{elapsed_precise} [{wide_bar}] {pos}/{len}, {eta} to go; {msg}";
    let bar = ProgressBar::new(items.len() as u64)
        .with_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    bar.tick();
    let generated = AtomicU64::new(0);
    let search = setup
        .search(&*model, &*scorer, arguments.search.task()?)
        .concurrency(arguments.concurrency)
        .record(&folder)
        .observer(|event| {
            if let What::Line { tokens } = event.what {
                generated.fetch_add(tokens, Ordering::Relaxed);
            }
            bar.tick();
        });
    let identity = |identity: &Option<String>| identity.clone().unwrap_or_default();
    let settings = search.settings();
    let manifest = json!({
        "model": identity(&settings.policy.identity),
        "scorer": settings.scorer.as_ref().map(|judge| identity(&judge.identity)),
        "setup": setup,
        "problems": evaluate::fingerprint(&items),
    });
    evaluate::claim(&folder, &manifest)?;
    let (mut tokens, mut right, mut ended) = (0, 0, 0);
    let searching = Instant::now();
    let evaluation = Evaluation::new(search, &items)
        .prompt(|question| arguments.search.writing.prompting.prompt(few_shot.as_ref(), question));
    let (report, results) = evaluation.run_keeping(&setup.recipe, |graded| {
        ended += 1;
        right += u32::from(graded.correct);
        tokens += graded.cost.generated_tokens;
        let accuracy = 100.0 * f64::from(right) / f64::from(ended);
        let rate = generated.load(Ordering::Relaxed) as f64 / searching.elapsed().as_secs_f64();
        let tokens = words::thousands(tokens);
        bar.set_message(format!("{accuracy:.1} % right, {tokens} tokens, {rate:.0} tokens/s"));
        bar.inc(1);
    })?;
    drop(evaluation);
    bar.finish_and_clear();
    let seconds = searching.elapsed().as_secs_f64();
    let generated = generated.into_inner();
    let mut out = std::io::stdout().lock();
    report.write(&mut out)?;
    writeln!(
        out,
        "machine   {} tokens generated now in {seconds:.1} s, {:.0} a second",
        words::thousands(generated),
        generated as f64 / seconds
    )?;
    if let Some(path) = &arguments.json {
        let written = Written { setup: &setup, report: &report };
        write_json(path, &written, &results, started.elapsed(), seconds, generated)?;
    }
    if let Some(path) = &arguments.html {
        let title = arguments.data.file_stem().map_or("data".into(), |name| name.to_string_lossy());
        let strategy = serde_json::to_string(&setup.recipe)?;
        let title = format!("{title}: {strategy}");
        let page = evaluate::page(&title, &report, &items, results, evaluate::MOST_NODES);
        std::fs::write(path, page.html())
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    // What ran is delivered; but whoever counts on the figures must hear of what did not.
    match report.failed {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} problems failed; see above", report.problems).into()),
    }
}

/// The figures, and beside them what differs from run to run.
fn write_json(
    path: &Path,
    figures: &Written<'_>,
    results: &[Result<Outcome, SearchError>],
    whole: Duration,
    searching: f64,
    generated: u64,
) -> Result<(), Error> {
    let write = |path: &Path, bytes: Vec<u8>| {
        std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
    };
    write(path, serde_json::to_vec_pretty(figures)?)?;
    let measured = || results.iter().flatten().map(|outcome| outcome.usage.measured);
    let timings = json!({
        "seconds": whole.as_secs_f64(),
        "searching_seconds": searching,
        "generated_tokens_now": generated,
        "generated_tokens_per_second": generated as f64 / searching,
        "computed_tokens": measured().map(|m| m.computed_tokens).sum::<u64>(),
        "cached_tokens": measured().map(|m| m.cached_tokens).sum::<u64>(),
    });
    write(&path.with_extension("timings.json"), serde_json::to_vec_pretty(&timings)?)?;
    Ok(())
}

fn main() -> ExitCode {
    exit("evaluate", run(&Arguments::parse()))
}
