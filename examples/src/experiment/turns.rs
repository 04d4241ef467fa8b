//! Revisions in turn: a policy sees its latest attempts and writes the next.
//!
//! Every problem has one chain. Its first attempt is written from the question alone, each further one
//! behind the latest ones, as many as a revision model has learnt from, right or wrong: nobody tells
//! the policy which they are. So a chain may
//! break what was right, and what is chosen from it is chosen by a vote or a reward model over all of it.
//!
//! Source: Snell et al. 2024 (arXiv:2408.03314), sections 6.1 and 6.2; the latest four attempts.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tts_core::Sampling;
use tts_core::family::Problem;

use super::policies::with_attempts;
use super::spec::ModelSpec;
use super::workshop::Workshop;
use crate::sampled::{Attempt, Attempts, Setting};
use crate::{Error, quick};

/// Attempts that a policy sees which has learnt no revisions.
const SEEN: usize = 4;
/// Chains that grow together.
const CHUNK: usize = 256;

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
        let description = json!({
            "chains": turns, "policy": self.identity(policy, self.model_seed(seed))?,
            "task": self.recipe.task, "temperature": self.recipe.temperature, "seed": seed,
            "problems": "test",
        });
        let model = self.policy(policy, self.model_seed(seed))?;
        let seen = match self.spec(policy)? {
            ModelSpec::Revision(revised) => revised.attempts,
            _ => SEEN,
        };
        let family = self.family();
        self.unit(&description, problems.len(), |places, note| {
            let bar = quick::bar("revisions", places.len() * turns)?;
            for places in places.chunks(CHUNK) {
                let mut chains: Vec<Vec<Attempt>> = vec![Vec::new(); places.len()];
                for turn in 0..turns {
                    let prompt = |(chain, &place): (&Vec<Attempt>, &usize)| {
                        let latest = &chain[chain.len().saturating_sub(seen)..];
                        let texts: Vec<String> =
                            latest.iter().map(|attempt| attempt.steps.concat()).collect();
                        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                        let question = problems[place].question.as_str();
                        (question, with_attempts(question, &texts))
                    };
                    let asked: Vec<_> = chains.iter().zip(places).map(prompt).collect();
                    let setting = Setting {
                        samples: 1,
                        sampling: Sampling::temperature(self.recipe.temperature),
                        seed: tts_core::seed::mix(seed, turn as u64),
                    };
                    let found = setting.sample(&*model, &*family, &asked, || bar.inc(1))?;
                    for (chain, found) in chains.iter_mut().zip(found) {
                        chain.extend(found.attempts);
                    }
                }
                for (&place, attempts) in places.iter().zip(chains) {
                    let question = problems[place].question.clone();
                    note(place, Attempts { question, attempts })?;
                }
            }
            bar.finish_and_clear();
            Ok(())
        })
    }

    /// What each turn of a policy does, over all seeds.
    ///
    /// # Errors
    /// As [`Workshop::chains`].
    pub fn turns(&self, policy: &str) -> Result<Vec<Turn>, Error> {
        let (problems, turns) = (self.test()?, self.recipe.pool);
        let mut chains = Vec::new();
        for seed in 1..=self.recipe.seeds {
            chains.extend(self.chains(policy, &problems, turns, seed)?);
        }
        let right = |turn: usize| chains.iter().map(move |chain| chain.attempts[turn].solved);
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
        Ok((0..turns).map(turn).collect())
    }
}
