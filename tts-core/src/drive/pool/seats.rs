//! Who writes and who judges, for whom: one session of each generator and scorer, whoever shares it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::Lane;
use crate::drive::lanes::{JudgeLane, WriterLane};
use crate::drive::search::{Held, Observer, Search};

/// Every session of a pool.
#[derive(Default)]
pub(super) struct Lanes<'a> {
    pub(super) writers: Vec<WriterLane<'a>>,
    pub(super) judges: Vec<JudgeLane<'a>>,
    /// Places among the writers. A session keeps its generator alive, so that no other one can be taken
    /// for it.
    known_writers: HashMap<Lane, usize>,
    /// Places among the judges.
    known_judges: HashMap<Lane, usize>,
}

/// What one problem has of them.
pub(super) struct Seats<'a> {
    /// Places among the writers, by role.
    pub(super) roles: BTreeMap<String, usize>,
    /// Places among the judges, by name; the search's own scorer has none.
    pub(super) scorers: BTreeMap<Option<Arc<str>>, usize>,
    /// Who is told.
    pub(super) observers: Vec<Arc<dyn Observer + 'a>>,
}

impl<'a> Lanes<'a> {
    /// The places of a search's generators and scorers; sessions that are missing are opened.
    pub(super) fn seat(&mut self, search: &Search<'a>) -> Seats<'a> {
        let Self { writers, judges, known_writers, known_judges } = self;
        let writer = |(role, held): (&String, &Held<_>)| {
            let lane = *known_writers.entry(held.lane).or_insert_with(|| {
                writers.push(WriterLane::new(Arc::clone(&held.it)));
                writers.len() - 1
            });
            (role.clone(), lane)
        };
        let roles = search.generators.iter().map(writer).collect();
        let judge = |(name, held): (&Option<Arc<str>>, &Held<_>)| {
            let lane = *known_judges.entry(held.lane).or_insert_with(|| {
                judges.push(JudgeLane::new(Arc::clone(&held.it)));
                judges.len() - 1
            });
            (name.clone(), lane)
        };
        let scorers = search.scorers.iter().map(judge).collect();
        Seats { roles, scorers, observers: search.observers.clone() }
    }
}
