//! A round that is in: nodes, costs, and what is to be judged.

use std::sync::Arc;

use super::{Judging, Leaf, Line, Phase, Run, beside};
use crate::cost::ModelCost;
use crate::drive::outcome::{FailedLine, Unscored};
use crate::drive::readers::Foreseen;
use crate::drive::strategy::ScoreBy;
use crate::drive::{Call, allot};
use crate::guard::guarded;
use crate::{
    Completion, Cost, Curtailed, Finish, Limit, LineError, Node, NodeId, NodeKind, Reads, RunError,
    Scale, Scored, SearchStrategy, Stop, seed,
};

impl<S: SearchStrategy> Run<S> {
    /// Appends the finished round to the tree, in the order of the request.
    pub(super) fn append(&mut self) -> Result<(), RunError> {
        let Phase::Lines(round) = std::mem::replace(&mut self.phase, Phase::Over(Stop::Done))
        else {
            return Ok(());
        };
        let last = round.last;
        let outlived = self.is_outlived(&round.calls);
        self.usage.rounds += 1;
        if let Some(limit) = self.cut {
            let unwritten = round.made.iter().flatten().filter(|line| line.is_err()).count();
            self.curtail(limit, unwritten as u64, 0);
        }
        let mut lines = round.made.into_iter().flatten();
        let mut leaves = Vec::with_capacity(round.owners.len());
        for call in &round.calls {
            self.append_call(call, &mut lines, &mut leaves);
        }
        if let Some(limit) = self.cut {
            return self.end_unjudged(&leaves, last, limit);
        }
        // Without its rollouts a search can go on: they only look ahead. And a finished solution is
        // worth more than an error.
        if leaves.is_empty() && (last || beside(&round.calls) || self.finished) {
            return self.round_over(&leaves, last);
        }
        if leaves.is_empty() {
            if outlived {
                self.round_over(&leaves, last)?;
            }
            // It did not ask again after all: an end of its own where something was written before.
            let ended = matches!(self.phase, Phase::Over(_));
            let bare = !outlived || self.tree.candidates().is_empty();
            return if ended && bare { self.all_failed() } else { Ok(()) };
        }
        self.judge(leaves, last)
    }

    fn all_failed(&mut self) -> Result<(), RunError> {
        self.phase = Phase::Over(Stop::Cancelled);
        let last = self.failed.last().map(|failed| failed.error.clone());
        Err(RunError::AllLinesFailed {
            round: self.usage.rounds,
            error: last.unwrap_or_else(|| LineError("no lines".into())),
        })
    }

    /// Whether the search goes on though all lines of these calls have failed: its strategy asks again, and
    /// the budget is not out by then.
    pub(super) fn is_outlived(&self, calls: &[Call]) -> bool {
        let mut usage = self.usage;
        usage.rounds += 1;
        usage.logical.calls += calls.len() as u64;
        usage.logical.samples +=
            calls.iter().map(|call| call.request.seeds.len() as u64).sum::<u64>();
        let out = allot::exhausted(&self.settings, &usage, self.finished);
        let asks = || guarded("strategy", || self.strategy.outlives_failure()).unwrap_or(false);
        self.expired.or(out).is_none() && asks()
    }

    /// The lines of one call. The call itself is charged to its first node.
    fn append_call(
        &mut self,
        call: &Call,
        lines: &mut impl Iterator<Item = Line>,
        leaves: &mut Vec<Leaf>,
    ) {
        let mut due = Cost { calls: 1, ..Cost::default() };
        self.usage.logical += due;
        for (&seed, line) in call.request.seeds.iter().zip(lines) {
            match line {
                Ok(line) => {
                    let leaf = self.append_line(call, seed, line);
                    self.tree.node_mut(leaf.first).cost += std::mem::take(&mut due);
                    leaves.push(leaf);
                }
                Err(error) => {
                    // A failed line was started: it counts as a sample of its parent's, and keeps its number.
                    *self.lost.entry((call.parent, call.kind)).or_default() += 1;
                    let cost = Cost { samples: 1, ..Cost::default() };
                    self.tree.node_mut(call.parent).cost += cost;
                    self.usage.logical += cost;
                    let (node, parent) = (call.expand.node, call.parent);
                    let role = self.readers.name(call.reader);
                    let round = self.usage.rounds;
                    self.failed.push(FailedLine { node, parent, role, round, cost, error });
                }
            }
        }
        // All lines of the call have failed: it is charged where they are.
        if let (true, Some(last)) = (due.calls > 0, self.failed.last_mut()) {
            last.cost += due;
            self.tree.node_mut(call.parent).cost += due;
        }
    }

    fn append_line(&mut self, call: &Call, mut seed: u64, line: Completion) -> Leaf {
        let mut parent = call.parent;
        let mut first = Cost { samples: 1, ..Cost::default() };
        let writer = call.reader;
        let (model, price) = (self.readers.cost(writer), self.readers.price(writer));
        let question = self.tree.question(parent);
        // The prompt is read once, whatever is sampled from it, and so are the steps of others.
        first += self.readers.read_prompt(question, (writer, model), line.prompt_tokens);
        let prompt = self.readers.counted(question, writer);
        first += self.readers.read_path(&self.tree, parent, (writer, model), prompt);
        // What is kept of a step was written once already.
        let origin = &self.tree[call.expand.node];
        let mut begun = call.expand.keep.map_or(0, |keep| origin.generated_of(keep));
        let mut kept = call.request.given.len() as u64;
        if origin.role != self.readers.name(writer) {
            kept = 0;
        }
        let mut context = prompt + self.tree.tokens(parent);
        let mut generated = self.tree.generated(parent) + u64::from(begun);
        let (mut written, mut last_text) = (0, 0);
        let count = line.steps.len();
        // A line as long as its share was ended by whatever limited that.
        let ended_by = match line.finish {
            Finish::Cancelled => self.cut,
            Finish::Length => {
                call.bounded_by.filter(|_| line.generated() >= call.request.max_tokens.into())
            }
            _ => None,
        };
        if let Some(limit) = ended_by {
            self.curtail(limit, 0, 1);
        }
        let mut head = None;
        for (index, step) in line.steps.into_iter().enumerate() {
            let mut cost = std::mem::take(&mut first);
            let (tokens, before) = (step.tokens.len() as u64, std::mem::take(&mut kept));
            cost.generated_tokens = step.generated();
            cost.flops += model.flops(context + before, tokens - before);
            // What was appended is read, and so is what is kept of what another wrote.
            let read = u64::from(step.given).saturating_sub(before);
            cost.read_tokens += read;
            cost.money += price.of(read, cost.generated_tokens, 0);
            context += tokens;
            generated += step.generated();
            self.usage.logical += cost;
            let finish = if index + 1 == count { line.finish } else { Finish::Step };
            written += 1;
            if !step.is_blank() {
                last_text = written;
            }
            let depth = self.tree[parent].depth + 1;
            // A rule of its own bounds the line, not what may follow it under the search's rule.
            let (own, all) = (&call.request.rule, &self.settings.rule);
            let open = matches!(finish, Finish::Step | Finish::Length | Finish::Pause)
                && depth < own.max_steps.max(all.max_steps)
                && generated < u64::from(own.max_tokens.max(all.max_tokens));
            let id = self.tree.push(Node {
                depth,
                kind: call.kind,
                role: self.readers.name(writer),
                kept: std::mem::take(&mut begun),
                finish,
                open,
                seed,
                round: self.usage.rounds,
                cost,
                ..Node::new(parent, step)
            });
            self.readers.mark(&self.tree, id, writer);
            if let (true, Some(sampling)) = (open, call.expand.sampling) {
                self.drawn.insert(id, sampling);
            }
            self.finished |= call.kind == NodeKind::Committed && finish == Finish::Stop;
            head.get_or_insert(id);
            parent = id;
            seed = seed::child(seed, 0);
        }
        // Nothing to judge after the last text; a blank step before it is part of what was said.
        let scorer = self.judge_of(&call.expand.score, call.kind);
        let first = head.unwrap_or(parent);
        Leaf { node: parent, origin: call.origin, first, judged: last_text, scorer }
    }

    /// Asks for the scores of a round, or passes on when there is nothing to judge.
    fn judge(&mut self, leaves: Vec<Leaf>, last: bool) -> Result<(), RunError> {
        let (mut judgings, mut tokens, mut scorers, mut money) = (Vec::new(), 0, 0_u64, 0.0);
        let (bounded, mut foreseen) = (self.settings.budget.money.is_some(), Foreseen::default());
        for leaf in &leaves {
            let (Some(scorer), Some(end)) = (leaf.scorer, leaf.nodes().last()) else { continue };
            self.check_vocabulary(leaf, scorer)?;
            let mut path = self.tree.trajectory(end, leaf.judged);
            path.set_finished(self.tree[leaf.node].is_finished());
            if self.tree[end].kind != NodeKind::Aside {
                path = path.about(Arc::clone(self.tree.prompt()));
            }
            let fresh = path.fresh_steps().iter().map(|step| step.tokens.len() as u64).sum();
            let count = self.readers.to_score(scorer, fresh);
            tokens += count;
            if bounded {
                money += self.to_judge(*leaf, scorer, count, &mut foreseen);
            }
            scorers |= 1 << scorer;
            let name = self.scorer_name(scorer);
            judgings.push(Judging { scorer: name, path });
        }
        if judgings.is_empty() {
            return self.round_over(&leaves, last);
        }
        let calls = u64::from(scorers.count_ones());
        let due = (tokens, calls, money);
        if let Some(limit) = allot::cannot_score(&self.settings.budget, &self.usage, due) {
            return self.end_unjudged(&leaves, last, limit);
        }
        self.phase = Phase::Scores { leaves, judgings, last };
        Ok(())
    }

    /// Ends the run with leaves that nobody judges; the strategy sees them as they are.
    pub(super) fn end_unjudged(
        &mut self,
        leaves: &[Leaf],
        last: bool,
        limit: Limit,
    ) -> Result<(), RunError> {
        if !last {
            return self.show_unjudged(leaves, limit);
        }
        self.settle(leaves);
        self.phase = Phase::Over(Stop::Budget(limit));
        Ok(())
    }

    /// Counts lines that a limit kept from being begun, and lines that it ended.
    pub(super) fn curtail(&mut self, limit: Limit, unwritten: u64, cut: u64) {
        if unwritten + cut == 0 {
            return;
        }
        let known = self.curtailed.iter_mut().find(|known| known.limit == limit);
        match known {
            Some(known) => {
                known.unwritten += unwritten;
                known.cut += cut;
            }
            None => self.curtailed.push(Curtailed { limit, unwritten, cut }),
        }
    }

    /// Who judges lines of a kind, as a number among the readers.
    pub(super) fn judge_of(&self, score: &ScoreBy, kind: NodeKind) -> Option<usize> {
        match score {
            ScoreBy::Nobody => None,
            ScoreBy::Kind if kind == NodeKind::Aside => None,
            ScoreBy::Kind => self.settings.scorer.as_ref().and_then(|_| self.readers.scorer(None)),
            ScoreBy::Named(name) => self.readers.scorer(Some(name)),
        }
    }

    /// Money that judging so many tokens of a leaf takes, with what its scorer has to read before.
    fn to_judge(&self, leaf: Leaf, scorer: usize, tokens: u64, foreseen: &mut Foreseen) -> f64 {
        let before = self.tree[leaf.first].parent.unwrap_or(NodeId::ROOT);
        let question = self.judged_as(leaf.first);
        let due = self.readers.due(&self.tree, (before, question), scorer, foreseen);
        self.readers.price(scorer).of(0, 0, tokens) + due
    }

    fn scorer_name(&self, scorer: usize) -> Option<Arc<str>> {
        let own = self.readers.scorer(None) == Some(scorer);
        if own { None } else { self.readers.name(scorer) }
    }

    /// A scorer of token ids must read the vocabulary that they were written in.
    fn check_vocabulary(&self, leaf: &Leaf, scorer: usize) -> Result<(), RunError> {
        let writer = self.readers.role(self.tree[leaf.node].role.as_deref());
        let written = writer.and_then(|writer| self.readers.vocabulary(writer));
        match (written, self.readers.vocabulary(scorer)) {
            (Some(written), Some(read)) if written != read => Err(RunError::BadExpand {
                node: leaf.node,
                problem: "its scorer reads token ids of another vocabulary: name a scorer that \
                          reads text"
                    .into(),
            }),
            _ => Ok(()),
        }
    }

    fn scale_of(&self, scorer: Option<usize>) -> Scale {
        let name = scorer.and_then(|scorer| self.scorer_name(scorer));
        match name {
            None => self.settings.scale(),
            Some(name) => self.settings.scorers.get(&*name).map_or(Scale::UNSTATED, |j| j.scale),
        }
    }

    /// Answers [`crate::Need::Scores`].
    ///
    /// # Errors
    /// When no scores are waited for, their number does not match, one is not of the scorer's scale, or what was
    /// read for one took no number of operations; the run stands as before then.
    pub fn give_scores(&mut self, scores: Vec<Scored>) -> Result<(), RunError> {
        let Phase::Scores { leaves, judgings, last } = &self.phase else {
            return Err(RunError::NotWanted { what: "scores", slot: 0 });
        };
        if scores.len() != judgings.len() {
            return Err(RunError::ScoreCount { expected: judgings.len(), found: scores.len() });
        }
        let judged = |leaf: &&Leaf| leaf.scorer.is_some() && leaf.judged > 0;
        for (leaf, scored) in leaves.iter().filter(judged).zip(&scores) {
            if let Some(Reads { flops, .. }) = scored.reads
                && !(flops.is_finite() && flops >= 0.0)
            {
                return Err(RunError::BadReads { node: leaf.node, flops });
            }
            if scored.refused.is_some() {
                continue;
            }
            if scored.scores.len() != leaf.judged {
                let (expected, found) = (leaf.judged, scored.scores.len());
                return Err(RunError::StepCount { node: leaf.node, expected, found });
            }
            let scale = self.scale_of(leaf.scorer);
            for (node, &score) in leaf.nodes().zip(&scored.scores) {
                if !score.is_finite() {
                    return Err(RunError::BadScore { node, score });
                }
                if !scale.holds(score) {
                    return Err(RunError::OffScale { node, score });
                }
            }
        }
        let (leaves, last) = (leaves.clone(), *last);
        let mut called = 0_u64;
        for (leaf, scored) in leaves.iter().filter(judged).zip(scores) {
            let Some(scorer) = leaf.scorer else { continue };
            let calls = u64::from(called & (1 << scorer) == 0);
            called |= 1 << scorer;
            self.usage.logical.calls += calls;
            self.tree.node_mut(leaf.first).cost.calls += calls;
            if let Some(reads) = scored.reads {
                self.readers.note_reads(scorer, reads);
                let Reads { tokens, flops, .. } = reads;
                let money = self.readers.price(scorer).of(0, 0, tokens);
                let cost = Cost { scored_tokens: tokens, flops, money, ..Cost::default() };
                self.tree.node_mut(leaf.first).cost += cost;
                self.usage.logical += cost;
            }
            if let Some(why) = scored.refused {
                let round = self.usage.rounds;
                self.unscored.push(Unscored { node: leaf.node, round, why });
                continue;
            }
            let own = self.readers.cost(scorer);
            if let Some(model) = scored.reads.map_or(Some(own), |reads| reads.path) {
                self.charge_reading(*leaf, (scorer, model));
            }
            for (id, score) in leaf.nodes().zip(scored.scores) {
                let name = self.scorer_name(scorer);
                let node = self.tree.node_mut(id);
                (node.score, node.scorer) = (Some(score), name);
            }
        }
        self.round_over(&leaves, last)
    }

    /// The question that a scorer reads before a line: candidates are answers to the problem, asides to their own.
    fn judged_as(&self, first: NodeId) -> NodeId {
        let aside = self.tree[first].kind == NodeKind::Aside;
        if aside { self.tree.question(first) } else { NodeId::ROOT }
    }

    /// Charges a scorer's reading of the prompt, of what stands before a leaf, and of its fresh steps.
    fn charge_reading(&mut self, leaf: Leaf, (scorer, model): (usize, ModelCost)) {
        let question = self.judged_as(leaf.first);
        let prompt = match self.readers.prompt_tokens(question) {
            0 => self.readers.prompt_tokens(self.tree.question(leaf.first)),
            tokens => tokens,
        };
        let mut due = self.readers.read_prompt(question, (scorer, model), prompt);
        if let Some(parent) = self.tree[leaf.first].parent
            && !self.tree[leaf.first].is_question()
        {
            due += self.readers.read_path(&self.tree, parent, (scorer, model), prompt);
        }
        for id in leaf.nodes() {
            let tokens = self.tree[id].step.tokens.len() as u64;
            let context = prompt + self.tree.tokens(id) - tokens;
            let mut cost = Cost {
                scored_tokens: tokens,
                flops: model.flops(context, tokens),
                money: self.readers.price(scorer).of(0, 0, tokens),
                ..Cost::default()
            };
            cost += std::mem::take(&mut due);
            self.tree.node_mut(id).cost += cost;
            self.usage.logical += cost;
            self.readers.mark(&self.tree, id, scorer);
        }
    }

    /// The scores of these leaves are in, as far as there will be any.
    pub(super) fn settle(&mut self, leaves: &[Leaf]) {
        if let Some(first) = leaves.iter().map(|leaf| leaf.first.index()).min() {
            self.tree.settle(first);
        }
    }

    pub(super) fn round_over(&mut self, leaves: &[Leaf], last: bool) -> Result<(), RunError> {
        self.settle(leaves);
        if last {
            self.phase = Phase::Over(Stop::Budget(self.spent()));
            return Ok(());
        }
        let (fresh, origin): (Vec<NodeId>, Vec<usize>) =
            leaves.iter().map(|leaf| (leaf.node, leaf.origin)).unzip();
        self.decide(&fresh, &origin)
    }
}
