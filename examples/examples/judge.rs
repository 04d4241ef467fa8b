//! How good is a judge? Accuracy on preferences, ROC AUC, calibration, bias by position and length.
//!
//! `cargo run --release --example judge -- --model MODEL --data FILE --judge pairwise --samples 8`: any model (a file, a
//! folder, a server, see `solve`) as any judge of [`tts_prm::critic::Judge::published`], or one from a JSON file, on any
//! file of preferences: `RewardBench`, `JudgeBench`, `LLMBar`, or lists of responses. A template of your own is a Jinja
//! file (`--template`). Judgements of a run can be kept (`--store`): started again, it goes on where it was.
//!
//! With `--side-by-side` the file has pairs of reports instead (`question`, `first`, `second`), of which nobody knows the better:
//! how often the first is, for helpfulness and comprehensiveness, each pair in both orders.
//!
//! With `--learn FILE` nothing is told of how good it is: its right judgements, of items that are not too easy, become data
//! for `finetune`.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use tts_core::{Generator, Sampling, Search, Store};
use tts_examples::engines::Engine;
use tts_examples::files::{write_json, write_whole};
use tts_examples::interrupt::Interrupt;
use tts_examples::judges;
use tts_examples::options::ModelOptions;
use tts_examples::worked;
use tts_examples::{Error, exit};
use tts_prm::critic::{
    self, Assessment, Ended, Judge, Judging, Jury, Order, Preference, Rejective, Reports, Sure,
    Vote, assess, read_preferences, read_reports, rejective,
};
use tts_search::evaluate::{check_writable, words};

/// How judgements are added up.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Votes {
    Mean,
    Sum,
    Winners,
}

/// In which order responses are shown.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Orders {
    Shuffled,
    Mirrored,
    Fixed,
}

/// Judges preferences, and says how well.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    model: ModelOptions,
    /// Preferences: JSON lines, a JSON list, a table, or Parquet (with the feature of that name).
    #[arg(long)]
    data: PathBuf,
    /// The judge: deepseek-grm, genrm-cot, thinkprm, pairwise and others by name, or a JSON file.
    #[arg(long, default_value = "deepseek-grm", conflicts_with = "side_by_side")]
    judge: String,
    /// The data are pairs of reports: says how often the first is more helpful, and more comprehensive; each pair is judged
    /// `--samples` times in both orders.
    #[arg(long, conflicts_with_all = ["learn", "together", "order", "vote", "sure", "template"])]
    side_by_side: bool,
    /// A Jinja file in place of the judge's template.
    #[arg(long)]
    template: Option<PathBuf>,
    /// Judgements of each item; default: 1, and 3 with --learn.
    #[arg(long)]
    samples: Option<usize>,
    /// Most responses that are shown at once; 0 for as many as the judge takes.
    #[arg(long, default_value_t = 0)]
    together: usize,
    /// In which order they are shown; fixed takes data whose best responses stand at different places.
    #[arg(long, default_value = "shuffled")]
    order: Orders,
    /// How judgements are added up.
    #[arg(long, default_value = "mean")]
    vote: Votes,
    /// Ask for so many judgements at a time, and for no more where the order is sure; 0 for all at once.
    #[arg(long, default_value_t = 0)]
    sure: usize,
    /// Sampling temperature; default: the judge's.
    #[arg(long)]
    temperature: Option<f32>,
    /// Longest judgement, in tokens; default: the judge's.
    #[arg(long)]
    max_tokens: Option<u32>,
    /// Items; 0 for all.
    #[arg(long, default_value_t = 0)]
    items: usize,
    /// Items in flight at a time.
    #[arg(long, default_value_t = 8)]
    concurrency: usize,
    /// Where all randomness comes from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where every judgement is kept.
    #[arg(long)]
    store: Option<PathBuf>,
    /// Where figures go, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where right judgements go, as data for `finetune`: of items whose judgements are not all right.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["together", "order", "vote", "sure"])]
    learn: Option<PathBuf>,
    /// Ask once more, with a hint, about items of which no judgement is right, and keep what is right without the hint.
    #[arg(long, requires = "learn")]
    hinted: bool,
}

impl Arguments {
    /// A judge by name or from a file, as long and as warm as is asked for.
    fn find(&self, name: &str) -> Result<Judge, Error> {
        let mut judge = judges::find(name, self.template.as_deref())?;
        judge.max_tokens = self.max_tokens.unwrap_or(judge.max_tokens);
        if let Some(temperature) = self.temperature {
            judge.sampling = Sampling { temperature, ..judge.sampling };
        }
        judge.check()?;
        Ok(judge)
    }

    fn jury(&self) -> Result<Jury, Error> {
        let judge = self.find(&self.judge)?;
        let jury = Jury {
            role: None,
            together: self.together,
            order: match self.order {
                Orders::Shuffled => Order::Shuffled,
                Orders::Mirrored => Order::Mirrored,
                Orders::Fixed => Order::Fixed,
            },
            vote: match self.vote {
                Votes::Mean => Vote::Mean,
                Votes::Sum => Vote::Sum,
                Votes::Winners => Vote::Winners,
            },
            sure: (self.sure > 0).then(|| Sure { batch: self.sure, ..Sure::default() }),
            ..Jury::of(judge, self.samples.unwrap_or(1))
        };
        jury.check()?;
        Ok(jury)
    }
}

fn bar(items: usize) -> Result<ProgressBar, Error> {
    let style = "{elapsed_precise} [{wide_bar}] {pos}/{len} items, {eta} to go; {msg}";
    let bar = ProgressBar::new(items as u64)
        .with_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    bar.tick();
    Ok(bar)
}

/// Tells what it cost, and writes the figures where they are wanted.
fn close(
    arguments: &Arguments,
    out: &mut impl Write,
    (lines, tokens): (u64, u64),
    found: &impl serde::Serialize,
) -> Result<(), Error> {
    let (lines, tokens) = (words::thousands(lines), words::thousands(tokens));
    writeln!(out, "cost      {lines} lines, {tokens} tokens")?;
    match &arguments.json {
        Some(path) => write_json(path, found),
        None => Ok(()),
    }
}

/// Keeps right judgements for fine-tuning.
fn learn(
    arguments: &Arguments,
    judging: &Judging,
    (search, preferences): (&Search<'_>, &[Preference]),
    path: &Path,
) -> Result<(), Error> {
    let Arguments { hinted, seed, .. } = *arguments;
    let samples = arguments.samples.unwrap_or(Rejective::default().samples);
    let settings = Rejective { samples, hinted, seed };
    let interrupt = Interrupt::listen(
        "items in flight are finished, then what is right of those that are done is kept.",
    )?;
    let bar = bar(preferences.len())?;
    let mut left = preferences.len();
    let kept = rejective(search, judging, preferences, &settings, || {
        // Hints come behind all items, and nobody knows how many before.
        match left.checked_sub(1) {
            Some(fewer) => left = fewer,
            None => bar.inc_length(1),
        }
        bar.inc(1);
        if interrupt.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    bar.finish_and_clear();
    let ((kept, found), ended) = apart(kept);
    // What was paid for is kept before anything else can fail.
    if !kept.is_empty() {
        let lines = kept.iter().map(|kept| worked::line(&kept.prompt, &kept.judgement) + "\n");
        write_whole(path, lines.collect::<String>().as_bytes())?;
    }
    let mut out = std::io::stdout().lock();
    if found.items < preferences.len() {
        let left = preferences.len() - found.items;
        writeln!(
            out,
            "left out  {left} items: not asked about any more, or not to be asked about by this judge"
        )?;
    }
    writeln!(
        out,
        "judged    {} judgements of {} items, {} right, {} refused; {} items too easy, {} without a right one",
        found.judgements, found.items, found.right, found.refused, found.easy, found.hard
    )?;
    let mut reasons: Vec<(&String, &usize)> = found.reasons.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (why, count) in reasons.into_iter().take(5) {
        writeln!(out, "          {count} refused: {why}")?;
    }
    writeln!(
        out,
        "kept      {} judgements, {} with a hint",
        found.kept + found.hinted,
        found.hinted
    )?;
    let (lines, tokens) = (found.cost.samples, found.cost.generated_tokens);
    close(arguments, &mut out, (lines, tokens), &found)?;
    ended?;
    if kept.is_empty() {
        return Err("nothing is kept: no item has both right judgements and others".into());
    }
    writeln!(out, "{}", path.display())?;
    Ok(())
}

/// What was judged, and the error that ended it before its time: it is told once that is kept.
fn apart<T>(judged: Result<T, Ended<T>>) -> (T, Result<(), Error>) {
    match judged {
        Ok(found) => (found, Ok(())),
        Err(ended) => {
            let why = ended.to_string();
            (*ended.found, Err(why.into()))
        }
    }
}

/// The records of the data, as many as are asked for.
fn first<T>(arguments: &Arguments, mut records: Vec<T>, what: &str) -> Result<Vec<T>, Error> {
    if arguments.items > 0 {
        records.truncate(arguments.items);
    }
    if records.is_empty() {
        return Err(format!("{}: no {what}", arguments.data.display()).into());
    }
    Ok(records)
}

/// Says how often the first of two reports is better, by each criterion.
fn side_by_side(
    arguments: &Arguments,
    search: &Search<'_>,
    pairs: &[Reports],
) -> Result<(), Error> {
    let interrupt = Interrupt::listen(
        "pairs in flight are finished, then figures are told of those that are done.",
    )?;
    let (mut out, mut all) = (std::io::stdout().lock(), BTreeMap::new());
    let (mut lines, mut tokens, mut over) = (0, 0, Ok(()));
    for criterion in ["helpful", "comprehensive"] {
        let judge = arguments.find(criterion)?;
        let bar = bar(pairs.len())?;
        let rounds = arguments.samples.unwrap_or(1);
        let found = critic::side_by_side(search, &judge, rounds, pairs, arguments.seed, |done| {
            bar.set_position(done as u64);
            if interrupt.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        bar.finish_and_clear();
        let (found, ended) = apart(found);
        writeln!(out, "{criterion}")?;
        found.write(&mut out)?;
        lines += found.tally.cost.samples;
        tokens += found.tally.cost.generated_tokens;
        all.insert(criterion, found);
        over = ended;
        if over.is_err() || !interrupt.goes_on() {
            break;
        }
    }
    close(arguments, &mut out, (lines, tokens), &all)?;
    over
}

/// What is judged.
enum Data {
    Preferences(Box<Jury>, Vec<Preference>),
    Reports(Vec<Reports>),
}

impl Data {
    fn read(arguments: &Arguments) -> Result<Self, Error> {
        if arguments.side_by_side {
            let pairs = first(arguments, read_reports(&arguments.data)?, "pairs of reports")?;
            return Ok(Self::Reports(pairs));
        }
        let jury = Box::new(arguments.jury()?);
        let preferences = first(arguments, read_preferences(&arguments.data)?, "preferences")?;
        Ok(Self::Preferences(jury, preferences))
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let data = Data::read(arguments)?;
    let judging = match (&arguments.learn, &data) {
        (Some(_), Data::Preferences(jury, _)) => Some(Judging::of(jury.judge.clone())?),
        (None, Data::Preferences(jury, preferences)) => {
            jury.check_places(preferences)?;
            None
        }
        (_, Data::Reports(_)) => None,
    };
    for path in arguments.learn.iter().chain(&arguments.json) {
        check_writable(path)?;
    }
    let store = arguments.store.as_ref().map(Store::open).transpose()?;
    let engines = arguments.model.open()?;
    arguments.model.refuse_idle(&engines)?;
    let done = judge(arguments, &engines.policy, data, judging.as_ref(), store.as_ref());
    for used in engines.used() {
        writeln!(std::io::stdout(), "server    {used}")?;
    }
    done
}

/// Has a model judge.
fn judge(
    arguments: &Arguments,
    engine: &Engine,
    data: Data,
    judging: Option<&Judging>,
    store: Option<&Store>,
) -> Result<(), Error> {
    let model = engine.generator();
    let kept = match store {
        Some(store) => {
            let name = model.identity().ok_or("the model does not say what it is")?;
            Some(store.over(model, name))
        }
        None => None,
    };
    let judge: &dyn Generator = match &kept {
        Some(kept) => kept,
        None => model,
    };
    let mut err = std::io::stderr();
    let name = if arguments.side_by_side { "side by side" } else { &arguments.judge };
    writeln!(err, "judge     {name} by {}", engine.describe())?;
    let search = Search::new(judge).seed(arguments.seed).concurrency(arguments.concurrency);
    let (jury, preferences) = match data {
        Data::Preferences(jury, preferences) => (jury, preferences),
        Data::Reports(pairs) => return side_by_side(arguments, &search, &pairs),
    };
    if let (Some(judging), Some(path)) = (judging, &arguments.learn) {
        return learn(arguments, judging, (&search, &preferences), path);
    }
    let interrupt = Interrupt::listen(
        "items in flight are finished, then figures are told of those that are done.",
    )?;
    let bar = bar(preferences.len())?;
    let (mut lines, mut tokens) = (0, 0);
    let rulings = assess(&search, &jury, &preferences, |_, _, cost| {
        lines += cost.samples;
        tokens += cost.generated_tokens;
        bar.set_message(format!("{} tokens", words::thousands(tokens)));
        bar.inc(1);
        if interrupt.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    bar.finish_and_clear();
    let (rulings, ended) = apart(rulings);
    let found = match Assessment::of(&jury, &preferences, &rulings, arguments.seed) {
        Ok(found) => found,
        // Of nothing there are no figures.
        Err(error) => return ended.and(Err(error.into())),
    };
    let mut out = std::io::stdout().lock();
    found.write(&mut out)?;
    close(arguments, &mut out, (lines, tokens), &found)?;
    ended
}

fn main() -> ExitCode {
    exit("judge", run(&Arguments::parse()))
}
