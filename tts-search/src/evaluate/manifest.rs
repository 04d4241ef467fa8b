//! What lies in the folder of an evaluation: whose it is, and the journal of its graded problems.
//!
//! `manifest.json` says which evaluation this is, which shard of it, and all that decides its results;
//! `00000.jsonl` and so on are the records of problems ([`tts_core::Record`]), `graded.jsonl` is the
//! [`Journal`] of those that are over, `timings.jsonl` that of their wall times, which differ from run to run and
//! may lack some. While a process works in a folder, another is refused.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tts_core::{Aggregate, Record, Scale, Search, SearchStrategy};

use super::folder::{GRADED, TIMINGS, claim};
use super::{EvaluateError, Graded, Item, Journal, Shard, fingerprint};

/// The version of the folder's form.
pub(super) const VERSION: u32 = 1;

/// The name of the manifest in its folder.
pub(super) const MANIFEST: &str = "manifest.json";

/// The unit of the journal that graded problems are.
const UNIT: &str = "problem";

/// The unit of the journal of wall times.
const SECONDS: &str = "seconds";

/// Which evaluation a folder holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// The version.
    pub(super) evaluation: u32,
    /// Which part of it.
    pub(super) shard: Shard,
    /// Problems of all shards.
    pub(super) problems: usize,
    /// Of questions and answers.
    pub(super) fingerprint: u64,
    /// What an answer is, by name.
    pub(super) task: String,
    /// What scores are.
    pub(super) scale: Scale,
    /// How the strategy chooses among independent samples, if it does.
    pub(super) samples: Option<Aggregate>,
    /// All else that decides results, as the caller has it.
    pub(super) settings: Box<RawValue>,
}

impl Manifest {
    pub(super) fn of<S: SearchStrategy>(
        search: &Search<'_>,
        strategy: &S,
        items: &[Item],
        shard: Shard,
        settings: Box<RawValue>,
    ) -> Self {
        let under = search.settings();
        Self {
            evaluation: VERSION,
            shard,
            problems: items.len(),
            fingerprint: fingerprint(items),
            task: under.task.name().to_owned(),
            scale: under.scale(),
            samples: strategy.samples(),
            settings,
        }
    }

    /// What all shards of an evaluation have in common.
    pub(super) fn whole(&self) -> Result<Value, EvaluateError> {
        Ok(serde_json::to_value(Self { shard: Shard::WHOLE, ..self.clone() })?)
    }
}

/// The folder of an evaluation that runs.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    journal: Journal,
    /// Opened with the first time that is noted, so that looking at a finished run writes nothing.
    timings: Option<Journal>,
    settings: Value,
}

impl Kept {
    /// Claims the folder, or goes on in it.
    pub(super) fn open(folder: &Path, manifest: &Manifest) -> Result<Self, EvaluateError> {
        claim(folder, manifest)?;
        let path = folder.join(GRADED);
        let settings = serde_json::to_value(manifest)?;
        let journal = Journal::open_alone(&path, &settings)?;
        Ok(Self { path, journal, timings: None, settings })
    }

    /// The problems that were graded, in order.
    pub(super) fn rows(&self, count: usize) -> Result<Vec<Graded>, EvaluateError> {
        rows(&self.path, &self.journal, count)
    }

    /// Whether something of the problem's search is in its record, which is played back.
    pub(super) fn has_begun(&self, place: usize) -> bool {
        self.path.with_file_name(Record::file_name(place)).is_file()
    }

    /// A problem that is over, and its wall time where that of all of it is known.
    pub(super) fn note(
        &mut self,
        graded: &Graded,
        seconds: Option<f64>,
    ) -> Result<(), EvaluateError> {
        self.journal.note(UNIT, graded.index, graded)?;
        let Some(seconds) = seconds else { return Ok(()) };
        let timings = match &mut self.timings {
            Some(timings) => timings,
            none => {
                let path = self.path.with_file_name(TIMINGS);
                none.insert(Journal::open_alone(&path, &self.settings)?)
            }
        };
        timings.note(SECONDS, graded.index, &seconds)
    }
}

/// The problems that were graded in a folder that nobody works in; it is left as it is.
pub(super) fn graded(folder: &Path, manifest: &Manifest) -> Result<Vec<Graded>, EvaluateError> {
    let path = folder.join(GRADED);
    let journal = Journal::read(&path, &serde_json::to_value(manifest)?)?;
    rows(&path, &journal, manifest.problems)
}

/// The wall times of problems in seconds, by their number, as far as they were measured.
pub(super) fn seconds(
    folder: &Path,
    manifest: &Manifest,
) -> Result<Vec<(usize, f64)>, EvaluateError> {
    let path = folder.join(TIMINGS);
    // Folders of before have none.
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let journal = Journal::read(&path, &serde_json::to_value(manifest)?)?;
    journal.found(SECONDS)
}

fn rows(path: &Path, journal: &Journal, count: usize) -> Result<Vec<Graded>, EvaluateError> {
    let found = journal.found::<Graded>(UNIT)?;
    let rows = found.into_iter().map(|(place, graded)| {
        if place < count && graded.index == place {
            return Ok(graded);
        }
        let problem = format!("problem {place} (index {}) of {count}", graded.index);
        Err(EvaluateError::Settings(format!("{}: {problem}", path.display())))
    });
    rows.collect()
}
