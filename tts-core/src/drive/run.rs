//! One problem's search without I/O: it says what it needs, and is given it.
//!
//! A [`Run`] alternates between two needs, lines and scores, until its strategy wants nothing more
//! or the budget is out. Whoever drives it ([`crate::Search`], an async loop, a record that is
//! played back) may answer the lines of a round in any order: nodes are appended, and fresh leaves
//! shown, in the order of the request. Budgets are enforced in `allot.rs`.

use std::sync::Arc;

use crate::drive::allot::{self, Plan};
use crate::drive::strategy::{Expand, SearchStrategy, View};
use crate::model::scorer::Scored;
use crate::seed::{self, Rng};
use crate::{
    Completion, Cost, Finish, Limit, LineError, Node, NodeId, NodeKind, Outcome, Prompt, Request,
    RunError, Settings, Stop, Trajectory, Tree, Usage,
};

/// More lines than this from one decision are a slip of the pen.
const MOST_LINES: usize = 1 << 20;

/// A line that failed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FailedLine {
    /// What it should have continued.
    pub node: NodeId,
    /// The round of generation.
    pub round: u32,
    /// Why.
    pub error: LineError,
}

/// What a [`Run`] waits for.
#[derive(Debug)]
pub enum Need<'a> {
    /// Lines: answer slot by slot with [`Run::give_line`]. Slots count through the seeds of all
    /// requests in order.
    Lines(&'a [Call]),
    /// Judgements of these paths, in this order, with [`Run::give_scores`].
    Scores(&'a [Trajectory]),
    /// Nothing: see [`Run::finish`].
    Nothing(Stop),
}

/// A request and whom it is for.
#[derive(Debug, Clone)]
pub struct Call {
    /// The decision behind it.
    pub expand: Expand,
    /// Its place among the strategy's decisions.
    pub origin: usize,
    /// What the generator is asked.
    pub request: Request,
}

enum Phase {
    Lines {
        calls: Vec<Call>,
        lines: Vec<Option<Result<Completion, LineError>>>,
        missing: usize,
        last: bool,
    },
    Scores {
        leaves: Vec<Leaf>,
        paths: Vec<Trajectory>,
        last: bool,
    },
    Over(Stop),
}

/// The end of a fresh line.
#[derive(Clone)]
struct Leaf {
    node: NodeId,
    /// The decision that led to it.
    origin: usize,
    /// The nodes of the line that are to be judged.
    judged: Vec<NodeId>,
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
    phase: Phase,
    expired: Option<Limit>,
    /// Tokens of the rendered prompt; known from the first line on.
    prompt_tokens: u64,
    /// Whether some committed path has finished.
    finished: bool,
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
    /// When the prompt is blank, a setting is out of range, or the strategy refuses its own.
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
        let root = seed::root(settings.seed, prompt.question());
        let mut run = Self {
            strategy,
            tree: Tree::new(prompt, root),
            settings,
            usage: Usage::default(),
            failed: Vec::new(),
            phase: Phase::Over(Stop::Done),
            expired: None,
            prompt_tokens: 0,
            finished: false,
        };
        run.decide(&[NodeId::ROOT], &[0])?;
        Ok(run)
    }

    /// What the run waits for.
    pub fn need(&self) -> Need<'_> {
        match &self.phase {
            Phase::Lines { calls, .. } => Need::Lines(calls),
            Phase::Scores { paths, .. } => Need::Scores(paths),
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

    /// Ends the run now. What is in flight is lost, what was made stays.
    pub fn cancel(&mut self) {
        if !matches!(self.phase, Phase::Over(_)) {
            self.phase = Phase::Over(Stop::Cancelled);
        }
    }

    /// Answers one line of [`Need::Lines`]. When the last one is in, the round goes on.
    ///
    /// # Errors
    /// When no line is waited for in this slot, or every line of the round has failed, unless all
    /// were rollouts. A line that breaks the generator's contract counts as failed.
    pub fn give_line(
        &mut self,
        slot: usize,
        line: Result<Completion, LineError>,
    ) -> Result<(), RunError> {
        let Phase::Lines { calls, lines, missing, .. } = &mut self.phase else {
            return Err(RunError::NotWanted { what: "line", slot });
        };
        let Some(place @ None) = lines.get_mut(slot) else {
            return Err(RunError::NotWanted { what: "line", slot });
        };
        let mut before = 0;
        let call = calls.iter().find(|call| {
            before += call.request.seeds.len();
            slot < before
        });
        let request = call.map(|call| &call.request);
        *place = Some(line.and_then(|line| match request {
            Some(request) => allot::check_completion(&line, request).map(|()| line),
            None => Err(LineError("no such slot".into())),
        }));
        *missing -= 1;
        if *missing == 0 { self.append() } else { Ok(()) }
    }

    /// The lines of a whole round, those that break the generator's contract as failures.
    pub(crate) fn vet(
        &self,
        lines: Vec<Result<Completion, LineError>>,
    ) -> Vec<Result<Completion, LineError>> {
        let Phase::Lines { calls, .. } = &self.phase else { return lines };
        let requests =
            calls.iter().flat_map(|call| call.request.seeds.iter().map(|_| &call.request));
        let vet = |(line, request): (Result<Completion, LineError>, &Request)| {
            line.and_then(|line| allot::check_completion(&line, request).map(|()| line))
        };
        lines.into_iter().zip(requests).map(vet).collect()
    }

    /// Whether the run would end in failure with these lines: all have failed, they were more than
    /// rollouts, and there is no finished solution to fall back on.
    pub(crate) fn fails(&self, lines: &[Result<Completion, LineError>]) -> bool {
        let Phase::Lines { calls, last, .. } = &self.phase else { return false };
        let ahead = calls.iter().all(|call| call.expand.kind == NodeKind::Rollout);
        !(*last || ahead || self.finished) && lines.iter().all(Result::is_err)
    }

    /// Appends the finished round to the tree, in the order of the request.
    fn append(&mut self) -> Result<(), RunError> {
        let Phase::Lines { calls, lines, last, .. } =
            std::mem::replace(&mut self.phase, Phase::Over(Stop::Done))
        else {
            return Ok(());
        };
        self.usage.rounds += 1;
        self.usage.logical.calls += calls.len() as u64;
        if let Some(call) = calls.first() {
            self.tree.node_mut(call.expand.node).cost.calls += calls.len() as u64;
        }
        let mut lines = lines.into_iter().flatten();
        let mut leaves = Vec::new();
        for call in &calls {
            for (&seed, line) in call.request.seeds.iter().zip(lines.by_ref()) {
                match line {
                    Ok(line) => leaves.push(self.append_line(call, seed, line)),
                    Err(error) => {
                        // A failed line was started: it counts as a sample of its parent's.
                        let cost = Cost { samples: 1, ..Cost::default() };
                        self.tree.node_mut(call.expand.node).cost += cost;
                        self.usage.logical += cost;
                        let round = self.usage.rounds;
                        self.failed.push(FailedLine { node: call.expand.node, round, error });
                    }
                }
            }
        }
        // Without its rollouts a search can go on: they only look ahead. And a finished solution is
        // worth more than an error.
        let ahead = calls.iter().all(|call| call.expand.kind == NodeKind::Rollout);
        if leaves.is_empty() && (last || ahead || self.finished) {
            return self.round_over(&leaves, last);
        }
        if leaves.is_empty() {
            self.phase = Phase::Over(Stop::Cancelled);
            let last = self.failed.last().map(|failed| failed.error.clone());
            return Err(RunError::AllLinesFailed {
                round: self.usage.rounds,
                error: last.unwrap_or_else(|| LineError("no lines".into())),
            });
        }
        self.judge(leaves, last)
    }

    fn append_line(&mut self, call: &Call, mut seed: u64, line: Completion) -> Leaf {
        let mut parent = call.expand.node;
        let mut first = Cost { samples: 1, ..Cost::default() };
        let role = call.expand.role.as_ref().and_then(|role| self.settings.role_costs.get(role));
        let model = *role.unwrap_or(&self.settings.policy_cost);
        if self.tree.len() == 1 {
            // The prompt is read once, whatever is sampled from it.
            self.prompt_tokens = line.prompt_tokens;
            first.flops = model.flops(0, self.prompt_tokens);
        }
        let mut context = self.prompt_tokens + self.tree.tokens(parent);
        let mut generated = self.tree.generated(parent);
        let mut judged = Vec::new();
        let (mut written, mut last_text) = (0, 0);
        let count = line.steps.len();
        for (index, step) in line.steps.into_iter().enumerate() {
            let mut cost = std::mem::take(&mut first);
            cost.generated_tokens = step.generated();
            cost.flops += model.flops(context, step.tokens.len() as u64);
            context += step.tokens.len() as u64;
            generated += step.generated();
            self.usage.logical += cost;
            let finish = if index + 1 == count { line.finish } else { Finish::Step };
            written += 1;
            if !step.is_blank() {
                last_text = written;
            }
            let depth = self.tree[parent].depth + 1;
            let rule = &self.settings.rule;
            let open = matches!(finish, Finish::Step | Finish::Length)
                && depth < rule.max_steps
                && generated < u64::from(rule.max_tokens);
            let id = self.tree.push(Node {
                parent: Some(parent),
                depth,
                kind: call.expand.kind,
                step: Arc::new(step),
                finish,
                open,
                seed,
                score: None,
                value: None,
                round: self.usage.rounds,
                cost,
                children: Vec::new(),
                rollouts: Vec::new(),
            });
            let committed = call.expand.kind == NodeKind::Committed;
            self.finished |= committed && finish == Finish::Stop;
            judged.push(id);
            parent = id;
            seed = seed::child(seed, 0);
        }
        // Nothing to judge after the last text; a blank step before it is part of what was said.
        judged.truncate(last_text);
        Leaf { node: parent, origin: call.origin, judged }
    }

    /// Asks for the scores of a round, or passes on when there is nothing to judge.
    fn judge(&mut self, leaves: Vec<Leaf>, last: bool) -> Result<(), RunError> {
        let mut paths = Vec::new();
        if self.settings.scored {
            for leaf in &leaves {
                let Some(&end) = leaf.judged.last() else { continue };
                let mut path = self.tree.trajectory(end, leaf.judged.len());
                path.set_finished(self.tree[leaf.node].is_finished());
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return self.round_over(&leaves, last);
        }
        let tokens =
            paths.iter().flat_map(Trajectory::fresh_steps).map(|s| s.tokens.len() as u64).sum();
        if let Some(limit) = allot::cannot_score(&self.settings.budget, &self.usage, tokens) {
            self.phase = Phase::Over(Stop::Budget(limit));
            return Ok(());
        }
        self.phase = Phase::Scores { leaves, paths, last };
        Ok(())
    }

    /// Answers [`Need::Scores`].
    ///
    /// # Errors
    /// When no scores are waited for, their number does not match, or one is not finite; the run
    /// stands as before then.
    pub fn give_scores(&mut self, scores: Vec<Scored>) -> Result<(), RunError> {
        let Phase::Scores { leaves, paths, last } = &self.phase else {
            return Err(RunError::NotWanted { what: "scores", slot: 0 });
        };
        if scores.len() != paths.len() {
            return Err(RunError::ScoreCount { expected: paths.len(), found: scores.len() });
        }
        let judged = leaves.iter().filter(|leaf| !leaf.judged.is_empty());
        for (leaf, scored) in judged.zip(&scores) {
            if scored.scores.len() != leaf.judged.len() {
                let (expected, found) = (leaf.judged.len(), scored.scores.len());
                return Err(RunError::StepCount { node: leaf.node, expected, found });
            }
            for (&node, &score) in leaf.judged.iter().zip(&scored.scores) {
                if !score.is_finite() {
                    return Err(RunError::BadScore { node, score });
                }
            }
        }
        let (leaves, last) = (leaves.clone(), *last);
        self.usage.logical.calls += 1;
        let mut call = 1;
        // The scorer reads the prompt once as well.
        let first = self.tree.iter().all(|(_, node)| node.score.is_none());
        let mut prompt =
            if first { self.settings.scorer_cost.flops(0, self.prompt_tokens) } else { 0.0 };
        let judged = leaves.iter().filter(|leaf| !leaf.judged.is_empty());
        for (leaf, scored) in judged.zip(scores) {
            for (&id, score) in leaf.judged.iter().zip(scored.scores) {
                let tokens = self.tree[id].step.tokens.len() as u64;
                let context = self.prompt_tokens + self.tree.tokens(id) - tokens;
                let cost = Cost {
                    scored_tokens: tokens,
                    flops: self.settings.scorer_cost.flops(context, tokens)
                        + std::mem::take(&mut prompt),
                    calls: std::mem::take(&mut call),
                    ..Cost::default()
                };
                let node = self.tree.node_mut(id);
                node.score = Some(score);
                node.cost += cost;
                self.usage.logical += Cost { calls: 0, ..cost };
            }
        }
        self.round_over(&leaves, last)
    }

    fn round_over(&mut self, leaves: &[Leaf], last: bool) -> Result<(), RunError> {
        if last {
            let stop = self.expired.or_else(|| self.limit()).unwrap_or(Limit::GeneratedTokens);
            self.phase = Phase::Over(Stop::Budget(stop));
            return Ok(());
        }
        let (fresh, origin): (Vec<NodeId>, Vec<usize>) =
            leaves.iter().map(|leaf| (leaf.node, leaf.origin)).unzip();
        self.decide(&fresh, &origin)
    }

    fn limit(&self) -> Option<Limit> {
        allot::exhausted(&self.settings.budget, &self.usage, self.finished)
    }

    /// Asks the strategy, and turns its decisions into requests within the budget.
    fn decide(&mut self, fresh: &[NodeId], origin: &[usize]) -> Result<(), RunError> {
        // At the start nothing is spent: even a budget of nothing lets the strategy see the root.
        let limit = self.expired.or_else(|| self.limit());
        let mut rng: Rng =
            seed::rng(seed::decision(self.tree[NodeId::ROOT].seed, self.usage.rounds));
        let usage = self.usage.logical;
        let budget = self.settings.budget;
        let mut view = View::new(&mut self.tree, fresh, origin, &usage, &budget, &mut rng);
        // A strategy that would stop anyway stops for its own reason, not for the budget's.
        let wanted = self.strategy.step(&mut view);
        if wanted.iter().all(|expand| expand.n == 0) {
            self.phase = Phase::Over(Stop::Done);
            return Ok(());
        }
        if let Some(limit) = limit {
            self.wind_up(limit);
            return Ok(());
        }
        for expand in &wanted {
            self.check_expand(expand)?;
        }
        match allot::plan(
            &self.settings,
            &self.usage,
            &self.tree,
            &wanted,
            self.prompt_tokens,
            self.finished,
        ) {
            Plan::Lines(bounds) => {
                let calls = self.calls(wanted, &bounds);
                self.await_lines(calls, false);
            }
            Plan::Stop(limit) => self.wind_up(limit),
        }
        Ok(())
    }

    fn await_lines(&mut self, calls: Vec<Call>, last: bool) {
        let count = calls.iter().map(|call| call.request.seeds.len()).sum();
        self.phase = Phase::Lines { calls, lines: vec![None; count], missing: count, last };
    }

    fn check_expand(&self, expand: &Expand) -> Result<(), RunError> {
        let bad = |problem: String| Err(RunError::BadExpand { node: expand.node, problem });
        let Some(node) = self.tree.get(expand.node) else {
            return bad(format!("the tree has {} nodes only", self.tree.len()));
        };
        let reopened = node.is_finished() && expand.append.is_some();
        if !(node.open || reopened) {
            return bad(format!("closed ({:?} at depth {})", node.finish, node.depth));
        }
        if expand.n > MOST_LINES {
            return bad(format!("{} lines at once, expected at most {MOST_LINES}", expand.n));
        }
        if node.kind == NodeKind::Rollout && expand.kind == NodeKind::Committed {
            return bad("a rollout cannot become part of an answer".into());
        }
        match &expand.sampling {
            Some(sampling) => sampling.check().or_else(bad),
            None => Ok(()),
        }
    }

    /// Requests for decisions, with `bounds[i] = (lines, tokens a line)` for decision `i`.
    fn calls(&self, wanted: Vec<Expand>, bounds: &[(usize, u32)]) -> Vec<Call> {
        let mut siblings = std::collections::HashMap::new();
        let mut calls = Vec::new();
        let bounded = wanted.into_iter().zip(bounds).enumerate();
        for (origin, (expand, &(n, max_tokens))) in bounded.filter(|(_, (_, bound))| bound.0 > 0) {
            let node = &self.tree[expand.node];
            let made = match expand.kind {
                NodeKind::Committed => node.children.len(),
                NodeKind::Rollout => node.rollouts.len(),
            };
            // Two decisions about one node in the same round go on counting.
            let next = siblings.entry((expand.node, expand.kind)).or_insert(made);
            let mut seed = || {
                let sibling = u32::try_from(*next).unwrap_or(u32::MAX);
                *next += 1;
                match expand.kind {
                    NodeKind::Committed => seed::child(node.seed, sibling),
                    NodeKind::Rollout => seed::rollout(node.seed, sibling),
                }
            };
            let request = Request {
                prefix: self.tree.trajectory(expand.node, 0),
                append: expand.append.clone(),
                seeds: (0..n).map(|_| seed()).collect(),
                until: expand.until,
                sampling: expand.sampling.unwrap_or(self.settings.sampling),
                rule: Arc::clone(&self.settings.rule),
                max_tokens,
            };
            calls.push(Call { expand, origin, request });
        }
        calls
    }

    /// The budget is out: finish the best open path from the reserve if nothing has finished.
    fn wind_up(&mut self, limit: Limit) {
        self.phase = Phase::Over(Stop::Budget(limit));
        if self.finished {
            return;
        }
        let open = |id: &NodeId| self.tree[*id].open && self.tree[*id].kind == NodeKind::Committed;
        let picked = self.strategy.pick(&self.tree).filter(open);
        let Some(node) = picked.or_else(|| self.best_open()) else { return };
        let expand = Expand::end(node, 1);
        let tokens = allot::reserve(&self.settings, &self.usage, self.tree.generated(node));
        if let Some(tokens) = tokens {
            self.expired = Some(limit);
            let calls = self.calls(vec![expand], &[(1, tokens)]);
            self.await_lines(calls, true);
        }
    }

    /// The open end of a path with the highest last score; the root when nothing was written.
    fn best_open(&self) -> Option<NodeId> {
        let ends = self.tree.iter().filter(|(_, node)| {
            node.open && node.kind == NodeKind::Committed && node.children.is_empty()
        });
        let mut best: Option<(NodeId, f64)> = None;
        for (id, _) in ends {
            let score = self.tree.score(id, crate::Aggregate::Last).unwrap_or(f64::NEG_INFINITY);
            if best.is_none_or(|(_, top)| score > top) {
                best = Some((id, score));
            }
        }
        best.map(|(id, _)| id)
    }

    /// The outcome, at any moment; a run that was not over counts as cancelled.
    pub fn finish(self) -> Outcome {
        let stop = match self.phase {
            Phase::Over(stop) => stop,
            _ => Stop::Cancelled,
        };
        let best = self.strategy.pick(&self.tree).filter(|&id| id != NodeId::ROOT);
        Outcome { tree: self.tree, best, stop, usage: self.usage, failed: self.failed }
    }

    /// The answer as of now.
    pub fn pick(&self) -> Option<NodeId> {
        self.strategy.pick(&self.tree).filter(|&id| id != NodeId::ROOT)
    }
}
