//! One problem's search, as it is looked at.

use std::path::Path;

use crate::{Decided, Outcome, RecordError, Retold, Settings, Stop, Verdict};

/// A search with what is known of it beside its tree.
#[derive(Debug)]
pub struct Case {
    pub(super) name: String,
    pub(super) outcome: Outcome,
    /// `None`: it has no end.
    pub(super) stop: Option<Stop>,
    pub(super) settings: Option<Settings>,
    pub(super) decisions: Vec<Decided>,
    pub(super) gold: Option<String>,
}

impl Case {
    /// A search that is at hand.
    pub fn of(name: impl Into<String>, outcome: Outcome) -> Self {
        let stop = Some(outcome.stop);
        let (settings, decisions, gold) = (None, Vec::new(), None);
        Self { name: name.into(), outcome, stop, settings, decisions, gold }
    }

    /// A search as its record tells it.
    pub fn told(name: impl Into<String>, retold: Retold) -> Self {
        let Retold { outcome, stop, settings, decisions, .. } = retold;
        let (name, settings) = (name.into(), Some(settings));
        Self { name, outcome, stop, settings, decisions, gold: None }
    }

    /// Reads a record; its name is that of the file.
    ///
    /// # Errors
    /// As [`Retold::read`].
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let name = path.file_stem().map_or("a record".into(), |name| name.to_string_lossy());
        Ok(Self::told(name, Retold::read(path)?))
    }

    /// The same search, with the right answer: verdicts are shown.
    #[must_use]
    pub fn gold(mut self, gold: impl Into<String>) -> Self {
        self.gold = Some(gold.into());
        self
    }

    /// What was searched.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Why it ended; `None` when its record has no end.
    pub fn stop(&self) -> Option<Stop> {
        self.stop
    }

    /// Whether the chosen answer is right; `None` when nobody knows the right one.
    pub(super) fn right(&self) -> Option<bool> {
        self.gold.as_deref().map(|gold| self.outcome.verdict(gold) == Verdict::Right)
    }

    /// How it ended, in words.
    pub(super) fn end(&self) -> String {
        match self.stop {
            None => "no end in the record: the run was killed, called off, or still runs".into(),
            Some(stop) => stop.to_string(),
        }
    }
}
