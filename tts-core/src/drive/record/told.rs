//! What a record tells of a decision: what was continued, questions posed, values set, lines refused.
//!
//! Answers alone do not say whether a line was a candidate or looked ahead, who wrote it, or what it was
//! asked. A decision is written as what differs from one step of the policy, and as many lines as were
//! started.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Call, Expand, NodeId, NodeKind, Prompt, Tree, View};

/// A decision, as it was carried out.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Told {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    posed: Vec<Posed>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<(NodeId, f64)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<(NodeId, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    expand: Vec<Map<String, Value>>,
}

/// A question.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Posed {
    about: NodeId,
    kind: NodeKind,
    prompt: Arc<Prompt>,
}

impl Told {
    /// What the last decision about a tree was, which led to these calls.
    pub(super) fn of(tree: &Tree, calls: &[Call]) -> Self {
        let posed = tree.posed().iter().filter_map(|node| {
            let (about, prompt) = (node.parent?, node.prompt.clone()?);
            Some(Posed { about, kind: node.kind, prompt })
        });
        let expand = calls.iter().filter_map(|call| {
            // Budgets may have taken lines away.
            brief(&Expand { n: call.request.seeds.len(), ..call.expand.clone() })
        });
        Self {
            posed: posed.collect(),
            values: tree.valued(),
            refused: tree.refused().to_vec(),
            expand: expand.collect(),
        }
    }

    /// Whether nothing was done.
    pub(super) fn is_empty(&self) -> bool {
        let done = self.posed.len() + self.values.len() + self.refused.len() + self.expand.len();
        done == 0
    }

    /// What was continued.
    ///
    /// # Errors
    /// When it is no decision.
    pub(super) fn expands(&self) -> Result<Vec<Expand>, serde_json::Error> {
        self.expand.iter().map(full).collect()
    }

    /// Poses the questions, sets the values and refuses the lines once more.
    pub(super) fn apply(&self, view: &mut View<'_>) {
        for Posed { about, kind, prompt } in &self.posed {
            view.pose(*about, Prompt::clone(prompt), *kind);
        }
        for &(node, value) in &self.values {
            view.set_value(node, value);
        }
        for (node, why) in &self.refused {
            view.refuse(*node, why.clone());
        }
    }
}

/// What a decision differs in from one step of the policy.
fn brief(expand: &Expand) -> Option<Map<String, Value>> {
    let fields = |expand: &Expand| match serde_json::to_value(expand) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    };
    let usual = fields(&Expand::step(NodeId::ROOT, 0))?;
    let mut own = fields(expand)?;
    own.retain(|name, value| matches!(&**name, "node" | "n") || usual.get(name) != Some(value));
    Some(own)
}

fn full(brief: &Map<String, Value>) -> Result<Expand, serde_json::Error> {
    let mut all = serde_json::to_value(Expand::step(NodeId::ROOT, 0))?;
    if let Value::Object(fields) = &mut all {
        fields.extend(brief.clone());
    }
    serde_json::from_value(all)
}
