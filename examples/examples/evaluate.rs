//! Accuracy against compute of a strategy on a file of problems.
//!
//! `cargo run --release --example evaluate -- --model FILE --data problems.jsonl --limit 20
//! --recipe recipe.json --json figures.json`
//!
//! Each problem is recorded; started again after a crash or Ctrl-C, with the same options, it goes on where
//! it was. `--json` gets the figures and every candidate, the same bytes however often the run was
//! interrupted; timings stand beside it in `*.timings.json`. `--shard 3/8` runs an eighth of the problems;
//! the example `merge` joins the folders of all shards. `--html` gets a page for a
//! browser, with the trees of the problems. `--family NAME` has problems of a family in place of a file's. `--learn FILE`
//! writes what a model can learn of the solutions, for `finetune`.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use serde_json::json;
use tts_core::{Outcome, Price, Prompt, Scale, Search, SearchError};
use tts_examples::collecting::{CollectOptions, Collector, Pool};
use tts_examples::engines::{Engine, Engines};
use tts_examples::figures::write_figures;
use tts_examples::files::{write_json, write_whole};
use tts_examples::given;
use tts_examples::interrupt::Interrupt;
use tts_examples::options::{ModelOptions, SearchOptions, Setup};
use tts_examples::problems::{Asks, ProblemOptions, Problems};
use tts_examples::remembering::StoreOptions;
use tts_examples::{Error, exit};
use tts_search::evaluate::{
    self, EvaluateError, Evaluation, Graded, Item, Progress, Report, Shard, fingerprint, words,
};
use tts_search::{FewShot, Recipe, SelfConsistency};

/// Evaluates a strategy on a file of problems.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    search: SearchOptions,
    #[command(flatten)]
    problems: ProblemOptions,
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
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    collect: CollectOptions,
}

/// Where the records go when nobody says: beside the figures, or under `runs`.
fn folder(arguments: &Arguments, name: &str) -> PathBuf {
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
    problems: &Problems,
    engines: &Engines,
    setup: &Setup,
    scale: Scale,
) -> Result<(), Error> {
    writeln!(err, "data      {}", problems.taken())?;
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
    if let Some(brought) = setup.brought() {
        writeln!(err, "preset    {brought}")?;
    }
    writeln!(err, "strategy  {}", serde_json::to_string(&setup.recipe)?)?;
    writeln!(err, "scorer    {} ({scale})", setup.scorer)?;
    for (name, spec) in &setup.named {
        writeln!(err, "named     {name}: {spec}")?;
    }
    Ok(())
}

/// An evaluation's outcomes, one a problem.
type Results = Vec<Result<Outcome, SearchError>>;

/// What is seen of outcomes as they come.
#[derive(Default)]
struct Seen {
    /// What can be learnt, where something is.
    pool: Pool,
    /// Whether the policy is a pool of texts: lines that it lacks are counted then.
    given: bool,
    /// How many these are.
    failed: usize,
}

/// Runs it. Trees are kept in memory only where they are to be seen, and looked at as they come where they are learnt or texts
/// may be lacking.
fn ran(
    arguments: &Arguments,
    evaluation: &Evaluation<'_>,
    recipe: &Recipe,
    seen: &mut Seen,
) -> Result<(Report, Results), EvaluateError> {
    let (learns, given) = (arguments.collect.learn.is_some(), seen.given);
    let mut see = |row: &Graded, result: &Result<Outcome, SearchError>| {
        if learns {
            seen.pool.see(recipe, row, result);
        }
        seen.failed += result.as_ref().map_or(0, given::failed);
    };
    let (mut report, results) = if arguments.html.is_some() {
        let (report, results) = evaluation.run_keeping(recipe, |_| {})?;
        for (row, result) in report.rows.iter().zip(&results) {
            see(row, result);
        }
        (report, results)
    } else if learns || given {
        (evaluation.run_seeing(recipe, see)?, Vec::new())
    } else {
        (evaluation.run(recipe, |_| {})?, Vec::new())
    };
    if !arguments.anytime.is_empty() {
        evaluation.anytime(recipe, &mut report, &arguments.anytime)?;
    }
    Ok((report, results))
}

/// What a run is made of, beside its options.
struct Opened<'a> {
    problems: &'a Problems,
    asks: &'a Asks<'a>,
    setup: &'a Setup,
    engines: &'a Engines,
    search: &'a Search<'a>,
    folder: &'a Path,
}

/// Whoever chooses what is learnt, if anything is.
fn collector<'a>(
    arguments: &Arguments,
    problems: &'a Problems,
    asks: &'a Asks<'a>,
) -> Result<Option<Collector<'a>>, Error> {
    let Some(path) = arguments.collect.learn.clone() else { return Ok(None) };
    evaluate::check_writable(&path)?;
    let (keep, hint) = (arguments.collect.keep()?, arguments.collect.hint()?);
    let shots = arguments.search.writing.prompting.few_shot.is_some();
    let stops = shots.then(|| {
        let own = &arguments.search.writing.stop;
        if own.is_empty() { FewShot::rule().stop } else { own.clone() }
    });
    Ok(Some(Collector { path, keep, hint, asks, items: &problems.data.items, stops }))
}

/// One solution of each of these problems, asked by these prompts, in a folder of their own beside the evaluation's.
fn asked_again(
    opened: &Opened<'_>,
    (items, prompts): (&[Item], &HashMap<String, Prompt>),
    hint: &str,
    interrupt: &Interrupt,
) -> Result<Pool, Error> {
    let Opened { problems, asks, setup, engines, search, folder } = opened;
    let once = Recipe::SelfConsistency(SelfConsistency { n: 1, ..SelfConsistency::default() });
    let own = Setup { recipe: once.clone(), ..(*setup).clone() };
    let mut settings = Settings::of(&own, engines, search, problems)?;
    settings.others["hint"] = hint.into();
    let mut name = folder.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".hinted-{:016x}", fingerprint(items)));
    let mut pool = Pool::default();
    Evaluation::new((*search).clone(), items)
        .prompt(|question| prompts.get(question).cloned().unwrap_or_else(|| asks.prompt(question)))
        .keep(folder.with_file_name(name), &settings)?
        .while_true(|| interrupt.goes_on())
        .run_seeing(&once, |row, result| pool.see(&once, row, result))?;
    Ok(pool)
}

/// Writes the figures where they are wanted.
fn deliver(
    arguments: &Arguments,
    opened: &Opened<'_>,
    settings: &Settings,
    (report, results): (&Report, Results),
    (last, whole): (&Progress, Duration),
) -> Result<(), Error> {
    if let Some(path) = &arguments.json {
        write_figures(path, &settings.setup, report)?;
        let path = path.with_extension("timings.json");
        write_timings(&path, last, whole, opened.engines)?;
    }
    if let Some(path) = &arguments.html {
        let strategy = serde_json::to_string(&opened.setup.recipe)?;
        let title = format!("{}: {strategy}", opened.problems.name);
        let items = &opened.problems.data.items;
        let page = evaluate::page(&title, report, items, results, evaluate::MOST_NODES);
        write_whole(path, page.html().as_bytes())?;
    }
    Ok(())
}

/// Opens whoever writes, for these problems.
fn open(arguments: &Arguments, problems: &Problems, asks: &Asks<'_>) -> Result<Engines, Error> {
    let items = problems.data.items.iter();
    let asked: Vec<(&Item, Prompt)> =
        items.map(|item| (item, asks.prompt(&item.question))).collect();
    let seed = arguments.search.writing.seed;
    arguments.store.over(arguments.model.open_for(seed, &asked)?)
}

fn run(mut arguments: Arguments) -> Result<(), Error> {
    let started = Instant::now();
    for path in arguments.json.iter().chain(&arguments.html) {
        evaluate::check_writable(path)?;
    }
    let problems = arguments.problems.load(arguments.collect.learn.is_some())?;
    if arguments.search.task.is_none() {
        arguments.search.task.clone_from(&problems.data.mapping.task);
    }
    let arguments = arguments;
    let writing = &arguments.search.writing;
    let few_shot = writing.prompting.few_shot()?;
    let bare = few_shot.clone().map(|shots| shots.take(0));
    let asks = Asks::of(&problems, writing, few_shot.as_ref(), bare.as_ref())?;
    let collector = collector(&arguments, &problems, &asks)?;
    let mut setup = arguments.search.setup()?;
    setup.prompt = asks.prompt("...");
    setup.rule = problems.rule(setup.rule, writing);
    let folder = folder(&arguments, &problems.name);
    let engines = open(&arguments, &problems, &asks)?;
    setup.make_room(&engines, writing)?;
    if let (Some((family, _)), Some(tokenizer)) = (problems.family, engines.policy.tokenizer()) {
        family.written_with(tokenizer)?;
    }
    let told = collector.as_ref().and_then(|collector| collector.hint.as_ref());
    if let (Some(_), Engine::Recorded(..) | Engine::Given(_)) = (told, &engines.policy) {
        return Err("--hinted: records and given texts have nobody to be told an answer".into());
    }
    let scorers = arguments.model.judge(&arguments.search, &engines, &mut setup)?;
    let scale = setup.check(&engines, &scorers)?;
    let task = problems.task(arguments.search.task.as_deref())?;
    if problems.family.is_some() {
        task.name().clone_into(&mut setup.task);
    }

    let mut err = std::io::stderr();
    introduce(&mut err, &problems, &engines, &setup, scale)?;
    writeln!(err, "records   {}, shard {}", folder.display(), arguments.shard)?;
    let style = "{elapsed_precise} [{wide_bar}] {pos}/{len}, {msg}";
    let bar =
        ProgressBar::new(0).with_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    let interrupt = Interrupt::listen(
        "problems in flight are finished, then it stops; Ctrl-C again ends it at once. Either way, nothing \
         that was recorded is lost: started again with the same options, it goes on.",
    )?;
    let last = Mutex::new(Progress::default());
    let search = setup.search(&engines, &scorers, task).concurrency(arguments.concurrency);
    let settings = Settings::of(&setup, &engines, &search, &problems)?;
    let evaluation = Evaluation::new(search.clone(), &problems.data.items)
        .prompt(|question| asks.prompt(question))
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
    let given = matches!(engines.policy, Engine::Given(_));
    let mut seen = Seen { given, ..Seen::default() };
    let ran = ran(&arguments, &evaluation, &setup.recipe, &mut seen);
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
    setup.write_passed(&mut out, &report)?;
    write_rate(&mut out, &last, &engines)?;
    let opened = Opened {
        problems: &problems,
        asks: &asks,
        setup: &setup,
        engines: &engines,
        search: &search,
        folder: &folder,
    };
    deliver(&arguments, &opened, &settings, (&report, results), (&last, started.elapsed()))?;
    if let Some(collector) = &collector {
        let hint = collector.hint.as_ref().map_or("", |hint| hint.template());
        let again = |items: &[Item], prompts: &HashMap<String, Prompt>| {
            asked_again(&opened, (items, prompts), hint, &interrupt)
        };
        collector.finish(&seen.pool, again, &mut out)?;
    }
    for used in engines.used() {
        writeln!(out, "server    {used}")?;
    }
    if let Some(hint) = setup.hint_on_lost(&engines.policy, &report) {
        writeln!(err, "{hint}")?;
    }
    // What ran is delivered; but whoever counts on the figures must hear of what did not.
    match report.failed {
        0 => given::check_whole(&engines.policy, seen.failed),
        failed => Err(format!("{failed} of {} problems failed; see above", report.problems).into()),
    }
}

/// What was generated now and not found in the store, and how much that is a second.
fn generated_now(last: &Progress, engines: &Engines) -> (u64, f64) {
    let mut made = *last;
    made.generated_now = made.generated_now.saturating_sub(engines.found_tokens());
    (made.generated_now, made.tokens_per_second())
}

/// How fast it was.
fn write_rate(out: &mut impl Write, last: &Progress, engines: &Engines) -> Result<(), Error> {
    let (made, rate) = generated_now(last, engines);
    writeln!(
        out,
        "machine   {} tokens generated now in {:.1} s, {rate:.0} a second",
        words::thousands(made),
        last.seconds,
    )?;
    if let Some(found) = engines.found() {
        writeln!(out, "store     {found}")?;
    }
    Ok(())
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
        problems: &Problems,
    ) -> Result<Self, Error> {
        let judge = search.settings().scorer.as_ref();
        let judge =
            judge.map(|judge| judge.identity.clone().unwrap_or_else(|| setup.scorer.clone()));
        let mut others = json!({
            "model": engines.policy.identity(),
            "scorer": judge,
            "mapping": problems.data.mapping,
        });
        if let Some(family) = problems.settings() {
            others["family"] = family;
        }
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
fn write_timings(
    path: &Path,
    progress: &Progress,
    whole: Duration,
    engines: &Engines,
) -> Result<(), Error> {
    let (made, rate) = generated_now(progress, engines);
    let mut timings = json!({
        "seconds": whole.as_secs_f64(),
        "searching_seconds": progress.seconds,
        "generated_tokens_now": made,
        "generated_tokens_per_second": rate,
        "computed_tokens": progress.computed_now,
        "cached_tokens": progress.cached_now,
    });
    if let Some(store) = &engines.store {
        timings["stored_lines"] = store.found().into();
        timings["stored_judgements"] = store.found_judgements().into();
    }
    write_json(path, &timings)
}

fn main() -> ExitCode {
    exit("evaluate", run(Arguments::parse()))
}
