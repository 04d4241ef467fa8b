//! What was drawn, kept to be read: who reads what a policy writes sees first where it cheats.
//!
//! A [`GroupNote`] is a problem with all that was drawn of it in a step: texts, verdicts, each reward by itself, and
//! the advantage that came of them. A watcher is shown those of every step ([`super::Progress::groups`]); a run with
//! a folder keeps those of every few steps, a line of JSON each, in `samples.jsonl` ([`read_samples`]). Lines stand on
//! the disk before anything is learnt of them; a run that goes on drops those behind the step that it goes on from,
//! and writes them again. With [`Recording::tokens`] a group is all that a trainer needs: token ids, and the
//! log-probability with which each was drawn.
//!
//! Source: none; reading samples is how DeepSeek-AI 2025 (arXiv 2501.12948), section 2.2.3, saw what their policy
//! learnt.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tts_core::files::{Lines, Others};
use tts_core::{Finish, Verdict};

use super::{Run, Sample, ScoredStep};
use crate::PrmError;

/// Which samples are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recording {
    /// Steps between two whose samples are kept, beside the first and the last; 0 for none at all.
    pub every: usize,
    /// Whether token ids and log-probabilities are kept as well.
    pub tokens: bool,
}

impl Default for Recording {
    /// Every 10 steps, as texts.
    fn default() -> Self {
        Self { every: 10, tokens: false }
    }
}

impl Recording {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the samples of a step are kept, in a run of so many.
    pub(super) fn keeps(self, step: usize, steps: usize) -> bool {
        self.every > 0 && (step == 1 || step == steps || step.is_multiple_of(self.every))
    }
}

/// The tokens of a sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    /// Those of what its writer was asked.
    pub prompt: Vec<u32>,
    /// Those behind it.
    pub tokens: Vec<u32>,
    /// Which of these the policy generated, and with which log-probabilities.
    pub runs: Vec<Run>,
}

/// What became of one sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleNote {
    /// What was written.
    pub text: String,
    /// Its final answer, if it has one.
    pub answer: Option<String>,
    /// What the task thinks of it; none where nobody knows the right answer.
    pub verdict: Option<Verdict>,
    /// Why it ended.
    pub finish: Finish,
    /// Generated tokens.
    pub tokens: usize,
    /// The sum of its rewards, with their weights.
    pub reward: f64,
    /// Each reward by itself, without its weight.
    pub rewards: BTreeMap<String, f64>,
    /// How much better than expected it came out by its rewards; none where its group was not learnt from. What its
    /// tokens learn of scores of steps stands with the steps.
    pub advantage: Option<f64>,
    /// The steps that were scored, first to last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ScoredStep>,
    /// Its tokens, where they are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Ids>,
}

impl SampleNote {
    pub(super) fn of(sample: &Sample, reward: f64, rewards: BTreeMap<String, f64>) -> Self {
        Self {
            text: sample.text.clone(),
            answer: sample.answer.clone(),
            verdict: sample.verdict,
            finish: sample.finish,
            tokens: sample.generated(),
            reward,
            rewards,
            advantage: None,
            steps: ScoredStep::of(sample),
            ids: None,
        }
    }
}

/// A problem, and what was drawn of it in a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupNote {
    /// The step, from 1.
    pub step: usize,
    /// The problem's place among all.
    pub problem: usize,
    /// What is asked.
    pub question: String,
    /// The right answer; empty where nobody knows it.
    pub gold: String,
    /// What was drawn, in order.
    pub samples: Vec<SampleNote>,
    /// Why nothing was drawn, where all lines failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// The name of the file in a run's folder.
const FILE: &str = "samples.jsonl";
/// What every line of it begins with: a torn first one is told from a file of another kind by it.
const BEGINS: &[u8] = b"{\"step\":";

/// The file that groups are kept in, if they are kept at all.
#[derive(Debug, Default)]
pub(super) struct Recorder(Option<Lines>);

impl Recorder {
    /// Opens the file of a folder at the end of a step: what stands there of later ones is dropped.
    ///
    /// # Errors
    /// When it cannot be used, or a line that is whole is no group.
    pub(super) fn open(folder: &Path, step: usize) -> Result<Self, PrmError> {
        let path = folder.join(FILE);
        let at = |error| PrmError::io(&path, error);
        let mut lines = Lines::open(&path, Others::Refused).map_err(at)?;
        let bytes = lines.bytes().map_err(at)?;
        let groups = parse(&path, &bytes)?;
        if groups.is_empty() && !BEGINS.iter().zip(&bytes).all(|(begins, found)| begins == found) {
            let problem = "no group of samples: name another folder, or remove the file".to_owned();
            return Err(PrmError::Journal { path, line: 1, problem });
        }
        let mut end = 0;
        for (group, behind) in groups {
            if group.step > step {
                break;
            }
            end = behind;
        }
        lines.cut(end).map_err(at)?;
        Ok(Self(Some(lines)))
    }

    /// Keeps the groups of a step, all or none.
    ///
    /// # Errors
    /// When they cannot be written; the file is then as it was.
    pub(super) fn keep(&mut self, groups: &[GroupNote]) -> Result<(), PrmError> {
        let Some(lines) = &mut self.0 else { return Ok(()) };
        let mut all = Vec::new();
        for (place, group) in groups.iter().enumerate() {
            serde_json::to_writer(&mut all, group).map_err(|error| PrmError::Journal {
                path: lines.path().to_owned(),
                line: place + 1,
                problem: error.to_string(),
            })?;
            all.push(b'\n');
        }
        let written = lines.append_safely(&all);
        written.map(drop).map_err(|error| PrmError::io(lines.path(), error))
    }
}

/// Every whole line as a group, with the byte behind it; a torn last line was never kept.
fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<(GroupNote, u64)>, PrmError> {
    let (mut groups, mut at) = (Vec::new(), 0);
    for (place, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            break;
        }
        at += line.len() as u64;
        let group = serde_json::from_slice(line).map_err(|error| PrmError::Journal {
            path: path.to_owned(),
            line: place + 1,
            problem: format!("no group of samples: {error}"),
        })?;
        groups.push((group, at));
    }
    Ok(groups)
}

/// The groups that were kept in a run's folder, step by step, while or after it runs.
///
/// # Errors
/// When there are none, or a line is damaged; a last one that is not whole is passed over.
pub fn read_samples(folder: &Path) -> Result<Vec<GroupNote>, PrmError> {
    let path: PathBuf = folder.join(FILE);
    let bytes = std::fs::read(&path).map_err(|error| PrmError::io(&path, error))?;
    Ok(parse(&path, &bytes)?.into_iter().map(|(group, _)| group).collect())
}
