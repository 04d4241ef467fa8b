//! Where a path that was chosen has led to.

use tts_core::{Aggregate, NodeId, NodeKind, Tree};

/// The best finished path at or below a node by its score; the node itself while nothing at all has
/// finished, and `None` where only others have.
pub(super) fn below(tree: &Tree, node: NodeId, aggregate: Aggregate) -> Option<NodeId> {
    let (mut found, mut left) = (Vec::new(), vec![node]);
    while let Some(at) = left.pop() {
        let node = &tree[at];
        if node.is_finished() && node.kind == NodeKind::Committed {
            found.push(at);
        }
        left.extend(node.children.iter().rev());
    }
    let none = found.is_empty() && tree.finished().next().is_none();
    if none { Some(node) } else { tree.best_of(found, aggregate) }
}
