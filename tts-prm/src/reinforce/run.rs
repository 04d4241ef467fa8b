//! The loop: draw, reward, learn, hand the weights on.
//!
//! ```text
//! for each step
//!     groups    = what the sampler draws of the next problems          the search engine, with the present weights
//!     rewards   = a number for each sample, advantages within groups
//!     updates   = parts x epochs of the trainer                        Online
//!     engine    = renewed with what was learnt                         LanguageModel::renew
//!     journal   = a line                                               then, every few steps, the state
//! ```
//!
//! A step is a function of weights, problems, settings, seed and its number, and of what the journal says of the
//! steps before it. So a run that was killed goes on from the state that was saved last, and ends with the bits of
//! one that was not. A failed step changes nothing that was saved. What was learnt before it is saved then, unless the
//! step failed behind its first update: then the steps since the last saving are done again.
//!
//! Source: Shao et al. 2024 (arXiv 2402.03300), algorithm 1, with one policy update a rollout unless said
//! otherwise.

use std::ops::ControlFlow;

use serde_json::{Value, json};
use tts_core::{Generator, SearchStrategy, StepScorer, seed};
use tts_models::train::{Model, Online, Precision};
use tts_models::{Backend, DecoderWeights, LanguageModel};

use super::curriculum::Drawing;
use super::journal::Journal;
use super::measure::measure;
use super::recording::Recorder;
use super::{
    Curriculum, GroupNote, Keeping, Note, On, Problem, Progress, Recording, Reinforce, Reinforced,
    Reward, Steps, Term, problem,
};
use crate::PrmError;

impl<S: SearchStrategy + Clone + std::fmt::Debug> Reinforce<'_, S> {
    /// Lets the policy learn, and returns what it has become. `model` are the weights that it begins with, and the
    /// adapter, if that is to learn in their place; `policy` is the engine that draws, of the same model. It gets
    /// the weights that were learnt, also where it goes on from a saved state.
    ///
    /// # Errors
    /// When settings, problems or samplers make no sense (before anything is drawn), the engine takes no weights
    /// ([`LanguageModel::renew`]), a search, a reward or an update fails, or what was saved cannot be read or
    /// written, or belongs to another run. What was saved stays, and the steps that were done until then are saved,
    /// unless the weights have moved beyond them.
    pub fn run(
        mut self,
        policy: &mut dyn LanguageModel,
        model: Model,
        problems: &[Problem],
    ) -> Result<Reinforced, PrmError> {
        self.check(problems)?;
        self.fit(policy, problems)?;
        let training = self.config.training();
        let (mut journal, mut online) = match &self.folder {
            Some(folder) => {
                let header = self.header(problems);
                let mut journal = Journal::open(folder, &header)?;
                let online = Online::on(self.trains_on, training, model)?;
                let online = online.resume(&folder.join(STATE))?;
                // Not before the trainer has taken settings and model: what it refuses leaves no header.
                journal.begin(&header)?;
                (journal, online)
            }
            None => (Journal::default(), Online::on(self.trains_on, training, model)?),
        };
        journal.back_to(online.steps())?;
        let mut drawing = Drawing::new(self.config.curriculum, problems, self.config.seed);
        let mut step = 0;
        for note in journal.notes() {
            if let Note::Step(note) = note {
                drawing.replay(&note.drawn);
                self.hark(note);
                step = note.step;
            }
        }
        if step > self.config.steps {
            let problem = format!("{}, but {step} were done already", self.config.steps);
            return Err(PrmError::reinforce("steps", problem));
        }
        let mut recorder = match &self.folder {
            Some(folder) if self.config.record.every > 0 => Recorder::open(folder, step)?,
            _ => Recorder::default(),
        };
        policy.renew(weights(&online)?)?;
        self.take_up(step, &online)?;
        self.look(policy, &online, &mut journal, step)?;
        let mut complete = true;
        while step < self.config.steps {
            step += 1;
            let before = online.steps();
            let done = self.step(step, policy, &mut online, problems, &mut drawing, &mut recorder);
            let noted = done.and_then(|(note, groups)| {
                journal.note(Note::Step(Box::new(note)))?;
                Ok(groups)
            });
            let groups = match noted {
                Ok(groups) => groups,
                Err(error) => {
                    // What was learnt before this step is worth keeping, if the weights are still those. Where that
                    // fails too, the first error says more, and what was saved before stays.
                    if online.steps() == before {
                        drop(self.save(&online));
                    }
                    return Err(error);
                }
            };
            if let Err(error) = self.look(policy, &online, &mut journal, step) {
                // The step itself is done and noted.
                drop(self.save(&online));
                return Err(error);
            }
            let stop = self.tell(&journal, &groups).is_break();
            if stop || step == self.config.steps || due(step, self.config.save_every) {
                self.save(&online)?;
                self.drop_references(step)?;
            }
            if stop && step < self.config.steps {
                complete = false;
                break;
            }
        }
        Ok(Reinforced { model: online.model()?, notes: journal.into_notes(), complete })
    }

    fn check(&self, problems: &[Problem]) -> Result<(), PrmError> {
        let Self { config, rewards, .. } = self;
        config.check()?;
        if self.trains_on != Backend::Native && config.learn.precision != Precision::F32 {
            let problem = format!(
                "bf16, beside a trainer on {}, whose type of numbers is its own: expected f32",
                self.trains_on
            );
            return Err(PrmError::reinforce("learn.precision", problem));
        }
        self.sampler.check().map_err(|problem| PrmError::reinforce("sampler", problem))?;
        problem::check("problems", problems)?;
        if let Some(held_out) = self.held_out {
            problem::check("held out", held_out)?;
            known("held out", held_out, "it is measured on")?;
        }
        config.curriculum.suits(problems)?;
        if config.rewards.is_empty() && rewards.is_empty() {
            return Err(PrmError::reinforce("rewards", "none, expected at least one"));
        }
        if let Some((name, weight, _)) = rewards.iter().find(|(_, weight, _)| !weight.is_finite()) {
            let problem = format!("weight {weight}, expected a number");
            return Err(PrmError::reinforce(format!("reward {name:?}"), problem));
        }
        for (place, (name, ..)) in rewards.iter().enumerate() {
            let own = config.rewards.iter().any(|term| term.of.name() == name);
            if own || rewards[..place].iter().any(|(earlier, ..)| earlier == name) {
                let problem = "another reward has this name";
                return Err(PrmError::reinforce(format!("reward {name:?}"), problem));
            }
        }
        let everywhere = |term: &&Term| term.of.needs_gold() && term.on != On::Known;
        if let Some(term) = config.rewards.iter().find(everywhere) {
            let needs = format!("the reward {} needs one", term.of.name());
            known("problems", problems, &needs)?;
        }
        if config.process.is_some_and(|process| process.guard) {
            known("problems", problems, "the guard of process needs one")?;
        }
        if matches!(config.curriculum, Curriculum::Unsolved { .. }) {
            known("problems", problems, "the curriculum unsolved needs one")?;
        }
        if config.keep != Keeping::default() && self.keeper.is_none() {
            return Err(PrmError::reinforce("keep", "nobody keeps weights (Reinforce::keep)"));
        }
        if config.keep.best && self.held_out.is_none() {
            let problem = "of what is measured on nothing (Reinforce::held_out)";
            return Err(PrmError::reinforce("keep.best", problem));
        }
        self.check_sources(problems)?;
        match config.process.map(|process| process.of) {
            Some(Steps::Scorer) if self.scorer.is_none() => {
                let problem = "nobody scores steps (Reinforce::scorer)";
                return Err(PrmError::reinforce("process", problem));
            }
            Some(Steps::Tree) if !self.chooses || self.sampler.samples().is_some() => {
                let problem = "tree, of independent samples, which have no step in common: expected a sampler that \
                               branches (Reinforce::sampler)";
                return Err(PrmError::reinforce("process.of", problem));
            }
            _ => {}
        }
        if config.objective().beta > 0.0 && self.reference.is_none() {
            let problem = "a divergence from nobody (Reinforce::reference)";
            return Err(PrmError::reinforce("beta", problem));
        }
        Ok(())
    }

    /// Whether the policy can read all problems, and write behind them.
    fn fit(&self, policy: &dyn LanguageModel, problems: &[Problem]) -> Result<(), PrmError> {
        problem::fit("problems", problems, policy)?;
        self.held_out.map_or(Ok(()), |held_out| problem::fit("held out", held_out, policy))
    }

    /// Everything that decides results, but for weights and engine: the state knows whose it is.
    fn header(&self, problems: &[Problem]) -> Value {
        let mut config = self.config.clone();
        config.learn.threads = 0;
        config.save_every = 0;
        config.record = Recording::default();
        config.keep = Keeping::default();
        if !matches!(config.curriculum, Curriculum::EasyFirst { .. }) {
            // A run may go on for longer than was said at first.
            config.steps = 0;
        }
        let all = |problems: &[Problem]| {
            let text = |all: u64, problem: &Problem| {
                let whole = seed::prompt(all, &problem.prompt);
                let whole =
                    seed::hash_text(seed::hash_text(whole, &problem.question), &problem.gold);
                seed::mix(whole, problem.difficulty.map_or(u64::MAX, f64::to_bits))
            };
            format!("{:016x}", problems.iter().fold(0, text))
        };
        let named = |(name, weight, reward): &(String, f64, &dyn Reward)| {
            json!([name, weight, format!("{reward:?}")])
        };
        let role =
            |(name, generator): (&String, &&dyn Generator)| json!([name, generator.identity()]);
        let mut header = json!({
            "version": 1,
            "config": config,
            "sampler": format!("{:?}", self.sampler),
            "task": [self.task.name(), format!("{:?}", self.task)],
            "problems": all(problems),
            "held out": self.held_out.map(all),
            "rewards": self.rewards.iter().map(named).collect::<Vec<_>>(),
            "scorer": self.scorer.map(StepScorer::identity),
            "roles": self.roles.iter().map(role).collect::<Vec<_>>(),
            "reference": self.reference.as_ref().map(|model| model.identity()),
        });
        if self.trains_on != Backend::Native {
            header["trains on"] = json!(self.trains_on);
        }
        if !self.scorers.is_empty() {
            let named =
                |(name, scorer): (&String, &&dyn StepScorer)| json!([name, scorer.identity()]);
            header["scorers"] = self.scorers.iter().map(named).collect();
        }
        header
    }

    fn save(&self, online: &Online) -> Result<(), PrmError> {
        match &self.folder {
            Some(folder) => Ok(online.save(&folder.join(STATE))?),
            None => Ok(()),
        }
    }

    /// Tells the watcher of the last step.
    fn tell(&mut self, journal: &Journal, groups: &[GroupNote]) -> ControlFlow<()> {
        let Some(watch) = &mut self.watch else { return ControlFlow::Continue(()) };
        let notes = journal.notes().iter().rev();
        let (mut last, mut measured) = (None, None);
        for note in notes {
            match note {
                Note::Step(note) if last.is_none() => last = Some(note),
                Note::Measured(found) if measured.is_none() => measured = Some(*found),
                _ => {}
            }
            if last.is_some() && measured.is_some() {
                break;
            }
        }
        match last {
            Some(note) => watch(&Progress { note, groups, steps: self.config.steps, measured }),
            None => ControlFlow::Continue(()),
        }
    }

    /// What is due of the weights after a step, or before the first: they are measured and kept.
    fn look(
        &mut self,
        policy: &dyn LanguageModel,
        online: &Online,
        journal: &mut Journal,
        step: usize,
    ) -> Result<(), PrmError> {
        self.measure(policy, journal, step)?;
        self.keep_weights(online, journal.notes(), step)
    }

    /// Measures where it is time to, unless it was done.
    fn measure(
        &self,
        policy: &dyn LanguageModel,
        journal: &mut Journal,
        step: usize,
    ) -> Result<(), PrmError> {
        let Some(problems) = self.held_out else { return Ok(()) };
        let steps = self.config.steps;
        let time = step == 0 || step == steps || due(step, self.config.measure.every);
        let mut notes = journal.notes().iter().rev().take_while(|note| note.step() == step);
        if !time || notes.any(|note| matches!(note, Note::Measured(_))) {
            return Ok(());
        }
        let found = measure(&policy, &self.task, &self.config, problems, step)?;
        journal.note(Note::Measured(found))
    }
}

/// # Errors
/// When a problem has no right answer, but `needs`.
fn known(field: &str, problems: &[Problem], needs: &str) -> Result<(), PrmError> {
    match problems.iter().position(|problem| problem.gold.trim().is_empty()) {
        None => Ok(()),
        Some(place) => {
            let problem = format!("no right answer, but {needs}");
            Err(PrmError::reinforce(format!("{field}[{place}]"), problem))
        }
    }
}

/// Where the state lies in a run's folder.
const STATE: &str = "state";

fn due(step: usize, every: usize) -> bool {
    every > 0 && step.is_multiple_of(every)
}

/// The weights as an engine takes them, with what an adapter has learnt.
pub(super) fn weights(online: &Online) -> Result<DecoderWeights, PrmError> {
    let Model { mut decoder, adapter, .. } = online.model()?;
    if let Some(adapter) = adapter {
        adapter.merge(&mut decoder)?;
    }
    Ok(decoder)
}
