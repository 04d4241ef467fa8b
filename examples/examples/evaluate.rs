//! Accuracy against compute of a strategy on a file of problems.
//!
//! `cargo run --release --example evaluate -- --model FILE --data problems.jsonl --limit 20
//! --recipe recipe.json --json figures.json`
//!
//! Each problem is recorded; started again after a crash, with the same options, it goes on where
//! it was. `--json` gets the figures and every candidate, the same bytes however often the run was
//! interrupted; timings stand beside it in `*.timings.json`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tts_core::{Outcome, Prompt, SearchError, What};
use tts_examples::evaluate::{self, Figures, Job, Manifest};
use tts_examples::options::{ModelOptions, SearchOptions};
use tts_examples::{Error, data, exit, report};
use tts_prm::ScorerSpec;

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
    /// Folder of the records; default: beside the JSON file, or under runs/.
    #[arg(long)]
    record: Option<PathBuf>,
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let started = Instant::now();
    if let Some(path) = &arguments.json {
        evaluate::check_writable(path)?;
    }
    let setup = arguments.search.setup()?;
    let few_shot = arguments.search.writing.prompting.few_shot()?;
    let fields = (arguments.question_field.as_deref(), arguments.answer_field.as_deref());
    let mut problems = data::load(&arguments.data, fields.0, fields.1)?;
    problems.drain(..arguments.skip.min(problems.len()));
    if arguments.limit > 0 {
        problems.truncate(arguments.limit);
    }
    if problems.is_empty() {
        return Err(format!("{}: no problems", arguments.data.display()).into());
    }
    let folder = arguments
        .record
        .clone()
        .unwrap_or_else(|| evaluate::default_folder(arguments.json.as_deref(), &arguments.data));
    let path = &arguments.model.model;
    let fingerprint = evaluate::fingerprint(&problems);
    let model = arguments.model.open()?;
    let scorer = arguments.model.scorer(&arguments.search.scorer, model.as_ref())?;
    let scale = setup.check_scorer(&scorer)?;
    let task = arguments.search.task()?;
    let head = match &arguments.search.scorer {
        ScorerSpec::Process(head) | ScorerSpec::Outcome(head) => evaluate::digest(head)?,
        ScorerSpec::Logprob | ScorerSpec::Rule => 0,
    };
    Manifest {
        model: (path, arguments.model.digest()?),
        backend: arguments.model.backend,
        weights: arguments.model.weights,
        scorer: head,
        setup: &setup,
        problems: fingerprint,
    }
    .claim(&folder)?;

    let mut err = std::io::stderr();
    writeln!(err, "strategy  {}", serde_json::to_string(&setup.recipe)?)?;
    writeln!(err, "scorer    {} ({})", setup.scorer, report::scale(scale))?;
    writeln!(err, "records   {}", folder.display())?;
    let style = "{elapsed_precise} [{wide_bar}] {pos}/{len}, {eta} to go; {msg}";
    let bar = ProgressBar::new(problems.len() as u64)
        .with_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    bar.tick();
    let prompts: Vec<Prompt> = problems
        .iter()
        .map(|problem| {
            arguments.search.writing.prompting.prompt(few_shot.as_ref(), &problem.question)
        })
        .collect();
    let (mut tokens, mut right, mut ended) = (0, 0, 0);
    let searching = Instant::now();
    let generated = AtomicU64::new(0);
    let job = Job {
        setup: &setup,
        policy: &model,
        scorer: &scorer,
        task: Arc::clone(&task),
        prompts,
        folder: &folder,
        concurrency: arguments.concurrency,
    };
    let results = job.run(
        |event| {
            if let What::Line { tokens } = event.what {
                generated.fetch_add(tokens, Ordering::Relaxed);
            }
            bar.tick();
        },
        |id, result| {
            let row = evaluate::row(id.0, &problems[id.0], &setup.recipe, result);
            ended += 1;
            right += usize::from(row.correct);
            tokens += row.cost.generated_tokens;
            let accuracy =
                100.0 * f64::from(u32::try_from(right).unwrap_or(u32::MAX)) / f64::from(ended);
            let rate = generated.load(Ordering::Relaxed) as f64 / searching.elapsed().as_secs_f64();
            let tokens = report::thousands(tokens);
            bar.set_message(format!("{accuracy:.1} % right, {tokens} tokens, {rate:.0} tokens/s"));
            bar.inc(1);
        },
    );
    bar.finish_and_clear();
    let seconds = searching.elapsed().as_secs_f64();
    let rows = results.iter().zip(&problems).enumerate();
    let row = |(index, (result, problem))| evaluate::row(index, problem, &setup.recipe, result);
    let figures = evaluate::figures(&setup, scale, &*task, rows.map(row).collect())?;
    let generated = generated.into_inner();
    print(&figures, generated, seconds)?;
    if let Some(path) = &arguments.json {
        write_json(path, &figures, &results, started.elapsed(), seconds, generated)?;
    }
    // What ran is delivered; but whoever counts on the figures must hear of what did not.
    match figures.failed {
        0 => Ok(()),
        failed => {
            Err(format!("{failed} of {} problems failed; see above", figures.problems).into())
        }
    }
}

/// The figures, and beside them what differs from run to run.
fn write_json(
    path: &Path,
    figures: &Figures<'_>,
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

fn print(figures: &Figures<'_>, generated: u64, seconds: f64) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    let percent = |accuracy: &tts_core::metrics::Accuracy| {
        let [low, high] = accuracy.interval;
        let mean = 100.0 * accuracy.mean;
        format!("{mean:5.1} %  (95 %: {:.1} to {:.1})", 100.0 * low, 100.0 * high)
    };
    writeln!(out, "problems  {}, {} failed", figures.problems, figures.failed)?;
    writeln!(out, "accuracy  {}", percent(&figures.accuracy))?;
    if let (Some(accuracy), true) = (&figures.accuracy_of_run, figures.failed > 0) {
        writeln!(out, "          {}  of the problems that ran", percent(accuracy))?;
    }
    if figures.unscored > 0 {
        writeln!(out, "unscored  {} paths that the scorer could not judge", figures.unscored)?;
    }
    writeln!(out, "any       {}  some candidate is right", percent(&figures.any_candidate))?;
    let mean = &figures.per_problem;
    writeln!(
        out,
        "cost      {:.1} lines, {:.0} tokens generated, {:.0} scored, {:.3e} FLOPs, {:.1} calls a problem",
        mean.samples, mean.generated_tokens, mean.scored_tokens, mean.flops, mean.calls
    )?;
    writeln!(
        out,
        "machine   {} tokens generated now in {seconds:.1} s, {:.0} a second",
        report::thousands(generated),
        generated as f64 / seconds
    )?;
    if !figures.curve.is_empty() {
        writeln!(out, "\n    k  pass@k    maj@k   best@k  weighted@k  problems")?;
        for point in &figures.curve {
            let [pass, majority, best, weighted] =
                [point.pass, point.majority, point.best, point.weighted].map(|p| 100.0 * p);
            writeln!(
                out,
                "{:>5} {pass:>7.1} {majority:>8.1} {best:>8.1} {weighted:>11.1} {:>9}",
                point.k, point.problems
            )?;
        }
    }
    for row in figures.rows.iter().filter(|row| row.error.is_some()).take(5) {
        writeln!(out, "problem {} failed: {}", row.index, row.error.as_deref().unwrap_or(""))?;
    }
    Ok(())
}

fn main() -> ExitCode {
    exit("evaluate", run(&Arguments::parse()))
}
