//! Where a script asks, and is answered.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use super::Ask;
use crate::seed::{self, Rng};
use crate::{
    Aggregate, Budget, Cost, Finish, Limit, NodeId, Prompt, Step, StepRule, Task, Tree, View,
};

/// A line that was asked for.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its last node.
    pub node: NodeId,
    /// Its nodes, first to last: one for each step.
    pub nodes: Vec<NodeId>,
    /// Its steps, first to last.
    pub steps: Vec<Arc<Step>>,
    /// Why it ended.
    pub finish: Finish,
    /// Whether it can be continued: cut or at rest, and within the limits of the step rule.
    pub open: bool,
    /// The score of the path, by the scale of the scorer that judged it; minus infinity when it was not judged.
    pub score: f64,
    task: Arc<dyn Task>,
}

impl Line {
    /// The line that ends at `node`: the nodes of its round that lead there.
    fn of(tree: &Tree, node: NodeId) -> Self {
        let round = tree[node].round;
        let above = std::iter::successors(Some(node), |&id| tree[id].parent);
        let own = above.take_while(|&id| tree[id].round == round && !tree[id].is_question());
        let mut nodes: Vec<NodeId> = own.collect();
        nodes.reverse();
        Self {
            node,
            steps: nodes.iter().map(|&id| Arc::clone(&tree[id].step)).collect(),
            nodes,
            finish: tree[node].finish,
            open: tree[node].open,
            score: tree.score(node, Aggregate::ByScale).unwrap_or(f64::NEG_INFINITY),
            task: Arc::clone(tree.task()),
        }
    }

    /// The line and what continues it, as one.
    #[must_use]
    pub fn and(mut self, rest: Self) -> Self {
        self.nodes.extend(rest.nodes);
        self.steps.extend(rest.steps);
        Self { nodes: self.nodes, steps: self.steps, ..rest }
    }

    /// The final answer in what was written, as the search's task finds it.
    pub fn answer(&self) -> Option<String> {
        self.task.answer(&self.text())
    }

    /// What was written, the given words included.
    pub fn text(&self) -> String {
        self.steps.iter().map(|step| step.text.as_str()).collect()
    }

    /// Tokens that were generated.
    pub fn generated(&self) -> u64 {
        self.steps.iter().map(|step| step.generated()).sum()
    }

    /// Whether the model said that it is done.
    pub fn is_finished(&self) -> bool {
        self.finish == Finish::Stop
    }

    /// Tokens of its last step without those that ended it: what [`Ask::keep`] takes to go on.
    pub fn kept(&self) -> u32 {
        self.steps.last().map_or(0, |step| step.kept())
    }
}

struct Exchange {
    problem: Arc<Prompt>,
    task: Arc<dyn Task>,
    asked: Vec<(u64, Ask)>,
    answers: HashMap<u64, Vec<Line>>,
    values: Vec<(NodeId, f64)>,
    refused: Vec<(NodeId, String)>,
    preferred: Option<NodeId>,
    next: u64,
    rng: Rng,
    usage: Cost,
    rounds: u32,
    budget: Budget,
    rule: Arc<StepRule>,
    ended: Option<Limit>,
}

/// Where a script asks for lines, waits for them, and says what it thinks.
#[derive(Clone)]
pub struct Desk(Arc<Mutex<Exchange>>);

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

/// The answer to an [`Ask`]: its lines in order, without those that failed.
#[derive(Debug)]
pub struct Reply {
    desk: Desk,
    ticket: u64,
}

impl Future for Reply {
    type Output = Vec<Line>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Vec<Line>> {
        match self.desk.lock().answers.remove(&self.ticket) {
            Some(lines) => Poll::Ready(lines),
            None => Poll::Pending,
        }
    }
}

impl Desk {
    pub(super) fn new(problem: Arc<Prompt>, task: Arc<dyn Task>) -> Self {
        Self(Arc::new(Mutex::new(Exchange {
            problem,
            task,
            asked: Vec::new(),
            answers: HashMap::new(),
            values: Vec::new(),
            refused: Vec::new(),
            preferred: None,
            next: 0,
            rng: seed::rng(0),
            usage: Cost::default(),
            rounds: 0,
            budget: Budget::default(),
            rule: Arc::default(),
            ended: None,
        })))
    }

    /// Nobody panics while holding it; what was said stays said.
    fn lock(&self) -> MutexGuard<'_, Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts fresh lines where they were asked for.
    pub(super) fn deliver(&self, view: &mut View<'_>, waiting: &[u64]) {
        let mut exchange = self.lock();
        // A draw of the view's: copies of a script draw numbers of their own.
        exchange.rng = seed::rng(view.rng().next_u64());
        exchange.usage = *view.usage();
        exchange.rounds = view.rounds();
        exchange.budget = *view.budget();
        exchange.rule = Arc::clone(view.rule());
        exchange.answers.extend(waiting.iter().map(|&ticket| (ticket, Vec::new())));
        if view.is_start() {
            return;
        }
        for (&node, &origin) in view.fresh().iter().zip(view.origin()) {
            let line = Line::of(view.tree(), node);
            if let Some(&ticket) = waiting.get(origin) {
                exchange.answers.entry(ticket).or_default().push(line);
            }
        }
    }

    /// Takes what was asked and said.
    pub(super) fn collect(
        &self,
        view: &mut View<'_>,
        chosen: &mut Option<NodeId>,
    ) -> Vec<(u64, Ask)> {
        let mut exchange = self.lock();
        for (node, value) in std::mem::take(&mut exchange.values) {
            view.set_value(node, value);
        }
        for (node, why) in std::mem::take(&mut exchange.refused) {
            view.refuse(node, why);
        }
        *chosen = exchange.preferred.or(*chosen);
        if let Some(limit) = exchange.ended {
            view.end_for(limit);
        }
        std::mem::take(&mut exchange.asked)
    }

    /// The problem.
    pub fn problem(&self) -> Prompt {
        (*self.lock().problem).clone()
    }

    /// What an answer is, and when two are the same.
    pub fn task(&self) -> Arc<dyn Task> {
        Arc::clone(&self.lock().task)
    }

    /// The words of the problem: its last question.
    pub fn question(&self) -> String {
        self.lock().problem.question().to_owned()
    }

    /// Asks; awaited, it gives the lines that were made.
    pub fn ask(&self, ask: Ask) -> Reply {
        let mut exchange = self.lock();
        let ticket = exchange.next;
        exchange.next += 1;
        if ask.lines() == 0 {
            // Nothing is to be waited for.
            exchange.answers.insert(ticket, Vec::new());
        } else {
            exchange.asked.push((ticket, ask));
        }
        Reply { desk: self.clone(), ticket }
    }

    /// The last of the lines that were asked for; `None` when all failed.
    pub async fn line(&self, ask: Ask) -> Option<Line> {
        self.ask(ask).await.pop()
    }

    /// Puts a better estimate in place of a node's score, as [`View::set_value`].
    pub fn value(&self, node: NodeId, value: f64) {
        self.lock().values.push((node, value));
    }

    /// Says that a line could not be read, as [`View::refuse`].
    pub fn refuse(&self, node: NodeId, why: impl Into<String>) {
        self.lock().refused.push((node, why.into()));
    }

    /// The answer as of now; what the script returns is the last one.
    pub fn prefer(&self, node: NodeId) {
        self.lock().preferred = Some(node);
    }

    /// A random number below `n`, 0 for `n` of 0.
    pub fn below(&self, n: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let number = (self.uniform() * n as f64) as usize;
        number.min(n.saturating_sub(1))
    }

    /// A random number in `[0, 1)`.
    pub fn uniform(&self) -> f64 {
        self.lock().rng.uniform()
    }

    /// Says that the script does less than it would for the sake of this limit, as [`View::end_for`]: what it
    /// still asks for is made, and then the search has ended by the budget.
    pub fn end_for(&self, limit: Limit) {
        self.lock().ended = Some(limit);
    }

    /// What the problem has cost by the round before.
    pub fn usage(&self) -> Cost {
        self.lock().usage
    }

    /// Rounds of generation by the round before.
    pub fn rounds(&self) -> u32 {
        self.lock().rounds
    }

    /// What the problem may cost.
    pub fn budget(&self) -> Budget {
        self.lock().budget
    }

    /// Where steps end, and how long things may get, where an [`Ask`] does not say.
    pub fn rule(&self) -> Arc<StepRule> {
        Arc::clone(&self.lock().rule)
    }
}
