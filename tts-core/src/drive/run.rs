//! One problem's search without I/O: it says what it needs, and is given it.
//!
//! A [`Run`] alternates between two needs, lines and scores, until its strategy wants nothing more
//! or the budget is out. Whoever drives it ([`crate::Search`], an async loop, a record that is
//! played back) may answer the lines of a round in any order: nodes are appended, and fresh leaves
//! shown, in the order of the request. Budgets are enforced in `allot.rs`; what each reader of prompts
//! and paths owes is kept in `readers.rs`. [`crate::RecordedRun`] is a run with a record.

mod append;
mod decide;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::readers::Readers;
use super::settings::{Judge, Writer};
use super::{Call, Outcome, allot};
use crate::drive::outcome::{Curtailed, FailedLine, Unscored};
use crate::fast::IdMap;
use crate::guard::guarded;
use crate::{
    Completion, Limit, LineError, NodeId, NodeKind, Prompt, Request, RunError, Sampling,
    SearchStrategy, Settings, Stop, Trajectory, Tree, Usage, seed,
};

/// What a [`Run`] waits for.
#[derive(Debug)]
pub enum Need<'a> {
    /// Lines: answer slot by slot with [`Run::give_line`]. Slots count through the seeds of all
    /// requests in order.
    Lines(&'a [Call]),
    /// Judgements of these paths, in this order, with [`Run::give_scores`].
    Scores(&'a [Judging]),
    /// Nothing: see [`Run::finish`].
    Nothing(Stop),
}

/// A path to be judged, and by whom.
#[derive(Debug, Clone)]
pub struct Judging {
    /// The scorer's name; `None` for the search's own.
    pub scorer: Option<Arc<str>>,
    /// The path, whose fresh steps are to be judged.
    pub path: Trajectory,
}

type Line = Result<Completion, LineError>;

enum Phase {
    Lines(Lines),
    Scores { leaves: Vec<Leaf>, judgings: Vec<Judging>, last: bool },
    Over(Stop),
}

/// The lines of a round that are waited for.
struct Lines {
    calls: Vec<Call>,
    made: Vec<Option<Line>>,
    /// Which call each slot belongs to.
    owners: Vec<u32>,
    missing: usize,
    /// Whether the run ends with this round.
    last: bool,
}

/// The end of a fresh line.
#[derive(Clone, Copy)]
struct Leaf {
    node: NodeId,
    /// The decision that led to it.
    origin: usize,
    /// The first node of the line, whose others follow it.
    first: NodeId,
    /// How many of them are to be judged.
    judged: usize,
    /// By whom, as a number among the readers.
    scorer: Option<usize>,
}

impl Leaf {
    /// The nodes that are to be judged.
    fn nodes(self) -> impl Iterator<Item = NodeId> {
        (self.first.0..).map(NodeId).take(self.judged)
    }
}

/// One problem's search, see the [module](self).
///
/// ```
/// use tts_core::toy::{ToyWorld, Sample};
/// use tts_core::{Generator, Need, Run, Settings};
///
/// let world = ToyWorld::default();
/// let mut run = Run::new(Sample { n: 2 }, world.prompt(0), Settings::default())?;
/// while let Need::Lines(calls) = run.need() {
///     let requests: Vec<_> = calls.iter().map(|call| call.request.clone()).collect();
///     let lines = world.generate(&requests)?.into_iter().flat_map(|made| made.lines);
///     for (slot, line) in lines.enumerate() {
///         run.give_line(slot, line)?;
///     }
/// }
/// assert_eq!(run.finish().tree.finished().count(), 2);
/// # Ok::<(), tts_core::BoxError>(())
/// ```
pub struct Run<S> {
    strategy: S,
    tree: Tree,
    settings: Settings,
    usage: Usage,
    failed: Vec<FailedLine>,
    unscored: Vec<Unscored>,
    phase: Phase,
    expired: Option<Limit>,
    /// The limit that ends the run within its round.
    cut: Option<Limit>,
    /// What the budget took from lines.
    curtailed: Vec<Curtailed>,
    readers: Readers,
    /// Whether some committed path has finished.
    finished: bool,
    /// How many lines of a kind below a node have failed: their seeds are not drawn from again.
    lost: IdMap<(NodeId, NodeKind), usize>,
    /// How open steps were drawn that were not drawn in the search's way.
    drawn: IdMap<NodeId, Sampling>,
}

impl<S> std::fmt::Debug for Run<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("nodes", &self.tree.len())
            .field("usage", &self.usage)
            .finish_non_exhaustive()
    }
}

impl<S: SearchStrategy> Run<S> {
    /// Starts a search and asks the strategy for its first decision.
    ///
    /// # Errors
    /// When the prompt is blank, a setting is out of range, the strategy refuses its own, or needs
    /// what the settings do not have.
    pub fn new(
        strategy: S,
        prompt: impl Into<Prompt>,
        settings: Settings,
    ) -> Result<Self, RunError> {
        let prompt = prompt.into();
        if prompt.is_blank() {
            return Err(RunError::EmptyProblem);
        }
        settings.check().map_err(RunError::Settings)?;
        strategy.check().map_err(RunError::Strategy)?;
        settings.satisfy(&strategy.requires()).map_err(RunError::Strategy)?;
        let root = seed::prompt(settings.seed, &prompt);
        let tree = Tree::new(prompt, root)
            .with_scale(settings.scale())
            .with_task(Arc::clone(&settings.task));
        let scales = settings.scorers.iter();
        let tree =
            scales.fold(tree, |tree, (name, judge)| tree.with_scale_of(name.as_str(), judge.scale));
        let mut run = Self {
            strategy,
            tree,
            readers: Readers::new(&settings),
            usage: Usage::default(),
            failed: Vec::new(),
            unscored: Vec::new(),
            phase: Phase::Over(Stop::Done),
            // No time at all is a limit that needs no clock.
            expired: settings.budget.wall.filter(|wall| *wall <= 0.0).map(|_| Limit::Wall),
            cut: None,
            curtailed: Vec::new(),
            settings,
            finished: false,
            lost: IdMap::default(),
            drawn: IdMap::default(),
        };
        run.decide(&[NodeId::ROOT], &[0])?;
        Ok(run)
    }

    /// Counts the operations of those who write and judge as a record of before did; of a run that nothing was given.
    pub(super) fn count_as(
        &mut self,
        policy: &Writer,
        roles: &BTreeMap<String, Writer>,
        scorer: Option<&Judge>,
        scorers: &BTreeMap<String, Judge>,
    ) {
        if self.usage.rounds > 0 {
            return;
        }
        let settings = &mut self.settings;
        (settings.policy, settings.roles) = (policy.clone(), roles.clone());
        (settings.scorer, settings.scorers) = (scorer.cloned(), scorers.clone());
        self.readers = Readers::new(settings);
    }

    /// What the run waits for.
    pub fn need(&self) -> Need<'_> {
        match &self.phase {
            Phase::Lines(lines) => Need::Lines(&lines.calls),
            Phase::Scores { judgings, .. } => Need::Scores(judgings),
            Phase::Over(stop) => Need::Nothing(*stop),
        }
    }

    /// Everything so far.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The cost so far.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// The settings it runs under.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Lines that failed so far.
    pub fn failed(&self) -> &[FailedLine] {
        &self.failed
    }

    /// Adds to the measured cost, which only the driver knows.
    pub fn measure(&mut self, computed_tokens: u64, cached_tokens: u64) {
        self.usage.measured.computed_tokens += computed_tokens;
        self.usage.measured.cached_tokens += cached_tokens;
    }

    /// Ends the run at its next decision: a limit that only the driver can see (wall time) is out.
    pub fn expire(&mut self, limit: Limit) {
        self.expired = Some(limit);
    }

    /// Ends the run within the present round: a limit that only the driver can see is out, and nothing may be waited for
    /// any more. What is to be judged stays unjudged, nothing more is asked for, and the strategy chooses among what
    /// there is. Lines of the round that are not in are then to be given as far as they are written
    /// ([`crate::Finish::Cancelled`]), or as failures.
    ///
    /// # Errors
    /// When the strategy fails in its last decision.
    pub fn cut(&mut self, limit: Limit) -> Result<(), RunError> {
        if matches!(self.phase, Phase::Over(_)) {
            return Ok(());
        }
        (self.expired, self.cut) = (Some(limit), Some(limit));
        match std::mem::replace(&mut self.phase, Phase::Over(Stop::Budget(limit))) {
            Phase::Scores { leaves, last, .. } => self.end_unjudged(&leaves, last, limit),
            phase => {
                self.phase = phase;
                Ok(())
            }
        }
    }

    /// The limit that ends the run within its round.
    pub(super) fn cut_by(&self) -> Option<Limit> {
        self.cut
    }

    /// Ends the run now. What is in flight is lost, what was made stays.
    pub fn cancel(&mut self) {
        if !matches!(self.phase, Phase::Over(_)) {
            self.phase = Phase::Over(Stop::Cancelled);
        }
    }

    /// Lines of the present round that are not in yet.
    pub fn missing(&self) -> usize {
        match &self.phase {
            Phase::Lines(lines) => lines.missing,
            _ => 0,
        }
    }

    /// Answers one line of [`Need::Lines`]. When the last one is in, the round goes on.
    ///
    /// # Errors
    /// When no line is waited for in this slot, or every line of the round has failed, unless all
    /// were rollouts or asides. A line that breaks the generator's contract counts as failed.
    pub fn give_line(
        &mut self,
        slot: usize,
        line: Result<Completion, LineError>,
    ) -> Result<(), RunError> {
        let Phase::Lines(round) = &mut self.phase else {
            return Err(RunError::NotWanted { what: "line", slot });
        };
        let Some(place @ None) = round.made.get_mut(slot) else {
            return Err(RunError::NotWanted { what: "line", slot });
        };
        let request = &round.calls[round.owners[slot] as usize].request;
        *place = Some(vetted(line, request));
        round.missing -= 1;
        if round.missing == 0 { self.append() } else { Ok(()) }
    }

    /// The lines of a whole round, those that break the generator's contract as failures: what a record
    /// holds.
    pub fn vet(&self, lines: Vec<Result<Completion, LineError>>) -> Vec<Line> {
        let Phase::Lines(round) = &self.phase else { return lines };
        let owners = round.owners.iter().map(|&owner| &round.calls[owner as usize].request);
        lines.into_iter().zip(owners).map(|(line, request)| vetted(line, request)).collect()
    }

    /// Whether the run would end in failure with these lines: all have failed, they were more than
    /// rollouts and asides, there is no finished solution to fall back on, and the strategy does not ask
    /// again.
    pub fn fails(&self, lines: &[Result<Completion, LineError>]) -> bool {
        let Phase::Lines(round) = &self.phase else { return false };
        let lost = !(round.last || self.cut.is_some() || beside(&round.calls) || self.finished);
        lost && lines.iter().all(Result::is_err) && !self.is_outlived(&round.calls)
    }

    /// The answer as of now.
    ///
    /// # Errors
    /// When the strategy picks what can be no answer, or panics.
    pub fn pick(&self) -> Result<Option<NodeId>, RunError> {
        let picked = guarded("strategy", || self.strategy.pick(&self.tree));
        let Some(id) = picked.map_err(RunError::Strategy)?.filter(|&id| id != NodeId::ROOT) else {
            return Ok(None);
        };
        let bad = |problem: &str| Err(RunError::BadPick { node: id, problem: problem.into() });
        match self.tree.get(id) {
            None => bad("the tree has no such node"),
            Some(node) if node.is_question() => bad("it is a question"),
            Some(node) if node.kind == NodeKind::Rollout => bad("it only looks ahead"),
            Some(node) if node.kind == NodeKind::Aside => bad("it is an aside"),
            Some(_) => Ok(Some(id)),
        }
    }

    /// The outcome, at any moment; a run that was not over counts as cancelled. What can be no answer is
    /// none (see [`Run::pick`]).
    pub fn finish(self) -> Outcome {
        let stop = match self.phase {
            Phase::Over(stop) => stop,
            _ => Stop::Cancelled,
        };
        let best = self.pick().ok().flatten();
        let prompt_tokens = self.readers.counted(NodeId::ROOT, 0);
        let Self { tree, usage, failed, unscored, curtailed, .. } = self;
        Outcome { tree, best, stop, usage, prompt_tokens, failed, unscored, curtailed }
    }
}

fn vetted(line: Line, request: &Request) -> Line {
    line.and_then(|line| allot::check_completion(&line, request).map(|()| line))
}

/// Whether a search can go on without any of these lines: they only look ahead, or are said beside it.
fn beside(calls: &[Call]) -> bool {
    calls.iter().all(|call| call.kind != NodeKind::Committed)
}
