//! What a search of one problem is run under: task, step rule, sampling, budget, seed, and what is
//! known of those who write and judge.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::strategy::Requirements;
use crate::cost::ModelCost;
use crate::task::{Math, Task};
use crate::{Budget, Generator, Prices, Sampling, Scale, StepRule, StepScorer};

/// What a search knows of a generator.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Writer {
    /// What it costs a token.
    pub cost: ModelCost,
    /// What it is, see [`Generator::identity`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Whose token ids it reads, see [`Generator::vocabulary`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<u64>,
}

impl Writer {
    /// What a generator says of itself.
    pub fn of(generator: &(impl Generator + ?Sized)) -> Self {
        Self {
            cost: generator.cost(),
            identity: generator.identity(),
            vocabulary: generator.vocabulary(),
        }
    }
}

/// What a search knows of a scorer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Judge {
    /// What its scores are.
    pub scale: Scale,
    /// What it costs a token.
    pub cost: ModelCost,
    /// What it is, see [`StepScorer::identity`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Whose token ids it reads, see [`StepScorer::vocabulary`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<u64>,
}

impl Judge {
    /// What a scorer says of itself.
    pub fn of(scorer: &(impl StepScorer + ?Sized)) -> Self {
        Self {
            scale: scorer.scale(),
            cost: scorer.cost(),
            identity: scorer.identity(),
            vocabulary: scorer.vocabulary(),
        }
    }
}

/// The settings of a [`crate::Run`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// What an answer is.
    pub task: Arc<dyn Task>,
    /// Where steps end.
    pub rule: Arc<StepRule>,
    /// How tokens are drawn where the strategy does not say.
    pub sampling: Sampling,
    /// When to stop.
    pub budget: Budget,
    /// Where all randomness comes from.
    pub seed: u64,
    /// The policy.
    pub policy: Writer,
    /// Over how many tokens the policy's distributions are, see [`Generator::vocabulary_size`]. It decides
    /// whether a strategy is taken, and nothing that a line depends on: records do not hold it.
    pub vocabulary_size: Option<u32>,
    /// Generators of other roles, by name.
    pub roles: BTreeMap<String, Writer>,
    /// Who judges candidates; without a scorer every path has the same standing.
    pub scorer: Option<Judge>,
    /// Further scorers, by name.
    pub scorers: BTreeMap<String, Judge>,
    /// What those who write and judge cost in money.
    pub prices: Prices,
}

impl Default for Settings {
    /// Mathematics, under default rule, sampling and budget, without a scorer.
    fn default() -> Self {
        Self {
            task: Arc::new(Math),
            rule: Arc::default(),
            sampling: Sampling::default(),
            budget: Budget::default(),
            seed: 0,
            policy: Writer::default(),
            vocabulary_size: None,
            roles: BTreeMap::new(),
            scorer: None,
            scorers: BTreeMap::new(),
            prices: Prices::default(),
        }
    }
}

/// From so many tokens on the most probable few stand for the whole distribution.
const SMALL_VOCABULARY: u32 = 256;

/// More roles and scorers than this are a slip of the pen.
pub(crate) const MOST_READERS: usize = 64;

impl Settings {
    /// # Errors
    /// A sentence that names the field at fault.
    pub fn check(&self) -> Result<(), String> {
        self.rule.check()?;
        self.sampling.check()?;
        let readers = 2 + self.roles.len() + self.scorers.len();
        if readers > MOST_READERS {
            return Err(format!("{readers} roles and scorers, expected at most {MOST_READERS}"));
        }
        if self.roles.contains_key("") {
            return Err("a role has no name: the policy is the one that is named nowhere".into());
        }
        self.prices.check()?;
        let mut writers = self.prices.writers.keys();
        if let Some(role) = writers.find(|role| !role.is_empty() && !self.roles.contains_key(*role))
        {
            return Err(format!("price: no generator plays the role {role:?}; see Search::role"));
        }
        let judges = |name: &String| {
            if name.is_empty() { self.scorer.is_some() } else { self.scorers.contains_key(name) }
        };
        if let Some(name) = self.prices.scorers.keys().find(|name| !judges(name)) {
            return Err(match name.as_str() {
                "" => "price: the search has no scorer; see Search::scorer".into(),
                name => format!("price: no scorer has the name {name:?}; see Search::scorer_named"),
            });
        }
        if self.budget.money.is_some() && self.prices.is_empty() {
            return Err("budget: money is bounded, and no price is known (Search::price)".into());
        }
        self.budget.check()
    }

    /// What the search's scores are.
    pub fn scale(&self) -> Scale {
        self.scorer.as_ref().map_or(Scale::UNSTATED, |judge| judge.scale)
    }

    /// Whether a strategy has here what it needs.
    ///
    /// # Errors
    /// A sentence that names what is missing, or which settings mean nothing together.
    pub fn satisfy(&self, needs: &Requirements) -> Result<(), String> {
        if let (Some(who), None) = (needs.scorer, &self.scorer) {
            return Err(format!("{who} needs a scorer (Search::scorer), and there is none"));
        }
        if self.scorer.is_some() {
            let scale = self.scale();
            needs.selections.iter().try_for_each(|&select| scale.check(select))?;
            needs.probabilities.iter().try_for_each(|&by| scale.check_probability(by))?;
        }
        for (what, fitted) in &needs.fitted {
            let judged = self.scorer.as_ref().map_or(Ok(()), |judge| fitted.check(judge));
            judged.map_err(|problem| format!("{what} {problem}"))?;
        }
        for role in &needs.roles {
            if !self.roles.contains_key(role) {
                return Err(format!("no generator plays the role {role:?}; see Search::role"));
            }
        }
        for name in &needs.scorers {
            if !self.scorers.contains_key(name) {
                return Err(format!("no scorer has the name {name:?}; see Search::scorer_named"));
            }
        }
        if let (Some(top), Some(size)) = (needs.confidence, self.vocabulary_size)
            && top < size
            && size < SMALL_VOCABULARY
        {
            return Err(format!(
                "confidence is read over the {top} most probable of {size} tokens (top), where it is smaller for a \
                 peaked distribution: over a small vocabulary top must be as large as the vocabulary, expected \
                 {size} or more"
            ));
        }
        Ok(())
    }
}
