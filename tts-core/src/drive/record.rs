//! The record of a search: one JSON object a line, from which a killed run resumes.
//!
//! The first line holds the problem and its settings, then come the answers of generator and
//! scorer round by round, and at last the outcome. Strategies are deterministic, so playing the
//! answers back rebuilds the same tree; the next missing answer is asked for again. Every line is
//! written whole; a torn last line (the process was killed) is dropped. Timings are left out, so
//! an unbroken run and a resumed one leave the same bytes.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::drive::run::Call;
use crate::model::scorer::Scored;
use crate::{Completion, Cost, Limit, LineError, NodeId, Prompt, RecordError, Settings, Stop};

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    record: u32,
    prompt: Arc<Prompt>,
    settings: Settings,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Entry {
    Lines {
        /// Of everything that was asked for, see [`digest`].
        asked: u64,
        made: Vec<Line>,
    },
    /// Wall time was out when the lines before were in.
    Expired(Limit),
    Scores(Vec<Vec<f64>>),
    Outcome {
        stop: Stop,
        best: Option<NodeId>,
        cost: Cost,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    node: NodeId,
    seed: u64,
    #[serde(flatten)]
    result: LineResult,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LineResult {
    Made(Completion),
    Failed(LineError),
}

/// A hash of all that calls ask for, so that a record is not played back for a strategy that asks
/// for something else at the same nodes.
fn digest(calls: &[Call]) -> u64 {
    calls.iter().fold(calls.len() as u64, |hash, call| {
        let request = &call.request;
        let asked = (&call.expand, &request.seeds, &request.sampling, request.max_tokens);
        crate::seed::root(hash, &serde_json::to_string(&asked).unwrap_or_default())
    })
}

/// A record that is being written, and, after a crash, first played back.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    file: File,
    replay: VecDeque<(usize, Entry)>,
    over: bool,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lines { .. } => "lines",
            Self::Expired(_) => "an expiry",
            Self::Scores(_) => "scores",
            Self::Outcome { .. } => "outcome",
        })
    }
}

impl Record {
    /// Opens the record of a problem, or starts one.
    ///
    /// # Errors
    /// When the file cannot be used, a whole line of it does not parse, or it belongs to another
    /// problem or other settings.
    pub fn open(
        path: &Path,
        prompt: &Arc<Prompt>,
        settings: &Settings,
    ) -> Result<Self, RecordError> {
        let io = |source| RecordError::Io { path: path.to_owned(), source };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.map_or(Ok(()), std::fs::create_dir_all).map_err(io)?;
        let mut options = File::options();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let mut record = Self { path: path.to_owned(), file, replay: VecDeque::new(), over: false };
        let header =
            Header { record: VERSION, prompt: Arc::clone(prompt), settings: settings.clone() };
        let mut lines = bytes[..whole].split_inclusive(|&byte| byte == b'\n').zip(1..);
        if let Some((line, number)) = lines.next() {
            record.check_header(line, number, prompt, settings)?;
        } else {
            // A torn first line is the beginning of the one that would be written now; anything
            // else is somebody's file.
            let own = serde_json::to_vec(&header).map_err(|error| io(error.into()))?;
            if !own.starts_with(&bytes) {
                return Err(record.bad(1, "not a record: the file is left as it is".into()));
            }
        }
        for (line, number) in lines {
            let entry = serde_json::from_slice(line)
                .map_err(|error| record.bad(number, format!("not an entry: {error}")))?;
            record.replay.push_back((number, entry));
        }
        // Only now is it known to be a record: drop the torn line at its end.
        record.file.set_len(whole as u64).map_err(io)?;
        record.file.seek(SeekFrom::End(0)).map_err(io)?;
        if whole == 0 {
            record.write(&header)?;
        }
        Ok(record)
    }

    fn check_header(
        &self,
        line: &[u8],
        number: usize,
        prompt: &Arc<Prompt>,
        settings: &Settings,
    ) -> Result<(), RecordError> {
        let header: Header = serde_json::from_slice(line)
            .map_err(|error| self.bad(number, format!("not a record's first line: {error}")))?;
        let same = [
            ("record version", header.record == VERSION),
            ("prompt", header.prompt == *prompt),
            ("seed", header.settings.seed == settings.seed),
            ("sampling", header.settings.sampling == settings.sampling),
            ("step rule", header.settings.rule == settings.rule),
            ("budget", header.settings.budget == settings.budget),
            ("scorer or model", header.settings == *settings),
        ];
        match same.iter().find(|(_, same)| !same) {
            Some((what, _)) => {
                Err(self.bad(number, format!("the record was made with another {what}")))
            }
            None => Ok(()),
        }
    }

    fn bad(&self, line: usize, problem: String) -> RecordError {
        RecordError::Line { path: self.path.clone(), line, problem }
    }

    fn write(&mut self, entry: &impl Serialize) -> Result<(), RecordError> {
        let io = |source| RecordError::Io { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(entry).map_err(|error| io(error.into()))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(io)
    }

    /// The recorded answers to these calls, slot by slot; `None` when they are still to be made.
    pub(crate) fn replay_lines(
        &mut self,
        calls: &[Call],
    ) -> Result<Option<Vec<Result<Completion, LineError>>>, RecordError> {
        let Some((number, entry)) = self.replay.pop_front() else { return Ok(None) };
        let Entry::Lines { asked, made: lines } = entry else {
            return Err(self.bad(number, format!("holds {entry:?}, expected lines")));
        };
        let wanted = calls
            .iter()
            .flat_map(|call| call.request.seeds.iter().map(|&seed| (call.expand.node, seed)));
        let same = wanted.eq(lines.iter().map(|line| (line.node, line.seed)));
        if !same || asked != digest(calls) {
            return Err(self.bad(number, "the strategy asks for other lines now".into()));
        }
        let result = |line: Line| match line.result {
            LineResult::Made(completion) => Ok(completion),
            LineResult::Failed(error) => Err(error),
        };
        Ok(Some(lines.into_iter().map(result).collect()))
    }

    /// The limit that ran out after the lines that were just played back.
    pub(crate) fn replay_expiry(&mut self) -> Option<Limit> {
        let Some((_, Entry::Expired(limit))) = self.replay.front() else { return None };
        let limit = *limit;
        self.replay.pop_front();
        Some(limit)
    }

    pub(crate) fn write_expiry(&mut self, limit: Limit) -> Result<(), RecordError> {
        self.write(&Entry::Expired(limit))
    }

    /// The recorded scores; `None` when they are still to be made.
    pub(crate) fn replay_scores(&mut self) -> Result<Option<Vec<Scored>>, RecordError> {
        let Some((number, entry)) = self.replay.pop_front() else { return Ok(None) };
        let Entry::Scores(scores) = entry else {
            return Err(self.bad(number, format!("holds {entry:?}, expected scores")));
        };
        Ok(Some(scores.into_iter().map(|scores| Scored { scores }).collect()))
    }

    pub(crate) fn write_lines(
        &mut self,
        calls: &[Call],
        results: &[Result<Completion, LineError>],
    ) -> Result<(), RecordError> {
        let wanted = calls
            .iter()
            .flat_map(|call| call.request.seeds.iter().map(|&seed| (call.expand.node, seed)));
        let lines = wanted.zip(results).map(|((node, seed), result)| Line {
            node,
            seed,
            result: match result {
                Ok(completion) => LineResult::Made(completion.clone()),
                Err(error) => LineResult::Failed(error.clone()),
            },
        });
        self.write(&Entry::Lines { asked: digest(calls), made: lines.collect() })
    }

    pub(crate) fn write_scores(&mut self, scores: &[Scored]) -> Result<(), RecordError> {
        self.write(&Entry::Scores(scores.iter().map(|scored| scored.scores.clone()).collect()))
    }

    /// Closes the record with its outcome; a record that was played back to its end stays as it is.
    pub(crate) fn write_outcome(
        &mut self,
        stop: Stop,
        best: Option<NodeId>,
        cost: Cost,
    ) -> Result<(), RecordError> {
        match self.replay.pop_front() {
            None if !self.over => {
                self.over = true;
                self.write(&Entry::Outcome { stop, best, cost })
            }
            None => Ok(()),
            Some((number, Entry::Outcome { best: recorded, .. })) => {
                self.over = true;
                if recorded == best {
                    Ok(())
                } else {
                    Err(self.bad(number, "another outcome".into()))
                }
            }
            Some((number, entry)) => {
                Err(self.bad(number, format!("holds {entry:?}, but the search is over")))
            }
        }
    }
}
