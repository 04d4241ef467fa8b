//! The record of a search: one JSON object a line, from which a killed run resumes.
//!
//! The first line holds the problem and its settings, then come the answers of generator and
//! scorer round by round, and at last the outcome. Strategies are deterministic, so playing the
//! answers back rebuilds the same tree; the next missing answer is asked for again. Every line is
//! written whole; a torn last line (the process was killed) is dropped. Timings are left out, so
//! an unbroken run and a resumed one leave the same bytes. What was decided stands beside the answers,
//! so that [`super::Retold`] rebuilds the tree without the strategy. Operations of a record from before the windows of
//! layers were counted go on being counted as it did (`before.rs`).

mod before;
mod picks;
mod retell;
mod told;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::told::Told;
use super::settings::{Judge, Writer};
use super::{Call, Outcome, Run};
use crate::files::{Lines, Others};
use crate::{
    Budget, Completion, Cost, Limit, LineError, Need, NodeId, Prices, Prompt, Reads, RecordError,
    Sampling, Scored, SearchErrorKind, SearchStrategy, Settings, StepRule, Stop,
};

pub use self::picks::{Pick, Picks};
pub use self::retell::{Decided, Retold};

const VERSION: u32 = 2;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    record: u32,
    prompt: Arc<Prompt>,
    task: String,
    seed: u64,
    sampling: Sampling,
    rule: Arc<StepRule>,
    budget: Budget,
    policy: Writer,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    roles: BTreeMap<String, Writer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scorer: Option<Judge>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    scorers: BTreeMap<String, Judge>,
    /// Where money is bounded, and they have a say in when the search ends.
    #[serde(default, skip_serializing_if = "Prices::is_empty")]
    prices: Prices,
}

impl Header {
    fn of(prompt: &Arc<Prompt>, settings: &Settings) -> Self {
        let settings = settings.clone();
        let bounded = settings.budget.money.is_some();
        Self {
            record: VERSION,
            prompt: Arc::clone(prompt),
            task: settings.task.name().to_owned(),
            seed: settings.seed,
            sampling: settings.sampling,
            rule: settings.rule,
            budget: settings.budget,
            policy: settings.policy,
            roles: settings.roles,
            scorer: settings.scorer,
            scorers: settings.scorers,
            prices: if bounded { settings.prices } else { Prices::default() },
        }
    }

    /// The first line of a record.
    fn read(line: &[u8]) -> Result<Self, String> {
        // The version first: another one has another form.
        #[derive(Deserialize)]
        struct Version {
            record: u32,
        }
        let not = |error: serde_json::Error| format!("not a record's first line: {error}");
        let Version { record } = serde_json::from_slice(line).map_err(not)?;
        if record != VERSION {
            return Err(format!(
                "the record was made with another record version: {record}, and now it is {VERSION}"
            ));
        }
        serde_json::from_slice(line).map_err(not)
    }

    /// What is another than `now`, in a few words.
    fn differs(&self, now: &Self) -> Option<String> {
        let made = |what: &str, then: &dyn std::fmt::Debug, now: &dyn std::fmt::Debug| {
            format!("another {what}: {then:?}, and now it is {now:?}")
        };
        macro_rules! compare {
            ($($field:ident as $what:literal),*) => {$(
                if self.$field != now.$field {
                    return Some(made($what, &self.$field, &now.$field));
                }
            )*};
        }
        compare!(record as "record version", prompt as "prompt", task as "task", seed as "seed",
            sampling as "sampling", rule as "step rule", budget as "budget", policy as "generator",
            roles as "generator of a role", scorer as "scorer", scorers as "named scorer",
            prices as "price");
        None
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Entry {
    Lines {
        /// Of everything that was asked for, see [`digest`].
        asked: u64,
        /// What was decided; records of before do not tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        told: Option<Told>,
        made: Vec<Line>,
    },
    /// Wall time was out when the lines before were in.
    Expired(Limit),
    /// Wall time ended the search within the round of the lines before.
    Cut(Limit),
    Scores(Vec<Judgement>),
    Outcome {
        stop: Stop,
        best: Option<NodeId>,
        cost: Cost,
        /// What was decided at last, where that is more than to end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        told: Option<Told>,
    },
}

/// The scores of a path, or why it has none.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Judgement {
    Scores(Vec<f64>),
    /// With what was read for it.
    Reads {
        reads: Reads,
        scores: Vec<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    Refused {
        refused: String,
    },
}

impl From<&Scored> for Judgement {
    fn from(scored: &Scored) -> Self {
        let Scored { scores, refused, reads } = scored.clone();
        match (reads, refused) {
            (Some(reads), refused) => Self::Reads { reads, scores, refused },
            (None, Some(refused)) => Self::Refused { refused },
            (None, None) => Self::Scores(scores),
        }
    }
}

impl From<Judgement> for Scored {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Scores(scores) => Self::of(scores),
            Judgement::Reads { reads, scores, refused } => {
                Self { scores, refused, reads: Some(reads) }
            }
            Judgement::Refused { refused } => Self::refused(refused),
        }
    }
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

/// How many bytes are whole lines.
fn whole(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1)
}

/// A hash of all that calls ask for, so that a record is not played back for a strategy that asks
/// for something else at the same nodes.
fn digest(calls: &[Call]) -> u64 {
    calls.iter().fold(calls.len() as u64, |hash, call| {
        let request = &call.request;
        let asked = (
            &call.expand,
            request.prefix.asked(),
            &request.seeds,
            &request.sampling,
            &request.rule,
            &request.given,
            request.max_tokens,
        );
        crate::seed::hash_text(hash, &serde_json::to_string(&asked).unwrap_or_default())
    })
}

/// A record that is being written, and, after a crash, first played back.
#[derive(Debug)]
pub struct Record {
    file: Lines,
    replay: VecDeque<(usize, Entry)>,
    over: bool,
    /// The last decision that the record tells of.
    told: u32,
    /// The search as the record counts its operations, where that is not as they are counted now.
    counted: Option<Box<Header>>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lines { .. } => "lines",
            Self::Expired(_) => "an expiry",
            Self::Cut(_) => "a cut",
            Self::Scores(_) => "scores",
            Self::Outcome { .. } => "outcome",
        })
    }
}

impl Record {
    /// What the record of a problem is called in a folder of them ([`crate::Search::record`]), by its number.
    pub fn file_name(number: usize) -> String {
        format!("{number:05}.jsonl")
    }

    /// Opens the record of a problem, or starts one.
    ///
    /// # Errors
    /// When the file cannot be used, another process writes it, a whole line of it does not parse, or it
    /// belongs to another problem or other settings.
    pub fn open(
        path: &Path,
        prompt: &Arc<Prompt>,
        settings: &Settings,
    ) -> Result<Self, RecordError> {
        let io = |source| RecordError::Io { path: path.to_owned(), source };
        let file = Lines::open(path, Others::Refused).map_err(io)?;
        let bytes = file.bytes().map_err(io)?;
        let whole = whole(&bytes);
        let mut record = Self::new(file);
        if !record.read(&bytes[..whole], Header::of(prompt, settings))? {
            // A torn first line is the beginning of the one that would be written now; anything
            // else is somebody's file.
            let header = Header::of(prompt, settings);
            let own = serde_json::to_vec(&header).map_err(|error| io(error.into()))?;
            if !own.starts_with(&bytes) {
                return Err(record.bad(1, "not a record: the file is left as it is".into()));
            }
        }
        // Only now is it known to be a record: drop the torn line at its end.
        record.file.cut(whole as u64).map_err(io)?;
        if whole == 0 {
            record.write(&Header::of(prompt, settings))?;
        }
        Ok(record)
    }

    fn new(file: Lines) -> Self {
        Self { file, replay: VecDeque::new(), over: false, told: 0, counted: None }
    }

    /// Opens a record that is only read, whoever writes it.
    fn view(path: &Path, prompt: &Arc<Prompt>, settings: &Settings) -> Result<Self, RecordError> {
        let io = |source| RecordError::Io { path: path.to_owned(), source };
        let file = Lines::view(path).map_err(io)?;
        let bytes = file.bytes().map_err(io)?;
        let mut record = Self::new(file);
        record.read(&bytes[..whole(&bytes)], Header::of(prompt, settings))?;
        Ok(record)
    }

    /// Takes up what whole lines hold, if they are of the search of this header; whether there is one.
    fn read(&mut self, bytes: &[u8], header: Header) -> Result<bool, RecordError> {
        let mut lines = bytes.split_inclusive(|&byte| byte == b'\n').zip(1..);
        let Some((first, number)) = lines.next() else { return Ok(false) };
        self.check_header(first, number, header)?;
        for (line, number) in lines {
            let entry = serde_json::from_slice(line)
                .map_err(|error| self.bad(number, format!("not an entry: {error}")))?;
            self.replay.push_back((number, entry));
        }
        Ok(true)
    }

    fn check_header(
        &mut self,
        line: &[u8],
        number: usize,
        mut now: Header,
    ) -> Result<(), RecordError> {
        let then = Header::read(line).map_err(|problem| self.bad(number, problem))?;
        let otherwise = now.count_as(&then);
        if let Some(what) = then.differs(&now) {
            return Err(self.bad(number, format!("the record was made with {what}")));
        }
        self.counted = otherwise.then(|| Box::new(now));
        Ok(())
    }

    fn bad(&self, line: usize, problem: String) -> RecordError {
        RecordError::Line { path: self.file.path().to_owned(), line, problem }
    }

    fn write(&mut self, entry: &impl Serialize) -> Result<(), RecordError> {
        let path = self.file.path().to_owned();
        let io = |source| RecordError::Io { path, source };
        let line = serde_json::to_vec(entry).map_err(std::io::Error::from);
        let written = line.and_then(|mut line| {
            line.push(b'\n');
            self.file.append(&line)
        });
        written.map(|_| ()).map_err(io)
    }

    /// Plays the record back into a run as far as it goes; what it needs then is still to be made.
    ///
    /// # Errors
    /// When the record is of another search, or holds what the run does not accept.
    pub fn replay<S: SearchStrategy>(&mut self, run: &mut Run<S>) -> Result<(), SearchErrorKind> {
        self.replay_hearing(run, &mut |_| Ok(()))
    }

    /// [`Record::replay`]; `decided` hears of the run after each of its decisions.
    fn replay_hearing<S: SearchStrategy>(
        &mut self,
        run: &mut Run<S>,
        decided: &mut dyn FnMut(&Run<S>) -> Result<(), SearchErrorKind>,
    ) -> Result<(), SearchErrorKind> {
        if let Some(counted) = &self.counted {
            let Header { policy, roles, scorer, scorers, .. } = &**counted;
            run.count_as(policy, roles, scorer.as_ref(), scorers);
        }
        loop {
            if !matches!(run.need(), Need::Scores(_)) {
                decided(run)?;
            }
            match run.need() {
                Need::Lines(calls) => {
                    let Some(lines) = self.replay_lines(calls)? else { return Ok(()) };
                    self.told = run.tree().decision();
                    if let Some(limit) = self.replay_expiry() {
                        run.expire(limit);
                    }
                    if let Some(limit) = self.replay_cut() {
                        run.cut(limit)?;
                    }
                    for (slot, line) in lines.into_iter().enumerate() {
                        run.give_line(slot, line)?;
                    }
                }
                Need::Scores(_) => {
                    let Some(scores) = self.replay_scores()? else { return Ok(()) };
                    run.give_scores(scores)?;
                }
                Need::Nothing(_) => return Ok(()),
            }
        }
    }

    /// Writes the lines of a round, slot by slot, before the run is given them, so that a crash loses
    /// nothing; `late` when wall time was out as they came in. A round that ends the run in failure is
    /// left out, so that resuming tries it again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn lines<S: SearchStrategy>(
        &mut self,
        run: &Run<S>,
        lines: &[Result<Completion, LineError>],
        late: bool,
    ) -> Result<(), RecordError> {
        let Need::Lines(calls) = run.need() else { return Ok(()) };
        if run.fails(lines) {
            return Ok(());
        }
        self.told = run.tree().decision();
        self.write_lines(Told::of(run.tree(), calls), calls, lines)?;
        match run.cut_by() {
            Some(limit) => self.cut(limit),
            None if late => self.write_expiry(Limit::Wall),
            None => Ok(()),
        }
    }

    /// Writes that a limit ended the search within the round whose lines were written last, see [`Run::cut`]; of lines
    /// that are given to a run that was cut, [`Record::lines`] does.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn cut(&mut self, limit: Limit) -> Result<(), RecordError> {
        self.write(&Entry::Cut(limit))
    }

    /// Writes the scores that a run has been given.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn scores(&mut self, scores: &[Scored]) -> Result<(), RecordError> {
        self.write_scores(scores)
    }

    /// Closes the record with its outcome; a record that was played back to its end stays as it is.
    /// One that was called off stays open: it may be resumed.
    ///
    /// # Errors
    /// When the file cannot be written, or holds another outcome.
    pub fn outcome(&mut self, outcome: &Outcome) -> Result<(), RecordError> {
        if outcome.stop == Stop::Cancelled {
            return Ok(());
        }
        let news = self.told < outcome.tree.decision();
        let told = news.then(|| Told::of(&outcome.tree, &[])).filter(|told| !told.is_empty());
        self.write_outcome(outcome.stop, outcome.best, outcome.usage.logical, told)
    }

    /// The recorded answers to these calls, slot by slot; `None` when they are still to be made.
    fn replay_lines(
        &mut self,
        calls: &[Call],
    ) -> Result<Option<Vec<Result<Completion, LineError>>>, RecordError> {
        let Some((number, entry)) = self.replay.pop_front() else { return Ok(None) };
        let Entry::Lines { asked, made: lines, .. } = entry else {
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
    fn replay_expiry(&mut self) -> Option<Limit> {
        let Some((_, Entry::Expired(limit))) = self.replay.front() else { return None };
        let limit = *limit;
        self.replay.pop_front();
        Some(limit)
    }

    /// The limit that ended the search within the round of the lines that are to be played back.
    fn replay_cut(&mut self) -> Option<Limit> {
        let Some((_, Entry::Cut(limit))) = self.replay.front() else { return None };
        let limit = *limit;
        self.replay.pop_front();
        Some(limit)
    }

    fn write_expiry(&mut self, limit: Limit) -> Result<(), RecordError> {
        self.write(&Entry::Expired(limit))
    }

    /// The recorded scores; `None` when they are still to be made.
    fn replay_scores(&mut self) -> Result<Option<Vec<Scored>>, RecordError> {
        let Some((number, entry)) = self.replay.pop_front() else { return Ok(None) };
        let Entry::Scores(scores) = entry else {
            return Err(self.bad(number, format!("holds {entry:?}, expected scores")));
        };
        Ok(Some(scores.into_iter().map(Scored::from).collect()))
    }

    fn write_lines(
        &mut self,
        told: Told,
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
        let (asked, told) = (digest(calls), Some(told));
        self.write(&Entry::Lines { asked, told, made: lines.collect() })
    }

    fn write_scores(&mut self, scores: &[Scored]) -> Result<(), RecordError> {
        self.write(&Entry::Scores(scores.iter().map(Judgement::from).collect()))
    }

    fn write_outcome(
        &mut self,
        stop: Stop,
        best: Option<NodeId>,
        cost: Cost,
        told: Option<Told>,
    ) -> Result<(), RecordError> {
        match self.replay.pop_front() {
            None if !self.over => {
                self.over = true;
                self.write(&Entry::Outcome { stop, best, cost, told })
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

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
