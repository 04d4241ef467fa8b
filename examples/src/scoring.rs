//! Scorers on preferences: `judge --scorer`.
//!
//! What a reward model, a rule or any scorer of texts chooses among responses of which the best is known, with the figures that a
//! judge gets; of votes there are none. A response is one step to a reward model of outcomes and to one by the next word, and cut
//! into steps for others, whose scores come together as the scorer's scale says.
//!
//! Source: see [`tts_prm::critic::assess::scored`].

use std::ffi::OsString;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Parser;
use clap::builder::ArgPredicate;
use tts_core::{Cost, StepRule};
use tts_prm::ScorerSpec;
use tts_prm::critic::assess::{Heard, HeardBy};
use tts_prm::critic::{Assessment, score_preferences};

use crate::hearing::{HearingOptions, apart, bar};
use crate::interrupt::Interrupt;
use crate::options::{ModelOptions, unescape};
use crate::{Error, judges};

/// Says how often a scorer prefers the best of some responses.
#[derive(Debug, Parser)]
#[command(
    name = "judge",
    after_help = "A judge that writes is named by --judge, without --scorer."
)]
#[command(mut_arg("model", |arg| arg
    .required(false)
    .hide(true)
    .default_value_if("scorer", ArgPredicate::IsPresent, "none")))]
#[command(mut_arg("concurrency", |arg| arg.hide(true)))]
#[command(mut_arg("store", |arg| arg.hide(true)))]
pub struct Scoring {
    #[command(flatten)]
    model: ModelOptions,
    /// Who scores: prm:PATH or orm:PATH of a reward model with a backbone of its own, or of a server; word:FILE with a model of
    /// its own; rule; json:PATH. It needs no --model.
    #[arg(long, conflicts_with_all = ["model", "tokenizer", "adapter", "template_arg", "concurrency", "store"])]
    scorer: ScorerSpec,
    /// Preferences, in the forms that a judge takes: JSON lines, a JSON list, a table, or Parquet (with the feature of that name).
    #[arg(long)]
    data: PathBuf,
    /// Where records have what a preference is made of, for files of no known form: a JSON file with prompt, responses, best (or
    /// scores), names of fields or JSON pointers.
    #[arg(long, value_name = "FILE")]
    preference_fields: Option<PathBuf>,
    /// Text behind which a response is cut into steps, with \\n for a line break; may be given several times. Default: a blank line
    /// for scorers of steps, nothing for those of whole solutions.
    #[arg(long)]
    step: Vec<String>,
    #[command(flatten)]
    hearing: HearingOptions,
}

impl Scoring {
    /// Whether the command line asks for it.
    pub fn is_asked(arguments: impl IntoIterator<Item = OsString>) -> bool {
        let asks = |text: &str| text == "--scorer" || text.starts_with("--scorer=");
        arguments.into_iter().any(|argument| argument.to_str().is_some_and(asks))
    }

    /// Where responses are cut.
    fn delimiters(&self) -> Vec<String> {
        if !self.step.is_empty() {
            return self.step.iter().map(|text| unescape(text)).collect();
        }
        match &self.scorer {
            ScorerSpec::Outcome(_) | ScorerSpec::NextWord(_) => Vec::new(),
            _ => StepRule::default().delimiters,
        }
    }

    /// Scores, and writes what came of it.
    ///
    /// # Errors
    /// When data cannot be read, the scorer cannot judge texts, or scoring ended before its time, behind what came of what was
    /// scored.
    pub fn run(&self, mut out: impl Write) -> Result<(), Error> {
        let (spec, seed) = (&self.scorer, self.hearing.seed);
        if matches!(spec, ScorerSpec::Logprob) {
            let expected = "expected prm:PATH, orm:PATH, word:FILE, rule or json:PATH";
            return Err(format!(
                "--scorer {spec}: texts of a file have no log-probabilities, {expected}"
            )
            .into());
        }
        let preferences = judges::preferences(&self.data, self.preference_fields.as_deref())?;
        let preferences = self.hearing.first(preferences);
        if preferences.is_empty() {
            return Err(format!("{}: no preferences", self.data.display()).into());
        }
        self.hearing.check()?;
        let scorer = spec.build_on(None, self.model.backend, self.model.engine())?;
        let unit = scorer.scale().unit;
        let interrupt = Interrupt::listen(
            "items in flight are finished, then figures are told of those that are done.",
        )?;
        let bar = bar(preferences.len())?;
        let mut spent = Cost::default();
        let rulings =
            score_preferences(&*scorer, &preferences, &self.delimiters(), |done, read| {
                spent.scored_tokens = read;
                bar.set_position(done as u64);
                if interrupt.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
        bar.finish_and_clear();
        let (rulings, ended) = apart(rulings);
        let heard =
            preferences.iter().zip(&rulings).enumerate().map(|(item, (own, ruling))| {
                Some(Heard::of_scores(item, own, unit, ruling.as_ref()?))
            });
        let name = scorer.identity().unwrap_or_else(|| spec.to_string());
        let by = HeardBy::of_scorer(name, (&preferences, seed)).called(spec.to_string(), "");
        self.hearing.keep(by, heard.collect())?;
        let found = match Assessment::of_scores(unit, &preferences, &rulings, seed) {
            Ok(found) => found,
            // Of nothing there are no figures.
            Err(error) => return ended.and(Err(error.into())),
        };
        found.write(&mut out)?;
        // A model in this program reads the responses as they stand, and tells of nothing else.
        let spent = (spent.scored_tokens > 0).then_some(&spent);
        self.hearing.close(&mut out, spent, &found, (found.silence(), ended))
    }
}
