//! Accuracy against compute of a strategy on a file of problems.
//!
//! `cargo run --release --example evaluate -- --model FILE --data problems.jsonl --limit 20
//! --recipe recipe.json --json figures.json`
//!
//! Each problem is recorded; started again after a crash or Ctrl-C, with the same options, it goes on where
//! it was. `--json` gets the figures and every candidate, the same bytes however often the run was
//! interrupted; timings stand beside it in `*.timings.json`. `--shard 3/8` runs an eighth of the problems;
//! the example `merge` joins the folders of all shards. `--html` gets a page for a
//! browser, with the trees of the problems.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use serde_json::json;
use tts_core::{Price, Scale, Search};
use tts_examples::data::{Asking, DataOptions};
use tts_examples::engines::Engines;
use tts_examples::figures::write_figures;
use tts_examples::files::{write_json, write_whole};
use tts_examples::interrupt::Interrupt;
use tts_examples::options::{ModelOptions, SearchOptions, Setup};
use tts_examples::{Error, exit};
use tts_search::evaluate::{self, DataSet, EvaluateError, Evaluation, Progress, Shard, words};

/// Evaluates a strategy on a file of problems.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    search: SearchOptions,
    /// Problems: JSON lines, a JSON list, a table, or Parquet (with the feature of that name); with the
    /// feature `hub`, an address such as `hf://openai/gsm8k/main/test`.
    #[arg(long)]
    data: PathBuf,
    #[command(flatten)]
    fields: DataOptions,
    /// Only this many problems; 0 for all.
    #[arg(long, default_value_t = 0)]
    limit: usize,
    /// Leaves out this many problems first.
    #[arg(long, default_value_t = 0)]
    skip: usize,
    /// Only the problems of one shard, such as 3/8: every eighth, from the third on.
    #[arg(long, default_value_t = Shard::WHOLE)]
    shard: Shard,
    /// Searches problems again, from the start, of which lines failed before: those of a server that was down.
    #[arg(long)]
    retry_lost: bool,
    /// What the answers were within so many generated tokens of each problem, such as 500,1000,2000: accuracy
    /// against tokens within the run, of any strategy.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..))]
    anytime: Vec<u64>,
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

fn problems(arguments: &Arguments) -> Result<DataSet, Error> {
    let mut data = arguments.fields.load(&arguments.data)?;
    let count = data.items.len();
    data.items.drain(..arguments.skip.min(count));
    if arguments.limit > 0 {
        data.items.truncate(arguments.limit);
    }
    if data.items.is_empty() {
        let (path, skip) = (arguments.data.display(), arguments.skip);
        return Err(format!("{path}: --skip {skip} leaves none of {count} problems").into());
    }
    Ok(data)
}

/// Where the records go when nobody says: beside the figures, or under `runs`.
fn folder(arguments: &Arguments) -> PathBuf {
    let name = arguments.data.file_stem().map_or("data".into(), |name| name.to_string_lossy());
    let ending = match arguments.shard {
        Shard::WHOLE => "records".to_owned(),
        shard => format!("shard-{}-of-{}.records", shard.number(), shard.of()),
    };
    match (&arguments.record, &arguments.json) {
        (Some(folder), _) => folder.clone(),
        (None, Some(json)) => json.with_extension(ending),
        (None, None) => Path::new("runs").join(format!("{name}.{ending}")),
    }
}

/// How far it is, in words.
fn message(progress: &Progress) -> String {
    let accuracy = progress.accuracy().map_or("-".to_owned(), evaluate::percent);
    let left = progress.seconds_left().map_or("-".to_owned(), |seconds| {
        HumanDuration(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)).to_string()
    });
    let tokens = words::thousands(progress.cost.generated_tokens);
    let (flops, rate) = (progress.cost.flops, progress.tokens_per_second());
    let failed = match progress.failed {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    format!(
        "{left} to go; {accuracy} right{failed}, {tokens} tokens, {flops:.1e} FLOPs, {rate:.0} tokens/s"
    )
}

/// Says what will run.
fn introduce(
    err: &mut impl Write,
    data: &DataSet,
    engines: &Engines,
    setup: &Setup,
    scale: Scale,
) -> Result<(), Error> {
    writeln!(err, "data      {}", data.taken())?;
    writeln!(err, "model     {}", engines.policy.describe())?;
    if let Some(tried) = engines.policy.tried() {
        writeln!(err, "tried     {tried}")?;
    }
    if let Some(chat) = engines.policy.told_of_chat(&setup.prompt) {
        writeln!(err, "chat      {chat}")?;
    }
    for (role, engine) in &engines.others {
        writeln!(err, "{role:<9} {}", engine.describe())?;
    }
    writeln!(err, "strategy  {}", serde_json::to_string(&setup.recipe)?)?;
    writeln!(err, "scorer    {} ({scale})", setup.scorer)?;
    for (name, spec) in &setup.named {
        writeln!(err, "named     {name}: {spec}")?;
    }
    Ok(())
}

fn run(mut arguments: Arguments) -> Result<(), Error> {
    let started = Instant::now();
    for path in arguments.json.iter().chain(&arguments.html) {
        evaluate::check_writable(path)?;
    }
    let data = problems(&arguments)?;
    if arguments.search.task.is_none() {
        arguments.search.task.clone_from(&data.mapping.task);
    }
    let arguments = arguments;
    let few_shot = arguments.search.writing.prompting.few_shot()?;
    let asking = Asking::of(&arguments.search.writing.prompting, few_shot.as_ref(), &data)?;
    let mut setup = arguments.search.setup()?;
    setup.prompt = asking.prompt("...");
    let folder = folder(&arguments);
    let engines = arguments.model.open()?;
    let scorers = arguments.model.judge(&arguments.search, &engines, &mut setup)?;
    let scale = setup.check(&engines, &scorers)?;

    let mut err = std::io::stderr();
    introduce(&mut err, &data, &engines, &setup, scale)?;
    writeln!(err, "records   {}, shard {}", folder.display(), arguments.shard)?;
    let style = "{elapsed_precise} [{wide_bar}] {pos}/{len}, {msg}";
    let bar =
        ProgressBar::new(0).with_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    let interrupt = Interrupt::listen(
        "problems in flight are finished, then it stops; Ctrl-C again ends it at once. Either way, nothing \
         that was recorded is lost: started again with the same options, it goes on.",
    )?;
    let last = Mutex::new(Progress::default());
    let search = setup
        .search(&engines, &scorers, arguments.search.task()?)
        .concurrency(arguments.concurrency);
    let settings = Settings::of(&setup, &engines, &search, &data)?;
    let evaluation = Evaluation::new(search, &data.items)
        .prompt(|question| asking.prompt(question))
        .shard(arguments.shard)
        .retry_lost(arguments.retry_lost)
        .keep(&folder, &settings)?
        .while_true(|| interrupt.goes_on())
        .watch(|progress| {
            bar.set_length(progress.problems as u64);
            bar.set_position(progress.done as u64);
            bar.set_message(message(progress));
            *last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = *progress;
        });
    // Trees are kept in memory only where they are to be seen.
    let ran = match &arguments.html {
        Some(_) => evaluation.run_keeping(&setup.recipe, |_| {}),
        None => evaluation.run(&setup.recipe, |_| {}).map(|report| (report, Vec::new())),
    };
    let ran = ran.and_then(|(mut report, results)| {
        if !arguments.anytime.is_empty() {
            evaluation.anytime(&setup.recipe, &mut report, &arguments.anytime)?;
        }
        Ok((report, results))
    });
    drop(evaluation);
    bar.finish_and_clear();
    let (report, results) = match ran {
        // Its folder is whole, for `merge`.
        Err(error @ EvaluateError::EmptyShard { .. }) => return Ok(writeln!(err, "{error}")?),
        ran => ran?,
    };
    let last = last.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut out = std::io::stdout().lock();
    report.write(&mut out)?;
    writeln!(
        out,
        "machine   {} tokens generated now in {:.1} s, {:.0} a second",
        words::thousands(last.generated_now),
        last.seconds,
        last.tokens_per_second()
    )?;
    for used in engines.used() {
        writeln!(out, "server    {used}")?;
    }
    if let Some(path) = &arguments.json {
        write_figures(path, &settings.setup, &report)?;
        write_timings(&path.with_extension("timings.json"), &last, started.elapsed())?;
    }
    if let Some(path) = &arguments.html {
        let title = arguments.data.file_stem().map_or("data".into(), |name| name.to_string_lossy());
        let strategy = serde_json::to_string(&setup.recipe)?;
        let title = format!("{title}: {strategy}");
        let page = evaluate::page(&title, &report, &data.items, results, evaluate::MOST_NODES);
        write_whole(path, page.html().as_bytes())?;
    }
    if report.failed_lines > 0 {
        writeln!(err, "lost lines can be asked for again: the same command with --retry-lost")?;
    }
    // What ran is delivered; but whoever counts on the figures must hear of what did not.
    match report.failed {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} problems failed; see above", report.problems).into()),
    }
}

/// All that decides results, as the folder keeps it.
#[derive(serde::Serialize)]
struct Settings {
    #[serde(flatten)]
    others: serde_json::Value,
    setup: Box<serde_json::value::RawValue>,
}

impl Settings {
    fn of(
        setup: &Setup,
        engines: &Engines,
        search: &Search<'_>,
        data: &DataSet,
    ) -> Result<Self, Error> {
        let judge = search.settings().scorer.as_ref();
        let judge =
            judge.map(|judge| judge.identity.clone().unwrap_or_else(|| setup.scorer.clone()));
        let mut others = json!({
            "model": engines.policy.identity(),
            "scorer": judge,
            "mapping": data.mapping,
        });
        // Left out where there are none, so that folders of before go on.
        if !engines.others.is_empty() {
            let roles = engines.others.iter().map(|(role, engine)| (role, engine.identity()));
            others["roles"] = json!(roles.collect::<BTreeMap<_, _>>());
        }
        let named = &search.settings().scorers;
        if !named.is_empty() {
            let named = named.iter().map(|(name, judge)| {
                (name, judge.identity.as_ref().or_else(|| setup.named.get(name)))
            });
            others["named"] = json!(named.collect::<BTreeMap<_, _>>());
        }
        // Rows hold money, which prices of servers decide as those of the command do.
        let stated = engines.prices().into_iter();
        let stated: BTreeMap<&str, Price> =
            stated.filter(|(role, _)| !setup.prices.writers.contains_key(*role)).collect();
        if !stated.is_empty() {
            others["prices"] = json!(stated);
        }
        Ok(Self { others, setup: serde_json::value::to_raw_value(setup)? })
    }
}

/// What differs from run to run.
fn write_timings(path: &Path, progress: &Progress, whole: Duration) -> Result<(), Error> {
    let timings = json!({
        "seconds": whole.as_secs_f64(),
        "searching_seconds": progress.seconds,
        "generated_tokens_now": progress.generated_now,
        "generated_tokens_per_second": progress.tokens_per_second(),
        "computed_tokens": progress.computed_now,
        "cached_tokens": progress.cached_now,
    });
    write_json(path, &timings)
}

fn main() -> ExitCode {
    exit("evaluate", run(Arguments::parse()))
}
