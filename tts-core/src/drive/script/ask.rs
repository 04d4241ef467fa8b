//! What a script asks for.

use std::sync::Arc;

use crate::{Expand, NodeId, NodeKind, Prompt, Sampling, ScoreBy, StepRule, Until, View, Watch};

/// Lines that are wanted: behind a node, or as answers to a question of their own. One line to its end
/// unless said.
///
/// ```
/// use tts_core::{Ask, NodeId};
/// let critiques = Ask::of("Is 2 + 2 = 5?").about(NodeId(1)).aside().times(3).by("critic");
/// # let _ = critiques;
/// ```
#[derive(Debug, Clone)]
pub struct Ask {
    at: At,
    /// All but the node.
    expand: Expand,
}

#[derive(Debug, Clone)]
enum At {
    Node(NodeId),
    Question { about: NodeId, prompt: Prompt, kind: NodeKind },
}

impl Ask {
    fn at(at: At) -> Self {
        Self { at, expand: Expand::end(NodeId::ROOT, 1) }
    }

    /// Solutions of the problem itself.
    pub fn problem() -> Self {
        Self::behind(NodeId::ROOT)
    }

    /// Lines that continue a node.
    pub fn behind(node: NodeId) -> Self {
        Self::at(At::Node(node))
    }

    /// Answers to a question of its own, about the problem unless said: candidates, unless they are
    /// [asides](Ask::aside).
    pub fn of(prompt: impl Into<Prompt>) -> Self {
        let prompt = prompt.into();
        Self::at(At::Question { about: NodeId::ROOT, prompt, kind: NodeKind::Committed })
    }

    /// The question is about this node.
    #[must_use]
    pub fn about(mut self, node: NodeId) -> Self {
        if let At::Question { about, .. } = &mut self.at {
            *about = node;
        }
        self
    }

    /// What is written is said beside the search: no candidate.
    #[must_use]
    pub fn aside(mut self) -> Self {
        if let At::Question { kind, .. } = &mut self.at {
            *kind = NodeKind::Aside;
        }
        self.expand.kind = NodeKind::Aside;
        self
    }

    /// What is written only looks ahead.
    #[must_use]
    pub fn rollout(mut self) -> Self {
        self.expand.kind = NodeKind::Rollout;
        self
    }

    /// How many lines.
    #[must_use]
    pub fn times(mut self, n: usize) -> Self {
        self.expand.n = n;
        self
    }

    /// Who writes, see [`crate::Search::role`].
    #[must_use]
    pub fn by(mut self, role: impl Into<String>) -> Self {
        self.expand.role = Some(role.into());
        self
    }

    /// Who judges, see [`crate::Search::scorer_named`].
    #[must_use]
    pub fn judged_by(mut self, scorer: impl Into<String>) -> Self {
        self.expand.score = ScoreBy::Named(scorer.into());
        self
    }

    /// Who judges, in any of the ways that there are.
    #[must_use]
    pub fn scored(mut self, by: ScoreBy) -> Self {
        self.expand.score = by;
        self
    }

    /// Nobody judges.
    #[must_use]
    pub fn unjudged(mut self) -> Self {
        self.expand.score = ScoreBy::Nobody;
        self
    }

    /// How far each line goes.
    #[must_use]
    pub fn until(mut self, until: Until) -> Self {
        self.expand.until = until;
        self
    }

    /// Where steps end, in place of the search's rule.
    #[must_use]
    pub fn rule(mut self, rule: impl Into<Arc<StepRule>>) -> Self {
        self.expand.rule = Some(rule.into());
        self
    }

    /// How tokens are drawn, in place of the search's way.
    #[must_use]
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.expand.sampling = Some(sampling);
        self
    }

    /// Lines beside the node that begin with so many tokens of its step, see [`Expand::keep`].
    #[must_use]
    pub fn keep(mut self, tokens: u32) -> Self {
        self.expand.keep = Some(tokens);
        self
    }

    /// Words put before what is written.
    #[must_use]
    pub fn append(mut self, text: impl Into<String>) -> Self {
        self.expand.append = Some(text.into());
        self
    }

    /// What is noted of each token.
    #[must_use]
    pub fn watch(mut self, watch: Watch) -> Self {
        self.expand.watch = watch;
        self
    }

    /// How many lines are asked for.
    pub(super) fn lines(&self) -> usize {
        self.expand.n
    }

    /// The decision that this is; its question is posed.
    pub(super) fn decide(self, view: &mut View<'_>) -> Expand {
        match self.at {
            At::Node(node) => Expand { node, ..self.expand },
            At::Question { about, prompt, kind } => {
                Expand { node: view.pose(about, prompt, kind), ..self.expand }
            }
        }
    }
}
