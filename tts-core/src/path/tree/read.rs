//! Trees as JSON, and the check that what was read is one.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::along::Along;
use super::news::News;
use super::{Node, NodeId, Tree};
use crate::path::NodeKind;
use crate::{Scale, task};

#[derive(Serialize)]
struct Written<'a> {
    task: &'a str,
    scale: Scale,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    scales: &'a BTreeMap<Arc<str>, Scale>,
    nodes: &'a [Node],
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { scale, scales, nodes, .. } = self;
        Written { task: self.task.name(), scale: *scale, scales, nodes }.serialize(serializer)
    }
}

/// A tree as read, before its links are known to hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    task: String,
    scale: Scale,
    #[serde(default)]
    scales: BTreeMap<Arc<str>, Scale>,
    nodes: Vec<Node>,
}

/// A tree of a task that is not one of this library's keeps its name; its answers are known once it is
/// given that task again ([`Tree::with_task`]).
impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Unchecked { task, scale, scales, nodes } = Unchecked::deserialize(deserializer)?;
        check(&nodes).map_err(D::Error::custom)?;
        let task = task::by_name(&task).unwrap_or_else(|_| Arc::new(task::Foreign(task)));
        let mut along: Vec<Along> = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            let id = NodeId(u32::try_from(index).unwrap_or(u32::MAX));
            along.push(Along::of(node, id, &nodes[..index], &along));
            if let Some(parent) = node.parent.filter(|_| node.is_question()) {
                let aside = usize::from(node.kind == NodeKind::Aside);
                along[parent.index()].asked[aside] += 1;
            }
        }
        let (fault, news) = (OnceLock::new(), News::default());
        Ok(Self { nodes, along, scale, scales, task, fault, ended: None, news })
    }
}

/// Whether all links hold, both ways.
fn check(nodes: &[Node]) -> Result<(), String> {
    let root = nodes.first();
    if root.is_none_or(|root| root.parent.is_some() || !root.is_question()) {
        return Err(
            "tree: the first node must be a root, without a parent and with a prompt".into()
        );
    }
    for (index, node) in nodes.iter().enumerate() {
        let questions = node.questions.iter().map(|child| (child, None));
        let kinds = [NodeKind::Committed, NodeKind::Rollout, NodeKind::Aside];
        let steps = kinds
            .into_iter()
            .flat_map(|kind| node.below(kind).iter().map(move |child| (child, Some(kind))));
        let mut last = [None; 4];
        for (child, kind) in steps.chain(questions) {
            let sound = child.index() > index
                && nodes.get(child.index()).is_some_and(|c| {
                    let fits =
                        kind.map_or(c.is_question(), |kind| c.kind == kind && !c.is_question());
                    c.parent.is_some_and(|parent| parent.index() == index) && fits
                });
            // In the order in which they were made, so that none is listed twice.
            let place = kind.map_or(3, |kind| kind as usize);
            let later = last[place].replace(*child).is_none_or(|before| before < *child);
            if !(sound && later) {
                return Err(format!("tree: node {index}: no such child {}", child.0));
            }
        }
        if !parent_fits(nodes, index, node) {
            return Err(format!("tree: node {index}: parent or depth does not fit"));
        }
    }
    Ok(())
}

fn parent_fits(nodes: &[Node], index: usize, node: &Node) -> bool {
    let Some(parent) = node.parent else { return index == 0 };
    if parent.index() >= index {
        return false;
    }
    let above = &nodes[parent.index()];
    let id = NodeId(u32::try_from(index).unwrap_or(u32::MAX));
    let siblings = if node.is_question() { &above.questions } else { above.below(node.kind) };
    let depth = if node.is_question() { 0 } else { above.depth + 1 };
    node.depth == depth && siblings.binary_search(&id).is_ok()
}
