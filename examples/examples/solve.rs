//! Solves one problem with any strategy on any supported checkpoint, and shows the work.
//!
//! `cargo run --release --example solve -- --model FILE.gguf --strategy best-of-n --n 8 "QUESTION"`
//!
//! Ctrl-C calls the search off, and shows the answer as of now.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use serde_json::json;
use tts_core::{Aggregate, Budget, Outcome, What};
use tts_examples::files::write_json;
use tts_examples::given::{check_whole, failed};
use tts_examples::interrupt::Interrupt;
use tts_examples::options::{ModelOptions, SearchOptions};
use tts_examples::plan::PlanOptions;
use tts_examples::progress::Progress;
use tts_examples::remembering::StoreOptions;
use tts_examples::{Error, exit};
use tts_search::evaluate::{Item, check_writable, words};

/// What the first Ctrl-C says.
const STOPPED: &str = "the search is called off, and its answer as of now follows; Ctrl-C again ends it at once. \
                       With --record, the same command goes on.";

/// Solves one problem by search.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    search: SearchOptions,
    #[command(flatten)]
    plan: PlanOptions,
    /// Writes outcome and figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Records the search here, and resumes from it after a crash.
    #[arg(long)]
    record: Option<PathBuf>,
    #[command(flatten)]
    store: StoreOptions,
    /// The problem.
    question: String,
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    // Everything that can be wrong with the request is found before the model is read.
    let mut setup = arguments.search.setup()?;
    arguments.plan.check()?;
    let few_shot = arguments.search.writing.prompting.few_shot()?;
    let prompt = arguments.search.writing.prompting.prompt(few_shot.as_ref(), &arguments.question);
    if arguments.question.trim().is_empty() {
        return Err("the problem is empty: expected some text besides white space".into());
    }
    if let Some(path) = &arguments.json {
        check_writable(path)?;
    }
    let start = Instant::now();
    let problem = Item::new(&*arguments.question, "");
    let engines = arguments.model.open_for(setup.seed, &[(&problem, prompt.clone())])?;
    let engines = arguments.store.over(engines)?;
    setup.make_room(&engines, &arguments.search.writing)?;
    let policy = &engines.policy;
    let scorers = arguments.model.judge(&arguments.search, &engines, &mut setup)?;
    let scale = setup.check(&engines, &scorers)?;
    let seconds = start.elapsed().as_secs_f64();
    writeln!(out, "model     {}, ready in {seconds:.1} s", policy.describe())?;
    if let Some(tried) = policy.tried() {
        writeln!(out, "tried     {tried}")?;
    }
    if let Some(chat) = policy.told_of_chat(&prompt) {
        writeln!(out, "chat      {chat}")?;
    }
    if let Some(model) = policy.local()
        && let Some(asked) = model.suggested_sampling().beside(&setup.sampling)
    {
        writeln!(out, "sampling  {asked}")?;
    }
    for (role, engine) in &engines.others {
        writeln!(out, "{role:<9} {}", engine.describe())?;
    }
    writeln!(out, "ends by   {}", policy.endings())?;
    let mut forecast = None;
    if arguments.plan.is_asked() {
        let model = policy.only_local("a plan")?;
        let tokens = model.encode(&prompt)?.len();
        let (search, lines) = (&arguments.search, arguments.model.max_lines);
        let (recipe, found) = arguments.plan.recipe(search, model, tokens, lines, scale)?;
        setup.recipe = recipe;
        forecast = Some(found);
    }
    if let Some(brought) = setup.brought() {
        writeln!(out, "preset    {brought}")?;
    }
    writeln!(out, "strategy  {}", serde_json::to_string(&setup.recipe)?)?;
    writeln!(out, "scorer    {} ({scale})", setup.scorer)?;
    for (name, spec) in &setup.named {
        writeln!(out, "named     {name}: {spec}")?;
    }
    if let Some(forecast) = &forecast {
        writeln!(out, "forecast  {}", words::forecast(forecast))?;
        if let Some(note) = arguments.plan.note(&arguments.model)? {
            writeln!(out, "note      {note}")?;
        }
    }
    out.flush()?;

    let mut progress = Progress::new()?;
    let mut now = 0;
    let mut search = setup.search(&engines, &scorers, arguments.search.task()?).observer(|event| {
        // Lines of a record that is gone on with are told of by nobody.
        if let What::Line { tokens } = event.what {
            now += tokens;
        }
        progress.see(event);
    });
    if let Some(record) = &arguments.record {
        search = search.record(record);
    }
    let interrupt = Interrupt::listen(STOPPED)?;
    let outcome = search.run_stoppable(setup.recipe.clone(), prompt, || interrupt.goes_on())?;
    drop(search);
    progress.finish();

    close(&mut out, &setup.budget, &outcome, now.saturating_sub(engines.found_tokens()))?;
    if let Some(found) = engines.found() {
        writeln!(out, "store     {found}")?;
    }
    for used in engines.used() {
        writeln!(out, "server    {used}")?;
    }
    lost(&mut out, &outcome)?;
    if let Some(path) = &arguments.json {
        let candidates: Vec<_> = outcome
            .candidates(Aggregate::ByScale)
            .into_iter()
            .map(|c| json!({"node": c.node, "answer": c.answer, "score": c.score}))
            .collect();
        let figures = json!({
            "question": arguments.question, "setup": setup, "answer": outcome.answer(),
            "text": outcome.text(), "candidates": candidates, "outcome": outcome,
        });
        write_json(path, &figures)?;
    }
    check_whole(policy, failed(&outcome))
}

/// The score of all candidates, where that is the same, and how many they are.
fn same_score(outcome: &Outcome) -> Option<(f64, usize)> {
    let candidates = outcome.candidates(Aggregate::ByScale).into_iter();
    let scores: Vec<f64> =
        candidates.map(|candidate| candidate.score).filter(|score| score.is_finite()).collect();
    let (first, others) = scores.split_first()?;
    let same = others.iter().all(|score| score.total_cmp(first).is_eq());
    (same && !others.is_empty()).then_some((*first, scores.len()))
}

/// What came of it, and what it took; `now` tokens were generated since the program began.
fn close(out: &mut impl Write, budget: &Budget, outcome: &Outcome, now: u64) -> Result<(), Error> {
    writeln!(out)?;
    match outcome.best {
        Some(best) => words::path(out, outcome, best)?,
        None => writeln!(out, "(nothing was written)")?,
    }
    writeln!(out)?;
    let answer = outcome.answer();
    writeln!(out, "answer    {}", answer.as_deref().unwrap_or("(none found)"))?;
    write!(out, "votes     ")?;
    words::votes(out, outcome)?;
    if let Some((score, candidates)) = same_score(outcome) {
        let score = words::significant(score);
        writeln!(
            out,
            "scores    {score} of all {candidates} candidates: the scorer tells nothing apart"
        )?;
    }
    writeln!(out, "stopped   {}", outcome.stop)?;
    for limit in words::limits(budget, outcome) {
        writeln!(out, "budget    {limit}")?;
    }
    let (usage, measured) = (&outcome.usage, &outcome.usage.measured);
    writeln!(out, "cost      {}", words::cost(&usage.logical))?;
    writeln!(
        out,
        "machine   {} tokens run, {} from the cache, {:.1} s, {} tokens generated now, {:.0} a second",
        words::thousands(measured.computed_tokens),
        words::thousands(measured.cached_tokens),
        measured.seconds,
        words::thousands(now),
        now as f64 / measured.seconds.max(f64::MIN_POSITIVE)
    )?;
    Ok(())
}

/// What failed, and what could not be judged.
fn lost(out: &mut impl Write, outcome: &Outcome) -> Result<(), Error> {
    for unscored in &outcome.unscored {
        writeln!(out, "unscored  the path to node {}: {}", unscored.node.0, unscored.why)?;
    }
    let mut failed: BTreeMap<(u32, &str), usize> = BTreeMap::new();
    for line in &outcome.failed {
        *failed.entry((line.node.0, line.error.0.as_str())).or_default() += 1;
    }
    for ((node, why), lines) in failed {
        writeln!(out, "failed    {lines} of the lines from node {node}: {why}")?;
    }
    Ok(())
}

fn main() -> ExitCode {
    exit("solve", run(&Arguments::parse()))
}
