//! Judges on labels: solutions whose first wrong step is known (`judge --steps`), and single responses that are right or wrong,
//! or have a grade (`judge --graded`).
//!
//! A judge is any model in any of the forms that judge such data; a scorer of steps (`--scorer`) is one that reads texts, a process
//! reward model say, needs no other model and gets the same table. With `--learn` nothing is told of how good the judge is: what it
//! wrote that is right throughout becomes data for `finetune`.
//!
//! Source: see [`tts_prm::critic::assess::first_errors`], [`tts_prm::critic::assess::graded`] and [`tts_prm::critic::verified`].

use std::ffi::OsString;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::builder::ArgPredicate;
use clap::{ArgGroup, Parser};
use tts_core::{Cost, Outcome, Search, Unit};
use tts_prm::ScorerSpec;
use tts_prm::critic::assess::{Heard, HeardBy, assess_graded_whole, assess_steps_whole};
use tts_prm::critic::{
    Graded, GradedAssessment, Jury, Ruling, StepAssessment, StepCase, StepCases, Verified, Verify,
    VerifyReport, are_truths, read_graded, read_step_cases, score_steps, verified_labels,
    verified_steps,
};
use tts_search::evaluate::{check_writable, words};

use crate::Error;
use crate::files::write_whole;
use crate::hearing::{HearingOptions, apart, bar, write_cost};
use crate::interrupt::Interrupt;
use crate::options::{JuryOptions, ModelOptions, NamedOptions};
use crate::worked::{self, Asked};

/// Says how well a judge, or a scorer of steps, knows labels; or keeps what it writes that is right.
#[derive(Debug, Parser)]
#[command(name = "judge")]
#[command(group(ArgGroup::new("labels").required(true).args(["steps", "graded"])))]
// A reward model needs no other model.
#[command(mut_arg("model", |arg| arg
    .required(false)
    .required_unless_present("scorer")
    .default_value_if("scorer", ArgPredicate::IsPresent, "none")))]
pub struct Labelled {
    #[command(flatten)]
    model: ModelOptions,
    /// The data are solutions whose first wrong step is known: rows of `ProcessBench`, PRM800K, `PRMBench`, MR-GSM8K,
    /// BIG-Bench Mistake or TRL, or what `label` writes.
    #[arg(long)]
    steps: bool,
    /// The data are single responses with a label, 1 or 0 for right or wrong, or a grade on the judge's scale: `prompt`,
    /// `response`, `label`.
    #[arg(long)]
    graded: bool,
    /// JSON lines, a JSON list, a table, or Parquet (with the feature of that name).
    #[arg(long)]
    data: PathBuf,
    #[command(flatten)]
    jury: JuryOptions,
    #[command(flatten)]
    named: NamedOptions,
    /// A scorer of steps in place of a judge: prm:PATH of a reward model with a backbone of its own, or of a server; rule;
    /// json:PATH. It needs no --model.
    #[arg(long, conflicts_with_all = [
        "model", "tokenizer", "adapter", "template_arg", "concurrency", "named", "graded", "judge", "jury", "template", "samples", "together", "order", "repeats", "vote", "sure", "meta", "meta_judge", "keep",
        "temperature", "max_tokens", "again", "store", "learn",
    ])]
    scorer: Option<ScorerSpec>,
    /// Below it a step is taken for wrong, a number. Default: 0.5, for judges and probabilities; 0 for log-odds.
    #[arg(long, conflicts_with_all = ["graded", "learn"])]
    threshold: Option<f64>,
    /// Where what is right goes, as data for `finetune`: chains whose every verdict is right, critiques with the right last
    /// word, right scores. Default of --samples then: 4, without a --jury.
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "json", "out", "together", "order", "repeats", "vote", "sure", "meta", "meta_judge", "keep",
    ])]
    learn: Option<PathBuf>,
    /// Keep nothing of items at which all attempts are right.
    #[arg(long, requires = "learn")]
    skip_easy: bool,
    /// Further data for `finetune` that goes behind, worked solutions say, each counting as --also-weight says: a verifier that
    /// learns to solve, too.
    #[arg(long, value_name = "FILE", requires = "learn")]
    also: Option<PathBuf>,
    /// How much each of --also counts beside a verdict, above 0.
    #[arg(long, default_value_t = 0.33, requires = "also")]
    also_weight: f32,
    #[command(flatten)]
    hearing: HearingOptions,
}

/// What is judged.
enum Data {
    Steps(Vec<StepCase>),
    Graded(Vec<Graded>),
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Self::Steps(cases) => cases.len(),
            Self::Graded(items) => items.len(),
        }
    }
}

impl Labelled {
    /// Whether the command line asks for it.
    pub fn is_asked(arguments: impl IntoIterator<Item = OsString>) -> bool {
        let asks = |text: &str| text == "--steps" || text == "--graded";
        arguments.into_iter().any(|argument| argument.to_str().is_some_and(asks))
    }

    /// Judges, and writes what came of it.
    ///
    /// # Errors
    /// When data cannot be read, nothing can judge them, or judging ended before its time, behind what came of what was
    /// judged.
    pub fn run(&self, mut out: impl Write) -> Result<(), Error> {
        self.check_numbers()?;
        let data = self.read()?;
        if data.len() == 0 {
            return Err(format!("{}: no items", self.data.display()).into());
        }
        if let Some(path) = &self.learn {
            check_writable(path)?;
        }
        self.hearing.check()?;
        match (&self.scorer, &data) {
            (Some(spec), Data::Steps(cases)) => self.by_scorer(spec, cases, &mut out),
            _ => self.by_judge(&data, &mut out),
        }
    }

    /// Numbers that would be looked at when all is paid.
    fn check_numbers(&self) -> Result<(), Error> {
        let weight = self.also_weight;
        if !(weight.is_finite() && weight > 0.0) {
            return Err(format!("--also-weight {weight}: expected a number above 0").into());
        }
        match self.threshold {
            Some(threshold) if !threshold.is_finite() => {
                Err(format!("--threshold {threshold}: expected a number").into())
            }
            _ => Ok(()),
        }
    }

    fn read(&self) -> Result<Data, Error> {
        if self.graded && !self.steps {
            return Ok(Data::Graded(self.hearing.first(read_graded(&self.data)?)));
        }
        let StepCases { items, left_out } = read_step_cases(&self.data)?;
        if left_out > 0 {
            writeln!(
                std::io::stderr(),
                "data      {left_out} records without a known first error are left out"
            )?;
        }
        Ok(Data::Steps(self.hearing.first(items)))
    }

    /// The jury, which must be one of such data.
    fn jury(&self, data: &Data) -> Result<Jury, Error> {
        let mut jury = self.jury.jury()?;
        if self.learn.is_some() {
            JuryOptions::each_alone(&jury, "--learn")?;
            jury.samples = self.jury.samples_or(&jury, Verify::default().samples);
        }
        let name = self.jury.name();
        match data {
            Data::Steps(_) if jury.meta.is_some() => Err(
                "--meta keeps some judgements of a response, and steps are judged by the mean of all: leave it out"
                    .into(),
            ),
            Data::Steps(_) if !jury.judge.judges_steps() => Err(format!(
                "--judge {name}: it judges no steps, expected steps, thinkprm-steps, genprm or one of your own"
            )
            .into()),
            Data::Graded(_) if jury.judge.judges_steps() || jury.judge.takes()[0] > 1 => Err(format!(
                "--judge {name}: expected one of single responses, deepseek-grm-single, score or genrm-cot say"
            )
            .into()),
            _ => Ok(jury),
        }
    }

    fn by_judge(&self, data: &Data, out: &mut impl Write) -> Result<(), Error> {
        let jury = self.jury(data)?;
        if let (Data::Graded(items), None) = (data, &self.learn) {
            jury.check_labels(items)?;
        }
        // What is learnt is what was written: no scorer is asked.
        if self.learn.is_none() {
            self.named.satisfy(&jury.requires())?;
        }
        let HearingOptions { seed, concurrency, .. } = self.hearing;
        let engines = self.hearing.over(self.model.open()?)?;
        self.named.refuse_idle(&self.model, &engines)?;
        let named = self.named.open(&self.model, &engines)?;
        let judge = engines.writer();
        let (name, engine) = (self.jury.name(), engines.policy.describe());
        writeln!(std::io::stderr(), "judge     {name} by {engine}")?;
        let search = Search::new(&*judge).seed(seed).concurrency(concurrency);
        let search = engines.put_others(named.put(search));
        let done = if let Some(path) = &self.learn {
            self.learn(&search, &jury, data, (path, &mut *out))
        } else {
            let (model, scorers) =
                (engines.policy.identity(), named.identities(&self.named.told()));
            let by = match data {
                Data::Steps(cases) => HeardBy::of(&jury, model, scorers, (cases, seed)),
                Data::Graded(items) => HeardBy::of(&jury, model, scorers, (items, seed)),
            };
            self.assess(&search, &jury, data, (by.called(name, engine), &mut *out))
        };
        for used in engines.used() {
            writeln!(out, "server    {used}")?;
        }
        done
    }

    /// Says how good the judge is.
    fn assess(
        &self,
        search: &Search<'_>,
        jury: &Jury,
        data: &Data,
        (by, out): (HeardBy, &mut impl Write),
    ) -> Result<(), Error> {
        let interrupt = Interrupt::listen(
            "items in flight are finished, then figures are told of those that are done.",
        )?;
        let (bar, mut spent) = (bar(data.len())?, Cost::default());
        let mut heard: Vec<Option<Heard>> = vec![None; data.len()];
        let mut done = |outcome: &Outcome| {
            spent += outcome.usage.logical;
            bar.set_message(format!("{} tokens", words::thousands(spent.generated_tokens)));
            bar.inc(1);
            if interrupt.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let (keeps, seed) = (self.hearing.out.is_some(), self.hearing.seed);
        match data {
            Data::Steps(cases) => {
                let threshold = self.threshold.unwrap_or(0.5);
                let told = |item: usize, ruling: &Ruling, outcome: &Outcome| {
                    let own = (&cases[item], threshold);
                    heard[item] = keeps.then(|| Heard::of_steps(item, jury, own, ruling, outcome));
                    done(outcome)
                };
                let (rulings, ended) = apart(assess_steps_whole(search, jury, cases, told));
                bar.finish_and_clear();
                self.hearing.keep(by, heard)?;
                match StepAssessment::of(cases, &rulings, threshold, seed) {
                    Ok(told) => {
                        told.write(&mut *out)?;
                        self.hearing.close(out, Some(&spent), &told, (told.silence(), ended))
                    }
                    Err(error) => ended.and(Err(error.into())),
                }
            }
            Data::Graded(items) => {
                let truths = are_truths(items, jury.judge.reading.range())?;
                let told = |item: usize, ruling: &Ruling, outcome: &Outcome| {
                    let own = (&items[item], truths);
                    heard[item] = keeps.then(|| Heard::of_graded(item, jury, own, ruling, outcome));
                    done(outcome)
                };
                let (rulings, ended) = apart(assess_graded_whole(search, jury, items, told));
                bar.finish_and_clear();
                self.hearing.keep(by, heard)?;
                match GradedAssessment::of(jury, items, &rulings, seed) {
                    Ok(told) => {
                        told.write(&mut *out)?;
                        self.hearing.close(out, Some(&spent), &told, (told.silence(), ended))
                    }
                    Err(error) => ended.and(Err(error.into())),
                }
            }
        }
    }

    /// Keeps what is right for fine-tuning.
    fn learn(
        &self,
        search: &Search<'_>,
        jury: &Jury,
        data: &Data,
        (path, out): (&Path, &mut impl Write),
    ) -> Result<(), Error> {
        let also = self.also.as_deref().map(worked::read).transpose()?.unwrap_or_default();
        let verify = Verify { samples: jury.samples, easy: !self.skip_easy };
        let interrupt = Interrupt::listen(
            "items in flight are finished, then what is right of those that are done is kept.",
        )?;
        let bar = bar(data.len())?;
        let done = || {
            bar.inc(1);
            if interrupt.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let kept = match data {
            Data::Steps(cases) => verified_steps(search, &jury.judge, cases, verify, done),
            Data::Graded(items) => verified_labels(search, &jury.judge, items, verify, done),
        };
        bar.finish_and_clear();
        let ((kept, found), ended): ((Vec<Verified>, VerifyReport), _) = apart(kept);
        // What was paid for is kept before anything else can fail.
        if !kept.is_empty() {
            let own = kept.iter().map(|kept| worked::line_of(&kept.prompt, &kept.parts, 1.0));
            let also = also.iter().map(|worked| {
                let prompt = match &worked.asked {
                    Asked::Question(question) => question.as_str().into(),
                    Asked::Prompt(prompt) => prompt.clone(),
                };
                worked::line_of(&prompt, &worked.parts, self.also_weight * worked.weight)
            });
            let lines: String = own.chain(also).map(|line| line + "\n").collect();
            write_whole(path, lines.as_bytes())?;
        }
        writeln!(
            out,
            "judged    {} judgements of {} items, {} right, {} refused; {} items all right, {} without a right one",
            found.judgements, found.items, found.right, found.refused, found.easy, found.hard
        )?;
        let mut reasons: Vec<(&String, &usize)> = found.reasons.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (why, count) in reasons.into_iter().take(5) {
            writeln!(out, "          {count} refused: {why}")?;
        }
        let (rows, beside) = (kept.len(), if kept.is_empty() { 0 } else { also.len() });
        writeln!(
            out,
            "kept      {} judgements as {rows} things to learn, {beside} others beside them",
            found.kept
        )?;
        write_cost(out, &found.cost)?;
        ended?;
        if kept.is_empty() {
            return Err("nothing is kept: no judgement is right throughout".into());
        }
        writeln!(out, "{}", path.display())?;
        Ok(())
    }

    fn by_scorer(
        &self,
        spec: &ScorerSpec,
        cases: &[StepCase],
        out: &mut impl Write,
    ) -> Result<(), Error> {
        let why = match spec {
            ScorerSpec::Logprob => "texts of a file have no log-probabilities",
            ScorerSpec::Outcome(_) => "it judges solutions, and none of their steps",
            ScorerSpec::NextWord(_) => {
                "it says one thing of a whole solution, and nothing of its steps"
            }
            _ => "",
        };
        if !why.is_empty() {
            let problem = format!("--scorer {spec}: {why}, expected prm:PATH, rule or json:PATH");
            return Err(problem.into());
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
        let interrupt = Interrupt::listen(
            "items in flight are finished, then figures are told of those that are done.",
        )?;
        let bar = bar(cases.len())?;
        let mut spent = Cost::default();
        let rulings = score_steps(&*scorer, cases, |done, read| {
            spent.scored_tokens = read;
            bar.set_position(done as u64);
            if interrupt.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        bar.finish_and_clear();
        let (rulings, ended) = apart(rulings);
        let own = cases.iter().zip(&rulings).enumerate();
        let heard = own.map(|(item, (case, said))| {
            Some(Heard::of_step_scores(item, case, threshold, said.as_ref()?))
        });
        let seed = self.hearing.seed;
        let name = scorer.identity().unwrap_or_else(|| spec.to_string());
        let by = HeardBy::of_scorer(name, (cases, seed)).called(spec.to_string(), "");
        self.hearing.keep(by, heard.collect())?;
        let told = match StepAssessment::of(cases, &rulings, threshold, seed) {
            Ok(told) => told,
            Err(error) => return ended.and(Err(error.into())),
        };
        told.write(&mut *out)?;
        // A model in this program reads the solutions as they stand, and tells of nothing else.
        let spent = (spent.scored_tokens > 0).then_some(&spent);
        self.hearing.close(out, spent, &told, (told.silence(), ended))
    }
}
