//! What juries say of the samples of a round: all groups are heard at once, before any reward is given.
//!
//! Each group is a search of its own, in which the jury is asked about its samples; all run together, so that the
//! judge's batch is full. What is said depends on the seed of the round, the question and the samples alone. What it
//! costs is added up in the note of the step.
//!
//! Source: none; see [`super::ByJury`].

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::{Cost, Prompt, Sampling, Search, SearchStrategy, seed};
use tts_models::LanguageModel;

use super::{ByJury, Group, Heard, On, Problem, Reinforce, RewardSpec, StepNote, Term};
use crate::PrmError;
use crate::critic::{Response, Ruling, fits, hear};

/// Apart from the seeds of drawing.
const HEARING: u64 = 0x4ea2_0001;

/// What a reward by a jury cost in a step.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hearing {
    /// Judgements that were read.
    pub read: usize,
    /// Those that could not be.
    pub refused: usize,
    /// Lines that were written for them.
    pub lines: u64,
    /// Tokens that were written for them.
    pub tokens: u64,
    /// Floating-point operations, by formula.
    pub flops: f64,
}

impl Hearing {
    fn add(&mut self, cost: &Cost) {
        self.lines += cost.samples;
        self.tokens += cost.generated_tokens;
        self.flops += cost.flops;
    }
}

impl<S: SearchStrategy + Clone + std::fmt::Debug> Reinforce<'_, S> {
    fn juries(&self) -> impl Iterator<Item = (&ByJury, On)> {
        self.config.rewards.iter().filter_map(|term| match &term.of {
            RewardSpec::Judged(jury) => Some((&**jury, term.on)),
            _ => None,
        })
    }

    /// # Errors
    /// When a reward asks somebody who is not there, or something that this run cannot say.
    pub(super) fn check_sources(&self, problems: &[Problem]) -> Result<(), PrmError> {
        let named = |name: &str, problem: String| {
            Err(PrmError::reinforce(format!("reward {name:?}"), problem))
        };
        let alone = !self.chooses && self.scorer.is_none();
        for term in &self.config.rewards {
            let name = term.of.name();
            match &term.of {
                RewardSpec::Scored(_) if alone => {
                    return named(name, "nobody scores (Reinforce::scorer)".to_owned());
                }
                RewardSpec::Picked(_) if alone => {
                    let problem = "independent samples that nobody scores, of which none is chosen: expected a sampler \
                                   that chooses (Reinforce::sampler), or a scorer";
                    return named(name, problem.to_owned());
                }
                RewardSpec::Checked(_) => {
                    let first = problems.first().map_or("", |problem| problem.question.as_str());
                    if self.task.steps(first, "").is_none() {
                        let task = self.task.name();
                        return named(name, format!("the task {task} knows no steps"));
                    }
                }
                _ => {}
            }
        }
        // Rewards of the run itself are of all problems.
        let rewarded = |problem: &Problem| {
            let counts = |term: &Term| !term.factor && term.weight.abs() > 0.0;
            self.config.rewards.iter().any(|term| counts(term) && term.on.has(problem))
        };
        let without = problems.iter().position(|problem| !rewarded(problem));
        let others = self.rewards.iter().any(|(_, weight, _)| weight.abs() > 0.0);
        if let Some(place) = without.filter(|_| !others) {
            let known = if On::Known.has(&problems[place]) { "a" } else { "no" };
            let problem =
                format!("{known} right answer, and no reward with a weight is of such problems");
            return Err(PrmError::reinforce(format!("problems[{place}]"), problem));
        }
        let idle = |term: &&Term| !problems.iter().any(|problem| term.on.has(problem));
        if let Some(term) = self.config.rewards.iter().find(idle) {
            let known = if term.on == On::Known { "a" } else { "no" };
            let problem = format!("of problems with {known} right answer, of which there is none");
            return Err(PrmError::reinforce(format!("reward {:?}", term.of.name()), problem));
        }
        for (by, _) in self.juries() {
            // How many samples another sampler ends with is not known before.
            let most = (!self.chooses).then_some(self.config.samples);
            fits(&by.jury, most).or_else(|problem| named(by.name(), problem))?;
            let needs = by.jury.requires();
            if let Some(role) = needs.roles.iter().find(|&role| !self.roles.contains_key(role)) {
                let problem = format!("nobody plays the role {role:?} (Reinforce::role)");
                return named(by.name(), problem);
            }
            let missing = needs.scorers.iter().find(|&scorer| !self.scorers.contains_key(scorer));
            if let Some(scorer) = missing {
                let problem = format!("no scorer is called {scorer:?} (Reinforce::scorer_named)");
                return named(by.name(), problem);
            }
        }
        Ok(())
    }

    /// A search by this policy, with everybody who can be asked.
    pub(super) fn search<'s>(&'s self, policy: &'s dyn LanguageModel) -> Search<'s> {
        let mut search = Search::new(policy).sampling(Sampling::temperature(1.0));
        for (name, generator) in &self.roles {
            search = search.role(name.clone(), *generator);
        }
        for (name, scorer) in &self.scorers {
            search = search.scorer_named(name.clone(), *scorer);
        }
        search
    }

    /// What juries say of the samples of these groups.
    pub(super) fn hear(
        &self,
        policy: &dyn LanguageModel,
        (problems, groups): (&[Problem], &[Group]),
        seed: u64,
        note: &mut StepNote,
    ) -> Result<Vec<Heard>, PrmError> {
        let mut heard = vec![Heard::new(); groups.len()];
        for (by, on) in self.juries() {
            let (mut places, mut cases) = (Vec::new(), Vec::new());
            for (place, group) in groups.iter().enumerate() {
                if !group.samples.is_empty() && on.has(&problems[group.problem]) {
                    places.push(place);
                    cases.push(case(by, &problems[group.problem], group));
                }
            }
            let wrong = |problem| PrmError::reinforce(format!("reward {:?}", by.name()), problem);
            let seed = seed::hash_text(seed::mix(seed, HEARING), by.name());
            let search = self.search(policy).seed(seed).concurrency(cases.len());
            let found = note.judged.entry(by.name().to_owned()).or_default();
            let rulings = hear(&search, &by.jury, cases, |_, _, cost| {
                found.add(cost);
                ControlFlow::Continue(())
            });
            let rulings = rulings.map_err(|ended| wrong(format!("hearing the jury: {ended}")))?;
            // All were judged, for nothing ended it.
            let rulings: Vec<Ruling> = rulings.into_iter().flatten().collect();
            for (place, Ruling { ballot, .. }) in places.into_iter().zip(&rulings) {
                found.read += ballot.judgements.len();
                found.refused += ballot.refused;
                heard[place].insert(by.name().to_owned(), by.jury.values(ballot));
            }
            if note.step == 1 && found.read == 0 && found.refused > 0 {
                let (refused, why) = (found.refused, usual(&rulings));
                return Err(wrong(format!("none of {refused} judgements could be read: {why}")));
            }
        }
        Ok(heard)
    }
}

/// What a jury is asked about a group.
fn case(by: &ByJury, problem: &Problem, group: &Group) -> (Prompt, Arc<[Response]>) {
    let Problem { prompt, question, .. } = problem;
    let prompt = if by.whole_prompt { prompt.clone() } else { Prompt::from(question.as_str()) };
    let samples = group.samples.iter();
    let responses = samples.map(|own| Response { steps: own.steps(), ..Response::text("") });
    (prompt, responses.collect())
}

/// The reason that most refusals have, the first by the alphabet of several.
fn usual(rulings: &[Ruling]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for why in rulings.iter().flat_map(|ruling| &ruling.reasons) {
        *counts.entry(why).or_default() += 1;
    }
    let most = counts.values().copied().max().unwrap_or_default();
    let usual = counts.into_iter().find(|(_, count)| *count == most);
    usual.map_or_else(String::new, |(why, _)| why.to_owned())
}
