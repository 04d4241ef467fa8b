//! A file that remembers: lines that models wrote and judgements of scorers, found again in place of being made again.
//!
//! Everything that a search asks for is looked up in the file first (`--store`, [`Store`]), whoever writes or judges it: the
//! policy, other roles, the scorer that leads and those with names. Trees, scores and the costs that are told are those
//! of asking; what was there is told besides. Pools and records are files already, and are read as they are.
//!
//! Source: none.

use std::path::{Path, PathBuf};

use clap::Args;
use tts_core::{Generator, StepScorer, Store};
use tts_prm::ScorerSpec;
use tts_search::evaluate::words;

use crate::Error;
use crate::engines::{Engine, Engines};

/// Where lines and judgements are kept.
#[derive(Debug, Clone, Default, Args)]
pub struct StoreOptions {
    /// Keeps every line and every judgement in this file, and looks there first: what was written or judged before, by this
    /// command or another, is not made again.
    #[arg(long, value_name = "FILE")]
    pub store: Option<PathBuf>,
}

impl StoreOptions {
    /// The same engines behind the file, if there is one.
    ///
    /// # Errors
    /// When the file is no store or is in use, or an engine does not say what it is, so that its lines could be taken for
    /// another's.
    pub fn over(&self, engines: Engines) -> Result<Engines, Error> {
        match &self.store {
            Some(path) => engines.kept_in(path),
            None => Ok(engines),
        }
    }
}

/// Whether what it writes stands in a file already.
fn is_file(engine: &Engine) -> bool {
    matches!(engine, Engine::Recorded(..) | Engine::Given(_))
}

impl Engines {
    fn kept_in(mut self, path: &Path) -> Result<Self, Error> {
        let nameless =
            |engine: &&Engine| !is_file(engine) && engine.generator().identity().is_none();
        if let Some(nameless) = self.all().find(nameless) {
            let who = nameless.describe();
            return Err(format!(
                "--store: lines of {who} do not come again, and could not be told from others"
            )
            .into());
        }
        self.store = Some(Store::open(path)?);
        Ok(self)
    }

    /// The policy, behind the store if there is one.
    pub fn writer(&self) -> Box<dyn Generator + '_> {
        self.stored(&self.policy)
    }

    /// An engine, behind the store if there is one.
    pub fn stored<'a>(&'a self, engine: &'a Engine) -> Box<dyn Generator + 'a> {
        let generator = engine.generator();
        match (&self.store, generator.identity()) {
            (Some(store), Some(name)) if !is_file(engine) => Box::new(store.over(generator, name)),
            _ => Box::new(generator),
        }
    }

    /// A scorer, as it was asked for, behind the store if there is one. It is known by its kind beside what it is, for the same
    /// files may be read as a process and as an outcome reward model, and a head by the policy that it may read, too.
    ///
    /// # Errors
    /// When it does not say what it is.
    pub fn judging<'a>(
        &'a self,
        spec: &ScorerSpec,
        scorer: Box<dyn StepScorer + 'a>,
    ) -> Result<Box<dyn StepScorer + 'a>, Error> {
        let Some(store) = &self.store else { return Ok(scorer) };
        let name = scorer.identity().ok_or(
            "--store: the scorer does not say what it is, so that its judgements could not be told from others",
        )?;
        let spelt = spec.to_string();
        let kind = spelt.split(':').next().unwrap_or_default();
        let read = match spec {
            ScorerSpec::Process(_) | ScorerSpec::Outcome(_) => self.policy.local(),
            _ => None,
        };
        let read = read.and_then(Generator::identity).unwrap_or_default();
        Ok(Box::new(store.judging(scorer, format!("{kind}: {name}; policy {read}"))))
    }

    /// Tokens of lines that were in the store.
    pub fn found_tokens(&self) -> u64 {
        self.store.as_ref().map_or(0, Store::found_tokens)
    }

    /// What was in the store, in a line; `None` without one.
    pub fn found(&self) -> Option<String> {
        let store = self.store.as_ref()?;
        let [lines, judgements] = [store.found(), store.found_judgements()].map(words::thousands);
        Some(format!("{lines} lines and {judgements} judgements were there"))
    }
}
