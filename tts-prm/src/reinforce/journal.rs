//! What a run went through: a line of JSON for each step and each measurement, written as they come.
//!
//! The first line holds everything that decides results; a journal of another run is refused. A last line that a
//! crash or a full disk has torn is cut off. A step's line is on the disk before the state that follows from it is
//! saved, so that who goes on knows which problems were drawn and what came of them: lines behind the saved state
//! are dropped, and are written again, to the same numbers but for the seconds.
//!
//! Source: none; the figures are those that Shao et al. 2024, Yu et al. 2025 and DeepSeek-AI 2025 draw.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tts_core::files::{Lines, Others, differing};

use super::Hearing;
use super::config::is_zero;
use crate::PrmError;

/// What came of a problem in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Solved {
    /// Its place among the problems.
    pub problem: usize,
    /// Samples with the right answer; none where nobody knows it.
    pub right: Option<usize>,
    /// All samples.
    pub samples: usize,
}

/// How far who drew and who learns were apart, of the same weights: what rounding, other kernels, and a sampling of
/// its own make of the probabilities of the tokens that are learnt.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mismatch {
    /// Mean distance of the log-probabilities of a token, before any sampling, in nats.
    pub mean: f64,
    /// The largest.
    pub most: f64,
    /// Mean of the weights that make up for it; none without weights.
    pub weight: Option<f64>,
    /// Share of tokens that were to weigh more than they may.
    pub capped: Option<f64>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepNote {
    /// Its number, from 1.
    pub step: usize,
    /// Updates of the weights until now.
    pub updates: usize,
    /// Every problem that was drawn, in order.
    pub drawn: Vec<Solved>,
    /// Problems of which nothing could be drawn: all of their lines failed. They teach nothing, and count in no other
    /// figure but [`StepNote::drawn`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: usize,
    /// Samples.
    pub samples: usize,
    /// Share with the right answer, of those of problems where it is known; none where it is of none.
    pub right: Option<f64>,
    /// Share that was cut by a limit.
    pub cut: f64,
    /// Mean of their rewards.
    pub reward: f64,
    /// The same of each reward by itself, without its weight, over those that it knows something of.
    pub rewards: BTreeMap<String, f64>,
    /// Of how many samples a reward knows nothing, where there are any: not scored, not judged.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<String, usize>,
    /// What rewards by juries cost.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub judged: BTreeMap<String, Hearing>,
    /// Mean score of the weakest step of a sample, of those whose steps were scored; none without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The same of right samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_right: Option<f64>,
    /// The same of those that are not right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_wrong: Option<f64>,
    /// Of the steps with something to teach by their scores, the share that the guard kept from it; none where scores
    /// are not learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guarded: Option<f64>,
    /// Share of groups whose rewards are all the same.
    pub equal: f64,
    /// Mean generated tokens of right samples; none without any.
    pub right_tokens: Option<f64>,
    /// The same of those that are not right.
    pub wrong_tokens: Option<f64>,
    /// Generated tokens of all samples.
    pub tokens: u64,
    /// Mean of minus the log-probability of the tokens, in nats: what is left of their entropy.
    pub entropy: f64,
    /// Tokens that were learnt, in all updates.
    pub learnt: u64,
    /// Share of them whose ratio was clipped.
    pub clipped: f64,
    /// Share that was clipped in the first update, which learns from what its own weights drew.
    pub first_clipped: f64,
    /// How far the policy moved from who drew, mean over learnt tokens, in nats.
    pub drift: f64,
    /// How far who drew and who learns were apart before the first update; none where nobody asked the trainer
    /// ([`super::Old::Written`]), or nothing was learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<Mismatch>,
    /// How far it is from the reference, likewise; none without a reference.
    pub divergence: Option<f64>,
    /// Whether the reference became the policy as it is after this step.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refreshed: bool,
    /// Mean loss of the updates; none without any.
    pub loss: Option<f64>,
    /// Mean norm of their gradients.
    pub gradient_norm: Option<f64>,
    /// Seconds of drawing and rewarding.
    pub sampling_seconds: f64,
    /// Seconds of learning, and of handing the weights on.
    pub learning_seconds: f64,
}

impl StepNote {
    /// The same without what differs from run to run: the seconds.
    #[must_use]
    pub fn timeless(self) -> Self {
        Self { sampling_seconds: 0.0, learning_seconds: 0.0, ..self }
    }
}

/// A measurement on held-out problems.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// After this many steps.
    pub step: usize,
    /// Problems.
    pub problems: usize,
    /// Solutions of each.
    pub samples: usize,
    /// Mean share of right solutions.
    pub pass: f64,
    /// Its 95 % interval over problems.
    pub interval: [f64; 2],
    /// Share of problems whose majority is right.
    pub majority: f64,
    /// Share of problems with a right solution.
    pub any: f64,
    /// Mean generated tokens of a solution.
    pub tokens: f64,
    /// Problems of which nothing could be drawn: all of their lines failed. They count as not solved.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: usize,
}

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    /// A step.
    Step(Box<StepNote>),
    /// A measurement.
    Measured(Measured),
}

impl Note {
    /// The step that it belongs to.
    pub fn step(&self) -> usize {
        match self {
            Self::Step(note) => note.step,
            Self::Measured(measured) => measured.step,
        }
    }
}

/// The name of a journal in its folder.
pub(super) const FILE: &str = "journal.jsonl";

/// Everything that was noted, on the disk as well if there is a file.
#[derive(Debug, Default)]
pub(super) struct Journal {
    notes: Vec<Note>,
    disk: Option<Disk>,
}

#[derive(Debug)]
struct Disk {
    lines: Lines,
    /// Where each note ends, in bytes; the header's end first.
    ends: Vec<u64>,
}

impl Journal {
    /// Opens the journal of a folder; where there is none, [`Journal::begin`] is to write its header.
    ///
    /// # Errors
    /// When another process has it open, it cannot be used, is none, or belongs to another run.
    pub(super) fn open(folder: &Path, header: &Value) -> Result<Self, PrmError> {
        let path = folder.join(FILE);
        let at = |error| PrmError::io(&path, error);
        let lines = Lines::open(&path, Others::Refused).map_err(at)?;
        let bytes = lines.bytes().map_err(at)?;
        let (notes, ends) = parse(&path, &bytes, header)?;
        if ends.is_empty() && !format!("{header}\n").as_bytes().starts_with(&bytes) {
            let problem =
                "no journal of this run: name another folder, or remove the file".to_owned();
            return Err(PrmError::Journal { path, line: 1, problem });
        }
        // Only now is it known to be a journal: drop the torn line at its end.
        let mut journal = Self { notes, disk: Some(Disk { lines, ends }) };
        journal.keep(journal.notes.len())?;
        Ok(journal)
    }

    /// Writes the header, unless it is there; without a file nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn begin(&mut self, header: &Value) -> Result<(), PrmError> {
        let Some(Disk { lines, ends }) = &mut self.disk else { return Ok(()) };
        if ends.is_empty() {
            let written = lines.append_safely(format!("{header}\n").as_bytes());
            ends.push(written.map_err(|error| PrmError::io(lines.path(), error))?.end);
        }
        Ok(())
    }

    /// Goes back to where so many updates were done: what was noted behind that is dropped.
    ///
    /// # Errors
    /// When it was never there, or the file cannot be cut.
    pub(super) fn back_to(&mut self, updates: usize) -> Result<(), PrmError> {
        let mut last = 0;
        let mut within = |note: &Note| match note {
            Note::Step(step) => {
                let within = step.updates <= updates;
                if within {
                    last = step.updates;
                }
                within
            }
            Note::Measured(_) => true,
        };
        let count = self.notes.iter().take_while(|note| within(note)).count();
        if last != updates {
            let path = self.disk.as_ref().map_or(Path::new(FILE), |disk| disk.lines.path());
            let problem = format!(
                "ends at update {last}, but the saved weights are those of update {updates}: they belong to another \
                 journal, or this one was cut"
            );
            return Err(PrmError::Journal { path: path.to_owned(), line: 1 + count, problem });
        }
        self.keep(count)
    }

    fn keep(&mut self, count: usize) -> Result<(), PrmError> {
        self.notes.truncate(count);
        let Some(Disk { lines, ends }) = &mut self.disk else { return Ok(()) };
        ends.truncate(count + 1);
        let end = ends.last().copied().unwrap_or_default();
        lines.cut(end).map_err(|error| PrmError::io(lines.path(), error))
    }

    /// Adds a note.
    ///
    /// # Errors
    /// When it cannot be written; the journal is then as it was.
    pub(super) fn note(&mut self, note: Note) -> Result<(), PrmError> {
        if let Some(Disk { lines, ends }) = &mut self.disk {
            let line = serde_json::to_string(&note).map_err(|error| PrmError::Journal {
                path: lines.path().to_owned(),
                line: ends.len() + 1,
                problem: error.to_string(),
            })?;
            let written = lines.append_safely(format!("{line}\n").as_bytes());
            ends.push(written.map_err(|error| PrmError::io(lines.path(), error))?.end);
        }
        self.notes.push(note);
        Ok(())
    }

    pub(super) fn notes(&self) -> &[Note] {
        &self.notes
    }

    pub(super) fn into_notes(self) -> Vec<Note> {
        self.notes
    }
}

/// The notes of a journal, and where each whole line ends; no end of an empty file or a torn header.
fn parse(path: &Path, bytes: &[u8], header: &Value) -> Result<(Vec<Note>, Vec<u64>), PrmError> {
    let (mut notes, mut ends, mut at) = (Vec::new(), Vec::new(), 0);
    for (place, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let failed =
            |problem: String| PrmError::Journal { path: path.to_owned(), line: place + 1, problem };
        // Torn: it was never noted.
        if !line.ends_with(b"\n") {
            break;
        }
        at += line.len() as u64;
        if place == 0 {
            let found: Value =
                serde_json::from_slice(line).map_err(|error| failed(error.to_string()))?;
            if let Some(first) = differing(&found, header).first() {
                let problem = format!(
                    "made by another run, which differs in {first}: name another folder, or remove this one to \
                     start afresh"
                );
                return Err(failed(problem));
            }
        } else {
            let note = serde_json::from_slice(line).map_err(|error| failed(error.to_string()))?;
            notes.push(note);
        }
        ends.push(at);
    }
    Ok((notes, ends))
}

/// The notes of a run's folder, while or after it runs.
///
/// # Errors
/// When there is no journal, or a line of it is damaged; a last one that is not whole is passed over.
pub fn read_notes(folder: &Path) -> Result<Vec<Note>, PrmError> {
    let path = folder.join(FILE);
    let bytes = std::fs::read(&path).map_err(|error| PrmError::io(&path, error))?;
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let header: Value = serde_json::from_slice(header).map_err(|error| PrmError::Journal {
        path: path.clone(),
        line: 1,
        problem: error.to_string(),
    })?;
    parse(&path, &bytes, &header).map(|(notes, _)| notes)
}
