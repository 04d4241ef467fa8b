//! What decides: the [`SearchStrategy`] trait.
//!
//! A strategy looks at the leaves that were just generated and scored, and says which nodes to
//! continue, how often and how far. It calls no model, counts nothing and batches nothing: the
//! driver does that once, for every strategy. The first fresh leaf is the root, so most strategies
//! need no initial case. A decision that follows a story rather than the leaves is easier told as a
//! [`crate::Script`].

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::FittedTo;
use crate::seed::Rng;
use crate::{
    Aggregate, Budget, Cost, Limit, NodeId, NodeKind, Prompt, Sampling, Selection, StepRule, Tree,
    Until, Watch,
};

/// A decision: continue `node` with `n` lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expand {
    /// What is continued. It must be open; a finished node only together with `append` or `keep`.
    pub node: NodeId,
    /// How many lines.
    pub n: usize,
    /// How far each goes.
    pub until: Until,
    /// Candidates, rollouts that only look ahead, or asides. Lines that continue an aside are asides whatever is
    /// said here; a question about one ([`View::pose`]) is what it is posed as.
    pub kind: NodeKind,
    /// Only so many tokens of the node's own step are kept: the lines become its siblings, and begin
    /// with these tokens as given ones. It goes on within a step, or drops what ended it
    /// ([`crate::Step::kept`]); `append` stands behind them.
    pub keep: Option<u32>,
    /// Text put after the node before the model goes on.
    pub append: Option<String>,
    /// In place of the search's own sampling.
    pub sampling: Option<Sampling>,
    /// In place of the search's own step rule.
    pub rule: Option<Arc<StepRule>>,
    /// What is noted of each token, and when a line is broken off.
    pub watch: Watch,
    /// The generator of this name instead of the policy (see [`crate::Search::role`]).
    pub role: Option<String>,
    /// Who judges the lines.
    pub score: ScoreBy,
}

/// Who judges lines.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ScoreBy {
    /// The search's scorer judges candidates and rollouts; nobody judges asides.
    #[default]
    Kind,
    /// Nobody.
    Nobody,
    /// The scorer of this name (see [`crate::Search::scorer_named`]).
    Named(String),
}

impl Expand {
    /// Continues `node` by one step, `n` times.
    pub fn step(node: NodeId, n: usize) -> Self {
        Self {
            node,
            n,
            until: Until::Step,
            kind: NodeKind::Committed,
            keep: None,
            append: None,
            sampling: None,
            rule: None,
            watch: Watch::default(),
            role: None,
            score: ScoreBy::Kind,
        }
    }

    /// Continues `node` to the end, `n` times.
    pub fn end(node: NodeId, n: usize) -> Self {
        Self { until: Until::End, ..Self::step(node, n) }
    }

    /// What its lines will be: asides behind an aside, else what it asks for.
    pub fn kind_in(&self, tree: &Tree) -> NodeKind {
        match tree.get(self.node) {
            Some(node) if node.kind == NodeKind::Aside => NodeKind::Aside,
            _ => self.kind,
        }
    }

    /// The node that its lines hang from.
    pub(crate) fn parent_in(&self, tree: &Tree) -> NodeId {
        match self.keep {
            Some(_) => tree[self.node].parent.unwrap_or(self.node),
            None => self.node,
        }
    }
}

/// What a strategy needs of the search that it runs in: what is missing, or means nothing together, is
/// refused before anything is spent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requirements {
    /// Who needs the search's scorer, in a word; `None` when nobody does.
    pub scorer: Option<&'static str>,
    /// The votes and rankings that it may hold, which must fit the scorer's scale.
    pub selections: Vec<Selection>,
    /// Aggregates of which it takes odds, where scores are probabilities: they must be probabilities too.
    pub probabilities: Vec<Aggregate>,
    /// Roles that it asks for by name.
    pub roles: Vec<String>,
    /// Scorers that it asks for by name.
    pub scorers: Vec<String>,
    /// What is fitted to the scores of one scorer, by name.
    pub fitted: Vec<(&'static str, FittedTo)>,
    /// Over how many most probable tokens it reads the policy's confidence, the fewest where it does so in several
    /// ways; `None` where it does not.
    pub confidence: Option<u32>,
}

impl Requirements {
    /// The needs of a strategy that ranks or votes by the search's scorer.
    pub fn scorer(who: &'static str, selections: impl IntoIterator<Item = Selection>) -> Self {
        Self { scorer: Some(who), selections: selections.into_iter().collect(), ..Self::default() }
    }

    /// The needs of a strategy that only votes: a vote by scores needs a scorer.
    pub fn vote(who: &'static str, select: Selection) -> Self {
        let scorer = (select.rule != crate::Rule::Majority).then_some(who);
        Self { scorer, selections: vec![select], ..Self::default() }
    }

    /// With the needs of another one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.scorer = self.scorer.or(other.scorer);
        self.selections.extend(other.selections);
        self.probabilities.extend(other.probabilities);
        self.roles.extend(other.roles);
        self.scorers.extend(other.scorers);
        self.fitted.extend(other.fitted);
        self.confidence = self.confidence.into_iter().chain(other.confidence).min();
        self
    }
}

/// What a strategy sees.
#[derive(Debug)]
pub struct View<'a> {
    tree: &'a mut Tree,
    fresh: &'a [NodeId],
    origin: &'a [usize],
    usage: &'a Cost,
    budget: &'a Budget,
    rng: &'a mut Rng,
    rounds: u32,
    sampling: Sampling,
    rule: Arc<StepRule>,
    last: bool,
}

impl<'a> View<'a> {
    /// A view of `tree`; `origin[i]` tells which of the last decisions led to `fresh[i]`.
    pub fn new(
        tree: &'a mut Tree,
        fresh: &'a [NodeId],
        origin: &'a [usize],
        usage: &'a Cost,
        budget: &'a Budget,
        rng: &'a mut Rng,
    ) -> Self {
        let (rounds, sampling, rule, last) = (0, Sampling::default(), Arc::default(), false);
        Self { tree, fresh, origin, usage, budget, rng, rounds, sampling, rule, last }
    }

    /// The same view after so many rounds of generation.
    #[must_use]
    pub fn with_rounds(mut self, rounds: u32) -> Self {
        self.rounds = rounds;
        self
    }

    /// The same view of a search that samples like this.
    #[must_use]
    pub fn with_sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// The same view of a search whose steps end like this.
    #[must_use]
    pub fn with_rule(mut self, rule: Arc<StepRule>) -> Self {
        self.rule = rule;
        self
    }

    /// The same view as the last one, or not, see [`View::is_last`].
    #[must_use]
    pub fn with_last(mut self, last: bool) -> Self {
        self.last = last;
        self
    }

    /// The same view with other fresh leaves: what a strategy that wraps another passes on.
    pub fn with_fresh<'b>(&'b mut self, fresh: &'b [NodeId], origin: &'b [usize]) -> View<'b> {
        View {
            tree: self.tree,
            fresh,
            origin,
            usage: self.usage,
            budget: self.budget,
            rng: self.rng,
            rounds: self.rounds,
            sampling: self.sampling,
            rule: Arc::clone(&self.rule),
            last: self.last,
        }
    }

    /// Everything so far.
    pub fn tree(&self) -> &Tree {
        self.tree
    }

    /// The ends of the lines that were just made and scored, in the order they were asked for; at
    /// first the root alone. Lines that failed are left out; nothing is left when all lines of a round
    /// failed that the search can go on without, or when the budget has no room for what was asked.
    pub fn fresh(&self) -> &'a [NodeId] {
        self.fresh
    }

    /// `origin()[i]` is the place, among the decisions of the last call, of the one that led to
    /// `fresh()[i]`; at first, when nothing was decided, 0 for the root.
    pub fn origin(&self) -> &'a [usize] {
        self.origin
    }

    /// Whether nothing has been decided yet. A strategy that remembers something sets it back here, for it
    /// may have searched before.
    pub fn is_start(&self) -> bool {
        self.fresh == [NodeId::ROOT]
    }

    /// Whether the budget is out: whatever is asked now is not made, and no further view follows. A
    /// strategy that holds leaves back from one inside it shows them now.
    pub fn is_last(&self) -> bool {
        self.last
    }

    /// The fresh leaves that can be continued.
    pub fn open(&self) -> Vec<NodeId> {
        self.fresh.iter().copied().filter(|&id| self.tree[id].open).collect()
    }

    /// Whether the tree has this node; if not, the search ends in an error that names it.
    fn knows(&self, id: NodeId, what: &str) -> bool {
        let known = self.tree.get(id).is_some();
        if !known {
            let nodes = self.tree.len();
            self.tree
                .note_fault(format!("{what} of node {}: the tree has {nodes} nodes only", id.0));
        }
        known
    }

    /// The score of the path to `id`; minus infinity when nothing on it was judged.
    pub fn score(&self, id: NodeId, aggregate: Aggregate) -> f64 {
        let known = self.knows(id, "the score");
        known.then(|| self.tree.score(id, aggregate)).flatten().unwrap_or(f64::NEG_INFINITY)
    }

    /// `nodes` from best to worst; equals stay in order.
    pub fn ranked(&self, nodes: &[NodeId], aggregate: Aggregate) -> Vec<NodeId> {
        let mut scored: Vec<(NodeId, f64)> =
            nodes.iter().map(|&id| (id, self.score(id, aggregate))).collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        scored.into_iter().map(|(id, _)| id).collect()
    }

    /// Puts a better estimate in place of a node's score. Values that are not finite are ignored.
    pub fn set_value(&mut self, id: NodeId, value: f64) {
        if self.knows(id, "the value") && value.is_finite() {
            self.tree.set_value(id, value);
        }
    }

    /// Says that a line could not be read, a judgement without a verdict say: it is counted among
    /// [`crate::Outcome::unscored`], with the reason. The search goes on; what the line cost stays.
    pub fn refuse(&mut self, id: NodeId, why: impl Into<String>) {
        if self.knows(id, "the refusal") {
            self.tree.note_refused(id, why.into());
        }
    }

    /// Asks something about a node: a question of its own, which lines continue like the problem.
    /// Behind a question that is an aside all lines are asides (a critique, a query); behind a committed
    /// one they are candidates (a revision, an aggregation). Posing costs nothing; its lines draw
    /// numbers of their own, so that asking changes no other sample.
    ///
    /// The search ends in an error when there is no such node. A question without words, as a model may
    /// have written it, is for its writer to answer or to fail.
    pub fn pose(&mut self, about: NodeId, prompt: impl Into<Prompt>, kind: NodeKind) -> NodeId {
        let prompt: Prompt = prompt.into();
        if !self.knows(about, "a question") {
            return about;
        }
        if kind == NodeKind::Rollout {
            let problem = "is a rollout, expected a candidate's or an aside";
            self.tree.note_fault(format!("a question about node {} {problem}", about.0));
        }
        self.tree.pose(about, prompt, kind)
    }

    /// Says that the strategy ends for the sake of this limit: it would go on, and keeps within what is left.
    /// Where it asks for nothing now, the search ends as one whose budget was out ([`crate::Stop::Budget`]).
    pub fn end_for(&mut self, limit: Limit) {
        self.tree.note_limit(limit);
    }

    /// What this problem has cost so far.
    pub fn usage(&self) -> &Cost {
        self.usage
    }

    /// Rounds of generation so far.
    pub fn rounds(&self) -> u32 {
        self.rounds
    }

    /// How lines are drawn where a decision does not say.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Where steps end, and how long things may get, where a decision does not say.
    pub fn rule(&self) -> &Arc<StepRule> {
        &self.rule
    }

    /// What this problem may cost.
    pub fn budget(&self) -> &Budget {
        self.budget
    }

    /// The strategy's own random numbers, from the run's seed and the round.
    pub fn rng(&mut self) -> &mut Rng {
        self.rng
    }
}

/// Decides what to continue. See ADDING.md for one built from nothing.
pub trait SearchStrategy: Send {
    /// One decision, from leaves just made and scored (at first: the root). Empty means done. What is
    /// remembered from one decision to the next is set back where [`View::is_start`] holds: a strategy
    /// may search more than once.
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand>;

    /// The answer as of now, a candidate of the tree; callable at any moment, so that every run is a
    /// curve.
    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        tree.best(Aggregate::ByScale)
    }

    /// Looks at the settings before anything is spent.
    ///
    /// # Errors
    /// A sentence that names the field and what it should be.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// What it needs of the search; nothing by default.
    fn requires(&self) -> Requirements {
        Requirements::default()
    }

    /// The aggregate by which it chooses among independent samples, each a line of the problem from start
    /// to end; `None` of a search whose candidates depend on one another. What would come of fewer samples
    /// (pass@k and its like) can be told of those alone.
    fn samples(&self) -> Option<Aggregate> {
        None
    }

    /// Whether it goes on when all lines that it waits for fail: it is shown no leaf then, and asks again,
    /// shows a strategy inside what it holds back, or ends with what was written before. Else, and where
    /// nothing was, the search ends in the error of the last line, unless these were rollouts or asides, or
    /// something has finished.
    fn outlives_failure(&self) -> bool {
        false
    }
}

/// Writes the methods of a strategy that only ask another one, in the `impl` of a strategy around it. What is
/// not named keeps the default: to leave a method out is a decision, and is seen.
///
/// ```
/// use tts_core::{Expand, SearchStrategy, View, passes_on};
/// /// Ends a strategy after its first decision.
/// struct Once<S>(S);
/// impl<S: SearchStrategy> SearchStrategy for Once<S> {
///     fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
///         if view.is_start() { self.0.step(view) } else { Vec::new() }
///     }
///     passes_on!(self => self.0; pick, check, requires, samples, outlives_failure);
/// }
/// ```
#[macro_export]
macro_rules! passes_on {
    ($this:ident => $inner:expr; $($method:ident),+ $(,)?) => {
        $($crate::passes_on!(@$method $this, $inner);)+
    };
    (@pick $this:ident, $inner:expr) => {
        fn pick(&$this, tree: &$crate::Tree) -> Option<$crate::NodeId> {
            $crate::SearchStrategy::pick(&$inner, tree)
        }
    };
    (@check $this:ident, $inner:expr) => {
        fn check(&$this) -> Result<(), String> {
            $crate::SearchStrategy::check(&$inner)
        }
    };
    (@requires $this:ident, $inner:expr) => {
        fn requires(&$this) -> $crate::Requirements {
            $crate::SearchStrategy::requires(&$inner)
        }
    };
    (@samples $this:ident, $inner:expr) => {
        fn samples(&$this) -> Option<$crate::Aggregate> {
            $crate::SearchStrategy::samples(&$inner)
        }
    };
    (@outlives_failure $this:ident, $inner:expr) => {
        fn outlives_failure(&$this) -> bool {
            $crate::SearchStrategy::outlives_failure(&$inner)
        }
    };
}

macro_rules! forward {
    ($($owner:ty),*) => {$(
        impl<T: SearchStrategy + ?Sized> SearchStrategy for $owner {
            fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
                (**self).step(view)
            }
            passes_on!(self => **self; pick, check, requires, samples, outlives_failure);
        }
    )*};
}
forward!(&mut T, Box<T>);
