//! Judges and scorers of steps on solutions whose first wrong step is known: `judge --steps`.
//!
//! A judge of steps is any model in any of the forms that judge steps; a scorer (`--scorer`) is one that reads texts, a
//! process reward model say, and needs no other model. Both get the same table.
//!
//! Source: see [`tts_prm::critic::assess::first_errors`].

use std::ffi::OsString;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Parser;
use clap::builder::ArgPredicate;
use indicatif::{ProgressBar, ProgressStyle};
use tts_core::{Generator, Search, Store, Unit};
use tts_prm::ScorerSpec;
use tts_prm::critic::{
    StepAssessment, StepCase, StepCases, StepRuling, assess_steps, read_step_cases, score_steps,
};
use tts_search::evaluate::{check_writable, words};

use crate::Error;
use crate::files::write_json;
use crate::interrupt::Interrupt;
use crate::options::{JuryOptions, ModelOptions};

/// Says how well the first wrong step of solutions is found: F1 as ProcessBench has it.
#[derive(Debug, Parser)]
#[command(name = "judge")]
// A reward model needs no other model.
#[command(mut_arg("model", |arg| arg
    .required(false)
    .required_unless_present("scorer")
    .default_value_if("scorer", ArgPredicate::IsPresent, "none")))]
pub struct FirstErrors {
    #[command(flatten)]
    model: ModelOptions,
    /// The data are solutions whose first wrong step is known.
    #[arg(long, required = true)]
    pub steps: bool,
    /// Solutions: rows of `ProcessBench`, PRM800K, `PRMBench`, MR-GSM8K, BIG-Bench Mistake or TRL, or what `label` writes.
    #[arg(long)]
    data: PathBuf,
    #[command(flatten)]
    jury: JuryOptions,
    /// A scorer of steps in place of a judge: prm:PATH of a reward model with a backbone of its own, or of a server; rule;
    /// json:PATH.
    #[arg(long, conflicts_with_all = [
        "judge", "jury", "template", "samples", "together", "order", "repeats", "vote", "sure", "meta", "keep",
        "temperature", "max_tokens", "again", "store",
    ])]
    scorer: Option<ScorerSpec>,
    /// Below it a step is taken for wrong. Default: 0.5, for judges and probabilities; 0 for log-odds.
    #[arg(long)]
    threshold: Option<f64>,
    /// Solutions; 0 for all.
    #[arg(long, default_value_t = 0)]
    items: usize,
    /// Solutions in flight at a time.
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
}

/// What was said of each solution, the threshold, what it cost, and the error that ended it before its time.
struct Found {
    rulings: Vec<Option<StepRuling>>,
    threshold: f64,
    cost: Option<[u64; 2]>,
    ended: Result<(), Error>,
}

fn bar(cases: usize) -> Result<ProgressBar, Error> {
    let style = "{elapsed_precise} [{wide_bar}] {pos}/{len} solutions, {eta} to go; {msg}";
    let bar = ProgressBar::new(cases as u64)
        .with_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    bar.tick();
    Ok(bar)
}

fn interrupt() -> Result<Interrupt, Error> {
    Interrupt::listen(
        "solutions in flight are finished, then figures are told of those that are done.",
    )
}

impl FirstErrors {
    /// Whether the command line asks for it.
    pub fn is_asked(arguments: impl IntoIterator<Item = OsString>) -> bool {
        arguments.into_iter().any(|argument| argument.to_str() == Some("--steps"))
    }

    /// Judges, and writes what came of it.
    ///
    /// # Errors
    /// When data cannot be read, nothing can judge them, or judging ended before its time, behind the figures of what was
    /// judged.
    pub fn run(&self, mut out: impl Write) -> Result<(), Error> {
        let StepCases { items: mut cases, left_out } = read_step_cases(&self.data)?;
        if left_out > 0 {
            writeln!(
                std::io::stderr(),
                "data      {left_out} records without a known first error are left out"
            )?;
        }
        if self.items > 0 {
            cases.truncate(self.items);
        }
        if cases.is_empty() {
            return Err(format!("{}: no solutions", self.data.display()).into());
        }
        if let Some(path) = &self.json {
            check_writable(path)?;
        }
        let found = match &self.scorer {
            Some(spec) => self.by_scorer(spec, &cases)?,
            None => self.by_judge(&cases, &mut out)?,
        };
        let told = match StepAssessment::of(&cases, &found.rulings, found.threshold, self.seed) {
            Ok(told) => told,
            // Of nothing there are no figures.
            Err(error) => return found.ended.and(Err(error.into())),
        };
        told.write(&mut out)?;
        if let Some([lines, tokens]) = found.cost {
            let (lines, tokens) = (words::thousands(lines), words::thousands(tokens));
            writeln!(out, "cost      {lines} lines, {tokens} tokens")?;
        }
        if let Some(path) = &self.json {
            write_json(path, &told)?;
        }
        found.ended
    }

    fn by_judge(&self, cases: &[StepCase], out: &mut impl Write) -> Result<Found, Error> {
        let jury = self.jury.jury()?;
        if !jury.judge.judges_steps() {
            let name = self.jury.name();
            return Err(format!(
                "--judge {name}: it judges no steps, expected steps, thinkprm-steps, genprm or one of your own"
            )
            .into());
        }
        let store = self.store.as_ref().map(Store::open).transpose()?;
        let engines = self.model.open()?;
        self.model.refuse_idle(&engines)?;
        let model = engines.policy.generator();
        let kept = match &store {
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
        let (name, engine) = (self.jury.name(), engines.policy.describe());
        writeln!(std::io::stderr(), "judge     {name} by {engine}")?;
        let search = Search::new(judge).seed(self.seed).concurrency(self.concurrency);
        let (interrupt, bar) = (interrupt()?, bar(cases.len())?);
        let (mut lines, mut tokens) = (0, 0);
        let rulings = assess_steps(&search, &jury, cases, |_, _, cost| {
            lines += cost.samples;
            tokens += cost.generated_tokens;
            bar.set_message(format!("{} tokens", words::thousands(tokens)));
            bar.inc(1);
            if interrupt.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        bar.finish_and_clear();
        let (rulings, ended) = match rulings {
            Ok(rulings) => (rulings, Ok(())),
            Err(ended) => {
                let why = ended.to_string();
                (*ended.found, Err(why.into()))
            }
        };
        for used in engines.used() {
            writeln!(out, "server    {used}")?;
        }
        let threshold = self.threshold.unwrap_or(0.5);
        Ok(Found { rulings, threshold, cost: Some([lines, tokens]), ended })
    }

    fn by_scorer(&self, spec: &ScorerSpec, cases: &[StepCase]) -> Result<Found, Error> {
        if matches!(spec, ScorerSpec::Logprob) {
            return Err("--scorer logprob: texts of a file have no log-probabilities, expected prm:PATH, rule or \
                        json:PATH"
                .into());
        }
        let scorer = spec.build_on(None, self.model.backend, self.model.engine())?;
        let threshold = match (self.threshold, scorer.scale().unit) {
            (Some(threshold), _) => threshold,
            (None, Unit::Probability) => 0.5,
            (None, Unit::LogOdds) => 0.0,
            (None, unit) => {
                return Err(format!(
                    "--scorer {spec}: its scores are no probabilities ({unit:?}), so --threshold has to say below \
                     which a step is wrong"
                )
                .into());
            }
        };
        let (interrupt, bar) = (interrupt()?, bar(cases.len())?);
        let rulings = score_steps(&*scorer, cases, |done| {
            bar.set_position(done as u64);
            if interrupt.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        bar.finish_and_clear();
        let rulings = rulings.map_err(|error| error.to_string())?;
        Ok(Found { rulings, threshold, cost: None, ended: Ok(()) })
    }
}
