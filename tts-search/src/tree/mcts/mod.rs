//! Monte-Carlo tree search over steps: go down where values are high or little is known, expand, back up.
//!
//! ```text
//! select    question -- 3 visits, 0.6 --+-- 1 visit, 0.7
//!              |                        +-- 1 visit, 0.5   by the bound, from the root to a leaf
//!              +------- 1 visit, 0.4
//! expand    the leaf, by `branch` steps, each judged: by the scorer, or by rollouts to the end
//! back up   each value, through all nodes above
//! ```
//!
//! A simulation goes down from the question to a leaf. At each node it takes the child `c` with the
//! highest bound; `Q` is the child's value so far, `N` counts the values that were backed up through a
//! node, its own included, `P` is the child's prior, and `k` is [`Mcts::exploration`]:
//!
//! ```text
//! UCT    Q(c) + k sqrt(ln N(parent) / N(c))
//! PUCT   Q(c) + k P(c) sqrt(N(parent)) / (1 + N(c))
//! ```
//!
//! With [`Mcts::growth`] of `g`, `k` of PUCT is larger below nodes that were visited often, by
//! `ln((N(parent) + g + 1) / g)`: `AlphaZero`'s form, with `g` of 19,652. Below some thousand visits it is next to
//! nothing.
//!
//! The leaf gets `branch` children, and the value of every one of them is backed up: each is a state that was
//! paid for, so none is unvisited and no first value is made up. One expansion therefore is `branch` visits, where
//! the sources have one, and `k` weighs less than there after as many expansions. A solution that is reached again
//! counts once more, and costs nothing. What was cut by a limit is never visited, and its value is not
//! backed up: a cut path often has a high score and leads nowhere. A rollout that was cut counts as 0 of
//! probabilities. On other scales it counts as what was not judged does: as the least value seen in the whole
//! search, of single rollouts too, also where that is seen later. A leaf whose lines all failed is a leaf still, and
//! its simulation is had again; a round of nothing else is asked for three times more, and then ends the search.
//!
//! **Several leaves a round.** Simulations of one round cannot know of each other's values. Each leaves a
//! *virtual loss* on its way: a visit that brought 0, until its values are in; then no trace of it is
//! left. A leaf that is being expanded is not chosen twice. With [`Mcts::leaves`] of 1 the search is the
//! sequential one.
//!
//! **Scales.** The bounds add a value and a width, so values must lie between 0 and 1. Probabilities do,
//! and so do sums of their logarithms, whose exponentials are backed up; all others are moved there by the least
//! and the most single value seen so far. (`MuZero` moves them by the least and the most `Q`, which are means.)
//!
//! **The answer** is chosen among all finished paths, as a beam does, or is the path of the most visited children,
//! or of those of the highest value ([`Choice`]). Where nothing has finished, or the path that was
//! chosen has not, one more line writes it to its end. So there always is an answer, which a search of few
//! simulations would otherwise lack.
//!
//! Cost: `branch` lines of one step for each simulation, `leaves` simulations a round; with rollouts as
//! many whole solutions for each child that goes on, in a round of their own; one line at the end. A
//! descent looks at each child of the nodes on its way once, and allocates nothing.
//!
//! When: values that get better further down, and a budget for many rounds. At equal tokens it seldom beats
//! REBASE or a beam where the scorer of steps is good: much of what it writes is never finished.
//! Rollouts need no scorer of steps, one of solutions is enough, and cost far more. At low temperatures siblings
//! are often the same: [`Duplicates::Merge`].
//!
//! Source: Kocsis and Szepesvari 2006, "Bandit based Monte-Carlo Planning" (UCT; `k` is their `2 C_p`, with
//! `C_p = 1 / sqrt(2)`); Silver et al. 2017 (Nature 550), methods (PUCT, virtual loss); Schrittwieser et al.
//! 2020 (arXiv 1911.08265), appendix B (values moved between 0 and 1, 1.25 for `k`, and its growth); Hao et al. 2023 (arXiv
//! 2305.14992), for reasoning in steps. The prior is that of `OpenR`: siblings by the exponential of their
//! mean token log-probability.

mod places;
mod way;

use std::collections::HashSet;
use std::f64::consts::SQRT_2;

use places::{Place, Places, Status, Value};
use serde::{Deserialize, Serialize};
use tts_core::{
    Aggregate, Expand, NodeId, NodeKind, Requirements, Sampling, SearchStrategy, Selection, Tree,
    Unit, View,
};
use way::Way;

use super::beam::Duplicates;
use crate::sample::lines::{AGAIN, at_least_one};

/// How children are chosen on the way down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Bound {
    /// The upper confidence bound for trees.
    Uct,
    /// The bound with a prior.
    #[default]
    Puct,
}

/// What is thought of children before they are valued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Prior {
    /// The same of all.
    #[default]
    Uniform,
    /// In proportion to the exponential of the mean log-probability of their tokens; uniform where the
    /// generator does not say for all of them.
    Likelihood,
}

/// What the values below a node make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Backup {
    /// Their mean, its own value included.
    #[default]
    Mean,
    /// That of the best child, which is that of its best child in turn; its own value only while it has no
    /// children. Optimistic, for scorers without much noise.
    Max,
}

/// How the answer is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Choice {
    /// The path of the most visited children; of equals the one of the higher value. It may be a worse one
    /// than a solution that was found on the way.
    Visits,
    /// The path of the children of the highest value; of equals the more visited one.
    Value,
    /// Among all finished paths, wherever they were found.
    Select(Selection),
}

impl Default for Choice {
    /// The best of all finished paths by the scorer's scale, as of a beam.
    fn default() -> Self {
        Self::Select(Selection::best(Aggregate::ByScale))
    }
}

/// Monte-Carlo tree search.
///
/// ```
/// use tts_core::{Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::Mcts;
///
/// let world = ToyWorld { additions: 5, error: 0.5, ..ToyWorld::default() };
/// let oracle = Oracle::of(&world);
/// let outcome = Search::new(&world)
///     .scorer(&oracle)
///     .rule(StepRule::lines())
///     .run(Mcts { simulations: 24, branch: 4, ..Default::default() }, world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mcts {
    /// Descents in all.
    pub simulations: usize,
    /// Leaves that are expanded in one round; many at a time know little of each other.
    pub leaves: usize,
    /// Steps that a leaf is expanded by.
    pub branch: usize,
    /// How children are chosen on the way down.
    pub bound: Bound,
    /// What uncertainty is worth, against values from 0 to 1. `None` is what the bound's authors have: the
    /// square root of 2 for UCT, 1.25 for PUCT.
    pub exploration: Option<f64>,
    /// How many visits of a node it takes for uncertainty to be worth more below it, in PUCT: 19,652 is what
    /// `AlphaZero` has. `None` for worth the same everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<f64>,
    /// What is thought of children beforehand, in PUCT.
    pub prior: Prior,
    /// Rollouts to the end by which a child is valued; 0 for its own score.
    pub rollouts: usize,
    /// How rollouts are drawn, in place of the search's way.
    pub rollout_sampling: Option<Sampling>,
    /// What the values below a node make of it.
    pub backup: Backup,
    /// What becomes of siblings with the same text.
    pub duplicates: Duplicates,
    /// How the answer is chosen.
    pub choice: Choice,
    /// How the scores of a path become its value.
    pub aggregate: Aggregate,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where a [`Mcts`] stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    places: Places,
    /// Simulations so far.
    done: usize,
    /// Rounds of expansions since the last that brought a child.
    lost: u32,
    waiting: Waiting,
}

/// What the lines of the round are for.
#[derive(Debug, Clone, PartialEq, Default)]
enum Waiting {
    #[default]
    Nothing,
    /// Children of these leaves, in the order of the decisions.
    Children(Vec<usize>),
    /// Rollouts from the children of these leaves: from these places, in the order of the decisions.
    Rollouts { leaves: Vec<usize>, starts: Vec<usize> },
    /// The rest of the answer.
    End,
}

impl Default for Mcts {
    /// 32 simulations, 4 a round, of 4 steps each, by PUCT, from the scorer's values.
    fn default() -> Self {
        Self {
            simulations: 32,
            leaves: 4,
            branch: 4,
            bound: Bound::default(),
            exploration: None,
            growth: None,
            prior: Prior::default(),
            rollouts: 0,
            rollout_sampling: None,
            backup: Backup::default(),
            duplicates: Duplicates::default(),
            choice: Choice::default(),
            aggregate: Aggregate::ByScale,
            state: State::default(),
        }
    }
}

/// The exponential of the mean log-probability of a step's tokens.
fn likelihood(tree: &Tree, id: NodeId) -> Option<f64> {
    let logprobs = &tree[id].step.logprobs;
    let sum: f64 = logprobs.iter().copied().map(f64::from).sum();
    (!logprobs.is_empty()).then(|| (sum / logprobs.len() as f64).exp())
}

impl Mcts {
    /// For a budget of `n` lines a round, as of a beam: about the square root of `n` leaves, each expanded
    /// by as much, for eight rounds. One line a round is a single path to its end.
    pub fn of(n: usize) -> Self {
        let leaves = n.isqrt().max(1);
        let branch = (n / leaves).max(1);
        Self { simulations: leaves.saturating_mul(8), branch, leaves, ..Self::default() }
    }

    fn way(&self, tree: &Tree) -> Way {
        let scale = tree.scale();
        let adds = scale.resolve(self.aggregate) == Aggregate::Sum;
        Way {
            bound: self.bound,
            exploration: self.exploration.unwrap_or(match self.bound {
                Bound::Uct => SQRT_2,
                Bound::Puct => 1.25,
            }),
            growth: self.growth,
            backup: self.backup,
            normalise: adds || scale.unit != Unit::Probability,
        }
    }

    /// What each sibling has of the probability by its likelihood; `None` where all have the same.
    fn priors(&self, tree: &Tree, siblings: &[NodeId]) -> Option<Vec<f64>> {
        if self.prior == Prior::Uniform {
            return None;
        }
        let likelihoods = siblings.iter().map(|&id| likelihood(tree, id));
        let likelihoods = likelihoods.collect::<Option<Vec<f64>>>()?;
        let sum: f64 = likelihoods.iter().sum();
        (sum > 0.0).then(|| likelihoods.iter().map(|p| p / sum).collect())
    }

    /// Puts fresh children below the leaves that they were written for. What brought none is no simulation.
    fn expand(&mut self, view: &View<'_>, leaves: &[usize]) {
        let tree = view.tree();
        let mut fresh = view.fresh().iter().zip(view.origin()).peekable();
        let mut siblings = Vec::with_capacity(self.branch);
        self.state.lost = if view.fresh().is_empty() { self.state.lost + 1 } else { 0 };
        for (number, &leaf) in leaves.iter().enumerate() {
            siblings.clear();
            while let Some((&id, _)) = fresh.next_if(|&(_, &origin)| origin == number) {
                siblings.push(id);
            }
            if siblings.is_empty() {
                self.state.done -= 1;
            }
            if self.duplicates == Duplicates::Merge {
                let mut seen = HashSet::new();
                siblings.retain(|&id| seen.insert(tree[id].step.text.as_str()));
            }
            let priors = self.priors(tree, &siblings);
            let same = 1.0 / siblings.len() as f64;
            let status = |id: NodeId| match &tree[id] {
                node if node.is_finished() => Status::Finished,
                node if node.open => Status::Leaf,
                _ => Status::Dead,
            };
            let children = siblings.iter().enumerate().map(|(at, &id)| {
                (id, status(id), priors.as_ref().map_or(same, |priors| priors[at]))
            });
            self.state.places.expand(leaf, children);
        }
    }

    /// One or more rollouts from each child that goes on; none where values are scores.
    fn roll_out(&mut self, leaves: &[usize]) -> Vec<Expand> {
        let places = &self.state.places;
        let children = leaves.iter().flat_map(|&leaf| places.children(leaf));
        let open = |&place: &usize| self.rollouts > 0 && places.all[place].status == Status::Leaf;
        let starts: Vec<usize> = children.filter(open).collect();
        let rollout = |&place: &usize| Expand {
            kind: NodeKind::Rollout,
            sampling: self.rollout_sampling,
            ..Expand::end(places.all[place].node, self.rollouts)
        };
        let rollouts: Vec<Expand> = starts.iter().map(rollout).collect();
        if !rollouts.is_empty() {
            self.state.waiting = Waiting::Rollouts { leaves: leaves.to_vec(), starts };
        }
        rollouts
    }

    /// What the score of a node says, in the unit of the search; `None` of what was not judged. A sum of
    /// logarithms is minus infinity where a step is wrong, so its exponential is meant.
    fn value(&self, tree: &Tree, id: NodeId) -> Option<f64> {
        let score = tree.score(id, self.aggregate)?;
        let logs = tree.scale_of(id).resolve(self.aggregate) == Aggregate::SumLog;
        let value = if logs { score.exp() } else { score };
        value.is_finite().then_some(value)
    }

    /// What the rollouts of each start came to: the mean of those that were judged. One that was cut leads
    /// nowhere: it counts as 0 of probabilities, elsewhere as what was not judged.
    fn rolled(&mut self, view: &View<'_>, starts: &[usize]) -> Vec<Option<Value>> {
        let tree = view.tree();
        let probabilities = !self.way(tree).normalise;
        let mut sums = vec![(0.0, 0_u32, 0_u32); starts.len()];
        for (&end, &origin) in view.fresh().iter().zip(view.origin()) {
            let Some((sum, count, cut)) = sums.get_mut(origin) else { continue };
            if !tree[end].is_finished() {
                *cut += 1;
            } else if let Some(value) = self.value(tree, end) {
                (*sum, *count) = (*sum + value, *count + 1);
                if !probabilities {
                    self.state.places.see(value);
                }
            }
        }
        let mean = |(sum, count, cut): (f64, u32, u32)| {
            let all = f64::from(count + cut);
            let unjudged = if probabilities { 0.0 } else { f64::from(cut) / all };
            (all > 0.0).then(|| Value { judged: sum / all, unjudged })
        };
        sums.into_iter().map(mean).collect()
    }

    /// Backs up the values of the children of these leaves; `rolled` are those that rollouts gave, by
    /// place.
    fn back_up(&mut self, view: &View<'_>, leaves: &[usize], rolled: &[(usize, Value)]) {
        let mut rolled = rolled.iter().peekable();
        let mut values = Vec::with_capacity(self.branch);
        for &leaf in leaves {
            values.clear();
            for place in self.state.places.children(leaf) {
                let Place { node, status, .. } = self.state.places.all[place];
                let far = rolled.next_if(|(start, _)| *start == place).map(|&(_, value)| value);
                if status != Status::Dead {
                    let own = || Value::of(self.value(view.tree(), node));
                    values.push((place, far.unwrap_or_else(own)));
                }
            }
            self.state.places.end(leaf, &values, self.backup);
        }
    }

    /// Descends until a round of leaves is found, or simulations are used up.
    fn gather(&mut self, view: &View<'_>) -> Vec<Expand> {
        let way = self.way(view.tree());
        let State { places, done, .. } = &mut self.state;
        let mut leaves = Vec::with_capacity(self.leaves);
        while *done < self.simulations
            && leaves.len() < self.leaves
            && let Some(place) = places.descend(way)
        {
            *done += 1;
            if places.all[place].status == Status::Finished {
                places.visit_again(place);
            } else {
                places.begin(place);
                leaves.push(place);
            }
        }
        let expand = |&leaf: &usize| Expand::step(places.all[leaf].node, self.branch);
        let decisions = leaves.iter().map(expand).collect();
        self.state.waiting = Waiting::Children(leaves);
        decisions
    }

    /// The end of the path that was chosen.
    fn chosen(&self) -> Option<NodeId> {
        let (backup, least) = (self.backup, self.state.places.least());
        let by_value = self.choice == Choice::Value;
        let better = |one: &Place, other: &Place| {
            let visits = one.visits.cmp(&other.visits);
            let value = one.value(backup, least).total_cmp(&other.value(backup, least));
            if by_value { value.then(visits).is_gt() } else { visits.then(value).is_gt() }
        };
        let end = self.state.places.follow(better)?;
        Some(self.state.places.all[end].node)
    }

    /// The rest of the answer, where it is not finished.
    fn end(&mut self, tree: &Tree) -> Vec<Expand> {
        let enough = matches!(self.choice, Choice::Select(_)) && tree.finished().next().is_some();
        let open = self.chosen().filter(|&end| tree[end].open && !enough);
        self.rest(open)
    }

    /// The rest of these paths.
    fn rest(&mut self, open: impl IntoIterator<Item = NodeId>) -> Vec<Expand> {
        self.state.waiting = Waiting::End;
        open.into_iter().map(|end| Expand::end(end, 1)).collect()
    }
}

impl SearchStrategy for Mcts {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = State { places: Places::new(), ..State::default() };
        }
        match std::mem::take(&mut self.state.waiting) {
            Waiting::Nothing => {}
            Waiting::Children(leaves) => {
                self.expand(view, &leaves);
                let rollouts = self.roll_out(&leaves);
                if !rollouts.is_empty() {
                    return rollouts;
                }
                self.back_up(view, &leaves, &[]);
                if self.state.lost > AGAIN {
                    return self.end(view.tree());
                }
            }
            Waiting::Rollouts { leaves, starts } => {
                let values = self.rolled(view, &starts);
                let rolled = starts.into_iter().zip(values);
                let rolled: Vec<(usize, Value)> =
                    rolled.filter_map(|(place, value)| Some((place, value?))).collect();
                self.back_up(view, &leaves, &rolled);
            }
            // A hard budget may have cut it short.
            Waiting::End => return self.rest(view.open()),
        }
        let decisions = self.gather(view);
        if decisions.is_empty() { self.end(view.tree()) } else { decisions }
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        if let Choice::Select(select) = self.choice {
            return select.pick(tree);
        }
        let followed = self.chosen().and_then(|end| tree.led_to(end, self.aggregate));
        followed.or_else(|| tree.best(self.aggregate))
    }

    /// A leaf whose lines failed is expanded again, so often.
    fn outlives_failure(&self) -> bool {
        matches!(self.state.waiting, Waiting::Children(_)) && self.state.lost < AGAIN
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("mcts", "simulations", self.simulations)?;
        at_least_one("mcts", "leaves", self.leaves)?;
        at_least_one("mcts", "branch", self.branch)?;
        if let Some(found) = self.exploration.filter(|k| !(k.is_finite() && *k >= 0.0)) {
            return Err(format!("mcts: exploration is {found}, expected a number of at least 0"));
        }
        if let Some(found) = self.growth.filter(|growth| !(growth.is_finite() && *growth > 0.0)) {
            return Err(format!("mcts: growth is {found}, expected a number of visits above 0"));
        }
        if self.growth.is_some() && self.bound == Bound::Uct {
            return Err("mcts: growth is set, and bound is uct, which grows by itself".into());
        }
        if self.prior == Prior::Likelihood && self.bound == Bound::Uct {
            return Err("mcts: prior is likelihood, and bound is uct, which knows no prior".into());
        }
        match self.rollout_sampling {
            Some(_) if self.rollouts == 0 => {
                Err("mcts: rollout_sampling is set, and rollouts is 0".into())
            }
            Some(sampling) if self.rollouts > 1 && sampling.is_greedy() => Err(format!(
                "mcts: rollouts is {}, expected 1, for rollout_sampling is greedy: all would be the same",
                self.rollouts
            )),
            Some(sampling) => sampling.check().map_err(|problem| format!("mcts: {problem}")),
            None => Ok(()),
        }
    }

    fn requires(&self) -> Requirements {
        let select = match self.choice {
            Choice::Select(select) => Some(select),
            Choice::Visits | Choice::Value => None,
        };
        let selections = [Selection::best(self.aggregate)].into_iter().chain(select);
        Requirements::scorer("mcts", selections)
    }
}
