//! What a budget did to the problems of an evaluation: whom it ended, from whom it took lines, who passed it.
//!
//! A search may be done with what a hard budget left it, and one of a single round passes a soft budget unseen; neither
//! is told by why the search ended. So a problem counts by its limit three ways: the budget ended it; lines were
//! kept from being begun, or cut by their shares; more was spent than allowed.
//!
//! Source: none.

use std::collections::BTreeMap;

use serde::Serialize;
use tts_core::{Budget, Limit, Stop, Usage};

use super::Graded;

/// Problems that a limit did something to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Limited {
    /// Which limit.
    pub limit: Limit,
    /// Problems whose search it ended.
    pub ended: usize,
    /// Problems with lines that it kept from being begun, or cut short.
    pub curtailed: usize,
}

impl Limited {
    /// Counts problems by limit.
    pub(super) fn of(rows: &[Graded]) -> Vec<Self> {
        let mut all: BTreeMap<Limit, Self> = BTreeMap::new();
        let mut at = |limit, ended: usize, curtailed: usize| {
            let known = all.entry(limit).or_insert(Self { limit, ended: 0, curtailed: 0 });
            known.ended += ended;
            known.curtailed += curtailed;
        };
        for row in rows {
            if let Some(Stop::Budget(limit)) = row.stop {
                at(limit, 1, 0);
            }
            row.curtailed.iter().for_each(|taken| at(taken.limit, 0, 1));
        }
        all.into_values().collect()
    }

    /// How many problems passed which limit; of rounds and time a graded problem does not know.
    pub(super) fn passed(rows: &[Graded], budget: &Budget) -> Vec<(Limit, usize)> {
        let mut all: BTreeMap<Limit, usize> = BTreeMap::new();
        for row in rows {
            let usage = Usage { logical: row.cost, ..Usage::default() };
            for passed in budget.passed(&usage) {
                *all.entry(passed.limit).or_default() += 1;
            }
        }
        all.into_iter().collect()
    }
}

impl std::fmt::Display for Limited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { limit, ended, curtailed } = self;
        match (ended, curtailed) {
            (ended, 0) => write!(f, "{limit}: ended {ended} searches"),
            (0, curtailed) => write!(f, "{limit}: left out or cut lines of {curtailed} searches"),
            _ => write!(f, "{limit}: ended {ended} searches, left out or cut lines of {curtailed}"),
        }
    }
}
