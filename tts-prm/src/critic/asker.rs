//! Who asks at a desk: a jury, or the second one that judges its judgements.
//!
//! Both ask within one search, whose outcome has one list of what could not be read. A reason of the second says whose it is, so
//! that nobody takes it, or counts it, for one of the first.
//!
//! Source: none.

use std::ops::Deref;

use tts_core::{Desk, NodeId};

use super::read::Refusal;

/// What the reasons of a meta-judge begin with.
pub(super) const SECOND: &str = "meta-judge: ";

/// A desk, and who asks there.
#[derive(Clone, Copy)]
pub(super) struct Asker<'d> {
    desk: &'d Desk,
    second: bool,
}

impl<'d> Asker<'d> {
    /// A jury that judges responses.
    pub(super) fn first(desk: &'d Desk) -> Self {
        Self { desk, second: false }
    }

    /// One that judges judgements.
    pub(super) fn second(desk: &'d Desk) -> Self {
        Self { desk, second: true }
    }

    /// Says that a line of its own could not be read.
    pub(super) fn refuse(self, node: NodeId, refusal: &Refusal) {
        let whose = if self.second { SECOND } else { "" };
        self.desk.refuse(node, format!("{whose}{refusal}"));
    }
}

impl Deref for Asker<'_> {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        self.desk
    }
}
