//! A decision: the strategy is asked, and what it wants becomes requests within the budget.

use std::sync::Arc;

use super::{Leaf, Lines, Phase, Run};
use crate::drive::allot::{self, Bound, Plan, Reading};
use crate::drive::outcome::Unscored;
use crate::drive::readers::Foreseen;
use crate::drive::strategy::{Expand, ScoreBy, View};
use crate::drive::{Call, SearchStrategy};
use crate::fast::IdMap;
use crate::guard::guarded;
use crate::seed::{self, Rng};
use crate::{Aggregate, Limit, NodeId, NodeKind, Request, RunError, Sampling, Stop};

/// More lines than this from one decision are a slip of the pen.
const MOST_LINES: usize = 1 << 20;

impl<S: SearchStrategy> Run<S> {
    pub(super) fn limit(&self) -> Option<Limit> {
        allot::exhausted(&self.settings, &self.usage, self.finished)
    }

    /// The limit that a run ended by.
    pub(super) fn spent(&self) -> Limit {
        self.expired.or_else(|| self.limit()).unwrap_or(Limit::GeneratedTokens)
    }

    /// Asks the strategy, and turns its decisions into requests within the budget.
    pub(super) fn decide(&mut self, fresh: &[NodeId], origin: &[usize]) -> Result<(), RunError> {
        // At the start nothing is spent: even a budget of nothing lets the strategy see the root.
        let limit = self.expired.or_else(|| self.limit());
        self.tree.begin_decision();
        // A strategy that would stop anyway stops for its own reason, not for the budget's.
        let wanted = self.ask(fresh, origin, limit.is_some())?;
        if wanted.iter().all(|expand| expand.n == 0) {
            // One that keeps within what is left ends by the budget too.
            let ended = self.tree.take_limit();
            self.phase = Phase::Over(ended.map_or(Stop::Done, Stop::Budget));
            return Ok(());
        }
        // It went on: what it said before counts no more.
        self.tree.take_limit();
        if let Some(limit) = limit {
            self.wind_up(limit, &wanted);
            return Ok(());
        }
        for expand in &wanted {
            self.check_expand(expand)
                .map_err(|problem| RunError::BadExpand { node: expand.node, problem })?;
        }
        let reading =
            Reading { prompt_tokens: self.readers.longest_prompt(), money: self.to_read(&wanted) };
        let (settings, usage, tree) = (&self.settings, &self.usage, &self.tree);
        match allot::plan(settings, usage, tree, &wanted, &reading, self.finished) {
            Plan::Lines { bounds, left_out } => {
                for (limit, lines) in left_out {
                    self.curtail(limit, lines, 0);
                }
                let calls = self.calls(wanted, &bounds);
                self.await_lines(calls, false);
            }
            Plan::Stop(limit) => {
                // It did not know that nothing more would come.
                self.ask(&[], &[], true)?;
                self.wind_up(limit, &wanted);
            }
        }
        Ok(())
    }

    /// Money that these decisions take beside what is written: prompts and steps that are not read yet, by who writes
    /// and by who judges, and what they append, a token a byte at most.
    fn to_read(&self, wanted: &[Expand]) -> f64 {
        if self.settings.budget.money.is_none() {
            return 0.0;
        }
        let mut foreseen = Foreseen::default();
        let mut sum = 0.0;
        for expand in wanted.iter().filter(|expand| expand.n > 0) {
            let (parent, kind) = (expand.parent_in(&self.tree), expand.kind_in(&self.tree));
            let question = self.tree.question(parent);
            let writer = self.readers.role(expand.role.as_deref()).unwrap_or(0);
            let appended = expand.append.as_ref().map_or(0, String::len) as u64;
            let words = (appended + u64::from(expand.keep.unwrap_or(0))) * expand.n as u64;
            sum += self.readers.price(writer).of(words, 0, 0);
            sum += self.readers.due(&self.tree, (parent, question), writer, &mut foreseen);
            if let Some(scorer) = self.judge_of(&expand.score, kind) {
                let asked = if kind == NodeKind::Aside { question } else { NodeId::ROOT };
                sum += self.readers.price(scorer).of(0, 0, words);
                sum += self.readers.due(&self.tree, (parent, asked), scorer, &mut foreseen);
            }
        }
        sum
    }

    /// What the strategy wants behind these leaves; nothing of it is made where the view is the last.
    fn ask(
        &mut self,
        fresh: &[NodeId],
        origin: &[usize],
        last: bool,
    ) -> Result<Vec<Expand>, RunError> {
        let mut rng: Rng =
            seed::rng(seed::decision(self.tree[NodeId::ROOT].seed, self.usage.rounds));
        let usage = self.usage.logical;
        let budget = self.settings.budget;
        let known = self.tree.refused().len();
        let view = View::new(&mut self.tree, fresh, origin, &usage, &budget, &mut rng);
        let view = view.with_rounds(self.usage.rounds).with_sampling(self.settings.sampling);
        let mut view = view.with_rule(Arc::clone(&self.settings.rule)).with_last(last);
        let strategy = &mut self.strategy;
        let wanted =
            guarded("strategy", || strategy.step(&mut view)).map_err(RunError::Strategy)?;
        // A decision that is asked for once more adds to what it refused before.
        let round = self.usage.rounds;
        let refused = self.tree.refused().iter().skip(known);
        let unread =
            |(node, why): &(NodeId, String)| Unscored { node: *node, round, why: why.clone() };
        self.unscored.extend(refused.map(unread));
        match self.tree.take_fault() {
            Some(fault) => Err(RunError::Strategy(fault)),
            None => Ok(wanted),
        }
    }

    /// The budget has no room for judging these leaves: the strategy sees them as they are.
    pub(super) fn show_unjudged(&mut self, leaves: &[Leaf], limit: Limit) -> Result<(), RunError> {
        self.settle(leaves);
        let (fresh, origin): (Vec<NodeId>, Vec<usize>) =
            leaves.iter().map(|leaf| (leaf.node, leaf.origin)).unzip();
        self.tree.begin_decision();
        self.ask(&fresh, &origin, true)?;
        self.phase = Phase::Over(Stop::Budget(limit));
        Ok(())
    }

    fn await_lines(&mut self, calls: Vec<Call>, last: bool) {
        let count = calls.iter().map(|call| call.request.seeds.len()).sum();
        let mut owners = Vec::with_capacity(count);
        for (call, number) in calls.iter().zip(0_u32..) {
            owners.extend(call.request.seeds.iter().map(|_| number));
        }
        let lines = vec![None; count];
        self.phase = Phase::Lines(Lines { calls, made: lines, owners, missing: count, last });
    }

    fn check_expand(&self, expand: &Expand) -> Result<(), String> {
        let Some(node) = self.tree.get(expand.node) else {
            return Err(format!("the tree has {} nodes only", self.tree.len()));
        };
        if expand.n > MOST_LINES {
            return Err(format!("{} lines at once, expected at most {MOST_LINES}", expand.n));
        }
        match expand.keep {
            Some(_) if node.is_question() => {
                return Err("it is a question, of which no token can be kept".into());
            }
            Some(keep) if keep as usize > node.step.tokens.len() => {
                let tokens = node.step.tokens.len();
                return Err(format!("{keep} tokens to keep, its step has {tokens}"));
            }
            Some(_) => {}
            None if node.open || (node.is_finished() && expand.append.is_some()) => {}
            None => return Err(format!("closed ({:?} at depth {})", node.finish, node.depth)),
        }
        let kind = expand.kind_in(&self.tree);
        if node.kind == NodeKind::Rollout && kind == NodeKind::Committed {
            return Err("a rollout cannot become part of an answer".into());
        }
        expand.until.check()?;
        expand.watch.check()?;
        expand.sampling.as_ref().map_or(Ok(()), crate::Sampling::check)?;
        expand.rule.as_ref().map_or(Ok(()), |rule| rule.check())?;
        if let ScoreBy::Named(name) = &expand.score
            && !self.settings.scorers.contains_key(name)
        {
            return Err(format!("no scorer has the name {name:?}; see Search::scorer_named"));
        }
        let Some(reader) = self.readers.role(expand.role.as_deref()) else {
            let role = expand.role.as_deref().unwrap_or_default();
            return Err(format!("no generator plays the role {role:?}; see Search::role"));
        };
        self.check_vocabulary_of(expand, reader)?;
        let judge = match &expand.score {
            ScoreBy::Named(name) => self.settings.scorers.get(name).map(|judge| (name, judge)),
            _ => None,
        };
        if let Some((name, judge)) = judge
            && let (Some(read), Some(written)) = (judge.vocabulary, self.readers.vocabulary(reader))
            && read != written
        {
            let who = expand.role.as_ref().map_or("the policy".into(), |role| format!("{role:?}"));
            return Err(format!(
                "the scorer {name:?} reads token ids of another vocabulary than that of {who}, whose lines it is to judge"
            ));
        }
        Ok(())
    }

    /// Token ids mean something in one vocabulary only.
    fn check_vocabulary_of(&self, expand: &Expand, reader: usize) -> Result<(), String> {
        let end = if expand.keep.is_some() { expand.node } else { expand.parent_in(&self.tree) };
        let node = &self.tree[end];
        if node.is_question() {
            return Ok(());
        }
        let writer = self.readers.role(node.role.as_deref());
        let written = writer.and_then(|writer| self.readers.vocabulary(writer));
        match (written, self.readers.vocabulary(reader)) {
            (Some(written), Some(read)) if written != read => {
                let who =
                    |role: Option<&str>| role.map_or("the policy".into(), |r| format!("{r:?}"));
                Err(format!(
                    "its path holds token ids of the vocabulary of {}, and {} has another one: pose a \
                     question that quotes its text (View::pose)",
                    who(node.role.as_deref()),
                    who(expand.role.as_deref()),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Requests for decisions, with `bounds[i]` for decision `i`.
    fn calls(&self, wanted: Vec<Expand>, bounds: &[Bound]) -> Vec<Call> {
        let mut siblings: IdMap<(NodeId, NodeKind), usize> = IdMap::default();
        let mut calls = Vec::with_capacity(wanted.len());
        let bounded = wanted.into_iter().zip(bounds).enumerate();
        for (origin, (expand, &bound)) in bounded.filter(|(_, (_, bound))| bound.lines > 0) {
            let Bound { lines: n, tokens: max_tokens, by: bounded_by } = bound;
            let (parent, kind) = (expand.parent_in(&self.tree), expand.kind_in(&self.tree));
            let node = &self.tree[parent];
            // Two decisions about one node in the same round go on counting.
            let lost = self.lost.get(&(parent, kind)).copied().unwrap_or(0);
            let begun = || node.below(kind).len() + lost;
            let next = siblings.entry((parent, kind)).or_insert_with(begun);
            let first = *next;
            *next += n;
            let seed =
                |number: usize| node.child_seed(kind, u32::try_from(number).unwrap_or(u32::MAX));
            let kept = expand.keep.map_or(0, |keep| keep as usize);
            let request = Request {
                prefix: self.tree.trajectory(parent, 0),
                given: self.tree[expand.node].step.tokens[..kept].to_vec(),
                append: expand.append.clone(),
                seeds: (first..first + n).map(seed).collect(),
                until: expand.until,
                sampling: expand.sampling.unwrap_or(self.settings.sampling),
                rule: Arc::clone(expand.rule.as_ref().unwrap_or(&self.settings.rule)),
                watch: expand.watch,
                max_tokens,
            };
            // Roles were looked at before.
            let reader = self.readers.role(expand.role.as_deref()).unwrap_or(0);
            calls.push(Call { expand, origin, parent, kind, request, reader, bounded_by });
        }
        calls
    }

    /// The budget is out: finish the best open path from the reserve if nothing has finished, drawn as it
    /// was so far; where nothing was written, as was wanted.
    fn wind_up(&mut self, limit: Limit, wanted: &[Expand]) {
        self.phase = Phase::Over(Stop::Budget(limit));
        if self.finished {
            return;
        }
        let open = |id: &NodeId| self.tree[*id].open && self.tree[*id].kind == NodeKind::Committed;
        let picked = self.pick().ok().flatten().filter(open);
        let Some(node) = picked.or_else(|| self.best_open()) else { return };
        let role = self.tree[node].role.as_deref().map(str::to_owned);
        let asked = || wanted.iter().find(|expand| expand.node == node)?.sampling;
        let written = !self.tree[node].is_question();
        let sampling = if written { self.drawn.get(&node).copied() } else { asked() };
        // The rank of a first token was for the line that it began.
        let sampling = sampling.map(|sampling| Sampling { first: None, ..sampling });
        let sampling = sampling.filter(|sampling| sampling.check().is_ok());
        let expand = Expand { sampling, role, ..Expand::end(node, 1) };
        let last = vec![expand];
        let (generated, reading) = (self.tree.generated(node), self.to_read(&last));
        let tokens = allot::reserve(&self.settings, &self.usage, generated, reading);
        if let Some(tokens) = tokens {
            self.expired = Some(limit);
            let calls = self.calls(last, &[Bound { lines: 1, tokens, by: None }]);
            self.await_lines(calls, true);
        }
    }

    /// The open end of a path with the highest last score; the root when nothing was written.
    fn best_open(&self) -> Option<NodeId> {
        let ends = self.tree.iter().filter(|(id, node)| {
            let bare = node.is_question() && *id != NodeId::ROOT;
            node.open && !bare && node.kind == NodeKind::Committed && node.children.is_empty()
        });
        self.tree.best_of(ends.map(|(id, _)| id), Aggregate::Last)
    }
}
