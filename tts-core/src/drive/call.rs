//! A request and whom it is for.

use crate::{Expand, Limit, NodeId, NodeKind, Request};

/// What a [`crate::Run`] asks a generator.
#[derive(Debug, Clone)]
pub struct Call {
    /// The decision behind it.
    pub expand: Expand,
    /// Its place among the strategy's decisions.
    pub origin: usize,
    /// The node that its lines will hang from.
    pub parent: NodeId,
    /// What its lines will be.
    pub kind: NodeKind,
    /// What the generator is asked.
    pub request: Request,
    /// Who writes, as a number among the readers.
    pub(super) reader: usize,
    /// The limit whose share bounds its lines more than their rule does.
    pub(super) bounded_by: Option<Limit>,
}
