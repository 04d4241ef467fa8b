//! What a search of one problem is run under: step rule, sampling, budget, seed, model costs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cost::ModelCost;
use crate::{Budget, Sampling, StepRule};

/// The settings of a [`crate::Run`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where steps end.
    pub rule: Arc<StepRule>,
    /// How tokens are drawn where the strategy does not say.
    pub sampling: Sampling,
    /// When to stop.
    pub budget: Budget,
    /// Where all randomness comes from.
    pub seed: u64,
    /// Whether lines are judged; without a scorer every path has the same standing.
    pub scored: bool,
    /// What the policy costs a token.
    pub policy_cost: ModelCost,
    /// What generators of other roles cost a token, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub role_costs: BTreeMap<String, ModelCost>,
    /// What the scorer costs a token.
    pub scorer_cost: ModelCost,
}

impl Settings {
    /// # Errors
    /// A sentence that names the field at fault.
    pub fn check(&self) -> Result<(), String> {
        self.rule.check()?;
        self.sampling.check()?;
        self.budget.check()
    }
}
