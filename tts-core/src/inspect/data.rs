//! A search as JSON for the page: short names, and only what is there.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rounds::{Round, rounds};
use super::votes::Votes;
use super::{Case, Fate, fates};
use crate::{Aggregate, Cost, Message, Node, NodeId, NodeKind, Prompt, Scale, Tree, Unit, Verdict};

/// Lines, generated tokens, judged tokens, operations and calls.
type Sum = (u64, u64, u64, f64, u64);

/// A search.
#[derive(Debug, Serialize)]
pub(super) struct Data<'a> {
    name: &'a str,
    ended: bool,
    stop: String,
    best: Option<NodeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gold: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<bool>,
    scale: ScaleData,
    scales: BTreeMap<&'a str, ScaleData>,
    cost: Sum,
    roles: Vec<(String, Sum)>,
    failed: Vec<(NodeId, u32, &'a str, &'a str)>,
    unscored: Vec<(NodeId, u32, &'a str)>,
    settings: Vec<(&'static str, String)>,
    votes: Votes,
    rounds: Vec<Round>,
    nodes: Vec<NodeData<'a>>,
}

/// What scores are, and from where to where they go in this tree.
#[derive(Debug, Serialize)]
struct ScaleData {
    words: String,
    aggregate: String,
    low: f64,
    high: f64,
}

/// A node.
#[derive(Debug, Default, Serialize)]
struct NodeData<'a> {
    /// Parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<NodeId>,
    /// Kind, where it is no candidate.
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<&'static str>,
    /// Messages of a question.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    q: Vec<(&'static str, &'a str)>,
    /// Text.
    t: &'a str,
    /// Round.
    d: u32,
    /// Score, value, and the score of the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    v: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<f64>,
    /// Judge.
    #[serde(skip_serializing_if = "Option::is_none")]
    j: Option<&'a str>,
    /// Role of who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    w: Option<&'a str>,
    /// Fate, in a word and in a sentence; the round that passed it over.
    f: &'static str,
    y: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    z: Option<u32>,
    /// Given tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    g: Option<u32>,
    c: Sum,
    /// Log-probabilities and ids of the generated tokens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    l: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    i: Option<&'a [u32]>,
    /// The answer of a candidate, and whether it is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ok: Option<bool>,
}

impl<'a> Data<'a> {
    pub(super) fn of(case: &'a Case) -> Self {
        let outcome = &case.outcome;
        let tree = &outcome.tree;
        let fates = fates(tree, &case.decisions);
        let named: BTreeMap<&str, Scale> = tree
            .iter()
            .filter_map(|(id, node)| Some((node.scorer.as_deref()?, tree.scale_of(id))))
            .collect();
        let scales = named.into_iter().map(|(name, scale)| (name, ends(tree, Some(name), scale)));
        let failed = outcome.failed.iter().map(|failed| {
            let role = failed.role.as_deref().unwrap_or_default();
            (failed.parent, failed.round, role, &*failed.error.0)
        });
        let unscored = outcome.unscored.iter().map(|it| (it.node, it.round, &*it.why));
        let roles = outcome.cost_by_role().into_iter().map(|(role, cost)| (role, sum(&cost)));
        Self {
            name: &case.name,
            ended: case.stop.is_some(),
            stop: case.end(),
            best: outcome.best,
            answer: outcome.answer(),
            gold: case.gold.as_deref(),
            right: case.right(),
            scale: ends(tree, None, tree.scale()),
            scales: scales.collect(),
            cost: sum(&outcome.usage.logical),
            roles: roles.collect(),
            failed: failed.collect(),
            unscored: unscored.collect(),
            settings: settings(case),
            votes: Votes::of(case),
            rounds: rounds(case, &fates),
            nodes: tree
                .iter()
                .zip(&fates)
                .map(|((id, node), fate)| shown(case, id, node, fate))
                .collect(),
        }
    }
}

fn shown<'a>(case: &'a Case, id: NodeId, node: &'a Node, fate: &Fate) -> NodeData<'a> {
    let tree = &case.outcome.tree;
    let end = matches!(fate, Fate::Finished) || case.outcome.best == Some(id);
    let gold = case.gold.as_deref().filter(|_| *fate == Fate::Finished);
    NodeData {
        p: node.parent,
        k: match node.kind {
            NodeKind::Committed => None,
            NodeKind::Rollout => Some("r"),
            NodeKind::Aside => Some("a"),
        },
        q: node.prompt.as_deref().map_or_else(Vec::new, messages),
        t: &node.step.text,
        d: node.round,
        s: node.score,
        v: node.value,
        a: tree.score(id, Aggregate::ByScale),
        j: node.scorer.as_deref(),
        w: node.role.as_deref(),
        f: fate.word(),
        y: describe(node, fate),
        z: if let Fate::Pruned(passed) = fate { Some(passed.round) } else { None },
        g: (node.step.given > 0).then_some(node.step.given),
        c: sum(&node.cost),
        l: node
            .step
            .logprobs
            .iter()
            .map(|&logprob| (f64::from(logprob) * 1e3).round() / 1e3)
            .collect(),
        i: (!node.step.logprobs.is_empty())
            .then(|| node.step.tokens.get(node.step.given as usize..).unwrap_or_default()),
        x: end.then(|| tree.answer(id)).flatten(),
        ok: gold.map(|gold| tree.verdict(id, gold) == Verdict::Right),
    }
}

/// A fate in a sentence.
fn describe(node: &Node, fate: &Fate) -> String {
    match (fate, node.kind, node.is_question()) {
        (Fate::Beside, _, true) => String::new(),
        (Fate::Beside, NodeKind::Rollout, _) => {
            "written to look ahead, never part of an answer".into()
        }
        (Fate::Beside, NodeKind::Aside, _) => {
            "said beside the search, never part of an answer".into()
        }
        _ => fate.to_string(),
    }
}

fn messages(prompt: &Prompt) -> Vec<(&'static str, &str)> {
    match prompt {
        Prompt::Text(text) => vec![("user", text)],
        Prompt::Chat(messages) => {
            let pair = |message: &'_ Message| message.role.as_str();
            messages.iter().map(|message| (pair(message), &*message.content)).collect()
        }
    }
}

fn sum(cost: &Cost) -> Sum {
    (cost.samples, cost.generated_tokens, cost.scored_tokens, cost.flops, cost.calls)
}

/// A scale with its ends: those of a probability are known, others go as far as this tree has scores.
fn ends(tree: &Tree, scorer: Option<&str>, scale: Scale) -> ScaleData {
    let scores = tree.iter().filter(|(_, node)| node.scorer.as_deref() == scorer);
    let scores = scores.flat_map(|(_, node)| [node.score, node.value]).flatten();
    let [low, high] = match scale.unit {
        Unit::Probability => [0.0, 1.0],
        _ => scores.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], score| {
            [low.min(score), high.max(score)]
        }),
    };
    let [low, high] = if low <= high { [low, high] } else { [0.0, 0.0] };
    let words = scale.to_string();
    let aggregate = words.rsplit(' ').next().unwrap_or_default().to_owned();
    ScaleData { words, aggregate, low, high }
}

fn settings(case: &Case) -> Vec<(&'static str, String)> {
    let tree = &case.outcome.tree;
    let mut all =
        vec![("task", tree.task().name().to_owned()), ("scores", tree.scale().to_string())];
    let Some(settings) = &case.settings else { return all };
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let identity = |identity: &Option<String>| identity.clone().unwrap_or_else(|| "unnamed".into());
    all.push(("seed", settings.seed.to_string()));
    all.push(("generator", identity(&settings.policy.identity)));
    if let Some(judge) = &settings.scorer {
        all.push(("scorer", identity(&judge.identity)));
    }
    all.push(("sampling", json(serde_json::to_string(&settings.sampling))));
    all.push(("steps", json(serde_json::to_string(&settings.rule))));
    all.push(("budget", json(serde_json::to_string(&settings.budget))));
    all
}
