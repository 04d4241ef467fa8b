//! `OmegaPRM`: the first error of a rollout is found by halving, and every prefix probed is labelled.
//!
//! ```text
//! a wrong rollout, 8 steps   o - o - o - o - x - . - . - x
//! probe after step 4: some of k rollouts come right        go right
//! probe after step 6: none                                 go left
//! probe after step 5: none                                 step 5 is the first error
//! ```
//!
//! Labelling all prefixes of a solution of T steps takes k T rollouts; halving takes k log2 T. The
//! prefixes probed become states, and their wrong rollouts are searched next, those first that begin
//! well and are short: `Q = alpha^(1 - MC) beta^(tokens / length)` for the rollout plus
//! `U = c sqrt(sum N) / (1 + N)` for the state. Only states of which some rollouts are right and
//! some wrong give rollouts. A rollout that was searched is out: what is to be known of it is known.
//! A prefix that was a state before is not probed again. The search assumes that from where no
//! rollout comes right none will later; a policy that corrects itself breaks that.
//!
//! Source: Luo et al. 2024 (arXiv:2406.06592), section 3.2 and algorithm 1; defaults from section
//! 4.1. The paper measures length in tokens, as here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::{Expand, NodeId, NodeKind, Sampling, SearchStrategy, Tree, View};

use super::rollouts::{Estimate, Firsts, end, estimate, from, is_right};
use super::{Grade, LabelledSolution, LabelledStep};

/// How much is searched, and in which order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OmegaPrm {
    /// Rollouts of each state.
    pub rollouts: usize,
    /// Rollouts searched, at most.
    pub searches: usize,
    /// Below 1: prefers states that are likely right.
    pub alpha: f64,
    /// Below 1: prefers short rollouts.
    pub beta: f64,
    /// The length that `beta` is for, in tokens.
    pub length: f64,
    /// Weight of states that were searched rarely.
    pub exploration: f64,
    /// The role that writes rollouts; `None` for the search's own generator.
    pub completer: Option<String>,
    /// How rollouts are drawn; `None` for the search's own sampling.
    pub sampling: Option<Sampling>,
}

impl Default for OmegaPrm {
    fn default() -> Self {
        Self {
            rollouts: 8,
            searches: 100,
            alpha: 0.5,
            beta: 0.9,
            length: 500.0,
            exploration: 0.125,
            completer: None,
            sampling: None,
        }
    }
}

impl OmegaPrm {
    /// The strategy for a problem with this grade.
    pub fn search(&self, grade: Arc<dyn Grade>) -> OmegaPrmSearch {
        OmegaPrmSearch { config: self.clone(), grade, state: State::default() }
    }

    /// The labels in the tree that the strategy has left: every state once, on the longest path
    /// through it; steps between states have no value.
    pub fn labelled(tree: &Tree, grade: &dyn Grade) -> Vec<LabelledSolution> {
        let is_state = |id: NodeId| id != NodeId::ROOT && !from(tree, id).is_empty();
        let states: Vec<NodeId> =
            tree.iter().map(|(id, _)| id).filter(|&id| is_state(id)).collect();
        let inner: HashSet<NodeId> = states
            .iter()
            .flat_map(|&id| tree.path(id).into_iter().filter(move |&above| above != id))
            .collect();
        let start = estimate(tree, NodeId::ROOT, grade).share();
        let mut told = HashSet::new();
        let solution = |&last: &NodeId| {
            let step = |id: NodeId| {
                let of = if is_state(id) && told.insert(id) {
                    estimate(tree, id, grade)
                } else {
                    Estimate::default()
                };
                let step = &tree[id].step;
                let (text, tokens) = (step.text.clone(), step.tokens.clone());
                LabelledStep { text, tokens, value: of.share(), rollouts: of.rollouts }
            };
            let steps = tree.path(last).into_iter().map(step).collect();
            LabelledSolution { prompt: tree.prompt().as_ref().clone(), start, steps, solved: false }
        };
        states.iter().filter(|id| !inner.contains(id)).map(solution).collect()
    }
}

/// The strategy behind [`OmegaPrm`].
#[derive(Clone)]
pub struct OmegaPrmSearch {
    config: OmegaPrm,
    grade: Arc<dyn Grade>,
    state: State,
}

#[derive(Debug, Clone, Default)]
struct State {
    firsts: Firsts,
    /// Wrong rollouts that were not searched.
    pool: Vec<Wrong>,
    /// How often rollouts of a state were searched.
    visits: HashMap<NodeId, u32>,
    /// The sum of all visits.
    searches: usize,
    halving: Option<Halving>,
}

/// A wrong rollout of a state.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Wrong {
    state: NodeId,
    end: NodeId,
    /// `alpha^(1 - MC) beta^(tokens / length)`.
    quality: f64,
}

/// Where the search for the first error of a rollout stands.
#[derive(Debug, Clone, PartialEq)]
struct Halving {
    /// The nodes of the rollout.
    steps: Vec<NodeId>,
    /// So many steps are known to be good.
    good: usize,
    /// With so many an error is among them.
    bad: usize,
    /// The state that rollouts were asked for, which stands for `steps[middle - 1]`.
    probed: NodeId,
}

impl Halving {
    fn middle(&self) -> usize {
        usize::midpoint(self.good, self.bad)
    }
}

impl std::fmt::Debug for OmegaPrmSearch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OmegaPrmSearch").field("config", &self.config).finish_non_exhaustive()
    }
}

impl OmegaPrmSearch {
    /// Takes in the rollouts of a state.
    fn learn(&mut self, tree: &Tree, state: NodeId) -> Estimate {
        let grade = self.grade.as_ref();
        let found = estimate(tree, state, grade);
        if let Some(share) = found.share().filter(|&share| share > 0.0 && share < 1.0) {
            for &first in from(tree, state) {
                let end = end(tree, first);
                if !is_right(tree, end, grade) {
                    let tokens = (tree.tokens(end) - tree.tokens(state)) as f64;
                    let OmegaPrm { alpha, beta, length, .. } = self.config;
                    let quality = alpha.powf(1.0 - share) * beta.powf(tokens / length);
                    self.state.pool.push(Wrong { state, end, quality });
                }
            }
        }
        found
    }

    /// The rollout to search next: the best, the first of equals.
    fn select(&mut self) -> Option<Wrong> {
        if self.state.searches == self.config.searches {
            return None;
        }
        let State { visits, searches, .. } = &self.state;
        let reach = self.config.exploration * (*searches as f64).sqrt();
        let value = |wrong: &Wrong| {
            let visits = visits.get(&wrong.state).copied().unwrap_or_default();
            wrong.quality + reach / f64::from(1 + visits)
        };
        let mut best: Option<(usize, f64)> = None;
        for (place, wrong) in self.state.pool.iter().enumerate() {
            let value = value(wrong);
            if best.is_none_or(|(_, top)| value > top) {
                best = Some((place, value));
            }
        }
        let wrong = self.state.pool.remove(best?.0);
        *self.state.visits.entry(wrong.state).or_default() += 1;
        self.state.searches += 1;
        Some(wrong)
    }

    /// Halves until rollouts are needed; the node to take them from, or `None` when all is searched.
    fn next(&mut self, tree: &Tree) -> Option<NodeId> {
        loop {
            let mut halving = if let Some(halving) = self.state.halving.take() {
                halving
            } else {
                let Wrong { state, end, .. } = self.select()?;
                let above = tree.path(state).len();
                let mut steps = tree.path(end).split_off(above);
                // An end token alone is no step.
                while steps.last().is_some_and(|&id| tree[id].step.is_blank()) {
                    steps.pop();
                }
                let bad = steps.len();
                Halving { steps, good: 0, bad, probed: NodeId::ROOT }
            };
            while halving.bad - halving.good > 1 {
                let middle = halving.middle();
                let probed = self.state.firsts.of(tree, halving.steps[middle - 1]);
                if from(tree, probed).is_empty() {
                    if !tree[probed].open {
                        break;
                    }
                    halving.probed = probed;
                    self.state.halving = Some(halving);
                    return Some(probed);
                }
                halving.turn(estimate(tree, probed, self.grade.as_ref()));
            }
        }
    }

    fn expand(&self, node: NodeId) -> Expand {
        Expand {
            kind: NodeKind::Rollout,
            role: self.config.completer.clone(),
            sampling: self.config.sampling,
            ..Expand::end(node, self.config.rollouts)
        }
    }
}

impl Halving {
    /// Goes on in the half that the middle's estimate leaves.
    fn turn(&mut self, middle: Estimate) {
        if middle.solved > 0 {
            self.good = self.middle();
        } else {
            self.bad = self.middle();
        }
    }
}

impl SearchStrategy for OmegaPrmSearch {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let tree = view.tree();
        if view.fresh() == [NodeId::ROOT] {
            self.state = State::default();
            return vec![self.expand(NodeId::ROOT)];
        }
        let probed = self.state.halving.as_ref().map_or(NodeId::ROOT, |halving| halving.probed);
        let found = self.learn(tree, probed);
        if found.rollouts == 0 {
            // Every rollout failed: the state would be asked for again without end.
            self.state.halving = None;
        } else if let Some(halving) = &mut self.state.halving {
            halving.turn(found);
        }
        self.next(tree).map(|node| self.expand(node)).into_iter().collect()
    }

    fn check(&self) -> Result<(), String> {
        let OmegaPrm { rollouts, alpha, beta, length, exploration, .. } = self.config;
        if rollouts == 0 {
            return Err("OmegaPRM: rollouts is 0, expected at least 1".into());
        }
        let ranges = [
            ("alpha", alpha, f64::MIN_POSITIVE, 1.0),
            ("beta", beta, f64::MIN_POSITIVE, 1.0),
            ("length", length, f64::MIN_POSITIVE, f64::MAX),
            ("exploration", exploration, 0.0, f64::MAX),
        ];
        match ranges.iter().find(|(_, value, low, high)| !(low..=high).contains(&value)) {
            Some((field, value, low, high)) => {
                Err(format!("OmegaPRM: {field} is {value}, expected {low:e} to {high:e}"))
            }
            None => Ok(()),
        }
    }
}
