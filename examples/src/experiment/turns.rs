//! Revisions in turn ([`Revision`]): a policy sees its latest attempts and writes the next.
//!
//! Every problem has one chain. Its first attempt is written from the question alone, each further one
//! behind the latest ones, as many as a revision model has learnt from, right or wrong: nobody tells
//! the policy which they are. So a chain may
//! break what was right, and what is chosen from it is chosen by a vote or a reward model over all of it.
//!
//! Source: Snell et al. 2024 (arXiv:2408.03314), sections 6.1 and 6.2; the latest four attempts.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tts_core::family::{Family, Problem};
use tts_core::{NodeId, Selection, Tree};
use tts_search::Revision;
use tts_search::evaluate::Comparison;
use tts_search::evaluate::attempts::{Attempt, Attempts};

use super::policies::words;
use super::spec::ModelSpec;
use super::workshop::Workshop;
use crate::{Error, quickstart};

/// Attempts that a policy sees which has learnt no revisions.
const SEEN: usize = 4;
/// Chains between two looks at what is missing.
const CHUNK: usize = 256;

/// The attempts of the one chain of a tree, the first of them first.
fn in_turn(family: &dyn Family, question: &str, tree: &Tree) -> Vec<Attempt> {
    let firsts = std::iter::successors(tree[NodeId::ROOT].children.first(), |&&first| {
        let line = std::iter::successors(Some(first), |&id| tree[id].children.first().copied());
        let question = tree[line.last()?].questions.first()?;
        tree[*question].children.first()
    });
    firsts.map(|&first| Attempt::of(family, question, tree, first)).collect()
}

/// A turn of all chains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// The arm's policy.
    pub policy: String,
    /// The first is 1.
    pub turn: usize,
    /// Share of right attempts.
    pub right: f64,
    /// Of the attempts that were right a turn before, the share that is wrong now; `None` of none.
    pub broken: Option<f64>,
    /// Of those that were wrong, the share that is right now; `None` of none.
    pub mended: Option<f64>,
}

impl Workshop<'_> {
    /// One chain of so many attempts at each problem.
    ///
    /// # Errors
    /// When the policy cannot be made, or fails.
    pub fn chains(
        &self,
        policy: &str,
        problems: &[Problem],
        turns: usize,
        seed: u64,
    ) -> Result<Vec<Attempts>, Error> {
        let model = self.writer(policy, self.model_seed(seed))?;
        let seen = match self.spec(policy)? {
            ModelSpec::Revision(revised) => revised.attempts,
            _ => SEEN,
        };
        let family = self.family();
        let revision = Revision {
            length: turns,
            shown: seen,
            words: words(),
            select: Selection::majority(),
            ..Revision::default()
        };
        let description = json!({
            "search": revision, "policy": self.identity(policy, self.model_seed(seed))?,
            "task": self.recipe.task, "temperature": self.recipe.temperature, "seed": seed,
            "problems": "test",
        });
        let comparison =
            Comparison { search: self.search(&*model, seed), family: &family, problems };
        self.unit(&description, problems.len(), |places, note| {
            let bar = quickstart::bar("revisions", places.len())?;
            for places in places.chunks(CHUNK) {
                comparison.search(&revision, None, places, |place, outcome| {
                    bar.inc(1);
                    let question = problems[place].question.clone();
                    let attempts = in_turn(&*family, &question, &outcome.tree);
                    note(place, Attempts { question, attempts })
                })?;
            }
            bar.finish_and_clear();
            Ok(())
        })
    }

    /// Whether each turn of a policy was right: seeds of problems of turns.
    ///
    /// # Errors
    /// As [`Workshop::chains`].
    pub fn right_turns(&self, policy: &str) -> Result<Vec<Vec<Vec<bool>>>, Error> {
        let (problems, turns) = (self.test()?, self.recipe.pool);
        let right = |chain: &Attempts| chain.attempts.iter().map(|turn| turn.solved).collect();
        let of = |seed| {
            let chains = self.chains(policy, &problems, turns, seed)?;
            Ok(chains.iter().map(right).collect())
        };
        (1..=self.recipe.seeds).map(of).collect()
    }
}

/// What each turn of a policy does, over all seeds.
pub(super) fn turns_of(policy: &str, seeds: &[Vec<Vec<bool>>]) -> Vec<Turn> {
    let chains = || seeds.iter().flatten();
    let right = |turn: usize| chains().map(move |chain| chain.get(turn).copied().unwrap_or(false));
    let share = |of: Vec<bool>| {
        let count = of.iter().filter(|&&holds| holds).count();
        (!of.is_empty()).then(|| count as f64 / of.len() as f64)
    };
    let after = |turn: usize, before: bool| {
        let pairs = right(turn - 1).zip(right(turn)).filter(move |pair| pair.0 == before);
        share(pairs.map(|(_, now)| now != before).collect())
    };
    let turn = |turn: usize| Turn {
        policy: policy.to_owned(),
        turn: turn + 1,
        right: share(right(turn).collect()).unwrap_or(0.0),
        broken: if turn == 0 { None } else { after(turn, true) },
        mended: if turn == 0 { None } else { after(turn, false) },
    };
    (0..chains().map(Vec::len).max().unwrap_or(0)).map(turn).collect()
}
