//! What became of every path: continued, finished, cut, or passed over, when, and beside which others.
//!
//! A strategy does not say why it passes a path over. What can be said are the facts it decided on: the
//! round, the other ends of that round with their scores, how many of them were continued, and whether one
//! of these has the same text.

use std::collections::BTreeMap;

use crate::fast::IdMap;
use crate::{Aggregate, Decided, Finish, NodeId, NodeKind, Tree};

/// What became of a node.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fate {
    /// It is a question, or was written beside the candidates: a rollout, an aside.
    Beside,
    /// Something continues it.
    Continued,
    /// The end of a finished solution.
    Finished,
    /// It was cut, and could not be continued.
    Cut(Finish),
    /// It could be continued, and the search went on without it.
    Pruned(Passed),
    /// It could be continued when the search ended.
    Left,
}

/// A decision that passed a path over.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Passed {
    /// The round of generation that the decision led to.
    pub round: u32,
    /// The place of its path among the ends of its own round, by the scale's aggregate, from 1.
    pub rank: usize,
    /// How many ends that round had.
    pub ends: usize,
    /// How many of them were continued.
    pub continued: usize,
    /// The lowest and the highest score of these.
    pub scores: Option<[f64; 2]>,
    /// Its own.
    pub score: Option<f64>,
    /// One of these with the same text.
    pub same: Option<NodeId>,
}

/// What became of every node, in order; `decisions` where a record tells them ([`crate::Retold`]), else
/// what stands in the tree.
///
/// ```
/// use tts_core::inspect::{Fate, fates};
/// use tts_core::{Finish, NodeId, Prompt, Tree};
/// let mut tree = Tree::new(Prompt::from("1 + 1?"), 7);
/// let good = tree.grow(NodeId::ROOT, "1 + 1 ", Finish::Step, Some(0.9));
/// tree.grow(NodeId::ROOT, "Let me see. ", Finish::Step, Some(0.2));
/// tree.grow(good, "= 2.", Finish::Stop, Some(0.9));
/// let fates = fates(&tree, &[]);
/// assert_eq!((&fates[1], &fates[3]), (&Fate::Continued, &Fate::Finished));
/// let Fate::Pruned(passed) = &fates[2] else { panic!("continued") };
/// assert_eq!((passed.round, passed.rank, passed.continued), (2, 2, 1));
/// ```
pub fn fates(tree: &Tree, decisions: &[Decided]) -> Vec<Fate> {
    let continued = continued(tree, decisions);
    let mut ends: BTreeMap<u32, Vec<NodeId>> = BTreeMap::new();
    let mut rounds: Vec<u32> = Vec::new();
    for (id, node) in tree.iter().filter(|(_, node)| is_candidate(node)) {
        rounds.push(node.round);
        if !node.children.iter().any(|&child| tree[child].round == node.round) {
            ends.entry(node.round).or_default().push(id);
        }
    }
    rounds.sort_unstable();
    rounds.dedup();
    let mut fates: Vec<Fate> = tree
        .iter()
        .map(|(id, node)| match node.finish {
            _ if !is_candidate(node) => Fate::Beside,
            _ if !node.children.is_empty() => Fate::Continued,
            Finish::Stop => Fate::Finished,
            _ if continued.contains_key(&id) => Fate::Continued,
            finish if !node.open => Fate::Cut(finish),
            _ => Fate::Left,
        })
        .collect();
    for (&round, ends) in &ends {
        let later = rounds.iter().copied().find(|&later| later > round);
        pass(tree, ends, &continued, later, &mut fates);
    }
    fates
}

fn is_candidate(node: &crate::Node) -> bool {
    node.kind == NodeKind::Committed && !node.is_question()
}

/// The nodes that candidates continue, each with the first round in which they did.
fn continued(tree: &Tree, decisions: &[Decided]) -> IdMap<NodeId, u32> {
    let mut found: IdMap<NodeId, u32> = IdMap::default();
    for (_, node) in tree.iter().filter(|(_, node)| is_candidate(node)) {
        if let Some(parent) = node.parent.filter(|&parent| tree[parent].round < node.round) {
            found.entry(parent).or_insert(node.round);
            // What answers a question continues what is asked about.
            if let (true, Some(about)) = (tree[parent].is_question(), tree[parent].parent) {
                found.entry(about).or_insert(node.round);
            }
        }
    }
    // Of what is kept within a step, the tree alone does not say where it came from.
    for decided in decisions {
        let kept = decided.expands.iter().filter(|expand| expand.keep.is_some());
        for expand in kept.filter(|expand| expand.kind == NodeKind::Committed) {
            found.entry(expand.node).or_insert(decided.round);
        }
    }
    found
}

/// Marks the open ends of a round that the next decision passed over.
fn pass(
    tree: &Tree,
    ends: &[NodeId],
    continued: &IdMap<NodeId, u32>,
    later: Option<u32>,
    fates: &mut [Fate],
) {
    let on: Vec<NodeId> = ends.iter().copied().filter(|id| continued.contains_key(id)).collect();
    let next = on.iter().filter_map(|id| continued.get(id).copied()).min();
    let Some(round) = next.or(later) else { return };
    let score = |id: NodeId| tree.score(id, Aggregate::ByScale);
    let scores =
        on.iter().filter_map(|&id| score(id)).fold(None, |ends: Option<[f64; 2]>, score| {
            let [low, high] = ends.unwrap_or([score; 2]);
            Some([low.min(score), high.max(score)])
        });
    let mut ranked: Vec<f64> =
        ends.iter().map(|&id| score(id).unwrap_or(f64::NEG_INFINITY)).collect();
    ranked.sort_by(|a, b| b.total_cmp(a));
    let texts: BTreeMap<String, NodeId> = on.iter().rev().map(|&id| (tree.text(id), id)).collect();
    for &id in ends {
        if fates[id.index()] != Fate::Left {
            continue;
        }
        let own = score(id);
        let worth = own.unwrap_or(f64::NEG_INFINITY);
        fates[id.index()] = Fate::Pruned(Passed {
            round,
            rank: 1 + ranked.partition_point(|&other| other > worth),
            ends: ends.len(),
            continued: on.len(),
            scores,
            score: own,
            same: texts.get(&tree.text(id)).copied(),
        });
    }
}

impl Fate {
    /// A word for it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Beside => "beside",
            Self::Continued => "continued",
            Self::Finished => "finished",
            Self::Cut(_) => "cut",
            Self::Pruned(_) => "pruned",
            Self::Left => "left",
        }
    }
}

impl std::fmt::Display for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Beside => f.write_str("not a candidate"),
            Self::Continued => f.write_str("continued"),
            Self::Finished => f.write_str("a finished solution"),
            Self::Cut(Finish::Length) => f.write_str("cut at a limit of length"),
            Self::Cut(Finish::Context) => f.write_str("cut: the model's context was full"),
            Self::Cut(Finish::Cancelled) => f.write_str("called off before its end"),
            Self::Cut(Finish::Halted) => f.write_str("broken off: confidence fell too low"),
            Self::Cut(_) => {
                f.write_str("at the most steps or tokens of a solution, and not finished")
            }
            Self::Left => f.write_str("could be continued when the search ended"),
            Self::Pruned(passed) => passed.fmt(f),
        }
    }
}

impl std::fmt::Display for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { round, rank, ends, continued, scores, score, same } = self;
        write!(f, "not continued in round {round}: ")?;
        match score {
            Some(score) => write!(f, "place {rank} of {ends} by score, with {score:.4}; ")?,
            None => write!(f, "one of {ends}, without a score; ")?,
        }
        let were = if *continued == 1 { "was" } else { "were" };
        match (continued, scores) {
            (0, _) => f.write_str("none of these was, the search went on elsewhere")?,
            (_, Some([low, high])) => write!(f, "{continued} {were}, from {low:.4} to {high:.4}")?,
            (_, None) => write!(f, "{continued} {were}")?,
        }
        match (same, score, scores) {
            (Some(same), ..) => write!(f, ". Node {}, which was, has the same text", same.0),
            (None, Some(score), Some([low, _])) if score >= low => f.write_str(
                ". Its score alone does not tell why: strategies also go by subtree and number",
            ),
            _ => Ok(()),
        }
    }
}
