//! Records from before the windows of layers were counted.
//!
//! What a model costs told nothing of layers that see the last tokens only ([`ModelCost::windows`]), and a record holds
//! what its models cost. Such a record is of the same search: its operations go on being counted as they were, so that
//! it ends with the bytes that it would have had. Only where operations are bounded hard did the count decide how
//! long lines may get; there a record is refused as any of another cost is.
//!
//! Source: none.

use super::Header;
use crate::Mode;
use crate::cost::ModelCost;

impl Header {
    /// Counts the models of this search as those of a record whose count knows of no windows; whether anything is
    /// counted otherwise by that.
    pub(super) fn count_as(&mut self, then: &Self) -> bool {
        if self.budget.mode == Mode::Hard && self.budget.flops.is_some() {
            return false;
        }
        let mut changed = false;
        let mut count = |now: &mut ModelCost, then: &ModelCost| {
            changed |= then.windows.is_none() && now.windows.take().is_some();
        };
        count(&mut self.policy.cost, &then.policy.cost);
        for (name, now) in &mut self.roles {
            if let Some(then) = then.roles.get(name) {
                count(&mut now.cost, &then.cost);
            }
        }
        if let (Some(now), Some(then)) = (&mut self.scorer, &then.scorer) {
            count(&mut now.cost, &then.cost);
        }
        for (name, now) in &mut self.scorers {
            if let Some(then) = then.scorers.get(name) {
                count(&mut now.cost, &then.cost);
            }
        }
        changed
    }
}
