//! Where a path that was chosen has led to.

use super::{NodeId, Tree};
use crate::Aggregate;

impl Tree {
    /// Where a node that a strategy chose has led to: a finished one is its own end; behind an open one it is
    /// the best finished path by its score, or, while nothing of the tree has finished, the end of the one line that goes on
    /// from it. `None` when others have finished and nothing behind it has, or there is no
    /// such node. What answers a question about it is not behind it.
    ///
    /// ```
    /// use tts_core::{Aggregate, Finish, NodeId, Prompt, Tree};
    /// let mut tree = Tree::new(Prompt::from("1 + 1?"), 7);
    /// let cut = tree.grow(NodeId::ROOT, "It is", Finish::Length, None);
    /// assert_eq!(tree.led_to(cut, Aggregate::ByScale), Some(cut));
    /// let rest = tree.grow(cut, " 2.", Finish::Stop, None);
    /// assert_eq!(tree.led_to(cut, Aggregate::ByScale), Some(rest));
    /// ```
    pub fn led_to(&self, node: NodeId, aggregate: Aggregate) -> Option<NodeId> {
        if self.get(node)?.is_finished() {
            return Some(node);
        }
        let (mut found, mut left) = (Vec::new(), vec![node]);
        while let Some(at) = left.pop() {
            if self[at].is_finished() {
                found.push(at);
            }
            left.extend(self[at].children.iter().rev());
        }
        if !found.is_empty() {
            return self.best_of(found, aggregate);
        }
        let next = |&at: &NodeId| match self[at].children[..] {
            [only] => Some(only),
            _ => None,
        };
        let end = std::iter::successors(Some(node), next).last();
        end.filter(|_| self.finished().next().is_none())
    }
}
