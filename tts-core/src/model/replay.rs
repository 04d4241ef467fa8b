//! What was sampled once is searched again without a model: a generator that answers from records.
//!
//! A line depends on model, prompt, path, seed and settings; the record of a search holds all of them. A
//! [`Replay`] finds a line by what was asked, so a search of the same prompt, seed, sampling and step rule
//! gets the very lines of the recorded one, and another verifier, another rule of choice or fewer samples
//! can be tried on them, by the driver, the accounts and the reports of any search. What was never sampled
//! is not there: such a line fails, and says so. The records' budgets are left out, so a line that a
//! hard budget cut short comes as it was cut.
//!
//! ```
//! use tts_core::toy::{Oracle, Sample, ToyWorld};
//! use tts_core::{Replay, Search};
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("record.jsonl");
//! let world = ToyWorld::default();
//! let first = Search::new(&world).record(&path).run(Sample { n: 4 }, world.prompt(0))?;
//! // Now judged, which they were not.
//! let pool = Replay::read([&path])?;
//! let judged = Search::new(&pool).scorer(Oracle::of(&world)).run(Sample { n: 4 }, world.prompt(0))?;
//! assert_eq!(judged.candidates(Default::default()).len(), 4);
//! assert_eq!(judged.text(), first.text());
//! assert!(judged.usage.logical.scored_tokens > 0);
//! // Four were sampled, and there is no fifth.
//! let more = Search::new(&pool).run(Sample { n: 5 }, world.prompt(0))?;
//! assert_eq!(more.failed.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Source: none; the pools of Snell et al. 2024 (arXiv 2408.03314, section 5.3), kept.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::generator::{BoxError, Generated, Generator, Request};
use super::store::{Key, keys};
use crate::cost::ModelCost;
use crate::drive::Writer;
use crate::{Completion, Finish, LineError, RecordError, Retold, Settings};

/// Lines of recorded searches, see the [module](self).
#[derive(Debug)]
pub struct Replay {
    lines: HashMap<Key, Result<Completion, LineError>>,
    writer: Writer,
    settings: Settings,
}

impl Replay {
    /// Reads records of any number of searches, all by the same policy; what it wrote.
    ///
    /// # Errors
    /// When there are none, one cannot be read (as [`Retold::read`]), or the policy of one is another than
    /// that of the first.
    pub fn read<P: AsRef<Path>>(records: impl IntoIterator<Item = P>) -> Result<Self, RecordError> {
        let mut lines = HashMap::new();
        let mut first: Option<(PathBuf, Settings)> = None;
        for path in records {
            let path = path.as_ref();
            let io = |source| RecordError::Io { path: path.to_owned(), source };
            let bad = |problem| RecordError::Line { path: path.to_owned(), line: 1, problem };
            let bytes = std::fs::read(path).map_err(io)?;
            let mut unnamed = None;
            let retold = Retold::hear(&bytes, path, &mut |(call, seed), line| {
                // Where time was out says nothing of what the model would have written.
                let cut = line.is_ok_and(|line| line.finish == Finish::Cancelled);
                if call.expand.role.is_some() || cut {
                    return;
                }
                let request = Request { seeds: vec![seed], ..call.request.clone() };
                match keys("", &request) {
                    Ok(found) => {
                        let line = line.cloned().map_err(Clone::clone);
                        lines.extend(found.into_iter().map(|key| (key, line.clone())));
                    }
                    Err(error) => unnamed = Some(error.to_string()),
                }
            })?;
            if let Some(problem) = unnamed {
                return Err(bad(problem));
            }
            match &first {
                None => first = Some((path.to_owned(), retold.settings)),
                Some((other, settings)) if settings.policy != retold.settings.policy => {
                    let (other, theirs) = (other.display(), &settings.policy.identity);
                    let ours = &retold.settings.policy.identity;
                    return Err(bad(format!(
                        "written by another generator ({ours:?}) than {other} ({theirs:?})"
                    )));
                }
                Some(_) => {}
            }
        }
        let Some((_, settings)) = first else {
            let none = std::io::Error::new(std::io::ErrorKind::NotFound, "no records to replay");
            return Err(RecordError::Io { path: PathBuf::new(), source: none });
        };
        Ok(Self { lines, writer: settings.policy.clone(), settings })
    }

    /// The settings that the first record was made under: what a search over it must share to find its
    /// lines is seed, sampling and step rule.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Lines held.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether it holds no lines.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

impl Generator for Replay {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let answer = |request: &Request| {
            let missing = || {
                Err(LineError(
                    "not in the records: no such line was sampled behind this path, from this seed, under \
                     these settings"
                        .into(),
                ))
            };
            let found = keys("", request)?;
            let lines =
                found.iter().map(|key| self.lines.get(key).cloned().unwrap_or_else(missing));
            Ok(Generated::of(lines.collect()))
        };
        batch.iter().map(answer).collect()
    }

    fn cost(&self) -> ModelCost {
        self.writer.cost
    }

    fn vocabulary(&self) -> Option<u64> {
        self.writer.vocabulary
    }

    fn identity(&self) -> Option<String> {
        self.writer.identity.clone()
    }
}
