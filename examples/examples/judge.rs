//! How good is a judge? Accuracy on preferences, ROC AUC, calibration, bias by position and length.
//!
//! `cargo run --release --example judge -- --model MODEL --data FILE --judge pairwise --samples 8`: any model (a file, a
//! folder, a server, see `solve`) as any judge of [`tts_prm::critic::Judge::published`], or one from a JSON file, on any
//! file of preferences: `RewardBench`, `JudgeBench`, `LLMBar`, or lists of responses. A template of your own is a Jinja
//! file (`--template`). Judgements of a run can be kept (`--store`): started again, it goes on where it was. A scorer, a reward
//! model say, is measured on the same files by `--scorer` ([`tts_examples::scoring`]).
//!
//! With `--side-by-side` the file has pairs of reports instead (`question`, `first`, `second`), of which nobody knows the better:
//! how often the first is, for helpfulness and comprehensiveness, each pair in both orders.
//!
//! With `--steps` the file has solutions whose first wrong step is known, and a judge of steps, or a process reward model
//! (`--scorer prm:PATH`), is measured by how often it finds that step; with `--graded` it has single responses that are right
//! or wrong, or have a grade ([`tts_examples::labelled`]).
//!
//! With `--out FOLDER` all that was written is kept: `judge --compare FOLDER FOLDER` says how much more often the second is right,
//! item by item, and `view FOLDER --out FILE.html` shows it.
//!
//! With `--learn FILE` nothing is told of how good it is: its right judgements, of items that are not too easy, become data
//! for `finetune`. With `--label-meta FILE` all of them, right and wrong ones, become labels for a meta-judge;
//! with `--critiques FILE` what it says of each response becomes data for a head that reads it.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use tts_core::{Cost, Search};
use tts_examples::engines::Engines;
use tts_examples::files::write_whole;
use tts_examples::hearing::{HearingOptions, apart, bar};
use tts_examples::interrupt::Interrupt;
use tts_examples::judges;
use tts_examples::judging::Comparing;
use tts_examples::labelled::Labelled;
use tts_examples::options::{JuryOptions, ModelOptions, NamedOptions};
use tts_examples::scoring::Scoring;
use tts_examples::worked;
use tts_examples::{Error, exit};
use tts_prm::critic::assess::{Heard, HeardBy, assess_whole};
use tts_prm::critic::{
    self, Assessment, Judging, Jury, Preference, Rejective, Reports, attempts, critiques,
    read_reports, write_critiques,
};
use tts_prm::label::{LabelledSolution, write_labels};
use tts_search::evaluate::{check_writable, words};

/// How many items of a family there are where nothing is said.
const PANELS: usize = 1_000;

/// Families whose problems are judgements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Judged {
    Panel,
}

/// Judges preferences, and says how well.
#[derive(Parser)]
#[command(
    after_help = "judge --compare FOLDER FOLDER...: compares judgements that --out kept, item by item\n\
                  judge --scorer SCORER --data FILE: the same figures of a scorer, a reward model say (judge --scorer rule --help)\n\
                  judge --steps|--graded --data FILE: how well a judge, or a scorer of steps, knows labels (judge --steps --help)"
)]
struct Arguments {
    #[command(flatten)]
    model: ModelOptions,
    /// Preferences: JSON lines, a JSON list, a table, or Parquet (with the feature of that name).
    #[arg(long, required_unless_present = "family")]
    data: Option<PathBuf>,
    /// Where records have what a preference is made of, for files of no known form: a JSON file with prompt, responses, best (or
    /// scores), names of fields or JSON pointers.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["side_by_side", "family"])]
    preference_fields: Option<PathBuf>,
    /// Preferences of a family instead, whose worth is known exactly: panel (judge: panel), from its test split, or with
    /// --learn, --label-meta or --critiques from that which is learnt from.
    #[arg(long, conflicts_with_all = ["data", "side_by_side"])]
    family: Option<Judged>,
    /// Responses of each item of --family, 2 to 9.
    #[arg(long, default_value_t = 2, requires = "family")]
    responses: usize,
    #[command(flatten)]
    jury: JuryOptions,
    #[command(flatten)]
    named: NamedOptions,
    /// The data are pairs of reports: says how often the first is more helpful, and more comprehensive; each pair is judged
    /// `--samples` times in both orders.
    #[arg(long, conflicts_with_all = [
        "judge", "jury", "learn", "together", "order", "repeats", "vote", "sure", "meta", "meta_judge", "keep", "template", "named", "out",
    ])]
    side_by_side: bool,
    #[command(flatten)]
    hearing: HearingOptions,
    /// Where right judgements go, as data for `finetune`: of items whose judgements are not all right.
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "together", "order", "repeats", "vote", "sure", "meta", "meta_judge", "keep", "out",
    ])]
    learn: Option<PathBuf>,
    /// Where all judgements go, right and wrong ones, as labels for `train_prm` and `train_head`: what a meta-judge learns from.
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "together", "order", "repeats", "vote", "sure", "meta", "meta_judge", "keep", "out", "side_by_side",
    ])]
    label_meta: Option<PathBuf>,
    /// Judgements that cannot be read count as wrong among these labels, in place of none.
    #[arg(long, requires = "label_meta")]
    unread_wrong: bool,
    /// Where critiques of all responses go, as data for `train_prm --preferences`: those of a judge of one response whose scores
    /// are those of a head (`"reading": {"head": ...}`), which learns from them.
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "learn", "label_meta", "out", "side_by_side", "vote", "sure", "meta", "meta_judge", "keep", "named",
    ])]
    critiques: Option<PathBuf>,
    /// Ask once more, with a hint, about items of which no judgement is right, and keep what is right without the hint.
    #[arg(long, requires = "learn")]
    hinted: bool,
}

impl Arguments {
    /// The file of the data.
    fn file(&self) -> Result<&Path, Error> {
        Ok(self.data.as_deref().ok_or("--data or --family says what is judged")?)
    }

    /// The option that keeps judgements, each by itself.
    fn keeps(&self) -> Option<&'static str> {
        let label = self.label_meta.as_ref().map(|_| "--label-meta");
        self.learn.as_ref().map(|_| "--learn").or(label)
    }
}

/// How judgements are made that are learnt from.
fn rejective(arguments: &Arguments, jury: &Jury) -> Result<Rejective, Error> {
    let (hinted, seed) = (arguments.hinted, arguments.hearing.seed);
    let samples = arguments.jury.samples_or(jury, Rejective::default().samples);
    let settings = Rejective { samples, hinted, seed };
    if arguments.learn.is_some() {
        settings.check()?;
    }
    Ok(settings)
}

/// Keeps right judgements for fine-tuning, and all of them as labels for a meta-judge.
fn learn(
    arguments: &Arguments,
    (judging, settings): &(Judging, Rejective),
    (search, preferences): (&Search<'_>, &[Preference]),
) -> Result<(), Error> {
    let interrupt = Interrupt::listen(
        "items in flight are finished, then what is right of those that are done is kept.",
    )?;
    let bar = bar(preferences.len())?;
    let mut left = preferences.len();
    let kept = attempts(search, judging, preferences, settings, || {
        // Hints come behind all items, and nobody knows how many before.
        match left.checked_sub(1) {
            Some(fewer) => left = fewer,
            None => bar.inc_length(1),
        }
        bar.inc(1);
        if interrupt.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    bar.finish_and_clear();
    let ((kept, attempts, found), ended) = apart(kept);
    // What was paid for is kept before anything else can fail.
    if let Some(path) = arguments.learn.as_ref().filter(|_| !kept.is_empty()) {
        let lines = kept.iter().map(|kept| worked::line(&kept.prompt, &kept.judgement) + "\n");
        write_whole(path, lines.collect::<String>().as_bytes())?;
    }
    let labels = attempts
        .iter()
        .filter_map(|attempt| LabelledSolution::of_judgement(attempt, arguments.unread_wrong));
    let labels: Vec<LabelledSolution> = labels.collect();
    if let Some(path) = arguments.label_meta.as_ref().filter(|_| !labels.is_empty()) {
        write_labels(path, &labels)?;
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
    if arguments.learn.is_some() {
        let (all, hinted) = (found.kept + found.hinted, found.hinted);
        writeln!(out, "kept      {all} judgements, {hinted} with a hint")?;
    }
    if arguments.label_meta.is_some() {
        let right = labels.iter().filter(|label| label.solved).count();
        writeln!(out, "labels    {} judgements, {right} of them right", labels.len())?;
    }
    arguments.hearing.close(&mut out, Some(&found.cost), &found, (None, ended))?;
    if arguments.learn.is_some() && kept.is_empty() {
        return Err("nothing is kept: no item has both right judgements and others".into());
    }
    if arguments.label_meta.is_some() && labels.is_empty() {
        return Err("no judgement can be labelled: none could be read".into());
    }
    for path in arguments.learn.iter().chain(&arguments.label_meta) {
        writeln!(out, "{}", path.display())?;
    }
    Ok(())
}

/// Keeps what a judge says of each response, for a head to learn from.
fn criticise(
    arguments: &Arguments,
    (search, preferences): (&Search<'_>, &[Preference]),
    jury: &Jury,
    path: &Path,
) -> Result<(), Error> {
    let interrupt = Interrupt::listen(
        "items in flight are finished, then the critiques of those that are done are kept.",
    )?;
    let bar = bar(preferences.len())?;
    let found = critiques(search, jury, preferences, |_| {
        bar.inc(1);
        if interrupt.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    bar.finish_and_clear();
    let (found, ended) = apart(found);
    if !found.items.is_empty() {
        write_critiques(path, &found.items)?;
    }
    let mut out = std::io::stdout().lock();
    let contests: usize = found.items.iter().map(|item| item.contests().len()).sum();
    let (items, left_out, refused) = (found.items.len(), found.left_out, found.refused);
    writeln!(
        out,
        "critiques {contests} contests of {items} items; {left_out} items without a critique of each response, {refused} \
         critiques refused"
    )?;
    let figures = BTreeMap::from([("contests", contests)]);
    arguments.hearing.close(&mut out, Some(&found.cost), &figures, (None, ended))?;
    if items == 0 {
        return Err("no item has a critique of each response".into());
    }
    Ok(writeln!(out, "{}", path.display())?)
}

/// The records of the data, as many as are asked for.
fn first<T>(arguments: &Arguments, records: Vec<T>, what: &str) -> Result<Vec<T>, Error> {
    let records = arguments.hearing.first(records);
    if records.is_empty() {
        let data = arguments.data.as_ref().map(|path| format!("{}: ", path.display()));
        return Err(format!("{}no {what}", data.unwrap_or_default()).into());
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
    let (mut spent, mut over) = (Cost::default(), Ok(()));
    for criterion in ["helpful", "comprehensive"] {
        let judge = arguments.jury.find(criterion)?;
        let bar = bar(pairs.len())?;
        let rounds = arguments.jury.samples.unwrap_or(1);
        let seed = arguments.hearing.seed;
        let found = critic::side_by_side(search, &judge, rounds, pairs, seed, |done| {
            bar.set_position(done as u64);
            if interrupt.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        bar.finish_and_clear();
        let (found, ended) = apart(found);
        writeln!(out, "{criterion}")?;
        found.write(&mut out)?;
        spent += found.tally.cost;
        all.insert(criterion, found);
        over = ended;
        if over.is_err() || !interrupt.goes_on() {
            break;
        }
    }
    let silent = all.values().all(|found| found.share.is_none());
    let silence = silent.then(|| "no pair has a judgement in both orders".to_owned());
    arguments.hearing.close(&mut out, Some(&spent), &all, (silence, over))
}

/// What is judged.
enum Data {
    Preferences(Box<Jury>, Vec<Preference>),
    Reports(Vec<Reports>),
}

impl Data {
    fn read(arguments: &Arguments) -> Result<Self, Error> {
        if arguments.side_by_side {
            let pairs = read_reports(arguments.file()?)?;
            let pairs = first(arguments, pairs, "pairs of reports")?;
            return Ok(Self::Reports(pairs));
        }
        let jury = Box::new(arguments.jury.jury()?);
        if let Some(option) = arguments.keeps() {
            JuryOptions::each_alone(&jury, option)?;
        }
        // A head that learns from critiques is not there yet.
        if arguments.critiques.is_none() {
            arguments.named.satisfy(&jury.requires())?;
        }
        let preferences = match arguments.family {
            Some(Judged::Panel) => {
                let HearingOptions { items, seed, .. } = arguments.hearing;
                let count = if items == 0 { PANELS } else { items };
                let learns = arguments.keeps().is_some() || arguments.critiques.is_some();
                judges::panels(arguments.responses, count, learns, seed)?
            }
            None => judges::preferences(arguments.file()?, arguments.preference_fields.as_deref())?,
        };
        let preferences = first(arguments, preferences, "preferences")?;
        Ok(Self::Preferences(jury, preferences))
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let data = Data::read(arguments)?;
    let learns = arguments.keeps().is_some();
    let judging = match &data {
        Data::Preferences(jury, _) if learns => {
            let judging = Judging::of(jury.judge.clone())
                .and_then(|judging| judging.writes_all().map(|()| judging));
            let judging = judging.map_err(|problem| {
                format!(
                    "--judge {}: {problem}. From labels such judges do learn: --graded --learn, --steps --learn",
                    arguments.jury.name()
                )
            })?;
            Some((judging, rejective(arguments, jury)?))
        }
        Data::Preferences(jury, preferences) => {
            jury.check_places(preferences)?;
            None
        }
        Data::Reports(_) => None,
    };
    let written = arguments.learn.iter().chain(&arguments.label_meta).chain(&arguments.critiques);
    for path in written {
        check_writable(path)?;
    }
    arguments.hearing.check()?;
    let engines = arguments.hearing.over(arguments.model.open()?)?;
    arguments.named.refuse_idle(&arguments.model, &engines)?;
    let done = judge(arguments, &engines, data, judging.as_ref());
    for used in engines.used() {
        writeln!(std::io::stdout(), "server    {used}")?;
    }
    done
}

/// Has a model judge.
fn judge(
    arguments: &Arguments,
    engines: &Engines,
    data: Data,
    judging: Option<&(Judging, Rejective)>,
) -> Result<(), Error> {
    let engine = &engines.policy;
    let named = arguments.named.open(&arguments.model, engines)?;
    let judge = engines.writer();
    let HearingOptions { seed, concurrency, .. } = arguments.hearing;
    let mut err = std::io::stderr();
    let name =
        if arguments.side_by_side { "side by side".to_owned() } else { arguments.jury.name() };
    writeln!(err, "judge     {name} by {}", engine.describe())?;
    let search = Search::new(&*judge).seed(seed).concurrency(concurrency);
    let search = engines.put_others(named.put(search));
    let (jury, preferences) = match data {
        Data::Preferences(jury, preferences) => (jury, preferences),
        Data::Reports(pairs) => return side_by_side(arguments, &search, &pairs),
    };
    if let Some(path) = &arguments.critiques {
        return criticise(arguments, (&search, &preferences), &jury, path);
    }
    if let Some(judging) = judging {
        return learn(arguments, judging, (&search, &preferences));
    }
    let interrupt = Interrupt::listen(
        "items in flight are finished, then figures are told of those that are done.",
    )?;
    let bar = bar(preferences.len())?;
    let mut spent = Cost::default();
    let mut heard: Vec<Option<Heard>> = vec![None; preferences.len()];
    let rulings = assess_whole(&search, &jury, &preferences, |item, ruling, outcome| {
        if arguments.hearing.out.is_some() {
            heard[item] = Some(Heard::of(item, &jury, &preferences[item], ruling, outcome));
        }
        spent += outcome.usage.logical;
        bar.set_message(format!("{} tokens", words::thousands(spent.generated_tokens)));
        bar.inc(1);
        if interrupt.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    bar.finish_and_clear();
    let (rulings, ended) = apart(rulings);
    let scorers = named.identities(&arguments.named.told());
    let by = HeardBy::of(&jury, engine.identity(), scorers, (&preferences, seed));
    arguments.hearing.keep(by.called(arguments.jury.name(), engine.describe()), heard)?;
    let found = match Assessment::of(&jury, &preferences, &rulings, seed) {
        Ok(found) => found,
        // Of nothing there are no figures.
        Err(error) => return ended.and(Err(error.into())),
    };
    let mut out = std::io::stdout().lock();
    found.write(&mut out)?;
    arguments.hearing.close(&mut out, Some(&spent), &found, (found.silence(), ended))
}

fn main() -> ExitCode {
    if Comparing::is_asked(std::env::args_os()) {
        return exit("judge", Comparing::parse().run(std::io::stdout().lock()));
    }
    if Labelled::is_asked(std::env::args_os()) {
        return exit("judge", Labelled::parse().run(std::io::stdout().lock()));
    }
    if Scoring::is_asked(std::env::args_os()) {
        return exit("judge", Scoring::parse().run(std::io::stdout().lock()));
    }
    exit("judge", run(&Arguments::parse()))
}
