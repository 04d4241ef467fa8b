//! The answers that a search had on its way, from its record and its strategy.
//!
//! A strategy says its answer at any moment ([`SearchStrategy::pick`]), and a record holds all that it was given. So the
//! strategy is given the same again, and asked after each round, once it has decided what to do next: no record
//! holds an answer more for it, and those of before serve as well. What is shown is what the search would have
//! answered had it been called off there.
//!
//! Source: none; anytime algorithms in the sense of Dean and Boddy 1988, An Analysis of Time-Dependent Planning.

use std::path::Path;
use std::sync::Arc;

use super::Record;
use crate::{
    Cost, NodeId, Outcome, Prompt, Run, SearchError, SearchErrorKind, SearchStrategy, Settings,
};

/// The answer after a round.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Pick {
    /// The round of generation, from 1.
    pub round: u32,
    /// What the search had cost by then.
    pub cost: Cost,
    /// The strategy's choice, if it had one.
    pub best: Option<NodeId>,
}

/// The answers of a search, round by round.
///
/// ```
/// use tts_core::toy::{Oracle, ToyWorld};
/// use tts_core::{Expand, Picks, Search, SearchStrategy, StepRule, View};
///
/// /// A solution more each round, four of them.
/// #[derive(Clone)]
/// struct OneMore;
/// impl SearchStrategy for OneMore {
///     fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
///         let more = view.rounds() < 4;
///         more.then(|| Expand::end(tts_core::NodeId::ROOT, 1)).into_iter().collect()
///     }
/// }
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("record.jsonl");
/// let world = ToyWorld::default();
/// let search = Search::new(&world).scorer(Oracle::of(&world)).rule(StepRule::lines());
/// let outcome = search.clone().record(&path).run(OneMore, world.prompt(0))?;
/// let picks = Picks::read(&path, OneMore, world.prompt(0), search.settings())?;
/// assert_eq!(picks.all.len(), 4);
/// assert_eq!(picks.all[3].best, outcome.best);
/// // Half of the tokens: the answer of an earlier round.
/// let half = outcome.usage.logical.generated_tokens / 2;
/// let then = picks.last_where(|cost| cost.generated_tokens <= half);
/// assert!(then.is_some_and(|pick| pick.round < 4));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Picks {
    /// The answers; those of a record without an end go as far as it does.
    pub all: Vec<Pick>,
    /// The search, as far as the record goes.
    pub outcome: Outcome,
}

impl Picks {
    /// Plays a record back for the strategy, problem and settings that made it. The record is only read.
    ///
    /// # Errors
    /// When the file cannot be read, is of another search, or holds what the search does not accept; when the
    /// strategy picks what can be no answer.
    pub fn read<S: SearchStrategy>(
        path: &Path,
        strategy: S,
        prompt: impl Into<Prompt>,
        settings: &Settings,
    ) -> Result<Self, SearchError> {
        let mut run = Run::new(strategy, prompt, settings.clone())?;
        let prompt = Arc::clone(run.tree().prompt());
        let mut record = Record::view(path, &prompt, settings)?;
        let mut all = Vec::new();
        let mut hear = |run: &Run<S>| -> Result<(), SearchErrorKind> {
            let usage = run.usage();
            if usage.rounds > 0 {
                all.push(Pick { round: usage.rounds, cost: usage.logical, best: run.pick()? });
            }
            Ok(())
        };
        record.replay_hearing(&mut run, &mut hear)?;
        Ok(Self { all, outcome: run.finish() })
    }

    /// The last answer of which this holds of the cost by then; `None` where it holds of none, because the first round
    /// was not over.
    pub fn last_where(&self, within: impl Fn(&Cost) -> bool) -> Option<&Pick> {
        self.all.iter().rev().find(|pick| within(&pick.cost))
    }
}
