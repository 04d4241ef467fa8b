//! Labels for a process reward model, from rollouts of a policy.
//!
//! `cargo run --release --example label -- --model FILE --data problems.jsonl --out labels.jsonl`, or
//! `--family chain` in place of `--data` for the problems of the embedded pair. Every rollout is kept
//! in the store (`--store`): killed and started again, the run goes on where it was, and with more
//! problems, solutions or rollouts it pays for what is new.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use tts_core::family::{Family, Split, problems};
use tts_core::{Search, StepRule, Store};
use tts_examples::agreeing::AgreeingOptions;
use tts_examples::data::{Asking, DataOptions, OF_A_FILE};
use tts_examples::families::Families;
use tts_examples::judges;
use tts_examples::options::{ModelOptions, NamedOptions, WritingOptions};
use tts_examples::{Error, exit, interrupt};
use tts_prm::critic::assess::HeardBy;
use tts_prm::critic::{Jury, StepCase};
use tts_prm::label::{
    ByTask, Done, InFamily, LabelledSolution, Method, MonteCarlo, OmegaPrm, Problem, label,
    write_labels,
};
use tts_search::evaluate::{self, Item, words};

/// The judge where nothing is said.
const STEPS: &str = "steps";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Methods {
    MonteCarlo,
    OmegaPrm,
    /// Monte-Carlo labels that a judge of steps agrees with.
    Judge,
}

/// Labels solutions of problems step by step, by rollouts.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    writing: WritingOptions,
    /// Problems: JSON lines, a JSON list, a table, or Parquet (with the feature of that name).
    #[arg(long, required_unless_present = "family")]
    data: Option<PathBuf>,
    /// Problems of a family instead, from its training split.
    #[arg(long, conflicts_with = "data", conflicts_with_all = OF_A_FILE)]
    family: Option<Families>,
    #[command(flatten)]
    fields: DataOptions,
    /// What an answer to a problem of a file is: math, exact, choice, phrase or countdown. Default: as
    /// the data set has it, else math.
    #[arg(long)]
    task: Option<String>,
    /// Problems; 0 for all of a file.
    #[arg(long, default_value_t = 100)]
    problems: usize,
    /// How to label.
    #[arg(long, default_value = "monte-carlo")]
    method: Methods,
    /// Solutions of each problem, for Monte-Carlo labels. Default: 16.
    #[arg(long)]
    solutions: Option<usize>,
    /// Rollouts of each prefix.
    #[arg(long, default_value_t = 16)]
    rollouts: usize,
    /// Rollouts searched for their first error, for `OmegaPRM`. Default: 100.
    #[arg(long)]
    searches: Option<usize>,
    /// The judge of steps, for `judge`: steps, thinkprm-steps or genprm, or a JSON file. The role `judge` of `--model` plays it, if
    /// there is one, else the model itself. Default: steps.
    #[arg(long)]
    judge: Option<String>,
    /// Scorers that the judge asks for by name.
    #[command(flatten)]
    named: NamedOptions,
    /// Judgements of each solution, for `judge`. Default: 4.
    #[arg(long)]
    judgements: Option<usize>,
    #[command(flatten)]
    agreeing: AgreeingOptions,
    /// Problems in flight at a time.
    #[arg(long, default_value_t = 8)]
    concurrency: usize,
    /// Where every rollout is kept; default: the file of labels, with the ending `.store.jsonl`.
    #[arg(long)]
    store: Option<PathBuf>,
    /// Where labels go, one solution a line.
    #[arg(long)]
    out: PathBuf,
}

fn of_family<F: Family + Clone + 'static>(family: &F, count: usize, seed: u64) -> Vec<Problem> {
    let problem = |question: String| Problem {
        prompt: family.prompt(&question),
        grade: Arc::new(InFamily { family: family.clone(), question }),
    };
    let drawn = problems(family, Split::Train, seed).take(count);
    drawn.map(|drawn| problem(drawn.question)).collect()
}

fn asked(arguments: &Arguments) -> Result<Vec<Problem>, Error> {
    let (count, seed) = (arguments.problems, arguments.writing.seed);
    match (arguments.family, &arguments.data) {
        (Some(family), _) => Ok(of_family(&family.family(), count, seed)),
        (None, Some(path)) => {
            let few_shot = arguments.writing.prompting.few_shot()?;
            let mut data = arguments.fields.load(path)?;
            if count > 0 {
                data.items.truncate(count);
            }
            writeln!(std::io::stderr(), "data      {}", data.taken())?;
            let task = arguments.task.as_deref().or(data.mapping.task.as_deref());
            let task = tts_core::task::by_name(task.unwrap_or("math"))?;
            let asking = Asking::of(&arguments.writing.prompting, few_shot.as_ref(), &data)?;
            let problem = |Item { question, gold, .. }: &Item| Problem {
                prompt: asking.prompt(question),
                grade: Arc::new(ByTask {
                    task: Arc::clone(&task),
                    question: question.clone(),
                    gold: gold.clone(),
                }),
            };
            Ok(data.items.iter().map(problem).collect())
        }
        (None, None) => Err("--data or --family says which problems".into()),
    }
}

impl Arguments {
    /// How to label, with options that are of this way and of no other.
    fn method(&self) -> Result<Method, Error> {
        let (judges, searches) =
            (matches!(self.method, Methods::Judge), matches!(self.method, Methods::OmegaPrm));
        for (name, given, taken) in [
            ("--solutions", self.solutions.is_some(), !searches),
            ("--searches", self.searches.is_some(), searches),
            ("--judge", self.judge.is_some(), judges),
            ("--judgements", self.judgements.is_some(), judges),
            ("--named", !self.named.named.is_empty(), judges),
            ("--out-judgements", self.agreeing.out_judgements.is_some(), judges),
            ("--learn", self.agreeing.learn.is_some(), judges),
        ] {
            if given && !taken {
                return Err(format!("{name} is of another --method").into());
            }
        }
        if self.judgements == Some(0) {
            return Err("--judgements is 0, expected at least 1".into());
        }
        let rollouts = self.rollouts;
        Ok(if searches {
            let searches = self.searches.unwrap_or(100);
            Method::OmegaPrm(OmegaPrm { rollouts, searches, ..OmegaPrm::default() })
        } else {
            let solutions = self.solutions.unwrap_or(16);
            Method::MonteCarlo(MonteCarlo { solutions, rollouts, ..MonteCarlo::default() })
        })
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let method = arguments.method()?;
    evaluate::check_writable(&arguments.out)?;
    arguments.agreeing.check()?;
    let problems = asked(arguments)?;
    if problems.is_empty() {
        return Err("no problems".into());
    }
    let few_shot = arguments.writing.prompting.few_shot()?;
    let jury =
        matches!(arguments.method, Methods::Judge).then(|| jury_of(arguments)).transpose()?;
    let path = arguments.store.clone();
    let store = Store::open(path.unwrap_or_else(|| arguments.out.with_extension("store.jsonl")))?;
    interrupt::end_with(
        "stopped: every line that was written is in the store; started again with the same options, it goes on.",
    )?;
    let engines = arguments.model.open()?;
    arguments.named.refuse_idle(&arguments.model, &engines)?;
    let model = engines.policy.generator();
    // What a line depends on besides the request: the model's files and how they are multiplied.
    let name = model.identity().ok_or("the model does not say what it is")?;
    let policy = store.over(model, name);
    let mut rule = arguments.writing.rule(few_shot.as_ref(), None)?;
    if arguments.family.is_some() && arguments.writing.step.is_empty() {
        rule.delimiters = StepRule::lines().delimiters;
    }
    let search = Search::new(&policy)
        .rule(rule)
        .sampling(arguments.writing.sampling(None)?)
        .seed(arguments.writing.seed)
        .concurrency(arguments.concurrency);
    let style = "{elapsed_precise} [{wide_bar}] {pos}/{len} problems, {eta} to go; {msg}";
    let bar = ProgressBar::new(problems.len() as u64)
        .with_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    bar.tick();
    let started = Instant::now();
    let (mut lines, mut tokens) = (0, 0);
    let mut lost = BTreeMap::new();
    let labelled = label(&search, &method, &problems, |place, Done { usage, failed, .. }| {
        lost.extend(failed.map(|why| (place, why)));
        lines += usage.logical.samples;
        tokens += usage.logical.generated_tokens;
        // What the store has was written before.
        let now = tokens.saturating_sub(store.found_tokens());
        let rate = now as f64 / started.elapsed().as_secs_f64();
        bar.set_message(format!("{} lines, {rate:.0} tokens/s", words::thousands(lines)));
        bar.inc(1);
    });
    bar.finish_and_clear();
    let (seconds, found) = (started.elapsed().as_secs_f64(), store.found());
    let now = tokens.saturating_sub(store.found_tokens());
    let mut labelled = labelled?;
    if let Some(jury) = &jury {
        let others = engines.others.get("judge");
        let engine = others.unwrap_or(&engines.policy);
        let judge = engine.generator();
        let name = judge.identity().ok_or("the judge does not say what it is")?;
        let kept = store.over(judge, name.clone());
        let named = arguments.named.open(&arguments.model, &engines)?;
        let search =
            Search::new(&kept).seed(arguments.writing.seed).concurrency(arguments.concurrency);
        let search = named.put(search);
        let by = |cases: &[StepCase]| {
            let scorers = named.identities(&arguments.named.told());
            let by = HeardBy::of(jury, name, scorers, (cases, arguments.writing.seed));
            by.called(arguments.judge.as_deref().unwrap_or(STEPS), engine.describe())
        };
        let out = &mut std::io::stdout().lock();
        arguments.agreeing.agree(&search, (jury, by), &mut labelled, (&store, out))?;
    }
    write_labels(&arguments.out, labelled.iter().flatten())?;
    print(&labelled, &arguments.out)?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "cost      {} lines, {} tokens, {} of them now in {seconds:.1} s, {:.0} a second; {} of the lines were in the store",
        words::thousands(lines),
        words::thousands(tokens),
        words::thousands(now),
        now as f64 / seconds.max(f64::MIN_POSITIVE),
        words::thousands(found),
    )?;
    for used in engines.used() {
        writeln!(out, "server    {used}")?;
    }
    match lost.first_key_value() {
        None => Ok(()),
        Some((place, why)) => Err(format!(
            "{} of {} problems have no labels, for every line about them failed; the first, number {}: {why}. \
             Started again with the same options, it asks for them again",
            lost.len(),
            problems.len(),
            place + 1
        )
        .into()),
    }
}

/// The jury that agrees with labels or does not.
fn jury_of(arguments: &Arguments) -> Result<Jury, Error> {
    let name = arguments.judge.as_deref().unwrap_or(STEPS);
    let judge = judges::find(name, None)?;
    let jury = Jury { role: None, ..Jury::of(judge, arguments.judgements.unwrap_or(4)) };
    if !jury.judge.judges_steps() {
        return Err(format!("--judge {name}: it judges no steps").into());
    }
    jury.check()?;
    arguments.named.satisfy(&jury.requires())?;
    Ok(jury)
}

fn print(labelled: &[Vec<LabelledSolution>], path: &Path) -> Result<(), Error> {
    let solutions = || labelled.iter().flatten();
    let count = solutions().count();
    let solved = solutions().filter(|solution| solution.solved).count();
    let values: Vec<f64> =
        solutions().flat_map(|solution| &solution.steps).filter_map(|step| step.value).collect();
    let share = |count: usize, of: usize| 100.0 * count as f64 / of.max(1) as f64;
    let zeros = values.iter().filter(|value| **value <= 0.0).count();
    let ones = values.iter().filter(|value| **value >= 1.0).count();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "paths     {} of {} problems, {:.1} % of them right solutions",
        words::thousands(count as u64),
        labelled.len(),
        share(solved, count)
    )?;
    writeln!(
        out,
        "steps     {} with a value: {:.1} % of them 0, {:.1} % of them 1",
        words::thousands(values.len() as u64),
        share(zeros, values.len()),
        share(ones, values.len())
    )?;
    writeln!(out, "labels    {}", path.display())?;
    Ok(())
}

fn main() -> ExitCode {
    exit("label", run(&Arguments::parse()))
}
