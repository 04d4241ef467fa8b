//! What tokens cost in money, by who reads, writes and judges.
//!
//! Prices are for a million tokens, as servers state them, in whatever currency. What is charged is logical, as all of
//! [`crate::Cost`]: a prompt is paid once by each reader, whatever is sampled from it, though a server may compute it
//! again, or have it at hand for less. What servers counted is told apart, by who asks them.
//!
//! Source: none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Money for a million tokens.
///
/// ```
/// use tts_core::Price;
/// let price = Price { read: 0.15, generated: 0.6, ..Price::default() };
/// assert!((price.of(1_000, 500, 0) - 0.00045).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Price {
    /// Tokens of prompts, and of steps that others wrote.
    pub read: f64,
    /// Tokens that are written.
    pub generated: f64,
    /// Tokens that are judged.
    pub scored: f64,
}

impl Price {
    /// What so many tokens cost: read, generated and scored.
    pub fn of(&self, read: u64, generated: u64, scored: u64) -> f64 {
        let of = |tokens: u64, price: f64| tokens as f64 * price;
        (of(read, self.read) + of(generated, self.generated) + of(scored, self.scored)) / 1e6
    }

    /// # Errors
    /// A sentence that names a price that is negative or no number.
    pub fn check(&self) -> Result<(), String> {
        let named = [("read", self.read), ("generated", self.generated), ("scored", self.scored)];
        match named.into_iter().find(|(_, price)| !price.is_finite() || *price < 0.0) {
            Some((name, price)) => Err(format!(
                "price: {name} is {price}, expected a finite number of at least 0 for a million tokens"
            )),
            None => Ok(()),
        }
    }
}

/// The prices of all who take part in a search; who is not named costs nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prices {
    /// Of generators by role; the policy has no name, `""`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub writers: BTreeMap<String, Price>,
    /// Of scorers by name; the search's own has no name, `""`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scorers: BTreeMap<String, Price>,
}

impl Prices {
    /// Whether nobody costs anything that is known.
    pub fn is_empty(&self) -> bool {
        self.writers.is_empty() && self.scorers.is_empty()
    }

    /// The price of the generator of a role.
    pub fn writer(&self, role: &str) -> Price {
        self.writers.get(role).copied().unwrap_or_default()
    }

    /// The price of a scorer.
    pub fn scorer(&self, name: &str) -> Price {
        self.scorers.get(name).copied().unwrap_or_default()
    }

    /// # Errors
    /// A sentence that names who has a price that means nothing.
    pub fn check(&self) -> Result<(), String> {
        for (kind, prices) in [("role", &self.writers), ("scorer", &self.scorers)] {
            for (name, price) in prices {
                price.check().map_err(|problem| format!("{kind} {name:?}: {problem}"))?;
            }
        }
        Ok(())
    }
}
